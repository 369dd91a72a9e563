"""The crash bench's judgement: it must see what is lost, told twice, untrue or written blindly."""

from bench.crashes.ledger import (
    FOREVER_S,
    LATE_S,
    Life,
    Stay,
    Telling,
    blind_writes,
    doubts,
    repeated,
    untold,
    watched_s,
)
from bench.crashes.records import Fact, Held, Truth, utc_s
from bench.crashes.verdict import SEEN_S, Findings, judge

VOLUME = "volume v1"
LIVES = [Life(100.0, 110.0), Life(112.0, FOREVER_S)]


def stay(state: str, begin_s: float, end_s: float = FOREVER_S) -> Stay:
    return Stay(VOLUME, state, begin_s, end_s)


def telling(state: str | None, at_s: float) -> Telling:
    return Telling(VOLUME, state, at_s, f"f{at_s}")


def test_a_stay_is_watched_for_the_longest_stretch_of_it_within_one_life() -> None:
    assert watched_s(stay("A", 90.0, 103.0), LIVES) == 3.0
    assert watched_s(stay("A", 106.0, 118.0), LIVES) == 6.0  # 4 s before the kill, 6 s after
    assert watched_s(stay("A", 110.5, 111.5), LIVES) < 0


def test_a_stay_is_told_by_a_fact_during_it_or_up_to_three_seconds_after() -> None:
    assert not untold(stay("B", 100.0, 106.0), [telling("A", 99.0), telling("B", 103.0)], None)
    assert not untold(stay("B", 100.0, 106.0), [telling("A", 99.0), telling("B", 108.9)], None)
    assert untold(stay("B", 100.0, 106.0), [telling("A", 99.0), telling("B", 109.1)], None)
    assert untold(stay("B", 100.0, 106.0), [telling("A", 99.0)], None)


def test_what_was_told_before_and_never_withdrawn_still_holds() -> None:
    assert not untold(stay("A", 105.0), [telling("A", 99.0)], None)
    assert untold(stay("A", 105.0), [telling("A", 99.0), telling("B", 101.0)], None)
    assert not untold(stay("cleared", 105.0), [], "cleared")


def test_each_telling_needs_a_stay_of_its_own() -> None:
    stays = [stay("A", 90.0, 100.0), stay("", 100.0, 120.0), stay("A", 120.0)]
    good = [telling("A", 91.0), telling("", 104.0), telling("A", 122.0)]
    assert doubts(good, stays, None) == ([], [])
    missed_twice = [telling("A", 91.0), telling("", 104.0), telling("A", 106.0), telling("", 110.0)]
    assert doubts(missed_twice, stays, None) == ([telling("", 110.0)], [telling("A", 106.0)])


def test_a_telling_that_repeats_the_one_before_is_a_duplicate() -> None:
    stays = [stay("A", 90.0)]
    assert doubts([telling("A", 91.0), telling("A", 92.0)], stays, None).twice == [telling("A", 92.0)]
    assert repeated([telling("A", 91.0), telling("A", 92.0)], None) == [telling("A", 92.0)]


def test_after_it_could_not_be_told_the_same_may_be_told_again() -> None:
    tells = [telling("A", 91.0), telling(None, 95.0), telling("A", 99.0)]
    assert doubts(tells, [stay("A", 90.0)], None) == ([], [])
    assert repeated(tells, None) == []


def test_a_second_write_for_one_intent_and_one_before_any_are_blind() -> None:
    assert blind_writes([10.1, 20.1], [10.0, 20.0]) == 0
    assert blind_writes([10.1, 10.4, 20.1], [10.0, 20.0]) == 1
    assert blind_writes([9.0, 10.1], [10.0]) == 1
    assert blind_writes([20.1], [10.0, 20.0]) == 0  # an intent that was never carried out


def fact(kind: str, at_s: float, n: int, **data: object) -> Fact:
    return Fact("custody", n, f"id{n}", kind, at_s, "b1", data)


def findings(facts: list[Fact], stays: list[Stay], gaps: int = 0, extra_row: bool = False) -> Findings:
    journal = {"custody": {one.n: one.ident for one in facts} | ({99: "id99"} if extra_row else {})}
    held = Held(facts, {"custody": gaps}, 0, 1)
    return judge(Truth({VOLUME: stays} if stays else {}, {}, len(stays)), held, journal, LIVES, [], SEEN_S, LATE_S)


def test_a_run_without_a_fault_has_no_findings() -> None:
    facts = [fact("volume_seen", 101.0, 1, volume="v1", segment="A")]
    found = findings(facts, [stay("A", 90.0)])
    assert found.judged == 1
    assert (found.lost, found.duplicates, found.gaps, found.untrue) == ([], [], [], [])


def test_a_wrong_last_word_counts_as_lost() -> None:
    facts = [
        fact("volume_seen", 101.0, 1, volume="v1", segment="A"),
        fact("volume_misplaced", 120.0, 2, volume="v1", segment="B"),
    ]
    assert len(findings(facts, [stay("A", 90.0)]).lost) == 1


def test_a_missing_fact_counts_as_lost() -> None:
    facts = [fact("volume_seen", 101.0, 1, volume="v1", segment="A")]
    assert len(findings(facts, [stay("A", 90.0, 102.0), stay("B", 102.0)]).lost) == 1


def test_a_row_that_only_one_side_has_and_a_hole_are_gaps() -> None:
    facts = [fact("volume_seen", 101.0, 1, volume="v1", segment="A")]
    assert len(findings(facts, [stay("A", 90.0)], gaps=1).gaps) == 1
    assert len(findings(facts, [stay("A", 90.0)], extra_row=True).gaps) == 1


def test_two_ends_of_one_command_are_duplicates() -> None:
    facts = [fact("command_ended", 101.0 + n, n, command="c1", result="done", reason="") for n in (1, 2)]
    assert len(findings(facts, []).duplicates) == 1


def test_a_start_older_than_what_was_there_before_is_a_gap() -> None:
    later = Fact("event", 2, "id2", "daemon_started", 100.5, "b2", {})
    first = [fact("volume_seen", at_s, n, volume="v1", segment="A") for n, at_s in ((1, 100.0), (3, 101.0))]
    assert any("b2" in line for line in findings([*first, later], []).gaps)


def test_times_of_facts_are_read_to_the_nanosecond() -> None:
    assert utc_s("2026-11-22T15:00:00.250000000Z") == 1795359600.25
