"""Recorded reality: real traces read, and turned into what a simulated device gives."""
