"""The daemon: everything below joined into one running house."""
