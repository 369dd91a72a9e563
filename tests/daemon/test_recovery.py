"""What a daemon that was killed believes when it is back: the snapshot's word, but never against a later fact."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.policy import Retention
from edge.daemon.recover import recover
from edge.state.facts import VolumeFound, VolumeMisplaced, VolumeMissing, VolumeMoved, VolumeSeen
from edge.state.snapshot import encode, freeze
from edge.store.journal import Store
from tests.stories.small_vault import Story, small_plant

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
