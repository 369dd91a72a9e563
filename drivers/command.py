"""What a device is asked to do, and what came of it. Imports msgspec only."""

from typing import Literal

import msgspec


class Switch(msgspec.Struct, frozen=True, tag="switch"):
    """Drive one output of a board and read it back. `toward_safety`: declared per actuator in the configuration;
    such a command goes at once and is committed after."""

    id: str
    device: str
    point: str
    on: bool
    toward_safety: bool


class Scan(msgspec.Struct, frozen=True, tag="scan"):
    """Search again with these antennas of a reader, now. `with_tids`: and read what each chip says it is, on a reader
    that does not tell it anyhow; that takes time on the air."""

    id: str
    device: str
    antennas: tuple[int, ...]
    with_tids: bool = False


Command = Switch | Scan

Result = Literal["sent", "refused", "done", "failed", "timed_out", "unknown"]


class CommandOutcome(msgspec.Struct, frozen=True, tag="command_outcome"):
    """What became of a command. `sent` is the only result that is not final; `reason` is a text id or ''."""

    command: str
    device: str
    at_ns: int
    result: Result
    reason: str
