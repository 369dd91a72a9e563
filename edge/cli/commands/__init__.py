"""One module per kind of command; each adds its own to the tool."""
