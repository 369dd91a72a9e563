"""`lantai replay LOG`: run recorded input through today's step again and say what differs from the journal."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from config.load import Loaded
from edge.state.facts import Fact
from edge.state.plant import Plant
from edge.state.snapshot import thaw
from edge.state.state import State
from edge.step import step
from edge.store.input_log import read_log


class Replayed(msgspec.Struct, frozen=True):
    """Every fact the step gave, in order, as JSON; how many events the log held; the journal sequence it starts after;
    where and why reading ended early, '' where it did not."""

    facts: list[bytes]
    events: int
    after_n: int
    torn: str
    layout_differs: bool


class Difference(msgspec.Struct, frozen=True):
    """At this place in the order: what stands in the journal and what the replay gave; None where one has no more."""

    place: int
    recorded: str | None
    replayed: str | None


def replay(loaded: Loaded, path: Path) -> Replayed:
    """Run one file of the input log on the state it starts from. Raises ValueError for a file that is no log."""
    log = read_log(path)
    plant = Plant(loaded.vault, loaded.profiles)
    state = thaw(plant, log.header.snapshot) if log.header.snapshot else State(plant)
    facts: list[bytes] = []
    count = 0
    for event in log:
        facts += [msgspec.json.encode(fact) for fact in step(state, event).facts]
        count += 1
    return Replayed(facts, count, log.header.n, log.torn, log.header.layout != plant.layout)


def differences(replayed: Replayed, recorded: Iterator[tuple[int, Fact]]) -> list[Difference]:
    """Where the journal's facts (from the log's start on, in order) and the replayed ones part."""
    found: list[Difference] = []
    place = 0
    journal = [msgspec.json.encode(fact) for _, fact in recorded]
    for place, (old, new) in enumerate(zip(journal, replayed.facts, strict=False)):
        if old != new:
            found.append(Difference(place, old.decode(), new.decode()))
    shared = min(len(journal), len(replayed.facts))
    found += [Difference(place, old.decode(), None) for place, old in enumerate(journal[shared:], start=shared)]
    found += [Difference(place, None, new.decode()) for place, new in enumerate(replayed.facts[shared:], start=shared)]
    return found
