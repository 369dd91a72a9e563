"""Readers that tell TIDs only when they are asked: who is asked, how often, and what is said of it."""

import pytest

from drivers.command import CommandOutcome
from edge.api.rfid import tag
from edge.rules.rescans import MOST_ANTENNAS
from edge.state.chip_facts import ClonedTagSeen
from edge.state.facts import CommandIntended
from tests.stories.chips import a_round, chip, settled, told_reads
from tests.stories.small_vault import NS, Story, search_of


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


@pytest.mark.parametrize(("levels", "place"), [({3: -50.0, 4: -70.0}, "A-01L-03"), ({3: -70.0, 4: -50.0}, "A-01L-04")])
def test_a_clone_is_told_when_the_search_is_over_where_it_was_loudest(levels: dict[int, float], place: str) -> None:
    story = settled()
    story.regain("reader-1")
    story.advance(3610)
    (scan,) = story.scans
    for antenna, rssi_dbm in levels.items():
        told_reads(story, antenna, {0: chip(999)}, rssi_dbm)
        story.tell(search_of(antenna, story.at_ns))
        story.advance(4)
    assert story.of(ClonedTagSeen) == []
    story.tell(CommandOutcome(scan.id, scan.device, story.at_ns, "done", ""))
    story.advance(2)
    assert [(fact.volume, fact.other) for fact in story.of(ClonedTagSeen)] == [("v0", place)]


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
