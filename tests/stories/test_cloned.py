"""A tag with a volume's EPC on another chip: told once, with both chips and places; its reads are not the volume's."""

import msgspec
import numpy as np
import pytest

from config.catalogued import CataloguedVolume
from drivers.command import CommandOutcome
from edge.api.answers import status
from edge.api.records import StoreStanding
from edge.api.rfid import tag
from edge.api.volumes import find
from edge.rules.rescans import MOST_ANTENNAS
from edge.state.apply import apply
from edge.state.chip_facts import ClonedTagSeen, TagsIdentified
from edge.state.events import OperatorAction, Tick
from edge.state.facts import (
    AlarmCleared,
    AlarmRaised,
    CommandIntended,
    DuplicateEpcSeen,
    Fact,
    VolumeMissing,
)
from edge.state.snapshot import encode, encode_folded, freeze, thaw
from edge.state.state import State
from edge.step import step
from tests.stories.small_vault import NS, Story, epc_of, reads_of, search_of

SLOTS = [f"A-01L-0{section}-1-0{slot}" for section in range(1, 5) for slot in range(1, 4)]
EVERYBODY = {section: list(range(3 * section - 3, 3 * section)) for section in range(1, 5)}
DAY_S = 86_400


def chip(number: int) -> bytes:
    """TIDs of one model, with a serial number."""
    return bytes.fromhex("e28011912000") + (number + 1).to_bytes(6, "big")


def told_reads(story: Story, antenna: int, chips: dict[int, bytes]) -> None:
    """A reader that tells TIDs reads these tags: number -> chip."""
    reads = reads_of("reader-1", story.at_ns, antenna, list(chips))
    octets = np.frombuffer(b"".join(tid.ljust(12, b"\0") for tid in chips.values()), np.uint8).reshape(-1, 12)
    story.tell(msgspec.structs.replace(reads, tid=octets))


def a_round(story: Story, forged: dict[int, dict[int, bytes]] | None = None, gone: tuple[int, ...] = ()) -> None:
    """Everybody is read where it stands, with its chip; and `forged` tags, by antenna."""
    for antenna, tags in EVERYBODY.items():
        story.at_ns += NS
        told_reads(story, antenna, {number: chip(number) for number in tags if number not in gone})
        if forged and antenna in forged:
            told_reads(story, antenna, forged[antenna])
        story.tell(search_of(antenna, story.at_ns))
    story.advance(3)


def settled(rounds: int = 6) -> Story:
    story = Story()
    story.catalogue(SLOTS)
    for _ in range(rounds):
        a_round(story)
    return story


def alarms_of(story: Story) -> list[AlarmRaised]:
    """Those about chips: nobody feeds the climate sensors here."""
    return [alarm for alarm in story.of(AlarmRaised) if alarm.code in ("tag_cloned", "tids_changed")]


CLONE = {4: {0: chip(999)}}


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


def test_who_asks_is_shown_the_clone() -> None:
    story = settled()
    for _ in range(3):
        a_round(story, CLONE)
    shown = find(story.state, "v0", story.at_ns).clone
    assert shown is not None
    assert (shown.tid, shown.other_tid, shown.segment) == (chip(0).hex(), chip(999).hex(), "A-01L-04")
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


def test_a_volume_that_gets_another_epc_forgets_its_chip() -> None:
    story = settled()
    assert imported(story, CataloguedVolume("v0", epc_of(77).hex(), SLOTS[0], 0)) == "accepted"
    assert tag(story.state, "v0", story.at_ns).tid == ""


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


def test_a_vault_whose_readers_tell_no_tid_keeps_nothing() -> None:
    story = Story()
    story.catalogue(SLOTS)
    for _ in range(3):
        story.round(EVERYBODY)
    assert freeze(story.state).folded.tids == freeze(story.state).beliefs.tids_heard == b""


# --- readers that read TIDs only when they are asked ---------------------------------------------------------------


def test_a_reader_that_tells_no_tid_is_asked_once_an_hour_for_the_next_of_its_antennas() -> None:
    story = Story()
    story.regain("reader-1")
    for _ in range(3):
        story.advance(3700)
        for scan in story.scans[-1:]:
            story.tell(CommandOutcome(scan.id, scan.device, story.at_ns, "done", ""))
    assert [(scan.with_tids, len(scan.antennas)) for scan in story.scans] == [(True, MOST_ANTENNAS)] * 3
    assert {fact.wanted for fact in story.of(CommandIntended)} == {"read_tids"}


def test_a_reader_that_tells_tids_by_itself_is_never_asked() -> None:
    story = settled()
    story.regain("reader-1")
    for _ in range(8):
        story.advance(900)
        a_round(story)
    assert [scan for scan in story.scans if scan.with_tids] == []


def test_a_reader_that_cannot_is_not_asked_again_before_it_comes_back() -> None:
    story = Story()
    story.regain("reader-1")
    story.advance(3620)
    (scan,) = story.scans
    story.tell(CommandOutcome(scan.id, scan.device, story.at_ns, "failed", "llrp_no_tids"))
    story.advance(8000)
    assert len(story.scans) == 1
    story.lose("reader-1")
    story.regain("reader-1")
    story.advance(3700)
    assert len(story.scans) == 2


def test_no_reader_is_asked_where_the_policy_says_never() -> None:
    story = Story(changes={"policy": {"presence": {"tid_sweep_s": 0}}})
    story.regain("reader-1")
    story.advance(8000)
    assert story.scans == []


def test_who_looks_at_a_tag_is_told_of_the_second_look_and_whether_its_reader_was_asked() -> None:
    story = settled()
    for _ in range(10):
        a_round(story, gone=(0,))
    waiting = tag(story.state, "v0", story.at_ns)
    assert waiting.awaited_s is not None
    assert waiting.asked_s is None  # its reader was never heard to be there
    assert tag(story.state, "v1", story.at_ns).awaited_s is None
    story = settled()
    story.regain("reader-1")
    for _ in range(10):
        a_round(story, gone=(0,))
    assert len(story.scans) == 1
    asked_ns = story.of(CommandIntended)[0].at_ns
    assert tag(story.state, "v0", asked_ns + 7 * NS).asked_s == 7.0
