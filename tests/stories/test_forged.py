"""One EPC on two tags: told once, with both places; never for a volume that is carried, or read through a shelf."""

from collections.abc import Mapping

import pytest

from edge.state.facts import AlarmRaised, DuplicateEpcSeen, Fact
from edge.state.snapshot import encode, freeze, thaw
from edge.step import step
from tests.stories.small_vault import Story, small_plant

# four lines of one section each, A left and right, B left and right: the first and the last stand apart
RACKS = [
    {
        "id": rack,
        "kind": "open_rack",
        "zone": "z1",
        "faces": ["L", "R"],
        "sections": 1,
        "shelves": 1,
        "slots_per_shelf": 99,
    }
    for rack in ("A", "B")
]
SEGMENTS = ["A-01L-01", "A-01R-01", "B-01L-01", "B-01R-01"]
CHANGES = {
    "racks": RACKS,
    "readers": [{"id": "reader-1", "host": "127.0.0.1", "segments": SEGMENTS}],
    "policy": {"presence": {"sure": 0.95}},
}
FIRST, LAST = range(20), range(20, 40)


def settled(changes: Mapping[str, object] = CHANGES) -> Story:
    """Twenty volumes on the first face, twenty on the last."""
    story = Story(changes=changes)
    story.catalogue([f"{segment}-1-{slot:02}" for segment in (SEGMENTS[0], SEGMENTS[3]) for slot in range(1, 21)])
    for _ in range(12):
        story.round({1: FIRST, 4: LAST})
    return story


def told(story: Story) -> list[tuple[str, str, str]]:
    return [(fact.volume, fact.segment, fact.other) for fact in story.of(DuplicateEpcSeen)]


def active(story: Story) -> list[str]:
    return [alarm.alarm for alarm in story.state.alarms.values() if alarm.is_active]


def test_an_epc_that_is_read_in_two_places_far_apart_in_the_same_rounds_is_told_once_with_both() -> None:
    story = settled()
    for _ in range(30):
        story.round({1: FIRST, 4: [7, *LAST]})
    assert told(story) == [("v7", "A-01L-01", "B-01R-01")]
    epc = story.state.volumes.lines[7].epc
    assert [(fact.code, fact.source) for fact in story.of(AlarmRaised)] == [("epc_duplicate", epc)]
    assert active(story) == [f"epc_duplicate:{epc}"]


def test_two_tags_that_are_missed_now_and_then_are_told_all_the_same() -> None:
    story = settled()
    for number in range(30):
        first = FIRST if number % 3 else [tag for tag in FIRST if tag != 7]
        story.round({1: first, 4: [7, *LAST] if number % 4 else LAST})
    assert told(story) == [("v7", "A-01L-01", "B-01R-01")]


def test_the_alarm_ends_some_time_after_one_of_the_two_is_gone() -> None:
    story = settled()
    for _ in range(10):
        story.round({1: FIRST, 4: [7, *LAST]})
    for _ in range(160):
        story.round({1: FIRST, 4: LAST})
    assert len(told(story)) == 1
    assert active(story) == []


def test_a_volume_that_is_carried_there_and_back_is_no_duplicate() -> None:
    story = settled()
    for _ in range(3):
        for _ in range(6):
            story.round({1: [tag for tag in FIRST if tag != 7], 4: [7, *LAST]})
        for _ in range(8):
            story.round({1: FIRST, 4: LAST})
    assert told(story) == []
    assert len(story.state.evidence.doubles().row) == 0


def test_a_volume_that_is_read_through_the_back_of_its_shelf_is_no_duplicate() -> None:
    story = settled()
    for _ in range(20):
        story.round({1: FIRST, 2: [7], 4: LAST})
    assert told(story) == []


def test_many_volumes_in_the_same_two_places_are_two_antennas_before_one_shelf() -> None:
    story = settled()
    for _ in range(30):
        story.round({1: FIRST, 4: [*FIRST, *LAST]})
    assert told(story) == []
    assert active(story) == ["antennas_overlap:reader-1/1+reader-1/4"]


@pytest.mark.parametrize("after", [1, 3, 8])
def test_a_state_that_was_copied_on_the_way_finds_it_too(after: int) -> None:
    story = settled()
    for _ in range(after):
        story.round({1: FIRST, 4: [7, *LAST]})
    body, events, facts = encode(freeze(story.state)), len(story.events), len(story.facts)
    for _ in range(10):
        story.round({1: FIRST, 4: [7, *LAST]})
    copy = thaw(story.state.plant, body)
    again: list[Fact] = [fact for event in story.events[events:] for fact in step(copy, event).facts]
    assert again == story.facts[facts:]
    assert encode(freeze(copy)) == encode(freeze(story.state))
    assert len(told(story)) == 1


def test_what_was_watched_follows_its_segments_into_another_layout() -> None:
    story = settled()
    story.round({1: FIRST, 4: [7, *LAST]})
    other = small_plant({**CHANGES, "racks": [RACKS[1], RACKS[0]]})
    watched = thaw(other, encode(freeze(story.state))).evidence.doubles()
    names = other.places.segment_ids
    assert [(names[one], names[there]) for one, there in zip(watched.one, watched.other, strict=True)] == [
        ("A-01L-01", "B-01R-01")
    ]


def test_a_restart_keeps_the_alarm_of_a_tag() -> None:
    story = settled()
    for _ in range(10):
        story.round({1: FIRST, 4: [7, *LAST]})
    again = Story(thaw(story.state.plant, encode(freeze(story.state))))
    assert active(again) == active(story) != []
