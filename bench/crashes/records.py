"""The two accounts of a run: the world's truth journal, and the facts the platform holds."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.crashes.ledger import FOREVER_S, Stay, Telling
from bench.crashes.vault import LEAK_OF, RELAY_OF, VALVES, YARD, YARD_BUS, ZONES
from edge.platform.contract import CHAIN_START, LANES, chain_next
from edge.store.envelope import ident_of

OUTSIDE = ""
TAKEN_FOR_GRANTED: dict[str, str] = {"alarm": "cleared", "limit": ""}
"""Kind of subject -> its state before anything is told."""


class Change(msgspec.Struct, frozen=True):
    """A line of the truth journal, as far as it is read here."""

    cause: str
    volume: str = ""
    after: str = ""
    what: str = ""


class _Line(msgspec.Struct, frozen=True):
    utc_s: float
    change: Change


class Fact(NamedTuple):
    """A fact as the platform holds it. `at_s` is UTC; `n` its place in the lane."""

    lane: str
    n: int
    ident: str
    type: str
    at_s: float
    boot: str
    data: dict[str, Any]


class Truth(NamedTuple):
    """`stays` by subject, in order; `opened_s` by valve: when its board took a write that opens it."""

    stays: dict[str, list[Stay]]
    opened_s: dict[str, list[float]]
    changes: int


def read_truth(path: Path, books: Mapping[str, str]) -> Truth:
    """What really happened. `books`: every volume's book place; there it stands until the journal says otherwise."""
    lines = [msgspec.json.decode(line, type=_Line) for line in path.read_bytes().splitlines()]
    begin_s = lines[0].utc_s if lines else 0.0
    turns: dict[str, list[tuple[float, str]]] = {f"volume {v}": [(begin_s, book)] for v, book in books.items()}
    for subject, state in _at_first():
        turns[subject] = [(begin_s, state)]
    opened_s: dict[str, list[float]] = {valve: [] for valve in VALVES}
    changes = 0
    for line in lines:
        changes += line.change.cause != "relay"
        for subject, state in _turned(line.change):
            if turns[subject][-1][1] != state:
                turns[subject].append((line.utc_s, state))
        if line.change.cause == "relay":
            board, relay, state = line.change.what.split()
            for valve, output in RELAY_OF.items():
                if output == (board, int(relay)) and state == "on":  # energised is open
                    opened_s[valve].append(line.utc_s)
    return Truth({subject: _stays(subject, times) for subject, times in turns.items()}, opened_s, changes)


def _at_first() -> Iterator[tuple[str, str]]:
    for zone in ZONES:
        yield f"contact {LEAK_OF[zone]}/leak", "dry"
        yield f"alarm leak:{LEAK_OF[zone]}/leak", "cleared"
        yield f"limit {zone}/temperature_degc", ""
        yield f"alarm temperature_degc_high:{zone}/temperature_degc", "cleared"
    for valve in VALVES:
        yield f"actuator {valve}", "open"
    for device in YARD:
        yield f"device {device}", "ok"
        yield f"alarm device_lost:{device}", "cleared"


def _turned(change: Change) -> Iterator[tuple[str, str]]:
    """The subjects a line bears on, and the state each is in from then on."""
    words = change.what.split()
    match change.cause:
        case "displaced" | "taken" | "returned" | "shifted" | "control":
            yield f"volume {change.volume}", change.after
        case "water" if words[0] == "floor":  # floor of ZONE wet|dry
            leak = LEAK_OF[words[2]]
            yield f"contact {leak}/leak", words[3]
            yield f"alarm leak:{leak}/leak", "active" if words[3] == "wet" else "cleared"
        case "valve":  # VALVE open|closed
            yield f"actuator {words[0]}", words[1]
        case "climate":  # air of ZONE +N degC +N %
            is_hot = float(words[3]) > 0
            yield f"limit {words[2]}/temperature_degc", "high" if is_hot else ""
            yield f"alarm temperature_degc_high:{words[2]}/temperature_degc", "active" if is_hot else "cleared"
        case "fault":  # DEVICE KIND
            is_lost = words[1] in {"silent", "unplug"}
            for device in YARD if words[0] == YARD_BUS else (words[0],):
                yield f"device {device}", "lost" if is_lost else "ok"
                yield f"alarm device_lost:{device}", "active" if is_lost else "cleared"
        case _:
            pass


def _stays(subject: str, turns: Sequence[tuple[float, str]]) -> list[Stay]:
    ends = [at_s for at_s, _ in turns[1:]] + [FOREVER_S]
    stays = [Stay(subject, state, at_s, end_s) for (at_s, state), end_s in zip(turns, ends, strict=True)]
    return [stay for stay in stays if stay.end_s > stay.begin_s]


class Held(NamedTuple):
    """What the platform holds: facts in lane order, gaps (sequences without a row) and broken chain links by lane,
    how many epochs."""

    facts: list[Fact]
    gaps: dict[str, int]
    broken: int
    epochs: int


def read_platform(database: Path) -> Held:
    """Everything the platform committed, its sequences counted and its chains made again."""
    facts: list[Fact] = []
    gaps: dict[str, int] = {}
    broken = 0
    epochs: set[str] = set()
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        for stream, epoch, lane, upto in connection.execute("SELECT id, epoch, lane, upto FROM stream").fetchall():
            epochs.add(epoch)
            rows = connection.execute("SELECT seq, chain, body FROM fact WHERE stream = ? ORDER BY seq", (stream,))
            chain, count = CHAIN_START, 0
            for seq, said, body in rows:
                chain = chain_next(chain, bytes(body))
                broken += chain != bytes(said)
                count += 1
                facts.append(_fact(lane, seq, bytes(body)))
            gaps[lane] = gaps.get(lane, 0) + upto - count
    finally:
        connection.close()
    return Held(facts, gaps, broken, len(epochs))


def read_journal(database: Path, until_s: float) -> dict[str, dict[int, str]]:
    """The daemon's own rows by lane, of facts until then: sequence -> id."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return {
            lane: {
                seq: ident_of(bytes(body))
                for seq, body in connection.execute(
                    f"SELECT seq, body FROM fact_{lane} WHERE at_ns <= ?", (int(until_s * 1e9),)
                )
            }
            for lane in LANES
        }
    finally:
        connection.close()


def _fact(lane: str, seq: int, body: bytes) -> Fact:
    told = msgspec.json.decode(body)
    return Fact(lane, seq, told["id"], told["type"], utc_s(told["at"]), told["boot"], told["data"])


def utc_s(text: str) -> float:
    """RFC 3339 with nine digits, as seconds."""
    whole, rest = text.rstrip("Z").split(".")
    return datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp() + int(rest) / 1e9


def tellings(facts: Iterable[Fact]) -> dict[str, list[Telling]]:
    """What each subject was said to be, in order: the fold of the facts, kept as a history."""
    found: defaultdict[str, list[Telling]] = defaultdict(list)
    for fact in facts:
        said = _said(fact.type, fact.data)
        if said is not None:
            found[said[0]].append(Telling(said[0], said[1], fact.at_s, fact.ident))
    return dict(found)


def _said(kind: str, data: dict[str, Any]) -> tuple[str, str | None] | None:
    match kind:
        case "volume_seen" | "volume_moved" | "volume_misplaced" | "volume_found":
            return f"volume {data['volume']}", data["segment"]
        case "volume_missing":
            return f"volume {data['volume']}", OUTSIDE
        case "contact_changed":
            state = {True: "wet", False: "dry", None: None}[data["active"]]
            return f"contact {data['device']}/{data['point']}", state
        case "actuator_changed":
            return f"actuator {data['actuator']}", data["state"]
        case "alarm_raised":
            return f"alarm {data['alarm']}", "active"
        case "alarm_cleared":
            return f"alarm {data['alarm']}", "cleared"
        case "device_lost" | "device_back":
            return f"device {data['device']}", "lost" if kind == "device_lost" else "ok"
        case "limit_crossed" | "limit_restored":
            return f"limit {data['zone']}/{data['quantity']}", data["side"] if kind == "limit_crossed" else ""
        case _:
            return None


def unsaid(subject: str) -> str | None:
    """The state of a subject of which nothing was told yet; None where that says nothing."""
    return TAKEN_FOR_GRANTED.get(subject.split(maxsplit=1)[0])
