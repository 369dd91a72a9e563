"""Many volumes moving, or falling silent, together: one alarm that names the cause, and every volume's own fact."""

from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from edge.rules import together
from edge.state.apply import apply
from edge.state.facts import (
    AlarmCleared,
    AlarmRaised,
    Fact,
    VolumeMisplaced,
    VolumeMissing,
    VolumeMoved,
    VolumesTogether,
)
from edge.state.moves import WINDOW_NS
from edge.state.snapshot import encode, encode_folded, freeze, thaw
from edge.step import step
from tests.stories.shelves import PER_SEGMENT, full_shelves, search
from tests.stories.small_vault import VAULT, Story

NO_AIR = {"policy": {"presence": {"sure": 0.95, "missing_after_rounds": 10}}}  # and no alarms of it
SEGMENTS = ("A-01L-01", "A-01L-02", "A-01L-03", "A-01L-04")


def settled() -> Story:
    """Nine volumes before each of four antennas, read where they belong for long."""
    story = Story(changes=NO_AIR)
    full_shelves(story)
    search(story, 12)
    return story


def shelf(number: int) -> range:
    """The volumes that belong before antenna `number`."""
    return range((number - 1) * PER_SEGMENT, number * PER_SEGMENT)


def rounds(story: Story, count: int, reads: Mapping[int, Sequence[int]]) -> None:
    """Rounds, nine seconds apart as a reader's cycles are: other antennas read their own shelf."""
    for _ in range(count):
        story.advance(5)
        story.round({antenna: reads.get(antenna, shelf(antenna)) for antenna in range(1, 5)})


def raised(story: Story) -> list[tuple[str, str]]:
    return [(fact.code, fact.source) for fact in story.of(AlarmRaised)]


def active(story: Story) -> list[str]:
    return [alarm.alarm for alarm in story.state.alarms.values() if alarm.is_active]


def test_swapped_cables_are_one_alarm_and_every_volume_is_told_too() -> None:
    story = settled()
    rounds(story, 15, {1: shelf(2), 2: shelf(1)})
    told = [(fact.volume, fact.before, fact.segment) for fact in story.of(VolumeMisplaced)]
    assert sorted(told) == sorted(
        [(f"v{i}", SEGMENTS[0], SEGMENTS[1]) for i in shelf(1)]
        + [(f"v{i}", SEGMENTS[1], SEGMENTS[0]) for i in shelf(2)]
    )
    assert raised(story) == [("antennas_swapped", "reader-1/1+reader-1/2")]
    (together,) = story.of(VolumesTogether)
    assert (together.segments, together.others) == (SEGMENTS[:2], SEGMENTS[1::-1])
    assert (together.volumes, together.standing) == (18, 18)


def test_the_alarm_of_swapped_cables_ends_when_they_are_put_right_and_nothing_else_is_raised() -> None:
    story = settled()
    rounds(story, 15, {1: shelf(2), 2: shelf(1)})
    rounds(story, 15, {})
    assert len(story.of(VolumeMoved)) == 18
    assert [fact.alarm for fact in story.of(AlarmCleared)] == ["antennas_swapped:reader-1/1+reader-1/2"]
    assert len(raised(story)) == 1
    assert not active(story)
    assert not story.state.causes


def test_cables_that_were_wrong_from_the_first_day_are_found() -> None:
    story = Story(changes=NO_AIR)
    full_shelves(story)
    rounds(story, 15, {2: shelf(3), 3: shelf(2)})
    assert ("antennas_swapped", "reader-1/2+reader-1/3") in raised(story)


def test_cables_shifted_by_one_port_are_one_alarm_of_the_reader() -> None:
    story = settled()
    rounds(story, 20, {1: shelf(4), 2: shelf(1), 3: shelf(2), 4: shelf(3)})
    assert raised(story) == [("reader_ports_shifted", "reader-1")]
    (together,) = story.of(VolumesTogether)
    assert dict(zip(together.segments, together.others, strict=True)) == {
        SEGMENTS[i]: SEGMENTS[(i + 1) % 4] for i in range(4)
    }
    assert len(story.of(VolumeMisplaced)) == 36


def test_a_row_that_is_carried_elsewhere_is_one_alarm_that_is_listed_until_it_is_seen() -> None:
    story = settled()
    rounds(story, 35, {1: list(shelf(1))[:1], 4: [*shelf(4), *list(shelf(1))[1:]]})
    assert raised(story) == [("volumes_carried", "reader-1/1")]
    assert not active(story)
    assert "volumes_carried:reader-1/1" in story.state.alarms
    (together,) = story.of(VolumesTogether)
    assert (together.segments, together.others, together.volumes, together.standing) == (
        (SEGMENTS[0],),
        (SEGMENTS[3],),
        8,
        9,
    )


def test_a_few_volumes_in_a_wrong_place_are_no_alarm() -> None:
    story = settled()
    rounds(story, 35, {1: list(shelf(1))[7:], 4: [*shelf(4), *list(shelf(1))[:7]]})
    assert len(story.of(VolumeMisplaced)) == 7
    assert raised(story) == []


def test_a_dead_antenna_is_told_in_a_minute_and_its_volumes_are_not_missing() -> None:
    story = settled()
    rounds(story, 6, {2: ()})
    assert raised(story) == [("antenna_silent", "reader-1/2")]
    rounds(story, 100, {2: ()})
    assert not story.of(VolumeMissing)
    assert len(raised(story)) == 1
    (together,) = story.of(VolumesTogether)
    assert (together.segments, together.others, together.volumes) == ((SEGMENTS[1],), ("",), 9)


def test_after_an_hour_what_a_dead_antenna_should_read_is_told_as_missing_and_the_alarm_stands() -> None:
    story = settled()
    rounds(story, 410, {2: ()})  # 3,690 s
    assert sorted(fact.volume for fact in story.of(VolumeMissing)) == sorted(f"v{i}" for i in shelf(2))
    assert min(fact.at_ns - fact.last_seen_at_ns for fact in story.of(VolumeMissing)) >= 3600 * 10**9
    assert active(story) == ["antenna_silent:reader-1/2"]


def test_an_antenna_that_reads_again_ends_its_alarm_and_what_is_really_gone_is_told() -> None:
    story = settled()
    rounds(story, 20, {2: ()})
    gone, *here = shelf(2)
    rounds(story, 3, {2: here})
    assert not active(story)
    assert [fact.volume for fact in story.of(VolumeMissing)] == [f"v{gone}"]


def test_a_deaf_reader_is_one_alarm_not_four() -> None:
    story = settled()
    rounds(story, 20, dict.fromkeys(range(1, 5), ()))
    assert raised(story) == [("reader_silent", "reader-1")]
    assert not story.of(VolumeMissing)
    rounds(story, 5, {})
    assert not active(story)
    assert not story.of(VolumeMissing)
    assert len(raised(story)) == 1


def test_antennas_that_fail_one_after_the_other_end_as_one_alarm_of_their_reader() -> None:
    story = settled()
    for dead in (1, 2, 3):
        rounds(story, 10, dict.fromkeys(range(1, dead + 1), ()))
    assert active(story) == ["reader_silent:reader-1"]
    assert story.state.causes["reader_silent:reader-1"].pairs == tuple((name, "") for name in SEGMENTS[:3])


def test_volumes_silent_together_before_an_antenna_that_reads_others_are_one_alarm_at_once() -> None:
    story = settled()
    rounds(story, 12, {3: list(shelf(3))[:1]})
    assert raised(story) == [("volumes_silent", "reader-1/3")]
    assert not story.of(VolumeMissing)
    rounds(story, 4, {})
    assert not active(story)
    assert not story.of(VolumeMissing)


def test_one_volume_that_is_taken_is_told_as_soon_as_ever() -> None:
    story = settled()
    rounds(story, 11, {3: list(shelf(3))[1:]})
    assert [fact.volume for fact in story.of(VolumeMissing)] == ["v18"]
    assert raised(story) == []


def test_volumes_taken_one_by_one_are_each_told() -> None:
    story = settled()
    for taken in range(1, 9):
        rounds(story, 12, {3: list(shelf(3))[taken:]})
    assert [fact.volume for fact in story.of(VolumeMissing)] == [f"v{18 + i}" for i in range(8)]
    assert raised(story) == []


@pytest.mark.parametrize("after", [2, 5, 9, 12])
def test_a_state_that_was_copied_on_the_way_goes_on_the_same(after: int) -> None:
    swapped = {1: shelf(2), 2: shelf(1), 4: ()}
    story = settled()
    rounds(story, after, swapped)
    body, events, facts = encode(freeze(story.state)), len(story.events), len(story.facts)
    rounds(story, 20 - after, swapped)
    copy = thaw(story.state.plant, body)
    again: list[Fact] = [fact for event in story.events[events:] for fact in step(copy, event).facts]
    assert again == story.facts[facts:]
    assert encode(freeze(copy)) == encode(freeze(story.state))
    rebuilt = thaw(story.state.plant, body)
    for fact in story.facts[facts:]:
        apply(rebuilt, fact)
    assert encode_folded(freeze(rebuilt)) == encode_folded(freeze(story.state))
    assert {code for code, _ in raised(story)} == {"antennas_swapped", "antenna_silent"}


def test_a_row_that_is_carried_again_and_again_is_told_each_time_and_hides_no_swapped_cables() -> None:
    """Nobody has acknowledged the first alarm: it is listed once, and what happened since is on record all the same."""
    story = settled()
    row = list(shelf(1))
    for carried in (1, 2, 3):
        rounds(story, 35, {1: row[:1], 4: [*shelf(4), *row[1:]]})
        assert [fact.code for fact in story.of(VolumesTogether)] == ["volumes_carried"] * carried
        assert not story.state.causes
        rounds(story, 20, {})
    rounds(story, 30, {1: shelf(4), 4: shelf(1)})
    assert ("antennas_swapped", "reader-1/1+reader-1/4") in raised(story)


def test_one_shelf_carried_to_two_others_is_one_alarm_with_both() -> None:
    (rack,) = cast("list[dict[str, object]]", VAULT["racks"])
    story = Story(changes=NO_AIR | {"racks": [rack | {"slots_per_shelf": 18}]})
    story.catalogue([f"A-01L-0{section}-1-{slot:02d}" for section in range(1, 5) for slot in range(1, 19)])
    own = [range(18 * (antenna - 1), 18 * antenna) for antenna in range(1, 5)]
    rounds(story, 12, dict(enumerate(own, 1)))
    reads: dict[int, Sequence[int]] = {1: [], 2: own[1], 3: [*own[2], *own[0][:9]], 4: [*own[3], *own[0][9:]]}
    rounds(story, 45, reads)
    assert raised(story).count(("volumes_carried", "reader-1/1")) == 1


def test_an_outage_of_more_than_an_hour_does_not_make_the_volumes_of_an_antenna_that_died_in_it_missing() -> None:
    story = settled()
    story.lose("reader-1")
    story.advance(4000)
    story.regain("reader-1")
    rounds(story, 200, {1: ()})
    assert ("antenna_silent", "reader-1/1") in raised(story)
    assert not story.of(VolumeMissing)
    rounds(story, 400, {1: ()})
    assert len(story.of(VolumeMissing)) == PER_SEGMENT  # an hour after the alarm


def test_moves_of_long_ago_are_looked_at_no_more() -> None:
    story = settled()
    rounds(story, 12, {1: list(shelf(1))[7:], 4: [*shelf(4), *list(shelf(1))[:7]]})
    assert together._may_be_much(story.state, story.at_ns)
    story.advance(WINDOW_NS // 10**9 + 1)
    assert story.state.moves.count
    assert not together._may_be_much(story.state, story.at_ns)
