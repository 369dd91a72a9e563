"""A circuit breaker per device as a value: a dead one is probed rarely, so that it does not stall the others."""

import msgspec

OPENS_AFTER = 3  # failures in a row: one may be noise, two a burst
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0


class Breaker(msgspec.Struct, frozen=True):
    """Closed while `failures` < OPENS_AFTER; open until `probe_ns`, then one try decides."""

    failures: int = 0
    probe_ns: int = 0

    @property
    def is_open(self) -> bool:
        return self.failures >= OPENS_AFTER


CLOSED = Breaker()


def allows(breaker: Breaker, at_ns: int) -> bool:
    """Whether the device may be asked now."""
    return not breaker.is_open or at_ns >= breaker.probe_ns


def succeeded(breaker: Breaker) -> Breaker:
    """It answered: closed, all forgotten."""
    del breaker
    return CLOSED


def failed(breaker: Breaker, at_ns: int, jitter: float) -> Breaker:
    """It did not answer. `jitter` in [0, 1): the wait is 1/2 to 1 of a back-off that doubles up to LONGEST_WAIT_S, so
    that the dead of one bus are not all probed in the same moment."""
    failures = breaker.failures + 1
    if failures < OPENS_AFTER:
        return Breaker(failures)
    wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures - OPENS_AFTER, 16))
    return Breaker(failures, at_ns + round(wait_s * (0.5 + 0.5 * jitter) * 1e9))


def probe_now(breaker: Breaker, at_ns: int) -> Breaker:
    """Something changed (the line came back): try at once, still with one try only."""
    return Breaker(breaker.failures, min(breaker.probe_ns, at_ns))
