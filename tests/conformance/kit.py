"""What a session is tried with: a recorded conversation, played again and again, cut, hurried and spoilt.

A driver plugs in with a file `tests/conformance/specimen_NAME.py` holding `SPECIMENS: tuple[Specimen, ...]`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from drivers.command import Command, CommandOutcome
from drivers.driver import DeviceError, Session, Turn
from drivers.observation import Observation, TagReads

AnySession = Session[Any, Any]
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Opened:
    """The line came up."""

    at_ns: int


@dataclass(frozen=True)
class Heard:
    """The far end said `data`: bytes, or one typed reply."""

    at_ns: int
    data: Any


@dataclass(frozen=True)
class Due:
    """The session is asked because time has passed."""

    at_ns: int


@dataclass(frozen=True)
class Asked:
    """A command is handed in."""

    at_ns: int
    command: Command


Step = Opened | Heard | Due | Asked


@dataclass(frozen=True)
class Specimen:
    """One session and how its device speaks.

    steps      a good conversation, starting with Opened, times never falling; it gives at least one record
    malformed  data a far end must not send, each said right after `steps`: the session dies of it
    command    makes a command this session carries out, with the given id; None when it takes none
    wire       `bytes` when the stream may be cut anywhere, else the type(s) of what the session sends
    """

    name: str
    factory: Callable[[], AnySession]
    steps: tuple[Step, ...]
    malformed: tuple[Any, ...]
    command: Callable[[str], Command] | None
    wire: Any = bytes

    @property
    def is_stream(self) -> bool:
        return self.wire is bytes

    @property
    def end_ns(self) -> int:
        return self.steps[-1].at_ns


@dataclass(frozen=True)
class Played:
    """Everything a session answered, in order."""

    records: tuple[Observation | CommandOutcome, ...]
    send: tuple[Any, ...]
    turns: tuple[Turn[Any], ...]
    error: DeviceError | None = None

    @property
    def due_ns(self) -> int | None:
        return self.turns[-1].due_ns

    @property
    def outcomes(self) -> tuple[CommandOutcome, ...]:
        return tuple(record for record in self.records if isinstance(record, CommandOutcome))


def say(session: AnySession, step: Step) -> Turn[Any]:
    """Hand one step to the session."""
    match step:
        case Opened(at_ns):
            return session.opened(at_ns)
        case Heard(at_ns, data):
            return session.received(data, at_ns)
        case Due(at_ns):
            return session.due(at_ns)
        case Asked(at_ns, command):
            return session.request(command, at_ns)


def play(session: AnySession, steps: Iterable[Step]) -> Played:
    """Hand in all steps, up to the first DeviceError; any other exception is a failure of the session."""
    turns: list[Turn[Any]] = []
    error = None
    for step in steps:
        try:
            turns.append(say(session, step))
        except DeviceError as seen:
            error = seen
            break
    records = tuple(record for turn in turns for record in turn.records)
    send = tuple(item for turn in turns for item in turn.send)
    return Played(records, send, tuple(turns), error)


def plain(records: Iterable[Observation | CommandOutcome]) -> list[object]:
    """Records as bytes, so that they compare; tag reads one by one, however they were batched."""
    made: list[object] = []
    for record in records:
        if isinstance(record, TagReads):
            made += reads_one_by_one(record)
        else:
            made.append(msgspec.msgpack.encode(record))
    return made


def reads_one_by_one(reads: TagReads) -> list[tuple[object, ...]]:
    """Each read with all that is known of it, unknown as None: a column of unknowns says no more than no column."""
    unknown = {"antenna": 0, "first_utc_ns": 0, "last_utc_ns": 0, "pc": -1, "crc": -1, "channel": 0}
    unknown |= {"first_uptime_ns": 0, "last_uptime_ns": 0}
    rows = len(reads.antenna)
    listed: list[list[object]] = [[reads.device, reads.at_ns, reads.clock_offset_ns] for _ in range(rows)]
    for name in TagReads.__struct_fields__:
        column = getattr(reads, name)
        if name == "epc":
            octets = [(int(bits) + 7) // 8 for bits in reads.epc_bits]
            values = [row[:n].tobytes() for row, n in zip(column, octets, strict=True)]
        elif name == "tid" and column is not None:
            values = [row.tobytes().rstrip(b"\0") or None for row in column]
        elif isinstance(column, np.ndarray):
            values = [None if v != v or v == unknown.get(name) else v for v in column.tolist()]  # noqa: PLR0124  # NaN
        elif column is None:
            values = [None] * rows
        else:
            continue
        for row, value in zip(listed, values, strict=True):
            row.append(value)
    return [tuple(row) for row in listed]


def cut(steps: Iterable[Step], lengths: Iterator[int]) -> Iterator[Step]:
    """The same stream in other pieces: every Heard is cut to the lengths given, at the same time."""
    for step in steps:
        if not isinstance(step, Heard):
            yield step
            continue
        start = 0
        while start < len(step.data):
            length = next(lengths)
            yield Heard(step.at_ns, step.data[start : start + length])
            start += length


def joined(steps: Iterable[Step]) -> Iterator[Step]:
    """The same stream with neighbouring pieces of one instant glued together."""
    held: Heard | None = None
    for step in steps:
        if isinstance(step, Heard) and held is not None and step.at_ns == held.at_ns:
            held = replace(held, data=held.data + step.data)
            continue
        if held is not None:
            yield held
        held = step if isinstance(step, Heard) else None
        if held is None:
            yield step
    if held is not None:
        yield held


def converse(
    session: AnySession,
    answer: Callable[[Any], Iterable[Any]],
    *,
    from_ns: int,
    until_ns: int,
    delay_ns: int = 2_000_000,
    greeting: Iterable[Any] = (),
    asked: Iterable[Asked] = (),
) -> tuple[Step, ...]:
    """Record a conversation: what is sent is answered `delay_ns` later by the pure `answer`; deadlines are kept.

    It ends at `until_ns`. For a far end that is simpler to write as a function than as a list of steps.
    """
    coming: list[tuple[int, int, Step]] = [(from_ns, 0, Opened(from_ns))]
    coming += [(from_ns + delay_ns, 1 + i, Heard(from_ns + delay_ns, data)) for i, data in enumerate(greeting)]
    coming += [(ask.at_ns, 1_000_000 + i, ask) for i, ask in enumerate(asked)]
    serial = 10_000_000
    due_ns: int | None = None
    said: list[Step] = []
    while coming or due_ns is not None:
        coming.sort(key=lambda item: item[:2])
        if due_ns is not None and (not coming or due_ns < coming[0][0]):
            step: Step = Due(due_ns)
        else:
            step = coming.pop(0)[2]
        if step.at_ns > until_ns:
            break
        turn = say(session, step)
        said.append(step)
        due_ns = turn.due_ns
        for item in turn.send:
            for data in answer(item):
                serial += 1
                coming.append((step.at_ns + delay_ns, serial, Heard(step.at_ns + delay_ns, data)))
    return tuple(said)


def specimens() -> list[Specimen]:
    """All specimens of all drivers, found by file name."""
    here = Path(__file__).parent
    names = sorted(found.name for found in pkgutil.iter_modules([str(here)]))
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names if name.startswith("specimen_")]
    return [specimen for module in modules for specimen in module.SPECIMENS]
