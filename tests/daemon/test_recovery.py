"""What a daemon that was killed believes when it is back: the snapshot's word, but never against a later fact."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from config.policy import Retention
from edge.daemon.recover import recover
from edge.state.events import Tick
from edge.state.facts import (
    AlarmCleared,
    AlarmRaised,
    VolumeFound,
    VolumeMisplaced,
    VolumeMissing,
    VolumeMoved,
    VolumeSeen,
)
from edge.state.snapshot import Frozen, encode, encode_folded, freeze, thaw
from edge.state.volumes import STATUSES
from edge.store.errors import StoreError
from edge.store.journal import Store
from tests.stories.shelves import full_shelves, search
from tests.stories.small_vault import NS, Story, reads_of, search_of, small_plant

AT_FIRST = "A-01L-01-1-01"
HERE, THERE, ELSEWHERE = 1, 3, 4  # antennas; the book place lies before the first
TOLD = (VolumeSeen, VolumeMoved, VolumeMisplaced, VolumeFound, VolumeMissing)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path, vault="v1", cap_mb=64, reserve_mb=8, retention=Retention())
    yield opened
    opened.close()


def settled_at(antenna: int, store: Store) -> Story:
    """v0 stands before this antenna, everything is on disk, and so is a snapshot."""
    story = Story()
    story.catalogue([AT_FIRST])
    for _ in range(8):
        story.round({antenna: [0]})
    keep(story, store, 0)
    store.save_snapshot(encode(freeze(story.state)), store.n, "layout", {})
    return story


def keep(story: Story, store: Store, since: int) -> None:
    store.append(story.facts[since:], urgent=True, done=None)


def killed(story: Story, store: Store, since: int) -> Story:
    """The facts from `since` on reached the disk, the snapshot is older: what the next daemon goes on with."""
    keep(story, store, since)
    store.flush()
    return Story(recover(store, small_plant()))


def told(story: Story) -> list[object]:
    return [fact for fact in story.facts if isinstance(fact, TOLD)]


@pytest.mark.parametrize("first_round", [{}, {THERE: [0]}], ids=["missed first", "read first"])
def test_a_volume_that_was_moved_is_not_told_back_and_forth_again(
    store: Store, first_round: dict[int, list[int]]
) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    while not story.of(VolumeMisplaced):
        story.round({THERE: [0]})
    again = killed(story, store, since)
    again.round(first_round)
    for _ in range(10):
        again.round({THERE: [0]})
    assert told(again) == []


def test_a_volume_that_came_home_stays_there_after_a_kill(store: Store) -> None:
    story = settled_at(THERE, store)
    since = len(story.facts)
    while not story.of(VolumeMoved):
        story.round({HERE: [0]})
    again = killed(story, store, since)
    for seen in ({}, {HERE: [0]}, {}, {HERE: [0]}):
        again.round(seen)
    assert told(again) == []


def test_a_volume_that_was_taken_is_missed_once(store: Store) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    while not story.of(VolumeMissing):
        story.round({})
    again = killed(story, store, since)
    for _ in range(15):
        again.round({})
    assert told(again) == []


@pytest.mark.parametrize("is_closed", [False, True], ids=["round open", "round waiting"])
def test_a_read_from_before_the_facts_finds_no_volume_after_a_kill(store: Store, is_closed: bool) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    story.at_ns += NS
    story.tell(reads_of("reader-1", story.at_ns, HERE, [0]))
    story.tell(search_of(HERE, story.at_ns) if is_closed else Tick(at_ns=story.at_ns))
    store.flush()
    store.save_snapshot(encode(freeze(story.state)), store.n, "layout", {})
    while not story.of(VolumeMissing):
        story.round({})
    again = killed(story, store, since)
    for _ in range(15):
        again.round({})
    assert told(again) == []


def test_a_volume_that_was_taken_is_found_where_it_is_brought_back(store: Store) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    while not story.of(VolumeMissing):
        story.round({})
    again = killed(story, store, since)
    for _ in range(8):
        again.round({ELSEWHERE: [0]})
    assert [(type(fact), fact.segment) for fact in again.of(VolumeFound)] == [(VolumeFound, "A-01L-04")]
    assert len(told(again)) == 1


def test_a_volume_that_moves_on_while_the_daemon_is_down_is_followed(store: Store) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    while not story.of(VolumeMisplaced):
        story.round({THERE: [0]})
    again = killed(story, store, since)
    for _ in range(10):
        again.round({ELSEWHERE: [0]})
    assert [fact.segment for fact in again.of(VolumeMisplaced)] == ["A-01L-04"]
    assert len(told(again)) == 1


# --- snapshots that cannot be read --------------------------------------------------------------------------------


def as_of(body: bytes, **changes: object) -> bytes:
    """The snapshot with some of its top-level fields replaced."""
    fields = msgspec.msgpack.decode(body)
    return msgspec.msgpack.encode({**fields, **changes})


def test_a_snapshot_of_a_newer_version_is_passed_over_for_the_one_before_it(store: Store) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    while not story.of(VolumeMissing):
        story.round({})
    keep(story, store, since)
    store.save_snapshot(as_of(encode(freeze(story.state)), version=2), store.n, "layout", {})
    store.flush()
    state = recover(store, small_plant())
    assert STATUSES[state.volumes.status[0]] == "missing"
    assert state.evidence.last_seen_ns[0] > 0  # which only the older snapshot can tell


def test_without_a_snapshot_a_journal_that_is_whole_is_enough_and_one_that_is_not_is_not(
    store: Store, tmp_path: Path
) -> None:
    story = settled_at(HERE, store)
    store.flush()
    with sqlite3.connect(tmp_path / "lantai.db") as connection:
        connection.execute("DELETE FROM snapshot_part")
    connection.close()
    state = recover(store, small_plant())
    assert encode_folded(freeze(state)) == encode_folded(freeze(story.state))
    store.ack("custody", 1)
    assert store._ledger.cut("custody", 1, b"", 1)  # what retention says before it deletes
    with pytest.raises(StoreError, match="no stored state can be read") as refused:
        recover(store, small_plant())
    assert refused.value.code == "store_history_incomplete"


FIRST_FOLDED = (
    "lines status place foreign devices contacts crossed alarms actuators asked reported intents counters "
    "platform_commands clock_is_sure starts"
)
FIRST_BELIEFS = "boot started_ns now_ns evidence unjudged readings still pending"


def test_a_snapshot_of_the_first_version_can_still_be_read(store: Store) -> None:
    """A field that was added since must have a default; else one new field would discard every snapshot there is."""
    story = settled_at(HERE, store)
    fields = msgspec.msgpack.decode(encode(freeze(story.state)))
    old = {
        "segment_ids": fields["segment_ids"],
        "folded": {name: fields["folded"][name] for name in FIRST_FOLDED.split()},
        "beliefs": {name: fields["beliefs"][name] for name in FIRST_BELIEFS.split()},
    }
    state = thaw(small_plant(), msgspec.msgpack.encode(old))
    assert encode(freeze(state)) == encode(freeze(story.state))


def without(columns: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in columns.items() if key != name}


BAD: dict[str, Callable[[Frozen], Frozen]] = {
    "a column missing": lambda frozen: believing(frozen, without(frozen.beliefs.evidence, "radio_hits")),
    "a column of another length": lambda frozen: believing(
        frozen, {**frozen.beliefs.evidence, "gone": np.zeros(7, np.float32)}
    ),
    "a column of another kind": lambda frozen: believing(
        frozen, {**frozen.beliefs.evidence, "rounds_total": frozen.beliefs.evidence["rounds_total"].astype(np.float32)}
    ),
    "a segment that is none": lambda frozen: believing(
        frozen, {**frozen.beliefs.evidence, "believed": np.full(1, 99, np.int32)}
    ),
    "an EPC past its column": lambda frozen: believing(
        frozen, {**frozen.beliefs.evidence, "epc_bits": np.full(1, 480, np.uint16)}
    ),
    "one status for many": lambda frozen: folding(frozen, lines=frozen.folded.lines * 2),
    "a place that is none": lambda frozen: folding(frozen, place=np.full(1, 4, np.int32)),
    "a status that is none": lambda frozen: folding(frozen, status=np.full(1, 5, np.uint8)),
    "a judged row that is none": lambda frozen: replace(
        frozen, beliefs=replace(frozen.beliefs, unjudged=np.array([1], np.int64))
    ),
    "a row that is none": lambda frozen: believing(
        frozen,
        {
            **frozen.beliefs.evidence,
            "open_row": np.array([1], np.int32),
            "open_segment": np.array([0], np.int32),
            "open_times": np.array([1], np.int64),
            "open_told": np.array([1], np.int64),
            "open_level": np.array([-6000], np.int64),
        },
    ),
    "reads of half a batch": lambda frozen: replace(
        frozen, beliefs=replace(frozen.beliefs, heard=without(frozen.beliefs.heard, "mark"))
    ),
    "reads of another kind": lambda frozen: replace(
        frozen, beliefs=replace(frozen.beliefs, heard={**frozen.beliefs.heard, "times": np.zeros(0, np.float32)})
    ),
}


def believing(frozen: Frozen, evidence: dict[str, Any]) -> Frozen:
    return replace(frozen, beliefs=replace(frozen.beliefs, evidence=evidence))


def folding(frozen: Frozen, **changes: Any) -> Frozen:
    return replace(frozen, folded=replace(frozen.folded, **changes))


@pytest.mark.parametrize("what", BAD)
def test_a_snapshot_that_does_not_fit_together_is_refused_as_one(store: Store, what: str) -> None:
    frozen = freeze(settled_at(HERE, store).state)
    with pytest.raises(ValueError, match="snapshot"):
        thaw(small_plant(), encode(BAD[what](frozen)))


@pytest.mark.parametrize("body", [b"", b"\x80", b"\xff" * 40, msgspec.msgpack.encode({"folded": 1})])
def test_bytes_that_are_no_snapshot_are_refused_as_none(body: bytes) -> None:
    with pytest.raises(ValueError, match="snapshot cannot be read"):
        thaw(small_plant(), body)


def test_an_antenna_that_reads_nothing_is_one_alarm_across_a_kill(store: Store) -> None:
    story = Story()
    full_shelves(story)
    search(story, 6)
    keep(story, store, 0)
    store.save_snapshot(encode(freeze(story.state)), store.n, "layout", {})
    since = len(story.facts)
    search(story, 8, dead=[HERE])
    again = killed(story, store, since)
    again.advance(3)  # before any antenna has searched again
    search(again, 12, dead=[HERE])
    alarms = [fact.alarm for fact in story.facts + again.facts if isinstance(fact, AlarmRaised | AlarmCleared)]
    assert [alarm for alarm in alarms if alarm.startswith("antenna")] == ["antenna_silent:reader-1/1"]
    assert told(again) == []
    search(again, 1)
    assert again.state.causes == {}
