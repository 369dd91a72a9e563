"""The phases of a session with a reader, as data: what each asks, and what leads on from it."""

READER_EVENT = 63

# (phase, message that ends it) -> next phase. Entering a phase sends its request. Any answer not here is an error.
ORDER = {
    ("greeting", READER_EVENT): "capabilities",
    ("capabilities", 11): "surveying",
    ("surveying", 12): "clearing",
    ("clearing", 31): "configuring",
    ("configuring", 13): "adding",
    ("adding", 30): "enabling",
    ("enabling", 34): "starting",
    ("starting", 32): "searching",
    ("stopping", 33): "deleting",
    ("deleting", 31): "adding",
}
REQUEST = {
    "capabilities": "GET_READER_CAPABILITIES",
    "surveying": "GET_READER_CONFIG",
    "clearing": "DELETE_ROSPEC",
    "configuring": "SET_READER_CONFIG",
    "adding": "ADD_ROSPEC",
    "enabling": "ENABLE_ROSPEC",
    "starting": "START_ROSPEC",
    "stopping": "STOP_ROSPEC",
    "deleting": "DELETE_ROSPEC",
}
MAY_BE_REFUSED = {"stopping"}  # the ROSpec may have ended by itself while STOP_ROSPEC was on its way
SCAN_MAY_BE_REFUSED = {"adding", "enabling", "starting"}  # what a reader will not do for a scan costs it no session
