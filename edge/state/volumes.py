"""The catalogue and what is known of each volume, in columns: one row a volume, in the order they were catalogued."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.catalogued import CataloguedVolume
from edge.state.facts import Status

STATUSES: tuple[Status, ...] = get_args(Status)
UNSEEN, PRESENT, MISPLACED, MISSING, IN_TRANSIT = range(5)
NO_CUSTODY, HELD, PLACED = range(3)
NOWHERE = -1

_Scalar = TypeVar("_Scalar", np.uint8, np.int32)


class Tally(NamedTuple):
    """Volumes by segment. booked (s,) that belong there and stand somewhere; standing (s,) that stand there; known (s,)
    whose book place or last known place it is, missing ones too; away: those misplaced, by book and by place."""

    booked: NDArray[np.int64]
    standing: NDArray[np.int64]
    known: NDArray[np.int64]
    away: Mapping[tuple[int, int], int]


class Volumes:
    """Rows only grow; a volume keeps its row for ever.

    status (n,) uint8 index into STATUSES; place, book (n,) int32 segment index of this layout, NOWHERE when none;
    tag (n,) int32 row of the volume's tag in the evidence; custody (n,) uint8: NO_CUSTODY, HELD by somebody, or PLACED
    by somebody and not confirmed by a read yet. `of_tag` (t,) int32 is the way back, NOWHERE for a tag whose
    volume has another one by now.
    """

    def __init__(self) -> None:
        self.lines: list[CataloguedVolume] = []
        self.row: dict[str, int] = {}
        self._status = np.zeros(1024, np.uint8)
        self._place = np.full(1024, NOWHERE, np.int32)
        self._book = np.full(1024, NOWHERE, np.int32)
        self._tag = np.full(1024, NOWHERE, np.int32)
        self._custody = np.zeros(1024, np.uint8)
        self._of_tag = np.full(1024, NOWHERE, np.int32)
        self._tally: Tally | None = None

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

    @property
    def tag(self) -> NDArray[np.int32]:
        return self._tag[: len(self.lines)]

    @property
    def custody(self) -> NDArray[np.uint8]:
        return self._custody[: len(self.lines)]

    def of_tags(self, tags: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """Volume row of each evidence row, NOWHERE where no volume carries that tag any more."""
        # a tag that was given up before a restart is in the evidence and on no volume
        is_known = tags < len(self._of_tag)
        rows: NDArray[np.int32] = np.where(is_known, self._of_tag.take(tags * is_known), np.int32(NOWHERE))
        return rows

    def catalogue(self, lines: Sequence[CataloguedVolume], book: NDArray[np.int32], tag: NDArray[np.int32]) -> None:
        """Add the lines or replace their volumes' old ones; status and place of a known volume stay.

        book, tag (n,): the lines' book places and evidence rows. No volume twice.
        """
        if self.row.keys().isdisjoint(line.volume for line in lines):
            first = len(self.lines)
            self.lines += lines
            rows = np.arange(first, len(self.lines), dtype=np.int32)
            self.row.update(zip((line.volume for line in lines), range(first, len(self.lines)), strict=True))
        else:
            rows = np.array([self._take_in(line) for line in lines], np.int32)
        while len(self.lines) > len(self._status):
            self._status = _doubled(self._status, UNSEEN)
            self._place = _doubled(self._place, NOWHERE)
            self._book = _doubled(self._book, NOWHERE)
            self._tag = _doubled(self._tag, NOWHERE)
            self._custody = _doubled(self._custody, NO_CUSTODY)
        while len(tag) and tag.max() >= len(self._of_tag):
            self._of_tag = _doubled(self._of_tag, NOWHERE)
        self._tally = None
        self._book[rows] = book
        self._tag[rows] = tag
        self._of_tag[tag] = rows

    def tally(self, segments: int) -> Tally:
        """Counted over all volumes when one of them has changed since, else as it was."""
        if self._tally is None or len(self._tally.booked) != segments:
            self._tally = self._counted(segments)
        return self._tally

    def _counted(self, segments: int) -> Tally:
        def by_segment(segment: NDArray[np.int32]) -> NDArray[np.int64]:
            return np.bincount(segment + 1, minlength=segments + 1)[1:].astype(np.int64)  # NOWHERE is the first

        place, book = self.place, self.book
        is_placed = (self.status == PRESENT) | (self.status == MISPLACED)
        rows = ((self.status == MISPLACED) & (book != NOWHERE) & (place != NOWHERE)).nonzero()[0]
        cells, times = np.unique(book[rows].astype(np.int64) * segments + place[rows], return_counts=True)
        away = {divmod(cell, segments): count for cell, count in zip(cells.tolist(), times.tolist(), strict=True)}
        known = by_segment(book) + by_segment(np.where(place == book, NOWHERE, place).astype(np.int32))
        return Tally(by_segment(book[is_placed]), by_segment(place[is_placed]), known, away)

    def line(self, volume: str) -> CataloguedVolume | None:
        """The volume's line, None for a volume that is not in the catalogue."""
        row = self.row.get(volume)
        return None if row is None else self.lines[row]

    def completed(self, line: CataloguedVolume) -> CataloguedVolume:
        """The line as it would stand in the catalogue: a thickness it does not tell stays what it was, and so does the
        chip of a tag that stays."""
        known = None if line.thickness_mm and line.tid else self.line(line.volume)
        if known is None:
            return line
        tid = line.tid or (known.tid if known.epc == line.epc else "")
        return msgspec.structs.replace(line, thickness_mm=line.thickness_mm or known.thickness_mm, tid=tid)

    def _take_in(self, line: CataloguedVolume) -> int:
        row = self.row.setdefault(line.volume, len(self.lines))
        if row == len(self.lines):
            self.lines.append(line)
        else:
            self._of_tag[self._tag[row]] = NOWHERE
            self.lines[row] = line
        return row

    def stand(self, volume: str, status: int, place: int) -> None:
        """The volume's status and place from now on."""
        row = self.row[volume]
        self._tally = None
        self._status[row] = status
        self._place[row] = place

    def entrust(self, volume: str, custody: int) -> None:
        """Whether the volume is held, or placed and not confirmed, from now on."""
        self._custody[self.row[volume]] = custody


def _doubled(column: NDArray[_Scalar], fill: int) -> NDArray[_Scalar]:
    return np.concatenate([column, np.full(len(column), fill, column.dtype)])
