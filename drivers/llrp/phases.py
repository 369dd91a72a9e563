"""The phases of a session with a reader, as data: what each asks, and what leads on from it."""

READER_EVENT, CUSTOM_MESSAGE = 63, 1023

# (phase, message that ends it) -> next phase. Entering a phase sends its request. Any answer not here is an error.
ORDER = {
    ("greeting", READER_EVENT): "capabilities",
    ("capabilities", 11): "surveying",
    ("surveying", 12): "clearing",
    ("clearing", 31): "disarming",
    ("disarming", 51): "configuring",
    ("configuring", 13): "extending",
    ("extending", CUSTOM_MESSAGE): "adding",
    ("adding", 30): "arming",
    ("arming", 50): "readying",
    ("readying", 52): "enabling",
    ("enabling", 34): "starting",
    ("starting", 32): "searching",
    ("stopping", 33): "deleting",
    ("relieving", 51): "deleting",
    ("deleting", 31): "adding",
}
# Not every reader, nor every search, goes through these: the phase that comes instead.
INSTEAD = {"disarming": "configuring", "extending": "adding", "arming": "enabling"}
REQUEST = {
    "capabilities": "GET_READER_CAPABILITIES",
    "surveying": "GET_READER_CONFIG",
    "clearing": "DELETE_ROSPEC",
    "disarming": "DELETE_ACCESSSPEC",
    "configuring": "SET_READER_CONFIG",
    "adding": "ADD_ROSPEC",
    "arming": "ADD_ACCESSSPEC",
    "readying": "ENABLE_ACCESSSPEC",
    "enabling": "ENABLE_ROSPEC",
    "starting": "START_ROSPEC",
    "stopping": "STOP_ROSPEC",
    "relieving": "DELETE_ACCESSSPEC",
    "deleting": "DELETE_ROSPEC",
}
# The ROSpec may have ended by itself while STOP_ROSPEC was on its way; an AccessSpec that is not there is gone.
MAY_BE_REFUSED = {"stopping", "disarming", "relieving"}
SEARCH_MAY_BE_REFUSED = {"adding", "enabling", "starting"}  # what a reader will not do for a scan costs it no session
OF_TIDS = {"arming", "readying"}  # refused or never answered: then there are no TIDs
MAY_COME_LATE = {50, 52, 100}  # answers to those, when they are no longer awaited

ROSPEC_STARTED, ROSPEC_ENDED = 0, 1  # ROSpecEvent; 2 is preemption by another ROSpec, ours is the only one
ANTENNA_CONNECTED = 1  # AntennaEvent
HELD = (1, 2)  # ConnectionAttemptEvent: a connection made by the reader, by a client, exists
ANOTHER_CLIENT = 4  # ConnectionAttemptEvent: somebody else tried to connect
