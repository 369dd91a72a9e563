"""The columns kept of every enrolled tag: 143 bytes each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.epc_table import room_for
from sensors.rfid.locate import CANDIDATES, NEVER, PRINT_REACH, PRINTS, Known
from sensors.rfid.prints import Prints

FIRM_AGE = 3  # its own antenna read it twice: what it is like there is learnt from then on
LONG_AGE = 10  # what was learnt of a tag in so many is the tag's own
_KEPT_READS = 20  # and is worth so many reads in its next place, which is not quite like the last
LATER = frozenset({"is_held"})  # columns that snapshots of before have not
_SEGMENTS = ("segment", "book", "believed")
_LEAST = np.float16(-np.inf).view(np.uint16)


class Tags:
    """Rows only grow; those past `count` are spare.

    segment (n, CANDIDATES) int32 where it may stand, -1 none; weight (n, CANDIDATES) float16 log probability of each
    gone (n,) float32 log probability that it was taken away
    book, believed (n,) int32 segment of the book place, and where it is thought to stand, -1 none
    heard_until (n,) int32 rounds of the believed segment's antenna up to its last read; silence (n,) float32 log
    likelihood of not being read since, were it still there
    last_seen_ns (n,) int64 vault time of its last read, 0 never
    bias_db (n,) float16 how much louder it is than others in its place; bias_count (n,) uint8 of how many reads
    rounds_there (n,) uint16 of its own antenna while it stood where it is believed
    hits_there (n, PRINTS) uint16, level_dbm (n, PRINTS) float16, level_count (n, PRINTS) uint8 reads there by each of
    the antennas around, and the mean of their levels
    age (n,) uint8 rounds its own antenna read it in since it was placed, and 1; 0 never placed
    is_settled (n,) bool beyond doubt; is_held (n,) bool somebody is said to have it: `gone` is then that it has
    """

    def __init__(self) -> None:
        self.count = 0
        self.segment: NDArray[np.int32] = np.full((0, CANDIDATES), -1, np.int32)
        self.weight: NDArray[np.float16] = np.full((0, CANDIDATES), NEVER, np.float16)
        self.gone: NDArray[np.float32] = np.zeros(0, np.float32)
        self.book: NDArray[np.int32] = np.full(0, -1, np.int32)
        self.believed: NDArray[np.int32] = np.full(0, -1, np.int32)
        self.heard_until: NDArray[np.int32] = np.zeros(0, np.int32)
        self.silence: NDArray[np.float32] = np.zeros(0, np.float32)
        self.last_seen_ns: NDArray[np.int64] = np.zeros(0, np.int64)
        self.bias_db: NDArray[np.float16] = np.zeros(0, np.float16)
        self.bias_count: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.rounds_there: NDArray[np.uint16] = np.zeros(0, np.uint16)
        self.hits_there: NDArray[np.uint16] = np.zeros((0, PRINTS), np.uint16)
        self.level_dbm: NDArray[np.float16] = np.zeros((0, PRINTS), np.float16)
        self.level_count: NDArray[np.uint8] = np.zeros((0, PRINTS), np.uint8)
        self.age: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.is_settled: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.is_held: NDArray[np.bool_] = np.zeros(0, np.bool_)

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in self._columns().values())

    def grow(self, count: int) -> None:
        """Rows for so many tags; new ones blank."""
        blank = {"segment": -1, "weight": NEVER, "book": -1, "believed": -1}
        had = len(self.book)
        if count > had:
            room = room_for(count, had)
            for name, old in self._columns().items():
                column = np.empty((room, *old.shape[1:]), old.dtype)
                column[:had], column[had:] = old, blank.get(name, 0)
                setattr(self, name, column)
        self.count = count

    def begin(self, rows: NDArray[np.integer[Any]], segment: NDArray[np.int32], gone: float) -> None:
        """Forget all but the book place and the tag's own loudness: it stands in `segment`, or is gone with that log
        probability."""
        self.segment[rows] = -1
        self.weight[rows] = NEVER
        self.segment[rows, 0] = segment
        self.weight[rows, 0] = np.where(segment >= 0, np.log1p(-np.exp(gone)), NEVER)
        self.gone[rows] = gone
        self.believed[rows] = segment
        self.leave(rows)
        self.age[rows] = 0
        self.silence[rows] = 0.0
        self.is_settled[rows] = False

    def miss(self, rows: NDArray[np.integer[Any]]) -> None:
        """They begin as ones that were looked for in vain: gone, by all that is known."""
        self.gone[rows] = 0.0
        self.weight[rows, 0] = np.log(0.01)

    def leave(self, rows: NDArray[np.integer[Any]]) -> None:
        """They stand somewhere else now: what their old place was like says nothing."""
        self.rounds_there[rows] = 0
        self.hits_there[rows] = 0
        self.level_count[rows] = 0
        # how loud it is was learnt under a belief that may have been wrong from the first
        kept = np.where(self.age[rows] >= LONG_AGE, _KEPT_READS, 0)
        self.bias_count[rows] = np.minimum(self.bias_count[rows], kept)
        self.age[rows] = 1

    def is_surer(self, rows: NDArray[np.integer[Any]], than: float) -> NDArray[np.bool_]:
        """(m,) whether any candidate's log probability is above `than`, below 0; of a row of NaN none is."""
        found: NDArray[np.bool_] = _greatest(self._weight_bits(rows)) > np.float16(than)
        return found

    def own_weight(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """(m,) log probability of the segment each is thought to stand in, -inf where that is no candidate."""
        segment = np.ascontiguousarray(self.segment.take(rows, axis=0).T)
        own = np.where(segment == self.believed.take(rows), self._weight_bits(rows), _LEAST)
        return _greatest(own).astype(np.float32)

    def _weight_bits(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint16]:
        return np.ascontiguousarray(self.weight.take(rows, axis=0).view(np.uint16).T)

    def shift(self, rows: NDArray[np.integer[Any]], segment: NDArray[np.int32], by: NDArray[np.int64]) -> None:
        """They stood in `segment` (m,) all along, `by` (m,) steps further along the line than was believed: a print is
        kept by the antennas it is of, and what was made of them under the old belief is forgotten."""
        self.believed[rows] = segment
        offset = np.arange(PRINTS) - by[:, None]
        is_kept = (offset >= 0) & (offset < PRINTS)
        for column in (self.hits_there, self.level_dbm, self.level_count):
            column[rows] = np.where(is_kept, column[rows[:, None], np.where(is_kept, offset, 0)], 0)
        self.bias_db[rows] = 0
        self.bias_count[rows] = 0
        self.age[rows] = np.minimum(self.age[rows], 1 + np.minimum(self.hits_there[rows, PRINT_REACH], 254))

    def known(self, rows: NDArray[np.integer[Any]]) -> Known:
        """What is known of these."""
        learnt: tuple[NDArray[Any], ...] = (
            self.bias_db,
            self.bias_count,
            self.level_dbm,
            self.level_count,
            self.rounds_there,
            self.hits_there,
        )
        of_rows = (column.take(rows, axis=0).astype(np.float32) for column in learnt)
        return Known(self.believed.take(rows), *of_rows)

    def prints(self, rows: NDArray[np.integer[Any]]) -> Prints:
        """What was learnt of these where each stands."""
        learnt: tuple[NDArray[Any], ...] = (
            self.rounds_there,
            self.hits_there,
            self.level_dbm,
            self.level_count,
            self.age,
        )
        return Prints(*(column[rows] for column in learnt))

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot."""
        return {name: column[: self.count].copy() for name, column in self._columns().items()}

    def restore(self, columns: Mapping[str, NDArray[Any]], to_new: NDArray[np.int32]) -> None:
        """Fill grown rows from a snapshot; to_new (old segments + 1,) int32 old -> new, -1 gone and last."""
        for name, column in self._columns().items():
            if name not in columns and name in LATER:
                continue
            value = columns[name]
            column[: self.count] = to_new[value] if name in _SEGMENTS else value
        self.weight[self.segment < 0] = NEVER
        lost = ((self.believed < 0) & ~self.is_held).nonzero()[0]
        self.begin(lost, self.book[lost], np.log(0.5))

    def _columns(self) -> dict[str, NDArray[Any]]:
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}


def _greatest(bits: NDArray[np.uint16]) -> NDArray[np.float16]:
    """(m,) of the float16 with these bits (k, m) the greatest, where none is above 0; NaN where all are. Read as
    integers, floats below 0 are in the opposite order, and 0 is before them: six times as fast as to compare floats of
    two bytes."""
    found: NDArray[np.float16] = bits.min(axis=0).view(np.float16)
    return found
