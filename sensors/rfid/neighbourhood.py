"""Which segments stand beside which along a face: how far an antenna's neighbours are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

REACH = 5  # segments: what reads a tag from further away is a reflection, whatever the geometry
OFFSETS = 2 * REACH + 1
FAR = OFFSETS  # column of everything out of reach

Index = NDArray[np.integer[Any]]


class Neighbourhood:
    """Built once per layout from `config.places`.

    near (segments + 1, OFFSETS) int32: the segment `column - REACH` steps along the line, `segments` where there is
    none; its last row, for no antenna, has none at all
    """

    def __init__(self, line: NDArray[np.int32], position: NDArray[np.int32]) -> None:
        count = len(line)
        self._line, self._position = np.append(line, np.int32(-1)), position
        stretch = int(position.max(initial=0)) + REACH + 2
        # one coordinate for all lines, with gaps between them that nothing reaches across; none lies beyond them all
        coordinate = line.astype(np.int64) * stretch + position
        beyond = coordinate.max(initial=0) + 2 * stretch
        self._coordinate: NDArray[np.int64] = np.append(coordinate, beyond)
        self.near: NDArray[np.int32] = np.full((count + 1, OFFSETS), count, dtype=np.int32)
        order = np.argsort(coordinate, kind="stable")
        self.near[:count, REACH] = np.arange(count)
        for step in range(1, min(REACH + 1, count)):
            left, right = order[:-step], order[step:]
            beside = coordinate[right] - coordinate[left] == step
            self.near[left[beside], REACH + step] = right[beside]
            self.near[right[beside], REACH - step] = left[beside]

    def __len__(self) -> int:
        return len(self.near) - 1

    def is_apart(self, one: Index, other: Index) -> NDArray[np.bool_]:
        """(n,) whether no antenna reads both: neither on one face, nor on faces back to back or across an aisle, within
        REACH. Faces are numbered in the order they stand."""
        far = np.abs(self._position.take(one) - self._position.take(other)) > REACH
        apart: NDArray[np.bool_] = far | (np.abs(self._line.take(one) - self._line.take(other)) > 1)
        return apart

    def mates(self, segments: Index) -> NDArray[np.int64]:
        """Every segment on the lines of these, ascending."""
        line = self._line[:-1]
        is_theirs = np.zeros(line.max(initial=-1) + 1, np.bool_)
        is_theirs[line.take(segments)] = True
        found: NDArray[np.int64] = is_theirs.take(line).nonzero()[0]
        return found

    def is_astray(self, home: Index, segment: Index) -> NDArray[np.bool_]:
        """(n,) whether any of the segments (n, k), -1 is none, is on another line than home (n,), -1 on none."""
        line = self._line
        off: NDArray[np.bool_] = (line.take(segment) != line.take(home)[:, None]) & (segment >= 0)
        found: NDArray[np.bool_] = np.ascontiguousarray(off.T).max(axis=0)
        return found

    def column(self, antenna: Index, segment: Index) -> NDArray[np.int64]:
        """Where a segment stands in an antenna's row of `near`, FAR out of reach; -1 and `segments` are none."""
        apart = self._coordinate.take(segment) - self._coordinate.take(antenna) + REACH
        # read without a sign what lies before the row is as far as what lies beyond it
        return np.minimum(apart.view(np.uint64), FAR).view(np.int64)
