"""Vault time: UTC nanoseconds at boot plus monotonic time since. Never backwards; wall-clock jumps are noticed."""

from collections.abc import Callable

NOTICED_NS = 1_000_000_000  # NTP slews below this; anything larger is a step somebody or something made
NS = 1_000_000_000


class VaultClock:
    """`now()` for everything in the daemon that stamps, ticks or schedules. Wire timeouts use real time instead."""

    def __init__(self, wall_ns: Callable[[], int], monotonic_ns: Callable[[], int], *, not_before_ns: int) -> None:
        """`not_before_ns`: the newest vault time known from the store; time goes on from there if the wall clock now
        says less, and the difference is reported as a step."""
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        wall = wall_ns()
        self._base_ns = max(wall, not_before_ns + 1)
        self._started_ns = monotonic_ns()
        # a wall clock behind the store was set back while the daemon was down: the first `step_s` says so
        self._wall_offset_ns = self._base_ns - self._started_ns

    def now(self) -> int:
        """Vault time in nanoseconds."""
        return self._base_ns + self._monotonic_ns() - self._started_ns

    def step_s(self) -> float:
        """Seconds by which the wall clock moved against monotonic time since the last call, 0.0 when it did not.
        Slow drift is taken up without being reported."""
        wall = self._wall_ns()
        expected = self._monotonic_ns() + self._wall_offset_ns
        moved = wall - expected
        self._wall_offset_ns += moved
        return moved / NS if abs(moved) >= NOTICED_NS else 0.0
