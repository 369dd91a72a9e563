"""Which tags are believed to stand in each segment, so that a round need not look at all tags."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.integer[Any]]
_NONE: NDArray[np.int64] = np.zeros(0, np.int64)
_ROW_BITS = 32


def distinct(rows: Index, count: int) -> NDArray[np.int64]:
    """Rows 0..count-1 once each, ascending: marking them takes a tenth of the time of a sort."""
    is_one = np.zeros(count, np.bool_)
    is_one[rows] = True
    return is_one.nonzero()[0]


class United(NamedTuple):
    """rows (n,) once each, ascending; is_read (n,) which of them were; place (m,) of each read among them."""

    rows: NDArray[np.int64]
    is_read: NDArray[np.bool_]
    place: NDArray[np.int64]


def united(read: NDArray[np.int32], *others: Index) -> United:
    """Rows below 2^30 that were read (m,), ascending, some perhaps twice, and others in any order: what it takes does
    not depend on how many tags there are."""
    is_first = np.append(True, read[1:] != read[:-1])[: len(read)]
    keys = np.concatenate([read[is_first] << 1 | 1, *(rows << 1 for rows in others)]).astype(np.int32)
    keys.sort(kind="stable")  # mostly runs already
    row = keys >> 1
    is_last = np.append(row[1:] != row[:-1], True)[: len(row)]  # of one row the read is the last
    is_read = (keys[is_last] & 1).astype(np.bool_)
    return United(row[is_last].astype(np.int64), is_read, is_read.nonzero()[0].take(is_first.cumsum() - 1))


class Members:
    """Rows by believed segment, ascending."""

    def __init__(self, segments: int) -> None:
        self._rows: list[NDArray[np.int64]] = [_NONE] * segments

    def of(self, segments: Index) -> NDArray[np.int64]:
        """Rows of some segments, none twice, one segment after the other."""
        found = [self._rows[segment] for segment in segments.tolist()]
        return np.concatenate(found) if found else _NONE

    def fill(self, believed: NDArray[np.int32]) -> None:
        """Begin anew from the believed segment of every row, -1 none."""
        order = np.argsort(believed, kind="stable")
        bounds = np.searchsorted(believed[order], np.arange(len(self._rows) + 1))
        self._rows = [order[bounds[i] : bounds[i + 1]] for i in range(len(self._rows))]

    def move(self, rows: Index, before: NDArray[np.int32], after: NDArray[np.int32]) -> None:
        """Some rows, none twice, are believed elsewhere than `before`; -1 is nowhere."""
        changed = distinct(np.concatenate([before, after]) + 1, len(self._rows) + 1) - 1
        changed = changed[changed >= 0]
        held = [self._rows[segment] for segment in changed.tolist()]
        if not held:
            return
        stood = np.repeat(changed, [len(part) for part in held]) << _ROW_BITS | np.concatenate(held)
        leave = np.searchsorted(stood, _keys(rows, before))
        stand = np.sort(np.concatenate([np.delete(stood, leave), _keys(rows, after)]))
        bounds = np.searchsorted(stand, np.append(changed, len(self._rows)) << _ROW_BITS).tolist()
        row = stand & ((1 << _ROW_BITS) - 1)
        for nth, segment in enumerate(changed.tolist()):
            self._rows[segment] = row[bounds[nth] : bounds[nth + 1]]


def _keys(rows: Index, segment: NDArray[np.int32]) -> NDArray[np.int64]:
    """Of those that stand anywhere: by segment, and by row in it."""
    placed = (segment >= 0).nonzero()[0]
    return segment[placed].astype(np.int64) << _ROW_BITS | rows[placed]
