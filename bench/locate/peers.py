"""The simple rules that inventory software uses, as locators: last read, most reads, strongest mean RSSI.

None of them has negative evidence, none of them is told any parameter of a world. A window of w cycles forgets what is
older; right after a move the best window is the number of cycles since, so the three-cycle window at three cycles does
as well as one that was told the moment. Tags that are not enrolled (>= tags) are passed over.
"""

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int32]
Floats = NDArray[np.float32]

NOWHERE = -1


class Locator(Protocol):
    """What every estimator of the comparison offers."""

    def cycle(self, tag: Indices, antenna: Indices, rssi_dbm: Floats, at_s: float) -> None:
        """Take in one cycle: (m,) reads in order of arrival, each pair of tag and antenna at most once."""

    def segment(self) -> Indices:
        """(n,) where each tag stands, -1 nowhere."""


class LastRead:
    """Where the antenna is that read it last."""

    def __init__(self, tags: int) -> None:
        self._segment: Indices = np.full(tags, NOWHERE, np.int32)

    def cycle(self, tag: Indices, antenna: Indices, rssi_dbm: Floats, at_s: float) -> None:  # noqa: ARG002
        known = tag < len(self._segment)
        self._segment[tag[known]] = antenna[known]  # of several the last one stays

    def segment(self) -> Indices:
        return self._segment


class MostReads:
    """Where the antenna is that read it in most of the last `window` cycles (0: ever); of equals the later read."""

    def __init__(self, tags: int, segments: int, window: int) -> None:
        self._window = window
        self._count: NDArray[np.int64] = np.zeros((tags, segments), np.int64)
        self._read_at: NDArray[np.int64] = np.zeros((tags, segments), np.int64)  # in reads since the beginning
        self._reads = 0
        self._held: deque[tuple[Indices, Indices]] = deque()

    def cycle(self, tag: Indices, antenna: Indices, rssi_dbm: Floats, at_s: float) -> None:  # noqa: ARG002
        known = tag < len(self._count)
        tag, antenna = tag[known], antenna[known]
        self._count[tag, antenna] += 1
        self._read_at[tag, antenna] = self._reads + np.arange(1, len(tag) + 1)
        self._reads += len(tag)
        self._held.append((tag, antenna))
        if self._window and len(self._held) > self._window:
            self._count[self._held.popleft()] -= 1

    def segment(self) -> Indices:
        best = (self._count * (self._reads + 1) + self._read_at * (self._count > 0)).argmax(axis=1)
        found: Indices = np.where(self._count.any(axis=1), best, NOWHERE).astype(np.int32)
        return found


class StrongestMean:
    """Where the antenna is with the highest mean RSSI over the last `window` cycles (0: ever)."""

    def __init__(self, tags: int, segments: int, window: int) -> None:
        self._window = window
        self._count: NDArray[np.int32] = np.zeros((tags, segments), np.int32)
        self._sum_dbm: NDArray[np.float64] = np.zeros((tags, segments))
        self._held: deque[tuple[Indices, Indices, Floats]] = deque()

    def cycle(self, tag: Indices, antenna: Indices, rssi_dbm: Floats, at_s: float) -> None:  # noqa: ARG002
        known = tag < len(self._count)
        tag, antenna, rssi_dbm = tag[known], antenna[known], rssi_dbm[known]
        self._count[tag, antenna] += 1
        self._sum_dbm[tag, antenna] += rssi_dbm
        self._held.append((tag, antenna, rssi_dbm))
        if self._window and len(self._held) > self._window:
            tag, antenna, rssi_dbm = self._held.popleft()
            self._count[tag, antenna] -= 1
            self._sum_dbm[tag, antenna] -= rssi_dbm

    def segment(self) -> Indices:
        mean = np.full(self._count.shape, -np.inf)
        np.divide(self._sum_dbm, self._count, out=mean, where=self._count > 0)
        found: Indices = np.where(self._count.any(axis=1), mean.argmax(axis=1), NOWHERE).astype(np.int32)
        return found
