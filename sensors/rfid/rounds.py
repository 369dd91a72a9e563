"""How often each antenna has searched and in what rhythm: the denominators of the evidence, by segment."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FADE = 0.78  # weight left after one more round of that antenna: half of the evidence is younger than three rounds
# An antenna silent for so many of its own intervals is not searching: its evidence ages by the clock, but no further
# than so many rounds, for under a dead reader nothing is known to move.
OVERDUE_ROUNDS = 3.0
LONGEST_PAUSE_ROUNDS = 5
_INTERVAL_GAIN = 0.2  # of the running mean of an antenna's time between rounds
_COLUMNS = {
    "rounds_total": np.int64,
    "fades": np.int64,
    "rounds": np.float64,
    "searched_at_ns": np.int64,
    "interval_ns": np.float64,
}


class Rounds:
    """Columns over segments.

    total (s,) int64 rounds ever; fades (s,) int64 rounds and pauses by which its evidence has aged
    """

    def __init__(self, segments: int) -> None:
        self.total: NDArray[np.int64] = np.zeros(segments, dtype=np.int64)
        self.fades: NDArray[np.int64] = np.zeros(segments, dtype=np.int64)
        self._faded: NDArray[np.float64] = np.zeros(segments, dtype=np.float64)
        self._searched_at_ns: NDArray[np.int64] = np.zeros(segments, dtype=np.int64)
        self._interval_ns: NDArray[np.float64] = np.zeros(segments, dtype=np.float64)

    def __len__(self) -> int:
        return len(self.total)

    def close(
        self, segment: NDArray[np.int32], rounds: NDArray[np.int64], at_ns: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Count (k,) antennas' newly completed rounds, no segment twice; returns what a hit in each of them weighs."""
        pause = self._paused(segment, rounds, at_ns)
        self.total[segment] += rounds
        self.fades[segment] += rounds + pause
        left = FADE ** rounds.astype(np.float64)
        weight: NDArray[np.float64] = (1.0 - left) / (1.0 - FADE)
        self._faded[segment] = self._faded[segment] * FADE ** (rounds + pause) + weight
        return weight / rounds

    def faded(self, at_ns: int) -> NDArray[np.float32]:
        """(s,) rounds of each antenna, faded like the hits: the denominators."""
        return self._faded.astype(np.float32) * self.fresh(at_ns)

    def fresh(self, at_ns: int) -> NDArray[np.float32]:
        """(s,) 1 while an antenna keeps its rhythm; then FADE per interval it is late, as in a pause."""
        has_rhythm = self._interval_ns > 0
        late = np.zeros(len(self))
        np.divide(at_ns - self._searched_at_ns, self._interval_ns, out=late, where=has_rhythm)
        weight: NDArray[np.float64] = FADE ** np.clip(late - OVERDUE_ROUNDS, 0, LONGEST_PAUSE_ROUNDS)
        return weight.astype(np.float32)

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot."""
        columns = (self.total, self.fades, self._faded, self._searched_at_ns, self._interval_ns)
        return {name: column.copy() for name, column in zip(_COLUMNS, columns, strict=True)}

    @classmethod
    def from_columns(cls, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32], segments: int) -> "Rounds":
        """Those of a snapshot in another layout. remap (old segments,) int32 old -> new, -1 gone."""
        made = cls(segments)
        kept = np.flatnonzero(remap >= 0)
        targets = (made.total, made.fades, made._faded, made._searched_at_ns, made._interval_ns)
        for name, target in zip(_COLUMNS, targets, strict=True):
            target[remap[kept]] = columns[name][kept]
        return made

    def _paused(
        self, segment: NDArray[np.int32], rounds: NDArray[np.int64], at_ns: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """(k,) rounds each left out before these: what it knew has aged by them. Moves its rhythm."""
        since_ns = (at_ns - self._searched_at_ns[segment]).astype(np.float64)
        usual_ns = self._interval_ns[segment]
        has_searched = self.total[segment] > 0
        has_rhythm = has_searched & (usual_ns > 0)
        took_ns = np.minimum(since_ns / rounds, OVERDUE_ROUNDS * usual_ns)  # a pause is no change of rhythm
        moved_ns = np.where(has_rhythm, usual_ns + _INTERVAL_GAIN * (took_ns - usual_ns), since_ns / rounds)
        self._searched_at_ns[segment] = at_ns
        self._interval_ns[segment] = np.where(has_searched, moved_ns, usual_ns)
        late = np.zeros(len(segment))
        np.divide(since_ns, usual_ns, out=late, where=has_rhythm)
        pause = np.clip(late - rounds - OVERDUE_ROUNDS, 0, LONGEST_PAUSE_ROUNDS) * has_rhythm
        return pause.astype(np.int64)
