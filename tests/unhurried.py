"""The event loop of every coroutine test: on its clock a stall of the machine is a moment.

Both ends of a wire live in one loop, so what stands still stands still for both. But real time goes on meanwhile, and a
loop that reads it finds, after a stall of half a second, that an answer is late which nobody could have given. Here the
clock goes on by what the loop meant to wait, and by a little for what it does in between: a device is silent only when
it says nothing, whatever else the machine has to do. Links and daemons under test are given the same clock.
"""

import asyncio
import selectors
import time

TURN_S = 0.005  # at most so much passes while the callbacks of one turn run
ROUNDED_S = 0.001  # epoll waits for whole milliseconds
NS = 1_000_000_000


class Clock:
    """Real time less the stalls."""

    def __init__(self) -> None:
        self._seen_s = self._now_s = time.monotonic()
        self._left_s = TURN_S

    def now_s(self) -> float:
        """In s."""
        passed_s = min(self._passed_s(), self._left_s)
        self._left_s -= passed_s
        self._now_s += passed_s
        return self._now_s

    def waited(self, at_most_s: float | None) -> None:
        """The loop meant to wait so long, None for as long as it takes, and a new turn begins."""
        passed_s = self._passed_s()
        self._now_s += passed_s if at_most_s is None else min(passed_s, max(0.0, at_most_s) + ROUNDED_S)
        self._left_s = TURN_S

    def _passed_s(self) -> float:
        """Of real time since the last question."""
        seen_s, self._seen_s = self._seen_s, time.monotonic()
        return self._seen_s - seen_s


class _Selector(selectors.DefaultSelector):
    """Tells the clock how long the loop meant to wait."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._clock.now_s()
        ready = super().select(timeout)
        self._clock.waited(timeout)
        return ready


class Unhurried(asyncio.SelectorEventLoop):
    """A loop on such a clock."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._ahead_ns = time.time_ns() - time.monotonic_ns()
        super().__init__(_Selector(self._clock))

    def time(self) -> float:
        return self._clock.now_s()

    def monotonic_ns(self) -> int:
        """For whoever stamps and schedules beside the loop, in ns."""
        return round(self.time() * NS)

    def wall_ns(self) -> int:
        """Right when the loop was made; from then on by its clock, in ns."""
        return self._ahead_ns + self.monotonic_ns()


def unhurried() -> Unhurried:
    """The loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Unhurried)
    return loop
