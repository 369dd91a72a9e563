"""The language of each device: bytes or register blocks to observations, commands to bytes. No socket, no clock."""
