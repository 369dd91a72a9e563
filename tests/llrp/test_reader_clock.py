"""The reader's clock against vault time: delays, drift, and clocks that are set."""

import random

from drivers.llrp.reader_clock import ReaderClock

SECOND = 1_000_000_000
MS = 1_000_000
AHEAD_NS = 7 * 3600 * SECOND  # vault time minus reader's time


def run(clock: ReaderClock, from_s: int, to_s: int, ahead_ns: int, skew: float, rng: random.Random) -> int:
    """Ten reports a second, each 1 to 40 ms late; the error of the offset after them, in ns."""
    for tick in range(10 * from_s, 10 * to_s):
        written_ns = tick * SECOND // 10
        reader_ns = round(written_ns * (1 - skew)) - ahead_ns
        clock.heard(reader_ns, written_ns + rng.randint(1 * MS, 40 * MS))
    at_ns = to_s * SECOND
    offset_ns = clock.offset_ns(at_ns)
    assert offset_ns is not None
    return offset_ns - (at_ns - (round(at_ns * (1 - skew)) - ahead_ns))


def test_nothing_is_known_before_two_instants() -> None:
    clock = ReaderClock()
    assert clock.offset_ns(0) is None
    clock.heard(5, 10)
    assert clock.offset_ns(10) is None
    assert clock.offset_ns(11) == 5


def test_the_least_delayed_report_counts() -> None:
    """1 to 40 ms late, 600 reports: the least is 1 ms and a little."""
    error_ns = run(ReaderClock(), 0, 60, AHEAD_NS, 0.0, random.Random(1))
    assert 1 * MS <= error_ns < 3 * MS


def test_a_crystal_that_is_80_ppm_slow_is_followed() -> None:
    """In ten minutes it drifts 48 ms."""
    for skew in (80e-6, -80e-6):
        error_ns = run(ReaderClock(), 0, 1200, AHEAD_NS, skew, random.Random(2))
        assert -2 * MS < error_ns < 4 * MS


def test_a_clock_set_forward_is_followed_at_once_and_one_set_back_within_two_windows() -> None:
    clock, rng = ReaderClock(), random.Random(3)
    run(clock, 0, 60, AHEAD_NS, 0.0, rng)
    assert 0 <= run(clock, 60, 61, AHEAD_NS - 3600 * SECOND, 0.0, rng) < 40 * MS
    assert 0 <= run(clock, 61, 90, AHEAD_NS + 3600 * SECOND, 0.0, rng) < 5 * MS


def test_a_line_that_stalls_for_seconds_moves_nothing() -> None:
    clock, rng = ReaderClock(), random.Random(4)
    before_ns = run(clock, 0, 60, AHEAD_NS, 0.0, rng)
    clock.heard(60 * SECOND - AHEAD_NS, 68 * SECOND)  # eight seconds late
    clock.heard(68 * SECOND - AHEAD_NS, 68 * SECOND + 2 * MS)
    offset_ns = clock.offset_ns(69 * SECOND)
    assert offset_ns is not None
    assert abs(offset_ns - AHEAD_NS - before_ns) < 2 * MS


def test_what_comes_in_at_one_instant_changes_only_later_answers() -> None:
    clock = ReaderClock()
    clock.heard(0, 100)
    assert clock.offset_ns(200 * MS) == 100
    for reader_ns in (200 * MS - 50, 200 * MS - 20, 200 * MS - 70):
        clock.heard(reader_ns, 200 * MS)
        assert clock.offset_ns(200 * MS) == 100
    assert clock.offset_ns(201 * MS) == 20
