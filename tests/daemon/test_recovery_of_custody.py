"""A daemon that was killed while somebody held a volume: who has it is in the facts, whatever the snapshot believes."""

import pytest

from edge.state.custody_facts import CustodyDoubted, CustodyUpheld, PlacementConfirmed
from edge.state.events import CustodyChange
from edge.state.facts import VolumeMisplaced, VolumeMissing, VolumeMoved
from edge.state.volumes import STATUSES
from edge.store.journal import Store
from tests.daemon.test_recovery import ELSEWHERE, HERE, THERE, killed, settled_at, store
from tests.stories.small_vault import Story

__all__ = ["store"]
TOLD = (VolumeMissing, VolumeMisplaced, VolumeMoved, CustodyDoubted, CustodyUpheld, PlacementConfirmed)


def change(story: Story, act: str, segment: str) -> None:
    assert act in {"taken", "placed"}
    told = CustodyChange(
        story.at_ns, story.at_ns, "taken" if act == "taken" else "placed", "r1", "robot", ("v0",), segment
    )
    story.tell(told)


def told(story: Story) -> list[str]:
    return [type(fact).__name__ for fact in story.facts if isinstance(fact, TOLD)]


def status(story: Story) -> str:
    return STATUSES[int(story.state.volumes.status[0])]


def test_a_volume_taken_after_the_snapshot_is_with_its_holder(store: Store) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    change(story, "taken", "A-01L-01")
    again = killed(story, store, since)
    for _ in range(30):
        again.round({})
    assert (told(again), status(again)) == ([], "in_transit")
    assert again.state.evidence.believed.tolist() == [-1]


def test_a_volume_missed_and_then_taken_is_with_its_holder(store: Store) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    while not story.of(VolumeMissing):
        story.round({})
    change(story, "taken", "A-01L-01")
    again = killed(story, store, since)
    for _ in range(12):
        again.round({})
    assert (told(again), status(again)) == ([], "in_transit")


@pytest.mark.parametrize("is_confirmed", [False, True], ids=["not read yet", "read there"])
def test_a_volume_placed_after_the_snapshot_stands_there(store: Store, is_confirmed: bool) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    change(story, "taken", "A-01L-01")
    change(story, "placed", "A-01L-03")
    while is_confirmed and not story.of(PlacementConfirmed):
        story.round({THERE: [0]})
    again = killed(story, store, since)
    assert again.state.evidence.believed.tolist() == [2]
    for _ in range(8):
        again.round({THERE: [0]})
    assert told(again) == ([] if is_confirmed else ["PlacementConfirmed"])
    assert status(again) == "misplaced"


def test_a_volume_that_moves_on_after_it_was_placed_is_followed(store: Store) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    change(story, "taken", "A-01L-01")
    change(story, "placed", "A-01L-01")
    while not story.of(VolumeMisplaced):
        story.round({ELSEWHERE: [0]})
    again = killed(story, store, since)
    for _ in range(8):
        again.round({ELSEWHERE: [0]})
    assert told(again) == []


@pytest.mark.parametrize("is_over", [False, True], ids=["doubted", "upheld"])
def test_doubt_after_the_snapshot_is_not_told_twice(store: Store, is_over: bool) -> None:
    story = settled_at(HERE, store)
    since = len(story.facts)
    change(story, "taken", "A-01L-01")
    while not story.of(CustodyDoubted):
        story.round({THERE: [0]})
    while is_over and not story.of(CustodyUpheld):
        story.round({})
    again = killed(story, store, since)
    for _ in range(3):
        again.round({} if is_over else {THERE: [0]})
    assert (told(again), status(again)) == ([], "in_transit" if is_over else "misplaced")
    for _ in range(20):
        again.round({})
    assert (told(again), status(again)) == ([] if is_over else ["CustodyUpheld"], "in_transit")
