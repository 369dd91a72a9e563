"""The catalogue and what is known of each volume, in columns: one row a volume, in the order they were catalogued."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edge.state.facts import CataloguedVolume, Status

STATUSES: tuple[Status, ...] = get_args(Status)
UNSEEN, PRESENT, MISPLACED, MISSING = range(4)
NOWHERE = -1

Column = Literal["status", "place", "book"]


class Volumes:
    """Rows only grow; a volume keeps its row for ever.

    status (n,) uint8 index into STATUSES; place, book (n,) int32 segment index of this layout, NOWHERE when none.
    """

    def __init__(self) -> None:
        self.lines: list[CataloguedVolume] = []
        self.row: dict[str, int] = {}
        self.row_of_epc: dict[str, int] = {}
        self._status = np.zeros(1024, np.uint8)
        self._place = np.full(1024, NOWHERE, np.int32)
        self._book = np.full(1024, NOWHERE, np.int32)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def status(self) -> NDArray[np.uint8]:
        return self._status[: len(self.lines)]

    @property
    def place(self) -> NDArray[np.int32]:
        return self._place[: len(self.lines)]

    @property
    def book(self) -> NDArray[np.int32]:
        return self._book[: len(self.lines)]

    def catalogue(self, line: CataloguedVolume, book: int) -> int:
        """Add the line or replace the volume's old one; status and place of a known volume stay. Returns its row."""
        row = self.row.get(line.volume)
        if row is None:
            row = len(self.lines)
            if row == len(self._status):
                self._grow()
            self.row[line.volume] = row
            self.lines.append(line)
        else:
            self.row_of_epc.pop(self.lines[row].epc, None)
            self.lines[row] = line
        self.row_of_epc[line.epc] = row
        self._book[row] = book
        return row

    def stand(self, volume: str, status: int, place: int) -> None:
        """The volume's status and place from now on."""
        row = self.row[volume]
        self._status[row] = status
        self._place[row] = place

    def _grow(self) -> None:
        more = len(self._status)
        self._status = np.concatenate([self._status, np.zeros(more, np.uint8)])
        self._place = np.concatenate([self._place, np.full(more, NOWHERE, np.int32)])
        self._book = np.concatenate([self._book, np.full(more, NOWHERE, np.int32)])
