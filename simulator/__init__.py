"""The far end of every wire: rooms, tags, devices, platform."""
