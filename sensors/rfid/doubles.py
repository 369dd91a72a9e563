"""One EPC on two tags: read at two places too far apart for one, again and again, in the same rounds.

A tag that is carried is read here and then there. One that is read here, there, and here again, each time within three
rounds of the place it was read in before, and as loud as what stands there, is two.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.locate import Closed
from sensors.rfid.neighbourhood import REACH, Neighbourhood
from sensors.rfid.open_reads import Tallies
from sensors.rfid.radio import Radio

TURNS = 8  # from one place to the other: four cycles; nobody carries a volume there and back so often, so fast
GAP = 2  # rounds in a row in which the antenna of either place may miss it
STALE = 6  # rounds of either antenna without it: it was a single one
AS_LOUD_DB = 12.0  # below the usual level before the antenna, loudness of the tag taken off: a reflection is weaker
MOST = 4096  # tags watched at once: more of them is no forgery but a cable, and told as that
_TYPES = {
    "double_row": np.int64,
    "double_one": np.int32,
    "double_other": np.int32,
    "double_one_until": np.int64,
    "double_other_until": np.int64,
    "double_turns": np.int32,
    "double_is_at_one": np.bool_,
}


class Watched(NamedTuple):
    """Columns over the tags that were read out of reach of where they were believed, by row.

    one, other (n,) int32 segments; one_until, other_until (n,) int64 rounds of their antennas up to the last read in
    them; turns (n,) int32 from one to the other without a gap; is_at_one (n,) bool where it was read last
    """

    row: NDArray[np.int64]
    one: NDArray[np.int32]
    other: NDArray[np.int32]
    one_until: NDArray[np.int64]
    other_until: NDArray[np.int64]
    turns: NDArray[np.int32]
    is_at_one: NDArray[np.bool_]

    def where(self, keep: NDArray[Any]) -> "Watched":
        """Some of them, by mask or index."""
        columns: tuple[NDArray[Any], ...] = self
        return Watched(*(column[keep] for column in columns))


class Doubles:
    """Few tags at any time; nothing is kept of the others."""

    def __init__(self, beside: Neighbourhood) -> None:
        self._beside = beside
        self._watched = Watched(*(np.zeros(0, kind) for kind in _TYPES.values()))

    @property
    def watched(self) -> Watched:
        """Those that may be two; TURNS of them: that are."""
        return self._watched

    def forget(self, rows: NDArray[np.integer[Any]]) -> None:
        """These are not watched, whatever was heard of them."""
        self._watched = self._watched.where(~np.isin(self._watched.row, rows))

    def listen(
        self,
        reads: Tallies,
        is_far: NDArray[np.bool_],
        believed: NDArray[np.int32],
        bias_db: NDArray[np.floating[Any]],
        rounds_total: NDArray[np.int64],
        at: Closed,
        radio: Radio,
    ) -> None:
        """Take in reads (m,) of rounds that have closed.

        is_far (m,) read out of reach of where the tag is believed; believed, bias_db (tags,); rounds_total (s,) rounds
        of each antenna with those that closed now
        """
        if not len(self._watched.row) and not is_far.any():
            return
        concerned = (is_far | np.isin(reads.row, self._watched.row)).nonzero()[0]
        reads, is_far = reads.where(concerned), is_far[concerned]
        least_dbm = radio.level_dbm[reads.segment, REACH] + bias_db[reads.row] - AS_LOUD_DB
        is_loud = reads.rssi_dbm >= least_dbm  # a level that was not told is none
        reads, is_far = reads.where(is_loud), is_far[is_loud]
        self._turn(reads, rounds_total, np.append(at.rounds, 0)[at.nth[:-1]])
        self._watch(reads.where(is_far), believed, rounds_total)

    def _turn(self, reads: Tallies, rounds_total: NDArray[np.int64], closed: NDArray[np.int64]) -> None:
        was = self._watched
        if not len(was.row):
            return
        at = np.minimum(np.searchsorted(was.row, reads.row), len(was.row) - 1)
        is_its = was.row[at] == reads.row
        in_one, in_other = np.zeros((2, len(was.row)), np.bool_)
        in_one[at[is_its & (was.one[at] == reads.segment)]] = True
        in_other[at[is_its & (was.other[at] == reads.segment)]] = True
        missed_one = rounds_total[was.one] - was.one_until
        missed_other = rounds_total[was.other] - was.other_until
        goes_on = (~in_one | (missed_one - closed[was.one] <= GAP)) & (
            ~in_other | (missed_other - closed[was.other] <= GAP)
        )
        turned = np.where(in_one & in_other, 2, (in_one & ~was.is_at_one) | (in_other & was.is_at_one))
        self._watched = was._replace(
            one_until=np.where(in_one, rounds_total[was.one], was.one_until),
            other_until=np.where(in_other, rounds_total[was.other], was.other_until),
            turns=np.where(goes_on, was.turns + turned, 0).astype(np.int32),
            is_at_one=np.where(in_one == in_other, was.is_at_one, in_one),
        ).where(
            (in_one | (missed_one - closed[was.one] <= STALE))
            & (in_other | (missed_other - closed[was.other] <= STALE))
        )

    def _watch(self, reads: Tallies, believed: NDArray[np.int32], rounds_total: NDArray[np.int64]) -> None:
        """Those not watched yet, as many as there is room for: the first place of each that is far apart."""
        is_new = ~np.isin(reads.row, self._watched.row)
        row, segment = reads.row[is_new], reads.segment[is_new]
        one = believed[row]
        apart = (one >= 0) & self._beside.is_apart(one, segment)
        row, first = np.unique(row[apart], return_index=True)
        room = MOST - len(self._watched.row)
        row, first = row[:room], first[:room]
        if not len(row):
            return
        one, other = one[apart][first], segment[apart][first]
        new = Watched(
            row.astype(np.int64),
            one,
            other,
            rounds_total[one] - GAP,
            rounds_total[other],
            np.zeros(len(row), np.int32),
            np.zeros(len(row), np.bool_),
        )
        pairs: tuple[tuple[NDArray[Any], NDArray[Any]], ...] = tuple(zip(self._watched, new, strict=True))
        joined = Watched(*(np.concatenate(pair) for pair in pairs))
        self._watched = joined.where(np.argsort(joined.row, kind="stable"))

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot."""
        columns: tuple[NDArray[Any], ...] = self._watched
        return {name: column.copy() for name, column in zip(_TYPES, columns, strict=True)}

    def restore(
        self,
        columns: Mapping[str, NDArray[Any]],
        remap: NDArray[np.int32],
        tags: int,
    ) -> None:
        """Those of a snapshot in another layout. remap (old segments,) int32 old -> new, -1 gone; tags, how many rows.

        Snapshots of before kept none. Raises ValueError for columns that do not fit together.
        """
        if not columns.keys() & _TYPES.keys():
            return
        length = len(next(columns[name] for name in _TYPES if name in columns))
        for name, kind in _TYPES.items():
            column = columns.get(name)
            if column is None or column.shape != (length,) or column.dtype != kind:
                raise ValueError(f"snapshot: {name} is missing or no {kind.__name__} ({length},)")
        for name, end in (("double_row", tags), ("double_one", len(remap)), ("double_other", len(remap))):
            if length and (columns[name].min() < 0 or columns[name].max() >= end):
                raise ValueError(f"snapshot: {name} points outside 0..{end - 1}")
        watched = Watched(*(columns[name] for name in _TYPES))
        if (np.diff(watched.row) <= 0).any():
            raise ValueError("snapshot: double_row does not ascend")
        one, other = remap[watched.one], remap[watched.other]
        self._watched = watched._replace(one=one, other=other).where((one >= 0) & (other >= 0))
