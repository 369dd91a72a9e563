"""Volumes that somebody takes in hand, carries past the shelves, and puts back: where they are is with their holder."""

from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.api import volumes as looks
from edge.rules.decision import Decision
from edge.state.apply import apply
from edge.state.custody_facts import CustodyDoubted, CustodyUpheld, PlacementConfirmed, VolumePlaced, VolumeTaken
from edge.state.events import CustodyChange
from edge.state.facts import Fact, VolumeMisplaced, VolumeMissing, VolumesCatalogued
from edge.state.mirror import mirror
from edge.state.snapshot import encode, encode_folded, freeze, thaw
from simulator.platform.mirror import FOLDS, Mirror
from tests.stories.small_vault import NS, Story, epc_of, search_of, small_plant
from tests.stories.test_portions import facts_of
from tests.stories.test_presence import BOOKS, imported, shelved

FIRST, SECOND, THIRD = "A-01L-01", "A-01L-02", "A-01L-03"
OTHERS: Mapping[int, Sequence[int]] = {2: [1], 3: [2], 4: [3]}


def taken(story: Story, *volumes: str, holder: str = "robot-1", segment: str = FIRST, late_s: float = 0.0) -> Decision:
    happened_ns = story.at_ns - int(late_s * NS)
    return story.tell(CustodyChange(story.at_ns, happened_ns, "taken", holder, "robot", volumes, segment))


def placed(story: Story, *volumes: str, segment: str, holder: str = "robot-1", late_s: float = 0.0) -> Decision:
    happened_ns = story.at_ns - int(late_s * NS)
    return story.tell(CustodyChange(story.at_ns, happened_ns, "placed", holder, "robot", volumes, segment))


def heard(story: Story, rounds: int, at: int = 0) -> None:
    """Rounds in which v1..v3 are read where they stand, and v0 by the antenna `at`, by none at 0."""
    for _ in range(rounds):
        story.round({antenna: [*OTHERS.get(antenna, ()), *([0] if antenna == at else ())] for antenna in range(1, 5)})


def place_of(story: Story, volume: str = "v0") -> tuple[str, str | None, str | None]:
    """Status, segment and holder, as `lantai find` says."""
    found = looks.find(story.state, volume, story.at_ns)
    return found.status, found.segment, found.holder


def test_a_volume_on_a_robot_is_where_the_robot_is_however_long_its_shelf_is_silent() -> None:
    story = shelved()
    began_ns = story.at_ns
    assert taken(story, "v0").answer == "accepted"
    heard(story, rounds=200)
    assert not story.of(VolumeMissing)
    assert place_of(story) == ("in_transit", None, "robot-1")
    found = looks.find(story.state, "v0", story.at_ns)
    assert found.custody is not None
    assert (found.custody.segment, found.custody.since.timestamp()) == (FIRST, began_ns / NS)
    assert found.confidence >= 0.99
    assert found.candidates == ()
    assert found.age_s is not None
    assert found.age_s >= 800  # of the last read, not of what the robot said
    assert looks.beliefs(story.state, "", 1).volumes == [("v0", None, found.confidence, "in_transit")]


def test_a_volume_that_is_put_back_stands_there_at_once_and_a_read_proves_it() -> None:
    story = shelved()
    taken(story, "v0")
    heard(story, rounds=5)
    placed(story, "v0", segment=FIRST)
    assert place_of(story) == ("present", FIRST, None)
    found = looks.find(story.state, "v0", story.at_ns)
    assert 0.95 <= found.confidence < 0.995  # the word of a robot, not yet a read
    assert found.custody is not None
    assert not found.custody.is_held
    heard(story, rounds=4, at=1)
    assert [(fact.volume, fact.segment) for fact in story.of(PlacementConfirmed)] == [("v0", FIRST)]
    assert looks.find(story.state, "v0", story.at_ns).custody is None
    assert not story.of(VolumeMissing)
    assert not story.of(VolumeMisplaced)


def test_a_volume_put_where_it_does_not_belong_is_misplaced_on_the_robots_own_word() -> None:
    story = shelved()
    taken(story, "v0")
    placed(story, "v0", segment=THIRD)
    assert place_of(story) == ("misplaced", THIRD, None)
    heard(story, rounds=6, at=3)
    assert [fact.segment for fact in story.of(PlacementConfirmed)] == [THIRD]


def test_a_volume_that_is_read_elsewhere_than_it_was_put_is_told_misplaced() -> None:
    story = shelved()
    taken(story, "v0")
    heard(story, rounds=3)
    placed(story, "v0", segment=FIRST)
    heard(story, rounds=8, at=4)
    assert [(f.volume, f.before, f.segment) for f in story.of(VolumeMisplaced)] == [("v0", FIRST, "A-01L-04")]
    assert not story.of(PlacementConfirmed)
    assert looks.find(story.state, "v0", story.at_ns).custody is None


def test_a_volume_that_is_not_read_where_it_was_put_goes_missing_there() -> None:
    story = shelved()
    taken(story, "v0")
    heard(story, rounds=30)
    placed(story, "v0", segment=SECOND)
    heard(story, rounds=9)
    assert not story.of(VolumeMissing)  # the rounds in which the robot had it do not count
    heard(story, rounds=4)
    assert [(fact.volume, fact.last_segment) for fact in story.of(VolumeMissing)] == [("v0", SECOND)]


def test_reads_on_the_way_past_the_shelves_place_it_nowhere() -> None:
    story = shelved()
    taken(story, "v0")
    for antenna in (1, 1, 2, 3, 3, 4, 3, 2, 2, 1):
        heard(story, rounds=1, at=antenna)
        assert place_of(story) == ("in_transit", None, "robot-1")
    assert not story.of(CustodyDoubted)
    assert looks.find(story.state, "v0", story.at_ns).confidence > 0.5


def test_a_volume_that_keeps_being_read_on_a_shelf_is_told_as_doubt_and_stays_with_its_holder() -> None:
    story = shelved()
    taken(story, "v0")
    heard(story, rounds=3, at=3)
    assert not story.of(CustodyDoubted)
    heard(story, rounds=9, at=3)
    doubts = story.of(CustodyDoubted)
    assert [(f.volume, f.holder, f.segment, f.book) for f in doubts] == [("v0", "robot-1", THIRD, FIRST)]
    assert place_of(story) == ("misplaced", THIRD, "robot-1")
    heard(story, rounds=30)  # and now it is not read there any more: the robot waited there with it
    assert [(fact.volume, fact.holder) for fact in story.of(CustodyUpheld)] == [("v0", "robot-1")]
    assert place_of(story) == ("in_transit", None, "robot-1")
    assert len(story.of(CustodyDoubted)) == 1
    assert not story.of(VolumeMissing)
    assert not story.of(VolumeMisplaced)


def test_custody_passes_from_holder_to_holder_and_is_told_once() -> None:
    story = shelved()
    taken(story, "v0")
    taken(story, "v0")
    taken(story, "v0", holder="station-1", segment="")
    assert [(f.holder, f.segment, f.before) for f in story.of(VolumeTaken)] == [
        ("robot-1", FIRST, ""),
        ("station-1", "", "robot-1"),
    ]
    assert place_of(story) == ("in_transit", None, "station-1")


def test_word_that_comes_late_keeps_both_times_and_older_word_changes_nothing() -> None:
    story = shelved()
    taken(story, "v0", late_s=120)
    (fact,) = story.of(VolumeTaken)
    assert (fact.at_ns - fact.event_at_ns) == 120 * NS
    assert not placed(story, "v0", segment=SECOND, late_s=300).facts
    assert place_of(story) == ("in_transit", None, "robot-1")


def test_a_volume_told_missing_is_not_missing_any_more_once_somebody_says_who_has_it() -> None:
    story = shelved()
    heard(story, rounds=12)
    assert place_of(story)[0] == "missing"
    taken(story, "v0", holder="robot-2")
    heard(story, rounds=30)
    assert place_of(story) == ("in_transit", None, "robot-2")
    assert len(story.of(VolumeMissing)) == 1
    placed(story, "v0", segment=FIRST, holder="robot-2")
    assert place_of(story) == ("present", FIRST, None)


def test_a_volume_under_suspicion_is_free_of_it_once_somebody_has_it() -> None:
    story = shelved()
    heard(story, rounds=10)
    assert looks.find(story.state, "v0", story.at_ns).awaited_s is not None
    taken(story, "v0")
    assert looks.find(story.state, "v0", story.at_ns).awaited_s is None


def test_a_missing_volume_that_is_put_back_without_a_word_of_its_taking_stands_there() -> None:
    story = shelved()
    heard(story, rounds=12)
    assert placed(story, "v0", segment=FIRST).answer == "accepted"
    assert place_of(story) == ("present", FIRST, None)


def test_a_volume_that_is_put_back_where_it_was_not_missed_yet_is_not_told_missing_for_the_rounds_before() -> None:
    story = shelved()
    heard(story, rounds=9)  # one short of what this vault allows
    told = placed(story, "v0", segment=FIRST)
    assert [type(fact) for fact in told.facts] == [VolumePlaced]
    heard(story, rounds=8)
    assert not story.of(VolumeMissing)
    assert placed(story, "v0", segment=FIRST).facts == ()  # the same again is no news


def test_a_holder_who_takes_a_volume_once_more_after_a_shelf_spoke_against_him_has_it() -> None:
    story = shelved()
    taken(story, "v0")
    assert taken(story, "v0").facts == ()  # he has it
    heard(story, rounds=12, at=3)
    assert [fact.segment for fact in story.of(CustodyDoubted)] == [THIRD]
    assert [type(fact) for fact in taken(story, "v0", segment=THIRD).facts] == [VolumeTaken]
    assert place_of(story) == ("in_transit", None, "robot-1")


def test_a_volume_that_falls_missing_in_the_moment_it_is_put_back_stands_there() -> None:
    """What was heard before the word is judged with it, and the word is the newer of the two."""
    story = shelved()
    heard(story, rounds=10)
    for antenna in range(1, 5):  # the second look in vain, not thought over before the word comes
        story.at_ns += NS
        story.tell(search_of(antenna, story.at_ns))
    assert not story.of(VolumeMissing)
    told = placed(story, "v0", segment=FIRST)
    assert [type(fact) for fact in told.facts] == [VolumeMissing, VolumePlaced]
    assert place_of(story) == ("present", FIRST, None)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"volumes": ("v0", "nobody")}, "unknown_volume"),
        ({"volumes": ()}, "unknown_volume"),
        ({"segment": "Z-9"}, "unknown_segment"),
        ({"act": "placed", "segment": ""}, "unknown_segment"),
        ({"holder": ""}, "unknown_holder"),
        ({"volumes": tuple(f"x{i}" for i in range(21))}, "too_many_volumes"),
    ],
)
def test_what_cannot_be_understood_changes_nothing_and_is_answered(change: dict[str, object], answer: str) -> None:
    story = shelved()
    plain = CustodyChange(story.at_ns, story.at_ns, "taken", "robot-1", "robot", ("v0",), FIRST)
    decision = story.tell(msgspec.structs.replace(plain, **change))
    assert (decision.answer, decision.facts) == (answer, ())
    assert place_of(story) == ("present", FIRST, None)


def test_a_new_tag_on_a_volume_in_hand_is_in_hand_and_the_old_one_is_free() -> None:
    from config.catalogued import CataloguedVolume

    story = shelved()
    taken(story, "v0")
    assert imported(story, CataloguedVolume("v0", epc_of(50).hex(), BOOKS[0], 0)) == "accepted"
    heard(story, rounds=30)
    assert not story.of(VolumeMissing)
    assert place_of(story) == ("in_transit", None, "robot-1")
    assert imported(story, CataloguedVolume("v9", epc_of(0).hex(), BOOKS[0], 0)) == "accepted"
    for _ in range(6):
        story.round({1: [0], **OTHERS})
    assert place_of(story, "v9") == ("present", FIRST, None)


def platform_of(facts: Sequence[Fact]) -> Mirror:
    """What the platform folds from these facts, each as plain data."""
    far = Mirror()
    for fact in facts:
        if isinstance(fact, VolumesCatalogued):
            for line in fact.volumes:
                far.volumes[line.volume] = ("unseen", None, None)
        elif type(fact).__struct_config__.tag in FOLDS:
            FOLDS[str(type(fact).__struct_config__.tag)](far, msgspec.to_builtins(fact))
    return far


def mirrored(story: Story) -> dict[str, tuple[str, str | None, str | None]]:
    body = msgspec.json.decode(mirror(freeze(story.state).folded, story.state.plant.places.segment_ids))
    return {volume: tuple(entry) for volume, entry in body["volumes"].items()}


def test_the_platforms_mirror_holds_the_same_status_segment_and_holder() -> None:
    story = shelved()
    taken(story, "v0", "v1")
    heard(story, rounds=12, at=3)
    assert mirrored(story)["v0"] == ("misplaced", THIRD, "robot-1")
    assert platform_of(story.facts).volumes == mirrored(story)
    heard(story, rounds=20)
    assert mirrored(story)["v0"] == ("in_transit", None, "robot-1")
    assert platform_of(story.facts).volumes == mirrored(story)
    placed(story, "v0", segment=SECOND)
    assert mirrored(story)["v0"] == ("misplaced", SECOND, None)
    assert platform_of(story.facts).volumes == mirrored(story)


# --- whatever happens ---------------------------------------------------------------------------------------------

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("taken"), st.integers(0, 3), st.sampled_from([FIRST, SECOND, ""])),
        st.tuples(st.just("placed"), st.integers(0, 3), st.sampled_from([FIRST, SECOND, THIRD])),
        st.tuples(st.just("rounds"), st.integers(1, 14), st.sampled_from(["0", "1", "2", "3", "4"])),
    ),
    max_size=12,
)


def act_out(story: Story, acts: Sequence[tuple[str, int, str]]) -> None:
    for kind, number, where in acts:
        match kind:
            case "taken":
                taken(story, f"v{number}", segment=where, holder=f"robot-{number}")
            case "placed":
                placed(story, f"v{number}", segment=where)
            case _:
                heard(story, rounds=number, at=int(where))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS)
def test_a_held_volume_is_never_missing_nor_misplaced_and_the_mirror_is_equal(acts: list[tuple[str, int, str]]) -> None:
    story = shelved()
    act_out(story, acts)
    held: set[str] = set()
    for fact in story.facts:
        match fact:
            case VolumeTaken():
                held.add(fact.volume)
            case VolumePlaced():
                held.discard(fact.volume)
            case VolumeMissing() | VolumeMisplaced():
                assert fact.volume not in held
    assert held == {volume for volume, custody in story.state.custody.items() if custody.is_held}
    assert platform_of(story.facts).volumes == mirrored(story)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS, ACTS)
def test_a_snapshot_and_later_facts_give_the_state_that_ran_through(
    before: list[tuple[str, int, str]], after: list[tuple[str, int, str]]
) -> None:
    story = shelved()
    act_out(story, before)
    copy, known = encode(freeze(story.state)), len(story.facts)
    later = Story(thaw(small_plant(), copy))
    act_out(later, after)
    twin = thaw(small_plant(), copy)
    story.facts += facts_of(story.state, later.events)
    assert story.facts[known:] == facts_of(twin, later.events)
    assert encode(freeze(twin)) == encode(freeze(story.state))
    rebuilt = thaw(small_plant(), copy)
    for fact in story.facts[known:]:
        apply(rebuilt, fact)
    assert encode_folded(freeze(rebuilt)) == encode_folded(freeze(story.state))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(0, 30))
def test_what_is_taken_placed_and_then_read_there_is_present_there(antenna: int, carried_rounds: int) -> None:
    story = shelved()
    segment = f"A-01L-0{antenna}"
    taken(story, "v0")
    heard(story, rounds=carried_rounds)
    placed(story, "v0", segment=segment)
    heard(story, rounds=8, at=antenna)
    status = "present" if antenna == 1 else "misplaced"
    assert place_of(story) == (status, segment, None)
    assert [fact.segment for fact in story.of(PlacementConfirmed)] == [segment]
    assert looks.find(story.state, "v0", story.at_ns).confidence >= 0.99
    assert not story.of(VolumeMissing)
