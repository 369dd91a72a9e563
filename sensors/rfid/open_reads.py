"""Reads whose antenna has not yet closed its round, and what they come to when it has."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_FOLD_ABOVE = 65_536  # reads: past that they are folded to one per tag and antenna, so a round may last for ever
_LEVELS_A_DB = 100  # sums of whole hundredths, so that it does not matter when they are folded
_TYPES = {
    "open_row": np.int32,
    "open_segment": np.int32,
    "open_times": np.int64,
    "open_told": np.int64,
    "open_level": np.int64,
}


class Tallies(NamedTuple):
    """How often each tag was read in a round.

    row, segment (m,) int32; times (m,) int64; told (m,) int64: of those with a signal strength; level (m,) int64: the
    sum of their strengths in hundredths of a dBm
    """

    row: NDArray[np.int32]
    segment: NDArray[np.int32]
    times: NDArray[np.int64]
    told: NDArray[np.int64]
    level: NDArray[np.int64]

    @property
    def rssi_dbm(self) -> NDArray[np.float32]:
        """(m,) mean strength, NaN unknown."""
        mean = np.full(len(self.row), np.nan, dtype=np.float32)
        np.divide(self.level, self.told * _LEVELS_A_DB, out=mean, where=self.told > 0, casting="same_kind")
        return mean

    def where(self, keep: NDArray[Any]) -> "Tallies":
        """Some of them, by mask or by index."""
        columns: tuple[NDArray[Any], ...] = self
        return Tallies(*(column[keep] for column in columns))


def tallied(
    row: NDArray[np.int32], segment: NDArray[np.int32], times: NDArray[np.uint16], rssi_dbm: NDArray[np.float32]
) -> Tallies:
    """Reads (n,) as they came; rssi_dbm NaN where unknown."""
    count = times.astype(np.int64)
    is_told = ~np.isnan(rssi_dbm)
    level = np.where(is_told, np.rint(rssi_dbm * np.float32(_LEVELS_A_DB)), np.float32(0)).astype(np.int64)
    return Tallies(row, segment, count, count * is_told, count * level)


class OpenReads:
    """Bounded by the number of tags, never by time."""

    def __init__(self) -> None:
        self._held = Tallies(*(np.zeros(0, kind) for kind in _TYPES.values()))
        self._folded_to = 0

    def settle(self, reads: Tallies, mark: NDArray[np.int32], closing: NDArray[np.int32]) -> Tallies:
        """Take new reads, which need not be folded, and give out those whose round has closed.

        mark (n,) how many rounds had closed before each; closing (segments + 1,) the place of each segment's round in
        the order of closing, -1 still open. Reads of no segment (-1) are of no round.
        """
        was_closed = closing.take(self._held.segment) >= 0
        is_closed = closing.take(reads.segment) >= mark
        done = _joined(self._held.where(was_closed), reads.where(is_closed))
        self._held = _joined(self._held.where(~was_closed), reads.where(~is_closed & (reads.segment >= 0)))
        # counted from the last folding: more tags than the bound must not be folded each time
        if len(self._held.row) > self._folded_to + _FOLD_ABOVE:
            self._held = _folded(self._held)
            self._folded_to = len(self._held.row)
        self._folded_to = min(self._folded_to, len(self._held.row))
        return _folded(done)

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot."""
        columns: tuple[NDArray[Any], ...] = self._held
        return {name: column.copy() for name, column in zip(_TYPES, columns, strict=True)}

    @classmethod
    def from_columns(cls, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32], tags: int) -> "OpenReads":
        """Those of a snapshot in another layout. remap (old segments,) int32 old -> new, -1 gone; tags, how many rows.

        Snapshots of before kept no open reads. Raises ValueError for columns that do not fit together.
        """
        made = cls()
        if not columns.keys() & _TYPES.keys():
            return made
        length = len(next(columns[name] for name in _TYPES if name in columns))
        for name, kind in _TYPES.items():
            column = columns.get(name)
            if column is None or column.shape != (length,) or column.dtype != kind:
                raise ValueError(f"snapshot: {name} is missing or no {kind.__name__} ({length},)")
        for name, end in (("open_row", tags), ("open_segment", len(remap))):
            if length and (columns[name].min() < 0 or columns[name].max() >= end):
                raise ValueError(f"snapshot: {name} points outside 0..{end - 1}")
        held = Tallies(*(columns[name] for name in _TYPES))
        moved = held._replace(segment=remap[held.segment])
        made._held = moved.where(moved.segment >= 0)
        return made


def _joined(one: Tallies, other: Tallies) -> Tallies:
    if not len(one.row) or not len(other.row):
        return one if len(one.row) else other
    pairs: tuple[tuple[NDArray[Any], NDArray[Any]], ...] = tuple(zip(one, other, strict=True))
    return Tallies(*(np.concatenate(pair) for pair in pairs))


def _folded(reads: Tallies) -> Tallies:
    if not len(reads.row):
        return reads
    key = (reads.row.astype(np.int64) << 32) | reads.segment
    order = key.argsort(kind="stable")
    key = key[order]
    is_first = np.append(True, key[1:] != key[:-1])
    reads = reads.where(order)
    if is_first.all():  # readers that report each tag once a round
        return reads
    first = is_first.nonzero()[0]
    times, told, level = (np.add.reduceat(column, first) for column in (reads.times, reads.told, reads.level))
    return Tallies(reads.row[first], reads.segment[first], times, told, level)
