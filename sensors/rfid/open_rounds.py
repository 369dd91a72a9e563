"""Reads that wait for their antenna's round to close, by segment."""

import numpy as np
from numpy.typing import NDArray

_FOLD_ABOVE = 65_536  # reads of one segment: past that they are folded to one per tag, so a round may last for ever

Columns = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]


class OpenRounds:
    """Reads since each antenna last completed a round. Bounded by the number of tags, never by time."""

    def __init__(self, segments: int) -> None:
        self._segments = segments
        self._waiting: dict[int, list[Columns]] = {}
        self._length: dict[int, int] = {}

    def add(
        self,
        rows: NDArray[np.int32],
        segment: NDArray[np.int32],
        rssi_dbm: NDArray[np.float32],
        count: NDArray[np.uint16],
    ) -> None:
        """Keep the reads of known tags (n,); those of no segment say only that the tag is alive."""
        if not len(rows):
            return
        first = int(segment[0])
        if (segment == first).all():
            self._keep(first, (rows, count.astype(np.int64), rssi_dbm))
            return
        order = np.argsort(segment, kind="stable")
        bounds = np.flatnonzero(np.diff(segment[order])) + 1
        for part in np.split(order, bounds):
            self._keep(int(segment[part[0]]), (rows[part], count[part].astype(np.int64), rssi_dbm[part]))

    def close(self, segment: int) -> Columns:
        """Rows read in the open round, ascending and once each, with summed counts and mean RSSI (NaN unknown)."""
        self._length.pop(segment, None)
        waiting = self._waiting.pop(segment, None)
        if waiting is None:
            return np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float32)
        return _folded(waiting)

    def _keep(self, segment: int, reads: Columns) -> None:
        if not 0 <= segment < self._segments:
            return
        waiting = self._waiting.setdefault(segment, [])
        waiting.append(reads)
        length = self._length.get(segment, 0) + len(reads[0])
        if length > _FOLD_ABOVE:
            waiting[:] = [_folded(waiting)]
            # counted from zero again: a round with more tags than the bound must not fold at every batch
            length = 0
        self._length[segment] = length


def _folded(waiting: list[Columns]) -> Columns:
    if len(waiting) == 1:  # a reader that reports each tag once a round: nothing to add up
        rows, count, rssi = waiting[0]
        order = np.argsort(rows)
        ascending = rows[order]
        if (ascending[1:] > ascending[:-1]).all():
            return ascending, count[order], rssi[order]
    rows, position = np.unique(np.concatenate([reads[0] for reads in waiting]), return_inverse=True)
    count = np.concatenate([reads[1] for reads in waiting])
    rssi = np.concatenate([reads[2] for reads in waiting])
    is_told = ~np.isnan(rssi)
    weight = np.bincount(position[is_told], weights=count[is_told], minlength=len(rows))
    level = np.bincount(position[is_told], weights=(rssi * count)[is_told], minlength=len(rows))
    mean = np.full(len(rows), np.nan, dtype=np.float32)
    np.divide(level, weight, out=mean, where=weight > 0, casting="same_kind")
    total = np.bincount(position, weights=count, minlength=len(rows)).astype(np.int64)
    return rows, total, mean
