"""Before a volume is told missing its antenna looks once more: demanded of the reader, or in its ordinary round."""

from itertools import pairwise
from typing import cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.command import CommandOutcome, Result, Scan
from drivers.observation import Searched
from edge.api.volumes import find
from edge.rules.rescans import MOST_ANTENNAS, PAUSE_NS, pause_ns
from edge.state.events import Event, Tick
from edge.state.facts import CommandEnded, CommandIntended, Fact, VolumeFound, VolumeMissing
from edge.state.snapshot import encode, freeze, thaw
from edge.state.state import State
from edge.step import OUTCOME_LIMIT_NS, step
from tests.stories.shelves import full_shelves
from tests.stories.small_vault import NS, VAULT, Story, reads_of, search_of
from tests.stories.test_presence import shelved

REST: dict[int, list[int]] = {2: [1], 3: [2], 4: [3]}  # everybody but v0, before antenna 1


def doubted(story: Story | None = None) -> Story:
    """v0 was silent for the ten rounds that this vault allows; its reader, which works, is asked to look again."""
    story = story or shelved()
    story.regain("reader-1")
    for _ in range(10):
        story.round(REST)
    return story


def outcome(story: Story, scan: Scan, result: Result, reason: str = "") -> None:
    story.tell(CommandOutcome(scan.id, scan.device, story.at_ns, result, reason))


def look_again(story: Story, *seen: int) -> None:
    """The search that was demanded, of two seconds, and the tick that takes it in."""
    (scan,) = story.scans
    outcome(story, scan, "sent")
    begun_ns = story.at_ns
    story.at_ns += 2 * NS
    if seen:
        story.tell(reads_of("reader-1", story.at_ns, 1, list(seen)))
    story.tell(Searched("reader-1", story.at_ns, 1, 1, begun_ns, story.at_ns))
    outcome(story, scan, "done")
    story.advance(3)


def test_a_silence_that_is_too_long_has_its_antenna_look_again_before_anything_is_told() -> None:
    story = doubted()
    assert [(scan.device, scan.antennas) for scan in story.scans] == [("reader-1", (1,))]
    (intent,) = story.of(CommandIntended)
    assert (intent.command, intent.actuator, intent.cause) == (story.scans[0], "reader-1", "A-01L-01")
    assert not story.of(VolumeMissing)


def test_a_second_look_in_vain_makes_it_missing() -> None:
    story = doubted()
    look_again(story)
    assert [(f.volume, f.last_segment, f.silent_rounds) for f in story.of(VolumeMissing)] == [("v0", "A-01L-01", 11)]
    assert [(f.command, f.result) for f in story.of(CommandEnded)] == [(story.scans[0].id, "done")]
    assert not story.state.intents
    assert len(story.state.suspects) == 0


def test_a_second_look_that_reads_it_ends_the_doubt_and_the_next_silence_begins_anew() -> None:
    story = doubted()
    look_again(story, 0)
    for _ in range(9):
        story.round(REST)
    assert not story.of(VolumeMissing)
    assert not story.of(VolumeFound)
    assert len(story.state.suspects) == 0
    story.round(REST)
    assert not story.of(VolumeMissing)
    assert len(story.scans) == 1  # 45 s ago: this time the ordinary round is the second look
    story.round(REST)
    assert [f.silent_rounds for f in story.of(VolumeMissing)] == [11]


def test_a_read_by_any_antenna_ends_the_doubt() -> None:
    story = doubted()
    story.tell(reads_of("reader-1", story.at_ns, 3, [0]))
    look_again(story)
    assert not story.of(VolumeMissing)


def test_a_search_that_was_already_running_when_it_was_demanded_does_not_count() -> None:
    story = doubted()
    demanded_ns = story.of(CommandIntended)[0].at_ns
    story.tell(Searched("reader-1", story.at_ns, 1, 1, demanded_ns - 1, story.at_ns))
    story.advance(3)
    assert not story.of(VolumeMissing)
    begun_ns = story.at_ns
    story.advance(1)
    story.tell(Searched("reader-1", story.at_ns, 1, 1, begun_ns, story.at_ns))
    story.advance(3)
    assert len(story.of(VolumeMissing)) == 1


def test_a_search_whose_reads_are_not_yet_taken_in_does_not_count() -> None:
    """The second look has closed and read it, but both still wait when the volume is looked at once more."""
    story = doubted()
    story.tell(reads_of("reader-1", story.at_ns + NS, 1, [0]))
    story.tell(search_of(1, story.at_ns + NS))
    story.state.unjudged.add(story.state.volumes.tag[:1].astype("int64"))
    story.tell(Tick(at_ns=story.at_ns + NS))
    assert len(story.state.heard) == 1  # not yet
    assert not story.of(VolumeMissing)
    story.tell(Tick(at_ns=story.at_ns + 4 * NS))
    assert not story.of(VolumeMissing)


@pytest.mark.parametrize(
    ("result", "reason"), [("refused", "device_lost"), ("failed", "llrp_scan_refused"), ("unknown", "llrp_reset")]
)
def test_where_the_reader_cannot_do_it_its_next_ordinary_round_decides(result: Result, reason: str) -> None:
    story = doubted()
    outcome(story, story.scans[0], result, reason)
    story.round(REST)
    assert [f.silent_rounds for f in story.of(VolumeMissing)] == [11]
    assert [(f.result, f.reason) for f in story.of(CommandEnded)] == [(result, reason)]
    assert len(story.scans) == 1


def test_a_reader_that_is_not_there_is_not_asked_and_nothing_is_told_until_it_searches_again() -> None:
    story = shelved()
    for _ in range(9):
        story.round(REST)
    story.lose("reader-1")
    story.round(REST)  # came in with the last bytes
    story.advance(3600)
    assert not story.scans
    assert not story.of(VolumeMissing)
    story.regain("reader-1")
    story.round(REST)
    assert [f.volume for f in story.of(VolumeMissing)] == ["v0"]


def test_a_scan_without_an_outcome_is_given_up_after_a_minute() -> None:
    story = doubted()
    story.advance(OUTCOME_LIMIT_NS / NS + 2)
    assert [(f.result, f.reason) for f in story.of(CommandEnded)] == [("unknown", "no_outcome")]
    story.round(REST)
    assert len(story.of(VolumeMissing)) == 1


def test_volumes_of_one_antenna_are_one_demand_and_a_reader_is_asked_once_for_a_few_antennas() -> None:
    story = Story()
    story.catalogue([f"A-01L-0{section}-1-0{slot}" for section in range(1, 5) for slot in range(1, 6)])
    everybody = {section: list(range(5 * section - 5, 5 * section)) for section in range(1, 5)}
    for _ in range(5):
        story.round(everybody)
    story.regain("reader-1")
    for _ in range(14):
        story.round({})
    assert [len(scan.antennas) for scan in story.scans] == [MOST_ANTENNAS]
    assert len(story.of(VolumeMissing)) == 20


def test_an_antenna_that_reads_nothing_any_more_is_not_asked_for_a_second_look() -> None:
    """Nine volumes are silent because their antenna is: it is told, they wait, and its reader is left in peace."""
    story = Story()
    full_shelves(story)
    story.regain("reader-1")
    everybody = {number: range(9 * number - 9, 9 * number) for number in range(1, 5)}
    for dead in [()] * 12 + [(1,)] * 60:
        story.advance(5)
        story.round({antenna: [] if antenna in dead else list(tags) for antenna, tags in everybody.items()})
    assert [alarm for alarm in story.state.alarms if alarm.startswith("antenna_silent")] == [
        "antenna_silent:reader-1/1"
    ]
    assert not story.of(VolumeMissing)
    assert story.scans == []


@pytest.mark.parametrize(("dwell_ms", "pause_s"), [(50, 60), (500, 64), (2000, 160), (20_000, 640)])
def test_a_reader_spends_no_more_than_an_eighth_of_its_time_on_second_looks(dwell_ms: int, pause_s: int) -> None:
    """Four antennas, four dwells each but 5 s at most, or one dwell where that is longer."""
    (reader,) = cast("list[dict[str, object]]", VAULT["readers"])
    story = Story(changes={"readers": [reader | {"dwell_ms": dwell_ms}]})
    assert pause_ns(story.state, "reader-1") == pause_s * NS


def test_a_reader_is_asked_no_more_than_once_a_minute_and_not_while_a_scan_is_under_way() -> None:
    story = shelved()
    story.regain("reader-1")
    for number in range(1, 200):  # every ten rounds others fall silent
        gone = number // 11 % 4
        story.round({antenna: [tag] for antenna, tag in ((1, 0), (2, 1), (3, 2), (4, 3)) if tag != gone})
    asked_ns = [fact.at_ns for fact in story.of(CommandIntended)]
    assert len(asked_ns) > 3
    assert all(later - sooner >= PAUSE_NS for sooner, later in pairwise(asked_ns))
    open_now = 0
    for fact in story.facts:
        open_now += isinstance(fact, CommandIntended) - isinstance(fact, CommandEnded)
        assert open_now in {0, 1}


def test_who_looks_for_the_volume_is_told_that_a_search_is_awaited() -> None:
    story = doubted()
    since_ns = int(story.state.suspects.since_ns(story.state.volumes.tag[:1])[0])
    assert find(story.state, "v0", since_ns + 4 * NS).awaited_s == 4.0
    assert find(story.state, "v1", since_ns + 4 * NS).awaited_s is None
    look_again(story)
    assert find(story.state, "v0", story.at_ns).awaited_s is None


def test_a_restart_keeps_the_doubt_and_asks_the_reader_no_second_time() -> None:
    story = doubted()
    again = Story(thaw(story.state.plant, encode(freeze(story.state))))
    assert [(f.command, f.result, f.reason) for f in again.of(CommandEnded)] == [
        (story.scans[0].id, "unknown", "ended_by_restart")
    ]
    again.round(REST)
    assert [f.volume for f in again.of(VolumeMissing)] == ["v0"]
    assert not again.scans


def test_a_copy_of_the_state_goes_on_the_same_whenever_it_is_made() -> None:
    story = doubted()
    begun = len(story.events)
    copies = []
    for second in range(3):
        story.tell(Tick(at_ns=story.at_ns + second))
        copies.append((thaw(story.state.plant, encode(freeze(story.state))), len(story.facts), len(story.events)))
    story.tell(reads_of("reader-1", story.at_ns, 2, [1]))
    story.tell(search_of(1, story.at_ns + 2 * NS))
    copies.append((thaw(story.state.plant, encode(freeze(story.state))), len(story.facts), len(story.events)))
    story.at_ns += 3 * NS
    for _ in range(3):
        story.round(REST)
    assert story.of(VolumeMissing)
    for state, facts, events in copies:
        assert events > begun
        told = replayed(state, story.events[events:])
        assert told == [msgspec.json.encode(fact) for fact in story.facts[facts:]]
        assert encode(freeze(state)) == encode(freeze(story.state))


def replayed(state: State, events: list[Event]) -> list[bytes]:
    return [msgspec.json.encode(fact) for event in events for fact in step(state, event).facts]


class Turn(msgspec.Struct, frozen=True):
    """What happens next in a vault of four antennas: who is not read for how many rounds, whether the reader does what
    it is asked, what breaks before."""

    gone: tuple[int, ...]
    rounds: int
    does: bool
    event: str


turns = st.lists(
    st.builds(
        Turn,
        gone=st.sets(st.sampled_from([0, 1, 2, 3]), min_size=1).map(lambda tags: tuple(sorted(tags))),
        rounds=st.integers(1, 13),
        does=st.booleans(),
        event=st.sampled_from(["", "", "", "lose", "regain", "restart", "wait"]),
    ),
    min_size=1,
    max_size=8,
)


@given(turns=turns)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_happens_a_missing_fact_follows_a_search_that_began_after_ten_silent_ones(turns: list[Turn]) -> None:
    """Worked out from the events alone: of the searches of the antenna before which it last stood that closed since its
    last read by anybody, the tenth must have closed before the newest began."""
    history: list[Event] = []
    told: list[Fact] = []
    story = shelved()
    for turn in turns:
        match turn.event:
            case "lose":
                story.lose("reader-1")
            case "regain":
                story.regain("reader-1")
            case "restart":
                history += story.events
                told += story.facts
                story = Story(thaw(story.state.plant, encode(freeze(story.state))))
            case "wait":
                story.advance(30)
            case _:
                pass
        for _ in range(turn.rounds):
            story.round({tag + 1: [tag] for tag in range(4) if tag not in turn.gone})
            if turn.does:
                do_scans(story)
    history += story.events
    told += story.facts
    for fact in told:
        if isinstance(fact, VolumeMissing):
            assert_searched_again(fact, history)


def do_scans(story: Story) -> None:
    """The reader does what it was asked and did not yet do, and reads nothing."""
    for scan in story.scans[-1:]:
        if scan.id in story.state.intents:
            outcome(story, scan, "sent")
            for antenna in scan.antennas:
                begun_ns = story.at_ns
                story.at_ns += 2 * NS
                story.tell(Searched("reader-1", story.at_ns, antenna, 1, begun_ns, story.at_ns))
            outcome(story, scan, "done")
            story.advance(3)


def assert_searched_again(fact: VolumeMissing, history: list[Event]) -> None:
    antenna = int(fact.last_segment[-2:])
    searches = [
        event
        for event in history
        if isinstance(event, Searched) and event.antenna == antenna and fact.last_seen_at_ns < event.at_ns <= fact.at_ns
    ]
    assert len(searches) >= 11
    assert any(search.from_ns >= searches[9].at_ns for search in searches[10:])
