"""The truth journal: every physical change of the world, one JSON line each, to compare the daemon's facts
with.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

Cause = Literal["displaced", "taken", "returned", "shifted", "control", "water", "valve", "relay", "climate", "fault"]


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """What changed: a volume from one segment to another ('' is outside the vault), or `what` with its new
    state.
    """

    at_s: float
    """World seconds."""
    cause: Cause
    volume: str = ""
    before: str = ""
    after: str = ""
    what: str = ""


class _Line(msgspec.Struct, frozen=True):
    monotonic_s: float
    """CLOCK_MONOTONIC, one for all processes of the machine."""
    utc_s: float
    change: Change


Record = Callable[[Change], None]


class TruthJournal:
    """Appends changes to a file, each flushed: it must outlive a kill. Closed by its owner."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._encoder = msgspec.json.Encoder()

    def record(self, change: Change) -> None:
        line = _Line(time.monotonic(), time.time(), change)
        self._file.write(self._encoder.encode(line) + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
