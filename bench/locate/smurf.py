"""SMURF: adaptive per-tag smoothing of RFID streams, as a locator.

S. R. Jeffery, M. Garofalakis, M. J. Franklin: Adaptive Cleaning for RFID Data Streams, VLDB 2006, section 4 and
algorithm 1. Each stream (here each pair of tag and antenna) is a binomial sample over a window of w epochs. Each epoch:

    w* = ceil(ln(1 / delta) / p_avg)            a window that misses the tag with probability delta at most
    w* > w                                      -> w = max(min(w + 2, w*), 1)
    ||S| - w p_avg| > 2 sqrt(w p_avg (1-p_avg)) -> w = max(min(w / 2, w*), 1)     a transition
    nothing in the window                       -> w = 1

|S| are the epochs of the window in which it was read and p_avg is the mean of p_t over those epochs. Chosen here, since
the paper leaves it open or its reader says more than ours:

- An epoch is one cycle. There, an epoch holds some ten interrogations, and p_t is the share of them that were answered;
  here a cycle is a single one, so p_t is the share of the last five cycles up to t in which the tag was read. Of 2, 3,
  5, 10 and 20 five does best over the reference world.
- delta is 0.05, and no window is longer than 64 cycles.
- The paper gives out the middle of the window; here its newest end is given out, which is half a window quicker.
- The paper cleans presence and leaves the place to the next stage, which takes the antenna with most readings in its
  window. `by="reads"` does that; windows of unequal length favour weak antennas, so `by="rate"` divides by w. Of equals
  the higher p_avg wins.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.locate.peers import NOWHERE, Floats, Indices

DELTA = 0.05
LONGEST = 64  # cycles: the bits of a history
RATE_OVER = 5  # cycles
_ONE = np.uint64(1)


class Smurf:
    """Windows over (tags, segments), histories as bits with the newest lowest."""

    def __init__(self, tags: int, segments: int, by: Literal["reads", "rate"]) -> None:
        shape = (tags, segments)
        self._by = by
        self._history: NDArray[np.uint64] = np.zeros(shape, np.uint64)
        self._window: Indices = np.ones(shape, np.int32)
        self._read: Floats = np.zeros(shape, np.float32)
        self._rate: Floats = np.zeros(shape, np.float32)
        # sums of p_t over the epochs with a read, since the beginning: one more than the longest window
        self._sum_upto: NDArray[np.float64] = np.zeros((LONGEST + 1, *shape))
        self._epoch = 0
        self._counted: Indices = self._window

    def cycle(self, tag: Indices, antenna: Indices, rssi_dbm: Floats, at_s: float) -> None:  # noqa: ARG002
        known = tag < len(self._history)
        self._history <<= _ONE
        self._history[tag[known], antenna[known]] |= _ONE
        upto, before = (self._epoch + 1) % (LONGEST + 1), self._epoch % (LONGEST + 1)
        share = np.bitwise_count(self._history & np.uint64((1 << RATE_OVER) - 1)) / RATE_OVER
        self._sum_upto[upto] = self._sum_upto[before] + share * (self._history & _ONE)
        self._epoch += 1
        self._process()
        wanted = np.full(self._window.shape, LONGEST, np.int32)
        seen = self._rate > 0
        wanted[seen] = np.minimum(np.ceil(np.log(1 / DELTA) / self._rate[seen]), LONGEST)
        expected = self._window * self._rate
        is_transition = np.abs(self._read - expected) > 2 * np.sqrt(expected * (1 - self._rate))
        grown = np.maximum(np.minimum(self._window + 2, wanted), 1)
        halved = np.maximum(np.minimum(self._window // 2, wanted), 1)
        self._window = np.where(wanted > self._window, grown, np.where(is_transition, halved, self._window))
        self._window[~seen] = 1

    def windows(self) -> Indices:
        """(tags, segments) cycles that count for the next one."""
        return self._window

    def segment(self) -> Indices:
        score = self._read if self._by == "reads" else self._read / self._counted
        best = (score + self._rate / 1024).argmax(axis=1)
        found: Indices = np.where(self._read.any(axis=1), best, NOWHERE).astype(np.int32)
        return found

    def _process(self) -> None:
        """What the windows hold: |S|, p_avg, and over how many epochs."""
        bits = np.uint64(0xFFFF_FFFF_FFFF_FFFF) >> (LONGEST - self._window).astype(np.uint64)
        self._read = np.bitwise_count(self._history & bits).astype(np.float32)
        begin = np.maximum(self._epoch - self._window, 0) % (LONGEST + 1)
        total = self._sum_upto[self._epoch % (LONGEST + 1)] - np.take_along_axis(self._sum_upto, begin[None], axis=0)[0]
        self._rate = np.where(self._read > 0, total / np.maximum(self._read, 1), 0).astype(np.float32)
        self._counted = self._window.copy()
