"""Which antennas a survey by reference tags finds where they belong, and which not."""

from collections.abc import Mapping

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensors.rfid.survey import FEWEST, SILENT, Counted, Finding, findings

SEGMENTS = 12
REGION = np.repeat(np.arange(2), SEGMENTS // 2)
"""Two rows of six segments."""
OWN, NEXT, FURTHER = 0.9, 0.27, 0.13  # of the rounds: misses 10 %, strays 30 %
OWN_DBM, STEP_DB = -52.0, 6.0


def counted(reads: Mapping[tuple[int, int], tuple[float, float]], rounds: int = 30) -> Counted:
    """reads: (antenna, place of a reference) -> rounds with a read, level."""
    pairs = sorted(reads)
    every = np.ones(SEGMENTS, np.bool_)
    return Counted(
        antenna=np.array([antenna for antenna, _ in pairs], np.int64),
        place=np.array([place for _, place in pairs], np.int64),
        hits=np.array([reads[pair][0] for pair in pairs], np.float64),
        level_dbm=np.array([reads[pair][1] for pair in pairs], np.float64),
        rounds=np.full(SEGMENTS, rounds, np.int64),
        others=np.zeros(SEGMENTS, np.int64),
        has_reference=every,
        is_configured=every.copy(),
        searches=every.copy(),
    )


def of_cables(hangs: Mapping[int, int], rounds: int = 30) -> dict[tuple[int, int], tuple[float, float]]:
    """What each port reads when its antenna truly stands before hangs[port], by the rates of the reference world."""
    found = {}
    for port, segment in hangs.items():
        for place in range(SEGMENTS):
            apart = abs(place - segment)
            if REGION[place] == REGION[segment] and apart <= 2:
                share = (OWN, NEXT, FURTHER)[apart]
                found[port, place] = (float(round(share * rounds)), OWN_DBM - STEP_DB * apart)
    return found


def straight() -> dict[int, int]:
    return {port: port for port in range(SEGMENTS)}


def verdicts(seen: Counted) -> list[str]:
    found = findings(seen, REGION)
    return [found[port].verdict for port in range(SEGMENTS)]


def but(**wrong: str) -> list[str]:
    """All are right but `p3='dead'`."""
    return [wrong.get(f"p{port}", "right") for port in range(SEGMENTS)]


def test_antennas_that_read_their_own_reference_best_are_right() -> None:
    found = findings(counted(of_cables(straight())), REGION)
    assert {finding.verdict for finding in found.values()} == {"right"}
    assert (found[3].sees, found[3].hits, found[3].level_dbm, found[3].more_rounds) == (3, 27, -52.0, 0)
    assert min(finding.sure or 0.0 for finding in found.values()) > 0.99


def test_two_cables_that_were_exchanged_are_swapped_though_the_bays_are_neighbours() -> None:
    found = findings(counted(of_cables(straight() | {2: 3, 3: 2})), REGION)
    assert verdicts(counted(of_cables(straight() | {2: 3, 3: 2}))) == but(p2="swapped", p3="swapped")
    assert (found[2].sees, found[3].sees) == (3, 2)


def test_cables_exchanged_between_two_rows_are_swapped_as_well() -> None:
    assert verdicts(counted(of_cables(straight() | {1: 8, 8: 1}))) == but(p1="swapped", p8="swapped")


def test_three_cables_in_a_ring_each_see_another_segment() -> None:
    assert verdicts(counted(of_cables(straight() | {0: 2, 2: 4, 4: 0}, 60), 60)) == but(
        p0="elsewhere", p2="elsewhere", p4="elsewhere"
    )


def test_a_cable_from_another_row_is_in_the_wrong_region() -> None:
    hangs = straight() | {1: 9}
    del hangs[9]
    assert verdicts(counted(of_cables(hangs, 60), 60)) == but(p1="wrong_region", p9="dead")


def test_an_antenna_that_reads_nothing_is_dead_after_thirteen_rounds_and_not_before() -> None:
    hangs = straight()
    del hangs[5]
    assert verdicts(counted(of_cables(hangs, SILENT), SILENT)) == but(p5="dead")
    finding = findings(counted(of_cables(hangs, SILENT - 1), SILENT - 1), REGION)[5]
    assert (finding.verdict, finding.more_rounds) == ("unsure", 1)


def test_an_antenna_that_reads_volumes_but_no_reference_is_not_called_dead() -> None:
    hangs = straight()
    del hangs[5]
    others = np.zeros(SEGMENTS, np.int64)
    others[5] = 300
    assert verdicts(counted(of_cables(hangs))._replace(others=others)) == but(p5="no_reference")


def test_where_the_own_tag_is_missing_the_neighbours_tags_do_not_move_the_antenna() -> None:
    """Its neighbours' antennas read those far better."""
    reads = {pair: read for pair, read in of_cables(straight()).items() if pair[1] != 4}
    has_reference = np.arange(SEGMENTS) != 4
    assert verdicts(counted(reads)._replace(has_reference=has_reference)) == but(p4="no_reference")
    assert findings(counted(reads), REGION)[4].verdict == "no_reference"  # it stands in the file, and nobody reads it


def test_a_reader_that_does_not_answer_is_not_searching_whatever_was_read() -> None:
    searches = np.arange(SEGMENTS) != 7
    assert verdicts(counted(of_cables(straight()))._replace(searches=searches)) == but(p7="not_searching")


def test_few_rounds_tell_nothing_and_it_is_said_how_many_more_would() -> None:
    found = findings(counted(of_cables(straight(), 3), 3), REGION)
    assert {(finding.verdict, finding.more_rounds) for finding in found.values()} == {("unsure", FEWEST - 3)}


def test_two_references_that_are_read_alike_are_doubtful_and_more_rounds_do_not_help() -> None:
    """Of the own bay and of the one beside it, nobody else there: 50 % each at the same level."""
    reads = of_cables(straight(), 400) | {(2, 2): (200.0, -60.0), (2, 3): (240.0, -59.0), (2, 1): (20.0, -70.0)}
    del reads[3, 3]
    reads = {pair: read for pair, read in reads.items() if pair[0] != 3}
    finding = findings(counted(reads, 400), REGION)[2]
    assert (finding.verdict, finding.more_rounds, finding.sees, finding.next_best) == ("doubtful", 0, 3, 2)


def test_what_is_not_sure_yet_becomes_so_within_the_rounds_that_were_told() -> None:
    hangs = straight() | {2: 3}
    del hangs[3]
    few = findings(counted(of_cables(hangs, 10), 10), REGION)[2]
    assert few.verdict == "unsure"
    rounds = 10 + few.more_rounds
    assert findings(counted(of_cables(hangs, rounds), rounds), REGION)[2].verdict == "elsewhere"


def drawn(hangs: Mapping[int, int], seed: int, rounds: int) -> dict[int, Finding]:
    """The same by chance: every tag louder or fainter by 4 dB, every mean level as noisy as its reads."""
    random = np.random.default_rng(seed)
    bias = random.normal(0.0, 4.0, SEGMENTS)
    reads = {}
    for (port, place), (hits, level) in of_cables(hangs, 1000).items():
        got = int(random.binomial(rounds, hits / 1000))
        if got:
            reads[port, place] = (float(got), level + bias[place] + float(random.normal(0.0, 3.0 / got**0.5)))
    return findings(counted(reads, rounds), REGION)


@given(st.permutations(range(SEGMENTS)), st.integers(0, 10_000))
def test_however_the_cables_were_mixed_no_port_is_told_to_see_what_it_does_not(order: list[int], seed: int) -> None:
    for port, finding in drawn(dict(enumerate(order)), seed, 40).items():
        if finding.verdict not in ("unsure", "doubtful", "no_reference"):
            assert finding.sees == order[port]
            assert (finding.verdict == "right") == (order[port] == port)


@given(st.integers(0, 10_000))
def test_cables_as_configured_are_nearly_always_told_to_be_right_after_twenty_rounds(seed: int) -> None:
    told = [finding.verdict for finding in drawn(straight(), seed, 20).values()]
    assert told.count("right") >= SEGMENTS - 1
    assert set(told) <= {"right", "unsure", "doubtful"}


@given(st.permutations(range(SEGMENTS)), st.integers(0, 1000))
def test_the_order_of_the_pairs_does_not_matter(order: list[int], seed: int) -> None:
    seen = counted(of_cables(dict(enumerate(order))))
    mixed = np.random.default_rng(seed).permutation(len(seen.antenna))
    columns = {name: getattr(seen, name)[mixed] for name in ("antenna", "place", "hits", "level_dbm")}
    assert findings(seen._replace(**columns), REGION) == findings(seen, REGION)
