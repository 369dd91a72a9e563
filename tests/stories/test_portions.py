"""What comes at once is taken in at once, and thought over and told a portion an event; nothing of it is lost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from config.catalogued import CataloguedVolume
from drivers.observation import TagReads
from edge.rules.presence import JUDGED_AT_ONCE, READS_AT_ONCE, ROUNDS_AT_ONCE, STRANGERS_AT_ONCE
from edge.state.events import Event, OperatorAction, Tick
from edge.state.facts import Fact, ForeignTagSeen, VolumeMisplaced, VolumeMissing, VolumesCatalogued, VolumeSeen
from edge.state.snapshot import encode, freeze, thaw
from edge.state.state import State
from edge.step import step
from tests.stories.small_vault import NS, Story, epc_of, reads_of, search_of, small_plant

VOLUMES = 3000
WIDE: dict[str, Any] = {
    "racks": [
        {
            "id": "A",
            "kind": "open_rack",
            "zone": "z1",
            "faces": ["L"],
            "sections": 4,
            "shelves": 8,
            "slots_per_shelf": 99,
        }
    ]
}


def imported(story: Story, *lines: CataloguedVolume) -> str:
    action = OperatorAction(
        id="i", at_ns=story.at_ns, action="catalogue.import", person="li", role="archivist", terminal="t", volumes=lines
    )
    return story.tell(action).answer


def filled() -> Story:
    """750 volumes before each of four antennas, none of them read yet."""
    story = Story(changes=WIDE)
    slots = [
        f"A-01L-{section:02}-{shelf}-{slot:02}"
        for section in range(1, 5)
        for shelf in range(1, 9)
        for slot in range(1, 100)
    ]
    books = [slot for section in range(4) for slot in slots[section * 792 : section * 792 + 750]]
    for first in range(0, VOLUMES, 500):
        lines = (
            CataloguedVolume(f"v{i}", epc_of(i).hex(), books[i], 0) for i in range(first, min(first + 500, VOLUMES))
        )
        assert imported(story, *lines) == "accepted"
    return story


def test_readers_that_go_deaf_miss_every_volume_a_portion_an_event() -> None:
    story = filled()
    for _ in range(3):
        story.round({antenna: range((antenna - 1) * 750, antenna * 750) for antenna in range(1, 5)})
    assert len(story.of(VolumeSeen)) == VOLUMES
    most = 0
    for _ in range(20):
        for antenna in range(1, 5):
            story.at_ns += NS
            most = max(most, len(story.tell(search_of(antenna, story.at_ns)).facts))
        most = max(most, len(story.tell(Tick(at_ns=story.at_ns)).facts))
    assert most <= JUDGED_AT_ONCE
    assert len(story.of(VolumeMissing)) == VOLUMES


def test_a_pallet_of_strangers_is_told_whole_over_some_seconds_each_where_and_when_it_was_read() -> None:
    story = Story()
    read_ns = story.at_ns
    for antenna in range(1, 5):
        pc = 0x3100 if antenna == 4 else 0x3000  # another industry's, by the ISO toggle
        story.tell(reads_of("reader-1", read_ns, antenna, range(antenna * 1000, antenna * 1000 + 500), pc))
    told = [len(story.tell(Tick(at_ns=read_ns + second * NS)).facts) for second in range(1, 12)]
    assert told == [0] + [STRANGERS_AT_ONCE] * 8 + [0] * 2
    for number, segment, reason in ((1499, "A-01L-01", "unknown_epc"), (4000, "A-01L-04", "iso_afi")):
        fact = ForeignTagSeen(at_ns=read_ns, epc=epc_of(number).hex(), segment=segment, reason=reason)
        assert fact in story.of(ForeignTagSeen)


def test_so_many_reads_or_rounds_are_taken_in_without_waiting_for_the_tick() -> None:
    story = Story()
    story.catalogue(["A-01L-01-1-01"])
    half = [0] * (READS_AT_ONCE // 2)
    story.tell(reads_of("reader-1", story.at_ns, 1, half))
    assert len(story.state.heard) == READS_AT_ONCE // 2
    story.tell(reads_of("reader-1", story.at_ns, 1, half))
    assert len(story.state.heard) == 0
    story.tell(search_of(1, story.at_ns))
    story.tell(search_of(2, story.at_ns))
    assert story.state.heard.rounds == 2
    story.tell(search_of(1, story.at_ns))  # the same antenna again: what was before it comes first
    assert story.state.heard.rounds == 1
    assert ROUNDS_AT_ONCE < 1000


def test_a_volume_catalogued_after_a_search_was_not_missed_by_it() -> None:
    story = Story()
    story.tell(search_of(1, story.at_ns, rounds=10))
    story.catalogue(["A-01L-01-1-01"])
    story.advance(2)
    assert story.state.evidence.silent_rounds(np.array([0])).tolist() == [0]
    assert not story.of(VolumeMissing)


def test_a_tag_that_was_given_up_before_a_restart_is_nobodys() -> None:
    story = filled()
    given_up = epc_of(5000)
    slot = story.state.volumes.lines[0].slot
    assert imported(story, CataloguedVolume("v0", given_up.hex(), slot, 0)) == "accepted"
    assert imported(story, CataloguedVolume("v0", epc_of(0).hex(), slot, 0)) == "accepted"
    again = Story(thaw(story.state.plant, encode(freeze(story.state))))
    assert again.state.holders([given_up, epc_of(7)]).tolist() == [-1, 7]
    again.round({1: [5000]})
    assert not again.of(ForeignTagSeen)


def facts_of(state: State, events: Sequence[Event]) -> list[Fact]:
    return [fact for event in events for fact in step(state, event).facts]


@pytest.mark.parametrize("is_taken_in", [False, True], ids=["reads waiting", "round open"])
def test_a_state_that_was_copied_in_the_middle_of_a_round_goes_on_the_same(is_taken_in: bool) -> None:
    story = Story()
    story.catalogue(["A-01L-01-1-01", "A-01L-02-1-01", "A-01L-03-1-01"])
    for _ in range(4):
        story.round({1: [0], 2: [1], 3: [2]})
    story.at_ns += NS
    story.tell(search_of(3, story.at_ns))
    story.tell(reads_of("reader-1", story.at_ns, 1, [0, 2]))
    story.tell(reads_of("reader-1", story.at_ns, 4, [900]))
    if is_taken_in:
        story.tell(Tick(at_ns=story.at_ns))
    copy = thaw(story.state.plant, encode(freeze(story.state)))
    until = len(story.events)
    later = Story(thaw(story.state.plant, encode(freeze(story.state))))  # only to make the rest of the story with
    later.tell(search_of(1, later.at_ns))
    later.tell(reads_of("reader-1", later.at_ns, 2, [1]))
    later.tell(search_of(2, later.at_ns))
    for _ in range(14):
        later.round({1: [2]})
    one, other = facts_of(story.state, later.events), facts_of(copy, later.events)
    assert len(story.events) == until
    assert {type(fact) for fact in one} >= {VolumeMisplaced, VolumeMissing}
    assert any(isinstance(fact, ForeignTagSeen) for fact in story.facts + one)
    assert one == other
    assert encode(freeze(story.state)) == encode(freeze(copy))


def test_what_waits_of_a_segment_that_is_gone_is_dropped_and_the_rest_is_where_it_was() -> None:
    racks = [{**WIDE["racks"][0], "id": "B", "sections": 1}, WIDE["racks"][0]]  # every segment of A gets another index
    readers = [{"id": "reader-1", "host": "127.0.0.1", "segments": ["A-01L-01", "B-01L-01"]}]
    old = Story(changes={"racks": racks, "readers": readers})
    now_ns = old.at_ns
    for antenna in (1, 2):
        old.tell(reads_of("reader-1", now_ns, antenna, [antenna]))
        old.tell(search_of(antenna, now_ns))
    new = Story(thaw(small_plant(WIDE), encode(freeze(old.state))))
    new.tell(Tick(at_ns=now_ns + 2 * NS))
    assert [(fact.epc, fact.segment) for fact in new.of(ForeignTagSeen)] == [(epc_of(1).hex(), "A-01L-01")]


def test_a_batch_whose_columns_differ_in_length_is_refused_where_it_comes_in() -> None:
    story = Story()
    good = reads_of("reader-1", story.at_ns, 1, [1, 2])
    bad = TagReads(**{**{name: getattr(good, name) for name in good.__struct_fields__}, "count": good.count[:1]})
    with pytest.raises(ValueError, match="columns"):
        story.tell(bad)


def test_a_line_that_tells_no_thickness_does_not_erase_the_one_that_is_known() -> None:
    story = Story()
    tag, first, other = epc_of(0).hex(), "A-01L-01-1-01", "A-01L-02-1-01"
    assert imported(story, CataloguedVolume("v0", tag, first, 44)) == "accepted"
    assert imported(story, CataloguedVolume("v0", tag, first, 0)) == "accepted"
    assert imported(story, CataloguedVolume("v0", tag, other, 0)) == "accepted"
    assert imported(story, CataloguedVolume("v0", tag, other, 13)) == "accepted"
    told = [line for fact in story.of(VolumesCatalogued) for line in fact.volumes]
    assert told == [
        CataloguedVolume("v0", tag, first, 44),
        CataloguedVolume("v0", tag, other, 44),
        CataloguedVolume("v0", tag, other, 13),
    ]
    assert story.state.volumes.line("v0") == told[-1]
