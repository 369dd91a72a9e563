"""How far a reader's clock is from vault time, learnt from when its reports came in."""

import msgspec

WINDOW_NS = 10_000_000_000  # of each so long a stretch, the least delayed report counts
WINDOWS = 60  # ten minutes: a drift of 1 ppm is then 0.6 ms, more than a LAN delays the luckiest report
SAMPLE_NS = 50_000_000  # between two instants that count: 200 a window find a lucky one, and 20 a second cost nothing
FEWEST_WINDOWS = 3  # before that a slope would be noise
STEP_NS = 1_000_000_000  # further than this off the line: the reader's clock was set
MAX_SKEW = 500e-6  # crystals stay within 100 ppm; what looks worse is queueing


class _Least(msgspec.Struct, frozen=True):
    """The least delayed report of a stretch: vault time minus reader's time, when it came."""

    at_ns: int
    offset_ns: int


class ReaderClock:
    """Fed with each report's newest time; answers what to add to the reader's times to get vault time.

    A report comes after it was written, so every difference is too large by its delay. The least of each window lies
    near a line whose slope is the skew of the reader's clock; the line is laid below all of them.
    What comes in at one instant changes the answer for later instants only: any cut of a stream gives the same.
    """

    def __init__(self) -> None:
        self._windows: list[_Least] = []  # the last one still open
        self._instant: _Least | None = None  # not yet counted
        self._next_ns = -(1 << 63)
        self._skew = 0.0  # nanoseconds in a nanosecond
        self._line = _Least(0, 0)  # a point of the line, of slope `_skew`

    def wants(self, at_ns: int) -> bool:
        """Whether a report that came in at `at_ns` would count."""
        return at_ns >= self._next_ns or (self._instant is not None and self._instant.at_ns == at_ns)

    def heard(self, reader_ns: int, at_ns: int) -> None:
        """A report whose newest time is `reader_ns` came in at `at_ns`."""
        self._settle(at_ns)
        self._next_ns = at_ns + SAMPLE_NS
        offset_ns = at_ns - reader_ns
        if self._instant is None or offset_ns < self._instant.offset_ns:
            self._instant = _Least(at_ns, offset_ns)

    def offset_ns(self, at_ns: int) -> int | None:
        """What to add to a time of the reader near `at_ns`; None while only one instant gave reports."""
        if self._instant is not None:
            self._settle(at_ns)
        return self._on_line(at_ns) if self._windows else None

    def _on_line(self, at_ns: int) -> int:
        return self._line.offset_ns + round(self._skew * (at_ns - self._line.at_ns))

    def _settle(self, at_ns: int) -> None:
        """Count the instant that is over."""
        instant = self._instant
        if instant is None or instant.at_ns == at_ns:
            return
        self._instant = None
        if not self._windows or self._on_line(instant.at_ns) - instant.offset_ns > STEP_NS:
            self._restart(instant)  # nothing comes in before it was written: the clock was set forward
            return
        open_one = self._windows[-1]
        if instant.at_ns // WINDOW_NS == open_one.at_ns // WINDOW_NS:
            if instant.offset_ns < open_one.offset_ns:
                self._windows[-1] = instant
        else:
            self._close_window(open_one, instant)
        if instant.offset_ns < self._on_line(instant.at_ns):
            self._line = instant

    def _close_window(self, closed: _Least, opening: _Least) -> None:
        if closed.offset_ns - self._on_line(closed.at_ns) > STEP_NS:
            self._restart(closed)  # late for a whole window: the clock was set back
        oldest_ns = closed.at_ns - WINDOWS * WINDOW_NS
        self._windows = [one for one in self._windows if one.at_ns >= oldest_ns]
        self._skew = _slope(self._windows)
        self._line = min(
            self._windows, key=lambda one: one.offset_ns - self._skew * (one.at_ns - self._windows[0].at_ns)
        )
        self._windows.append(opening)

    def _restart(self, first: _Least) -> None:
        self._windows, self._skew, self._line = [first], 0.0, first


def _slope(points: list[_Least]) -> float:
    """Drift by least squares, in nanoseconds per nanosecond; 0 for too few points."""
    if len(points) < FEWEST_WINDOWS:
        return 0.0
    first = points[0]
    times = [float(one.at_ns - first.at_ns) for one in points]
    offsets = [float(one.offset_ns - first.offset_ns) for one in points]
    mean_time, mean_offset = sum(times) / len(times), sum(offsets) / len(offsets)
    spread = sum((time - mean_time) ** 2 for time in times)
    slope = sum((time - mean_time) * (offset - mean_offset) for time, offset in zip(times, offsets, strict=True))
    return max(-MAX_SKEW, min(MAX_SKEW, slope / spread))
