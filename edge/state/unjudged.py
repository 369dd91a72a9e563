"""Tags whose belief may have changed, in the order in which that was noticed, until each is thought over."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
_NONE: Rows = np.zeros(0, np.int64)


class Unjudged:
    """Rows of the evidence, each once; what a row takes does not depend on how many wait."""

    def __init__(self, rows: Rows = _NONE) -> None:
        self._parts: deque[Rows] = deque()
        self._waits: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._count = 0
        self.add(rows)

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes held in arrays."""
        return self._waits.nbytes + sum(part.nbytes for part in self._parts)

    @property
    def rows(self) -> Rows:
        """A copy of all that wait, the first in front."""
        return np.concatenate([_NONE, *self._parts])

    def add(self, rows: Rows) -> None:
        """These wait too, behind the others; rows (n,) none twice, those that wait already keep their place."""
        if not len(rows):
            return
        end = int(rows.max()) + 1
        if end > len(self._waits):
            grown = np.zeros(end + end // 8, np.bool_)
            grown[: len(self._waits)] = self._waits
            self._waits = grown
        new = rows[~self._waits.take(rows)]
        if len(new):
            self._waits[new] = True
            self._parts.append(new)
            self._count += len(new)

    def take(self, most: int) -> Rows:
        """The first ones, as many as wait and at most so many; they wait no more."""
        taken: list[Rows] = []
        left = most
        while left and self._parts:
            part = self._parts.popleft()
            taken.append(part[:left])
            if len(part) > left:
                self._parts.appendleft(part[left:])
            left -= len(taken[-1])
        rows = np.concatenate([_NONE, *taken])
        self._waits[rows] = False
        self._count -= len(rows)
        return rows
