"""Vault time on clocks that lie."""

from edge.clock import FAR_AHEAD_NS, NS, VaultClock


class Hands:
    """A wall clock and a monotonic one, moved by hand."""

    def __init__(self, wall_ns: int) -> None:
        self.wall_ns = wall_ns
        self.mono_ns = 5

    def pass_time(self, seconds: float) -> None:
        self.wall_ns += int(seconds * NS)
        self.mono_ns += int(seconds * NS)

    def clock(self, not_before_ns: int = 0) -> VaultClock:
        return VaultClock(lambda: self.wall_ns, lambda: self.mono_ns, not_before_ns=not_before_ns)


def test_a_voucher_brings_vault_time_forward_to_the_wall() -> None:
    hands = Hands(1_000 * NS)
    clock = hands.clock()
    hands.wall_ns += 300 * NS
    assert clock.step_s() == 300.0
    clock.vouched()
    assert clock.now() == 1_300 * NS
    assert clock.step_s() == 0.0


def test_a_voucher_never_takes_vault_time_back() -> None:
    hands = Hands(1_000 * NS)
    clock = hands.clock()
    hands.wall_ns -= 300 * NS
    assert clock.step_s() == -300.0
    clock.vouched()
    assert clock.now() == 1_000 * NS


def test_a_wall_clock_years_ahead_of_the_store_is_a_step() -> None:
    newest = 1_000 * NS
    clock = Hands(newest + FAR_AHEAD_NS + NS).clock(newest)
    assert clock.step_s() > 366 * 86_400


def test_a_vault_that_was_off_for_a_month_is_no_step() -> None:
    newest = 1_000 * NS
    hands = Hands(newest + 30 * 86_400 * NS)
    clock = hands.clock(newest)
    hands.pass_time(10)
    assert clock.step_s() == 0.0
    assert clock.now() == hands.wall_ns
