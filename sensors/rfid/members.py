"""Which tags are believed to stand in each segment, so that a round need not look at all tags."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.integer[Any]]
_NONE: NDArray[np.int64] = np.zeros(0, np.int64)


def distinct(rows: Index) -> NDArray[np.int64]:
    """The rows once each, ascending: a sort of integers takes a third of the time of `np.unique`, which hashes."""
    found = np.sort(rows.astype(np.int64))
    return found[np.append(True, found[1:] != found[:-1])] if len(found) else found


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
        """Some rows, none twice, are believed elsewhere; -1 is nowhere."""
        for segment, leaving in _by_segment(rows, before):
            self._rows[segment] = np.setdiff1d(self._rows[segment], leaving, assume_unique=True)
        for segment, coming in _by_segment(rows, after):
            self._rows[segment] = np.union1d(self._rows[segment], coming)


def _by_segment(rows: Index, segment: NDArray[np.int32]) -> list[tuple[int, NDArray[np.int64]]]:
    placed = (segment >= 0).nonzero()[0]
    placed = placed[np.argsort(segment[placed], kind="stable")]
    names, first = np.unique(segment[placed], return_index=True)
    parts = np.split(rows[placed].astype(np.int64), first[1:])
    return list(zip(names.tolist(), parts, strict=True)) if len(names) else []
