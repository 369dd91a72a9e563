"""Vault time: UTC nanoseconds at boot plus monotonic time since. Never backwards; wall-clock jumps are noticed."""

from collections.abc import Callable

NOTICED_NS = 1_000_000_000  # NTP slews below this; anything larger is a step somebody or something made
NS = 1_000_000_000
FAR_AHEAD_NS = 366 * 86_400 * NS


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
        # a wall clock behind the store was set back while the daemon was down, and no vault stands still for a year:
        # the first `step_s` says so
        is_far_ahead = not_before_ns > 0 and wall - not_before_ns > FAR_AHEAD_NS
        self._wall_offset_ns = (not_before_ns if is_far_ahead else self._base_ns) - self._started_ns

    def now(self) -> int:
        """Vault time in nanoseconds."""
        return self._base_ns + self._monotonic_ns() - self._started_ns

    def vouched(self) -> None:
        """Persons say that the wall clock is right: vault time goes forward to it. It never goes back: where it is
        ahead, it stays so until the wall clock has caught up at the next start."""
        ahead = self._wall_ns() - self.now()
        self._base_ns += max(0, ahead)

    def step_s(self) -> float:
        """Seconds by which the wall clock moved against monotonic time since the last call, 0.0 when it did not.
        Slow drift is taken up without being reported."""
        wall = self._wall_ns()
        expected = self._monotonic_ns() + self._wall_offset_ns
        moved = wall - expected
        self._wall_offset_ns += moved
        return moved / NS if abs(moved) >= NOTICED_NS else 0.0
