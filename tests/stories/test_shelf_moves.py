"""A bank of mobile shelving that moves: what its antennas read or miss meanwhile proves nothing, and harms nothing."""

from typing import Any

import numpy as np

from drivers.observation import Searched, ShelvingState
from edge.state.apply import apply
from edge.state.events import Tick
from edge.state.facts import (
    AlarmRaised,
    ShelvingChanged,
    VolumeFound,
    VolumeMisplaced,
    VolumeMissing,
    VolumeMoved,
)
from edge.state.shelving import LONGEST_MOVE_NS, moved_during
from edge.state.snapshot import encode, encode_folded, freeze, thaw
from edge.state.state import BankStanding
from tests.stories.small_vault import NS, Story, reads_of, small_plant
from tests.stories.test_portions import facts_of

FACE, OPPOSITE = "M-01R-01", "M-02L-01"  # they look at each other across aisle 1
STILL = {"kind": "open_rack", "zone": "z1", "faces": ["L"], "sections": 2, "shelves": 1, "slots_per_shelf": 9}
BANK: dict[str, Any] = {
    "racks": [
        {"id": "M", **STILL, "kind": "mobile_shelving", "rows": 2, "faces": ["L", "R"], "sections": 1},
        {"id": "A", **STILL},
    ],
    "readers": [{"id": "reader-1", "host": "127.0.0.1", "segments": [FACE, OPPOSITE, "A-01L-01", "A-01L-02"]}],
}
BOOKS = ["M-01R-01-1-01", "M-02L-01-1-01", "A-01L-01-1-01", "A-01L-02-1-01"]
ALL: dict[int, list[int]] = {1: [0], 2: [1], 3: [2], 4: [3]}


def bank(story: Story, *aisles: int, moving: bool = False, name: str = "M") -> None:
    story.tell(ShelvingState(device="shelving-1", at_ns=story.at_ns, bank=name, open_aisles=aisles, is_moving=moving))


def shelved() -> Story:
    """v0 and v1 face each other in a bank that is closed, v2 and v3 stand in a rack that does not move."""
    story = Story(changes=BANK)
    story.catalogue(BOOKS)
    bank(story)
    for _ in range(8):
        story.round(ALL)
    return story


def told(story: Story) -> list[object]:
    kinds = (VolumeMissing, VolumeMisplaced, VolumeMoved, VolumeFound)
    return [fact for fact in story.facts if isinstance(fact, kinds)]


def silent(story: Story) -> list[int]:
    return [int(rounds) for rounds in story.state.evidence.silent_rounds(np.arange(4))]


def test_a_bank_that_moves_misses_nobody_and_a_rack_that_stands_does() -> None:
    story = shelved()
    bank(story, moving=True)
    for _ in range(11):  # 44 s: nothing is read anywhere
        story.round({})
    bank(story, 1)
    story.advance(3)
    assert [fact.volume for fact in story.of(VolumeMissing)] == ["v2", "v3"]
    assert silent(story)[:2] == [0, 0]
    for _ in range(12):  # it stands again, and they are not read
        story.round({3: [2], 4: [3]})
    assert [fact.volume for fact in story.of(VolumeMissing)] == ["v2", "v3", "v0", "v1"]


def test_what_is_read_across_the_faces_while_they_pass_each_other_moves_nobody() -> None:
    story = shelved()
    bank(story, moving=True)
    for _ in range(10):
        story.round({1: [1], 2: [0], 3: [2], 4: [3]})
    bank(story, 1)
    for _ in range(8):
        story.round(ALL)
    assert told(story) == []
    assert story.state.evidence.believed.tolist() == [story.state.plant.places.segment_index[b[:-5]] for b in BOOKS]


def test_the_same_reads_of_a_bank_that_stands_do_move_them() -> None:
    story = shelved()
    for _ in range(10):
        story.round({1: [1], 2: [0], 3: [2], 4: [3]})
    assert [(f.volume, f.segment) for f in story.of(VolumeMisplaced)] == [("v0", OPPOSITE), ("v1", FACE)]


def test_a_volume_read_while_its_bank_moves_is_alive_and_its_silence_begins_anew() -> None:
    story = shelved()
    for _ in range(5):
        story.round({2: [1], 3: [2], 4: [3]})
    assert silent(story)[0] == 5
    bank(story, moving=True)
    story.round(ALL)
    assert silent(story)[0] == 0
    assert story.state.evidence.last_seen_ns[0] > story.at_ns - 5 * NS
    bank(story)
    for _ in range(8):
        story.round({2: [1], 3: [2], 4: [3]})
    assert not story.of(VolumeMissing)


def test_the_second_look_at_a_silent_volume_is_none_while_its_bank_moves() -> None:
    story = shelved()
    for _ in range(10):  # silent for too long by now: one more search is awaited
        story.round({2: [1], 3: [2], 4: [3]})
    bank(story, moving=True)
    for _ in range(5):
        story.round({2: [1], 3: [2], 4: [3]})
    assert not story.of(VolumeMissing)
    bank(story)
    story.round({2: [1], 3: [2], 4: [3]})
    assert [fact.volume for fact in story.of(VolumeMissing)] == ["v0"]


def test_a_search_that_began_before_the_bank_stood_is_void_and_one_that_ended_before_it_moved_is_not() -> None:
    story = shelved()
    start_ns = story.at_ns
    searches = [
        (start_ns - 9 * NS, start_ns),
        (start_ns + NS, start_ns + 2 * NS),
        (start_ns + 5 * NS, start_ns + 9 * NS),
    ]
    story.tell(ShelvingState(device="s", at_ns=start_ns, bank="M", open_aisles=(), is_moving=True))
    rounds = []
    for from_ns, to_ns in searches:
        if from_ns > start_ns + 3 * NS:  # it stood from the sixth second on
            story.tell(ShelvingState(device="s", at_ns=start_ns + 6 * NS, bank="M", open_aisles=(1,), is_moving=False))
        story.tell(Searched("reader-1", max(to_ns, start_ns), 1, 1, from_ns, to_ns))
        story.tell(Tick(at_ns=max(to_ns, start_ns) + 2 * NS))
        rounds.append(int(story.state.evidence.rounds_total[story.state.plant.places.segment_index[FACE]]))
    assert [after - rounds[0] for after in rounds] == [0, 0, 0]
    assert rounds[0] == 9  # eight before, and the one that ended as it began to move
    story.tell(Searched("reader-1", start_ns + 12 * NS, 1, 1, start_ns + 7 * NS, start_ns + 12 * NS))
    story.tell(Tick(at_ns=start_ns + 15 * NS))
    assert int(story.state.evidence.rounds_total[story.state.plant.places.segment_index[FACE]]) == 10


def test_another_open_aisle_without_a_word_of_moving_is_a_move_all_the_same() -> None:
    story = shelved()
    first_ns = story.at_ns
    story.at_ns += 30 * NS
    bank(story, 1)
    known = story.state.shelving["M"]
    assert (known.is_moving, known.open_aisles, known.moved_until_ns) == (False, (1,), story.at_ns)
    assert moved_during(known, first_ns, first_ns + NS)
    assert not moved_during(known, story.at_ns, story.at_ns + NS)


def test_a_move_that_nobody_ends_is_over_after_two_minutes() -> None:
    story = shelved()
    bank(story, moving=True)
    began_ns = story.at_ns
    while story.at_ns < began_ns + LONGEST_MOVE_NS:
        story.round(ALL)
    for _ in range(11):
        story.round({3: [2], 4: [3]})
    assert [fact.volume for fact in story.of(VolumeMissing)] == ["v0", "v1"]


def test_a_bank_that_never_moved_voids_nothing() -> None:
    assert not moved_during(None, 0, NS)
    assert not moved_during(BankStanding((), is_moving=False, since_ns=5 * NS), 0, 9 * NS)


def test_only_changes_are_told_and_a_bank_nobody_configured_is_an_alarm() -> None:
    story = Story(changes=BANK)
    for aisles, moving in (((), False), ((), False), ((), True), ((1,), True), ((1,), False), ((1,), False)):
        bank(story, *aisles, moving=moving)
    assert [(f.open_aisles, f.is_moving) for f in story.of(ShelvingChanged)] == [
        ((), False),
        ((), True),
        ((1,), True),
        ((1,), False),
    ]
    for name in ("A", "X", "X"):  # a rack that stands still is none
        bank(story, name=name)
    assert [(alarm.code, alarm.source) for alarm in story.of(AlarmRaised)] == [
        ("unknown_bank", "A"),
        ("unknown_bank", "X"),
    ]


def test_a_copy_made_while_the_bank_moves_goes_on_the_same() -> None:
    story = shelved()
    bank(story, moving=True)
    story.round(ALL)
    story.at_ns += NS
    story.tell(reads_of("reader-1", story.at_ns, 1, [1]))
    story.tell(Searched("reader-1", story.at_ns, 1, 1, story.at_ns - NS, story.at_ns))  # still waits, and is void
    body = encode(freeze(story.state))
    later = Story(thaw(small_plant(BANK), body))  # only to make the rest of the story with
    for _ in range(3):
        later.round({1: [1], 2: [0]})
    bank(later, 1)
    for _ in range(14):
        later.round({3: [2]})
    copy, rebuilt = thaw(small_plant(BANK), body), thaw(small_plant(BANK), body)
    one, other = facts_of(story.state, later.events), facts_of(copy, later.events)
    assert one == other
    assert VolumeMissing in {type(fact) for fact in one}
    assert encode(freeze(copy)) == encode(freeze(story.state))
    for fact in one:
        apply(rebuilt, fact)
    assert encode_folded(freeze(rebuilt)) == encode_folded(freeze(story.state))
