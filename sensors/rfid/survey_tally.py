"""What each antenna read of the reference tags since a survey began."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.epc_table import EpcTable
from sensors.rfid.heard import Heard
from sensors.rfid.open_reads import OpenReads, Tallies, tallied

_BY_ANTENNA = {"survey_rounds": np.int64, "survey_others": np.int64, "survey_has_begun": np.bool_}
_BY_PAIR = {
    "survey_antenna": np.int32,
    "survey_tag": np.int32,
    "survey_hits": np.int64,
    "survey_level_sum": np.int64,
    "survey_level_count": np.int64,
}


class SurveyTally:
    """Bounded by the pairs of an antenna and a reference tag it can read. Antennas are named by their segment.

    antenna, tag (k,) int32 by pair, tag an index into the references; hits (k,) rounds it was read in; rounds, others
    (s,): completed since the antenna began one after the survey did, and reads of any other tag.
    """

    def __init__(self, epcs: Sequence[bytes], segments: int) -> None:
        self._table = EpcTable()
        self._table.add(epcs)
        self._open = OpenReads()
        self._has_begun = np.zeros(segments, np.bool_)
        self.rounds: NDArray[np.int64] = np.zeros(segments, np.int64)
        self.others: NDArray[np.int64] = np.zeros(segments, np.int64)
        self._pairs = Tallies(*(np.zeros(0, kind) for kind in _BY_PAIR.values()))

    @property
    def antenna(self) -> NDArray[np.int32]:
        return self._pairs.segment

    @property
    def tag(self) -> NDArray[np.int32]:
        return self._pairs.row

    @property
    def hits(self) -> NDArray[np.int64]:
        return self._pairs.times

    @property
    def level_dbm(self) -> NDArray[np.float32]:
        """(k,) mean, NaN unknown."""
        return self._pairs.rssi_dbm

    def digest(self, heard: Heard) -> None:
        """Count the rounds that closed, and in which of them each reference was read."""
        rows = self._table.rows(heard.epc, heard.epc_bits)
        is_reference = rows >= 0
        others = heard.segment[~is_reference & (heard.segment >= 0)]
        self.others += np.bincount(others, minlength=len(self.others))
        reads = tallied(rows, heard.segment, heard.times, heard.rssi_dbm).where(is_reference)
        closing = np.full(len(self.rounds) + 1, -1, np.int32)
        closing[heard.closed_segment] = np.arange(len(heard.closed_segment), dtype=np.int32)
        done = self._open.settle(reads, heard.mark[is_reference], closing)
        rounds = np.append(heard.closed_rounds, 0)[closing.take(done.segment)]
        done = done._replace(times=np.minimum(done.times, rounds))
        # of a round that was under way when the survey began the first reads are not known
        self._pairs = _summed(self._pairs, done.where(self._has_begun[done.segment]))
        counts = self._has_begun[heard.closed_segment]
        self.rounds[heard.closed_segment[counts]] += heard.closed_rounds[counts]
        self._has_begun[heard.closed_segment] = True

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot."""
        by_antenna: tuple[NDArray[Any], ...] = (self.rounds, self.others, self._has_begun)
        pairs: tuple[NDArray[Any], ...] = (
            self._pairs.segment,
            self._pairs.row,
            self._pairs.times,
            self._pairs.level,
            self._pairs.told,
        )
        columns = {name: column.copy() for name, column in zip(_BY_ANTENNA, by_antenna, strict=True)}
        columns |= {name: column.copy() for name, column in zip(_BY_PAIR, pairs, strict=True)}
        return columns | self._open.to_columns()

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32], epcs: Sequence[bytes], segments: int
    ) -> "SurveyTally":
        """That of a snapshot in another layout. remap (old segments,) int32 old -> new, -1 gone.

        Snapshots of before kept none. Raises ValueError for columns that do not fit together.
        """
        made = cls(epcs, segments)
        if not columns:
            return made
        pairs = len(columns.get("survey_antenna", ()))
        for names, length in ((_BY_ANTENNA, len(remap)), (_BY_PAIR, pairs)):
            for name, kind in names.items():
                column = columns.get(name)
                if column is None or column.shape != (length,) or column.dtype != kind:
                    raise ValueError(f"snapshot: {name} is missing or no {kind.__name__} ({length},)")
        for name, end in (("survey_antenna", len(remap)), ("survey_tag", len(epcs))):
            if pairs and (columns[name].min() < 0 or columns[name].max() >= end):
                raise ValueError(f"snapshot: {name} points outside 0..{end - 1}")
        kept = np.flatnonzero(remap >= 0)
        by_antenna = (made.rounds, made.others, made._has_begun)
        for name, column in zip(_BY_ANTENNA, by_antenna, strict=True):
            column[remap[kept]] = columns[name][kept]
        antenna = remap[columns["survey_antenna"]]
        held = Tallies(
            row=columns["survey_tag"],
            segment=antenna,
            times=columns["survey_hits"],
            told=columns["survey_level_count"],
            level=columns["survey_level_sum"],
        )
        made._pairs = held.where(antenna >= 0)
        made._open = OpenReads.from_columns(columns, remap, len(epcs))
        return made


def _summed(one: Tallies, other: Tallies) -> Tallies:
    """Of each pair once, by tag and antenna."""
    if not len(other.row):
        return one
    pairs: tuple[tuple[NDArray[Any], NDArray[Any]], ...] = tuple(zip(one, other, strict=True))
    row, segment, *columns = (np.concatenate(pair) for pair in pairs)
    key = row.astype(np.int64) << 32 | segment
    distinct, place = np.unique(key, return_inverse=True)
    sums = [np.zeros(len(distinct), np.int64) for _ in columns]
    for total, column in zip(sums, columns, strict=True):
        np.add.at(total, place, column)
    tag, antenna = np.divmod(distinct, 1 << 32)
    return Tallies(tag.astype(np.int32), antenna.astype(np.int32), *sums)
