from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.field.breaker import (
    CLOSED,
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    OPENS_AFTER,
    Breaker,
    allows,
    failed,
    probe_now,
    succeeded,
)

SECOND = 1_000_000_000


def test_it_opens_at_the_third_failure_in_a_row_and_not_before() -> None:
    breaker = CLOSED
    for _ in range(2):
        breaker = failed(breaker, 0, 0.5)
        assert allows(breaker, 0)
    breaker = failed(breaker, 0, 0.5)
    assert not allows(breaker, 0)


def test_waits_double_from_one_second_to_thirty() -> None:
    breaker, waits = CLOSED, []
    for _ in range(9):
        breaker = failed(breaker, 0, 1.0)
        waits.append(breaker.probe_ns / SECOND)
    assert waits == [0, 0, 1, 2, 4, 8, 16, 30, 30]


def test_jitter_takes_at_most_half_of_the_wait() -> None:
    breaker = Breaker(failures=2)
    assert failed(breaker, 0, 0.0).probe_ns == SECOND // 2


def test_after_the_line_came_back_one_probe_is_allowed_at_once() -> None:
    breaker = probe_now(failed(Breaker(failures=9), 0, 0.9), 5)
    assert allows(breaker, 5)
    assert not allows(failed(breaker, 5, 0.0), 5)


class BreakerRules(RuleBasedStateMachine):
    """Any history of answers, silences and waiting; requests are made only when allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CLOSED
        self.at_ns = 0
        self.in_a_row = 0
        self.failed_ns = 0

    @rule(wait_ns=st.integers(0, 60 * SECOND))
    def wait(self, wait_ns: int) -> None:
        self.at_ns += wait_ns

    @rule()
    def answer(self) -> None:
        if allows(self.breaker, self.at_ns):
            self.breaker, self.in_a_row = succeeded(self.breaker), 0

    @rule(jitter=st.floats(0, 1, exclude_max=True))
    def silence(self, jitter: float) -> None:
        if allows(self.breaker, self.at_ns):
            self.breaker = failed(self.breaker, self.at_ns, jitter)
            self.in_a_row += 1
            self.failed_ns = self.at_ns

    @invariant()
    def it_is_open_exactly_after_failures_in_a_row(self) -> None:
        assert self.breaker.is_open == (self.in_a_row >= OPENS_AFTER)

    @invariant()
    def a_dead_one_is_left_alone_for_half_a_second_at_least_and_probed_within_thirty(self) -> None:
        if self.breaker.is_open:
            wait_s = (self.breaker.probe_ns - self.failed_ns) / SECOND
            assert FIRST_WAIT_S / 2 <= wait_s <= LONGEST_WAIT_S


TestBreakerRules = BreakerRules.TestCase


@given(failures=st.integers(0, 10**6), jitter=st.floats(0, 1, exclude_max=True))
def test_no_number_of_failures_breaks_the_back_off(failures: int, jitter: float) -> None:
    assert failed(Breaker(failures), 0, jitter).probe_ns <= LONGEST_WAIT_S * SECOND
