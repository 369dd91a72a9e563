"""The fuzzer's ledger can fail: what a session might keep quiet about is found."""

import random

import pytest

from bench.fuzz_llrp import Heard, fuzz, half_open_keepalives, is_silent_loss
from bench.llrp_mutations import KINDS, Read, Report, Spoilt, pool

REPORTS = pool(60, random.Random(1))
SPOILT_ONE = next(report for report in REPORTS if len(report.reads) == 3)
WHOLE = [report for report in REPORTS if report is not SPOILT_ONE][:2]
UNTOUCHED = Spoilt(SPOILT_ONE.message, frozenset())
ALL: list[Read] = [*WHOLE[0].reads, *SPOILT_ONE.reads, *WHOLE[1].reads]


def is_lost(reads: list[Read], noted: int = 0, spoilt: Spoilt = UNTOUCHED, whole: list[Report] = WHOLE) -> bool:
    return is_silent_loss(whole, SPOILT_ONE, spoilt, Heard(reads, noted, None, True, ""))


def test_everything_read_is_no_loss() -> None:
    assert not is_lost(ALL)


def test_a_whole_report_that_is_missing_shortened_or_doubled_is_a_loss_whatever_was_noted() -> None:
    for noted in (0, 1):
        assert is_lost([*SPOILT_ONE.reads, *WHOLE[1].reads], noted)
        assert is_lost([*WHOLE[0].reads[1:], *SPOILT_ONE.reads, *WHOLE[1].reads], noted)
        assert is_lost([*ALL, *WHOLE[0].reads], noted)


def test_a_spoilt_report_that_is_missing_or_shortened_is_a_loss_unless_it_was_noted() -> None:
    without, shortened = [*WHOLE[0].reads, *WHOLE[1].reads], [*ALL[: -len(WHOLE[1].reads) - 1], *WHOLE[1].reads]
    for reads in (without, shortened):
        assert is_lost(reads)
        assert not is_lost(reads, noted=1)


def test_a_tag_that_differs_is_a_loss_unless_its_own_octets_were_touched() -> None:
    first, *rest = SPOILT_ONE.reads
    differs = [*WHOLE[0].reads, (first[0], 99, *first[2:]), *rest, *WHOLE[1].reads]
    assert is_lost(differs)
    assert is_lost(differs, spoilt=Spoilt(b"", frozenset({1})))
    assert not is_lost(differs, spoilt=Spoilt(b"", frozenset({0})))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_spoiling_changes_bytes_and_never_takes_all_of_them(kind: object) -> None:
    assert callable(kind)
    rng = random.Random(2)
    changed = 0
    for report in REPORTS:
        spoilt = kind(report, rng)
        assert spoilt.data
        changed += spoilt.data != report.message
    assert changed > len(REPORTS) / 2


def test_five_hundred_spoilt_messages_end_no_session_and_lose_nothing_in_silence() -> None:
    tally = fuzz(seed=7, messages=500)
    assert (tally["dead_sessions"], tally["silent_losses"]) == (0, 0)
    assert tally["lived on: noted"] > 50
    assert tally["ended: llrp_malformed"] > 50


def test_a_half_open_link_is_thought_alive_for_three_keepalives() -> None:
    assert half_open_keepalives() == 3.0
