"""A tag with a volume's EPC on another chip: told once, with both chips and places; its reads are not the volume's."""

import msgspec
import numpy as np
import pytest

from config.catalogued import CataloguedVolume
from edge.api.answers import status
from edge.api.records import StoreStanding
from edge.api.rfid import tag
from edge.api.volumes import find
from edge.state.apply import apply
from edge.state.chip_facts import ClonedTagSeen, TagsIdentified
from edge.state.events import OperatorAction, Tick
from edge.state.facts import (
    AlarmCleared,
    AlarmRaised,
    DuplicateEpcSeen,
    Fact,
    VolumeFound,
    VolumeMisplaced,
    VolumeMissing,
    VolumeMoved,
)
from edge.state.snapshot import encode, encode_folded, freeze, thaw
from edge.state.state import State
from edge.state.tids import Tids
from edge.step import step
from sensors.rfid.evidence import Evidence
from sensors.rfid.neighbourhood import Neighbourhood
from tests.stories.chips import CLONE, EVERYBODY, SLOTS, a_round, chip, settled, told_reads
from tests.stories.small_vault import NS, Story, epc_of

DAY_S = 86_400
HOME, THIRD = "A-01L-01", "A-01L-03"


def alarms_of(story: Story) -> list[AlarmRaised]:
    """Those about chips: nobody feeds the climate sensors here."""
    return [alarm for alarm in story.of(AlarmRaised) if alarm.code in ("tag_cloned", "tids_changed")]


def test_chips_are_told_once_each_when_they_were_heard_twice() -> None:
    story = settled(1)
    assert story.of(TagsIdentified) == []
    a_round(story)
    a_round(story)
    tags = [tag for fact in story.of(TagsIdentified) for tag in fact.tags]
    assert sorted((tag.volume, tag.epc, tag.tid) for tag in tags) == sorted(
        (f"v{i}", epc_of(i).hex(), chip(i).hex()) for i in range(12)
    )
    assert tag(story.state, "v3", story.at_ns).tid == chip(3).hex()


def test_a_clone_is_told_with_both_chips_and_places_and_does_not_move_the_volume() -> None:
    story = settled()
    for _ in range(12):
        a_round(story, CLONE)
    (fact,) = story.of(ClonedTagSeen)
    assert (fact.volume, fact.epc) == ("v0", epc_of(0).hex())
    assert (fact.tid, fact.segment) == (chip(0).hex(), "A-01L-01")
    assert (fact.other_tid, fact.other) == (chip(999).hex(), "A-01L-04")
    assert [(alarm.code, alarm.severity, alarm.zone) for alarm in alarms_of(story)] == [
        ("tag_cloned", "critical", "z1")
    ]
    assert find(story.state, "v0", story.at_ns).segment == "A-01L-01"
    assert story.of(DuplicateEpcSeen) == []


def test_one_read_of_another_chip_is_a_bit_turned_over_on_the_air() -> None:
    story = settled()
    a_round(story, CLONE)
    for _ in range(5):
        a_round(story)
    assert story.of(ClonedTagSeen) == []


def test_a_clone_in_the_place_of_a_stolen_volume_does_not_hide_the_loss() -> None:
    story = settled()
    for _ in range(16):
        a_round(story, {1: {0: chip(999)}}, gone=(0,))
    assert [fact.volume for fact in story.of(ClonedTagSeen)] == ["v0"]
    assert [fact.volume for fact in story.of(VolumeMissing)] == ["v0"]


def told_of_v0(story: Story) -> list[tuple[str, str]]:
    """What was told of where it stands since all had settled, and the place: where it was for a loss."""
    kinds = (VolumeMoved, VolumeMisplaced, VolumeMissing, VolumeFound)
    facts = [fact for fact in story.facts if isinstance(fact, kinds) and fact.volume == "v0"]
    return [(type(f).__name__, f.last_segment if isinstance(f, VolumeMissing) else f.segment) for f in facts]


def test_a_copy_in_its_place_hides_no_misplaced_volume_and_that_it_went_home_is_told() -> None:
    story = settled()
    for _ in range(12):
        a_round(story, {3: {0: chip(0)}, 1: {0: chip(999)}}, gone=(0,))
    (fact,) = story.of(ClonedTagSeen)
    assert (fact.tid, fact.other_tid, fact.other) == (chip(0).hex(), chip(999).hex(), HOME)
    assert find(story.state, "v0", story.at_ns).segment == THIRD
    for _ in range(12):
        a_round(story, {1: {0: chip(999)}})
    assert told_of_v0(story) == [("VolumeMisplaced", THIRD), ("VolumeMoved", HOME)]
    assert story.of(ClonedTagSeen) == [fact]
    assert [alarm.code for alarm in alarms_of(story)] == ["tag_cloned"]


def test_a_stolen_volume_whose_copy_stood_in_its_place_is_told_found_when_its_own_chip_comes_home() -> None:
    story = settled()
    for _ in range(16):
        a_round(story, {1: {0: chip(999)}}, gone=(0,))
    for _ in range(8):
        a_round(story, {1: {0: chip(999)}})
    assert told_of_v0(story) == [("VolumeMissing", HOME), ("VolumeFound", HOME)]
    assert len(story.of(ClonedTagSeen)) == 1
    assert find(story.state, "v0", story.at_ns).clone is not None  # both tags stand there


def test_who_asks_is_shown_the_clone() -> None:
    story = settled()
    for _ in range(3):
        a_round(story, CLONE)
    shown = find(story.state, "v0", story.at_ns).clone
    assert shown is not None
    assert (shown.tid, shown.other_tid, shown.segment) == (chip(0).hex(), chip(999).hex(), "A-01L-04")
    assert (shown.code, find(story.state, "v0", story.at_ns).tid) == ("tag_cloned", chip(0).hex())
    assert tag(story.state, epc_of(0).hex(), story.at_ns).clone == shown
    store = StoreStanding(committed={}, acked={}, level="ok", backlog=0)
    assert status(story.state, story.at_ns, store, {}).cloned == 1
    assert find(story.state, "v1", story.at_ns).clone is None


def test_a_chip_told_in_part_is_the_same_chip() -> None:
    """One reader tells twelve octets of a TID, another eight: of four words both tell the same."""
    story = settled()
    for _ in range(4):
        a_round(story, {4: {0: chip(0)[:8]}})
    assert story.of(ClonedTagSeen) == []


def test_what_begins_with_no_class_is_no_tid() -> None:
    story = settled()
    for _ in range(4):
        a_round(story, {4: {0: b"\x30" + chip(0)[1:]}})
    assert story.of(ClonedTagSeen) == []


def test_a_first_read_that_was_wrong_gives_way_to_the_chip_that_is_heard_again() -> None:
    story = Story()
    story.catalogue(SLOTS)
    story.at_ns += NS
    told_reads(story, 1, {0: chip(999)})
    story.advance(3)
    for _ in range(4):
        a_round(story)
    assert tag(story.state, "v0", story.at_ns).tid == chip(0).hex()
    assert story.of(ClonedTagSeen) == []


def test_many_other_chips_at_one_reader_are_one_alarm_and_all_reads_count_as_ever() -> None:
    story = settled()
    others = {antenna: {number: chip(500 + number) for number in tags} for antenna, tags in EVERYBODY.items()}
    for _ in range(12):
        a_round(story, others, gone=tuple(range(12)))
    assert story.of(ClonedTagSeen) == []
    assert [(alarm.code, alarm.source) for alarm in alarms_of(story)] == [("tids_changed", "reader-1")]
    assert story.of(VolumeMissing) == []


def imported(story: Story, line: CataloguedVolume) -> str:
    action = OperatorAction(
        id="again", at_ns=story.at_ns, action="catalogue.import", person="li", role="archivist", terminal="pts/1",
        volumes=(line,),
    )  # fmt: skip
    return story.tell(action).answer


def test_a_catalogue_line_with_the_new_chip_makes_a_new_tag_legal() -> None:
    story = settled()
    for _ in range(4):
        a_round(story, {1: {0: chip(999)}}, gone=(0,))
    assert len(story.of(ClonedTagSeen)) == 1
    assert imported(story, CataloguedVolume("v0", epc_of(0).hex(), SLOTS[0], 0, chip(999).hex())) == "accepted"
    for _ in range(6):
        a_round(story, {1: {0: chip(999)}}, gone=(0,))
    assert [fact.alarm for fact in story.of(AlarmCleared)] == [f"tag_cloned:{epc_of(0).hex()}"]
    assert len(story.of(ClonedTagSeen)) == 1
    assert find(story.state, "v0", story.at_ns).clone is None
    assert story.of(VolumeMissing) == []


def test_a_new_tag_whose_chip_the_catalogue_named_before_it_was_read_is_no_clone() -> None:
    story = settled()
    assert imported(story, CataloguedVolume("v0", epc_of(0).hex(), SLOTS[0], 0, chip(999).hex())) == "accepted"
    for _ in range(12):
        a_round(story, {1: {0: chip(999)}}, gone=(0,))
    assert (story.of(ClonedTagSeen), alarms_of(story), told_of_v0(story)) == ([], [], [])


def test_a_volume_that_gets_a_tag_with_another_epc_forgets_its_chip_and_learns_the_new_one() -> None:
    story = settled()
    assert imported(story, CataloguedVolume("v0", epc_of(77).hex(), SLOTS[0], 0)) == "accepted"
    assert tag(story.state, "v0", story.at_ns).tid == ""
    for _ in range(12):
        a_round(story, {1: {77: chip(999)}}, gone=(0,))
    assert tag(story.state, "v0", story.at_ns).tid == chip(999).hex()
    assert (story.of(ClonedTagSeen), alarms_of(story), story.of(VolumeMissing)) == ([], [], [])


def test_a_line_that_does_not_tell_the_chip_leaves_what_the_catalogue_knew() -> None:
    story = Story()
    story.catalogue(SLOTS)
    imported(story, CataloguedVolume("v0", epc_of(0).hex(), SLOTS[0], 0, chip(0).hex()))
    imported(story, CataloguedVolume("v0", epc_of(0).hex(), SLOTS[1], 0))
    assert story.state.volumes.lines[0].tid == chip(0).hex()
    assert tag(story.state, "v0", story.at_ns).tid == chip(0).hex()


@pytest.mark.parametrize("tid", ["30", "e280119", "E2801191", "30112233"])
def test_a_line_with_what_is_no_tid_is_refused(tid: str) -> None:
    story = Story()
    story.catalogue(SLOTS)
    assert imported(story, CataloguedVolume("v0", epc_of(0).hex(), SLOTS[0], 0, tid)) == "bad_line"


def test_the_alarm_ends_a_day_after_the_clone_was_read_last() -> None:
    story = settled()
    for _ in range(3):
        a_round(story, CLONE)
    story.tell(Tick(at_ns=story.at_ns + (DAY_S - 60) * NS))
    assert story.of(AlarmCleared) == []
    story.tell(Tick(at_ns=story.at_ns + (DAY_S + 60) * NS))
    assert [fact.alarm for fact in story.of(AlarmCleared)] == [f"tag_cloned:{epc_of(0).hex()}"]
    assert find(story.state, "v0", story.at_ns).clone is None


@pytest.mark.parametrize("after", [1, 2, 3, 7, 8, 9])
def test_a_state_that_was_copied_on_the_way_tells_the_same(after: int) -> None:
    story = Story()
    story.catalogue(SLOTS)
    for number in range(after):
        a_round(story, CLONE if number > 5 else None)
    body, events, facts = encode(freeze(story.state)), len(story.events), len(story.facts)
    for _ in range(4):
        a_round(story, CLONE)
    copy = thaw(story.state.plant, body)
    again: list[Fact] = [fact for event in story.events[events:] for fact in step(copy, event).facts]
    assert again == story.facts[facts:]
    assert encode(freeze(copy)) == encode(freeze(story.state))


def test_an_older_snapshot_and_the_facts_since_give_the_same_chips_and_clones() -> None:
    story = Story()
    story.catalogue(SLOTS)
    body, facts = encode(freeze(story.state)), len(story.facts)
    for number in range(9):
        a_round(story, CLONE if number > 5 else None)
    rebuilt: State = thaw(story.state.plant, body)
    for fact in story.facts[facts:]:
        apply(rebuilt, fact)
    assert encode_folded(freeze(rebuilt)) == encode_folded(freeze(story.state))
    assert rebuilt.tids.clones


def test_the_same_events_give_the_same_facts_and_the_same_state_byte_for_byte() -> None:
    story = settled()
    for _ in range(4):
        a_round(story, CLONE)
    imported(story, CataloguedVolume("v0", epc_of(0).hex(), SLOTS[0], 0, chip(999).hex()))
    for _ in range(4):
        a_round(story, {3: {0: chip(0)}, 1: {0: chip(999)}}, gone=(0,))
    again = State(story.state.plant)
    facts = [fact for event in story.events for fact in step(again, event).facts]
    assert msgspec.json.encode(facts) == msgspec.json.encode(story.facts)
    assert encode(freeze(again)) == encode(freeze(story.state))
    assert len(story.of(ClonedTagSeen)) == 2  # the second is the tag that was the true one before


def test_a_vault_whose_readers_tell_no_tid_keeps_nothing() -> None:
    story = Story()
    story.catalogue(SLOTS)
    for _ in range(3):
        story.round(EVERYBODY)
    assert freeze(story.state).folded.tids == freeze(story.state).beliefs.tids_heard == b""


def test_what_is_known_of_tags_and_chips_takes_at_most_200_bytes_a_volume() -> None:
    """A city's, imported in portions of 500; every chip is known, and was heard in portions of a round."""
    volumes, portion = 160_000, 500
    evidence, chips = Evidence(Neighbourhood(np.zeros(1, np.int32), np.zeros(1, np.int32))), Tids()
    for first in range(0, volumes, portion):
        evidence.enroll([epc_of(first + i) for i in range(portion)], np.zeros(portion, np.int32))
    for first in range(0, volumes, portion):
        rows = np.arange(first, first + portion, dtype=np.int32)
        chips.of(rows)
        chips.hear(rows, np.full((portion, 12), 0xE2, np.uint8))
    assert chips.nbytes / volumes <= 13.3
    assert (evidence.nbytes + chips.nbytes) / volumes <= 200
