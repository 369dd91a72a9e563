"""What the antennas have and have not read of each tag, in columns: the count behind every belief.

A read counts only once its antenna's round has closed: a round is the denominator, and an antenna that did not search
adds neither hits nor misses. Hits and rounds fade by FADE per round of the same antenna, so that a moved tag is
re-located in about five rounds; they fade lazily, so a round touches only the tags it concerns.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.epc_table import EpcTable, room_for
from sensors.rfid.heard import Heard
from sensors.rfid.open_reads import OpenReads, tallied
from sensors.rfid.rounds import FADE, Rounds

CANDIDATES = 8  # antennas remembered per tag; strays of more than that are the weakest
EVERY_ROUND = 1.0 / (1.0 - FADE)  # faded hits of a tag that was read in every round there ever was
FAINT = 0.1  # faded hits below that, nine rounds after a single one, are no evidence any more

Index = NDArray[np.integer[Any]]


class Candidates(NamedTuple):
    """The evidence of some rows, faded to now.

    segment (m, 8) int32, -1 where empty; hits (m, 8) float32 faded; rssi_dbm (m, 8) float32 mean, NaN where unknown
    book, believed (m,) int32, -1 none; silent_rounds (m,) int32; is_read (m,) bool: read at least once by anybody
    """

    segment: NDArray[np.int32]
    hits: NDArray[np.float32]
    rssi_dbm: NDArray[np.float32]
    book: NDArray[np.int32]
    believed: NDArray[np.int32]
    silent_rounds: NDArray[np.int32]
    is_read: NDArray[np.bool_]


class Digested(NamedTuple):
    """What a digestion showed: indices of the reads whose EPC is not enrolled, and the rows that may have changed.

    Those are the tags read in the rounds that closed and all that are believed or booked there, in row order.
    """

    strangers: NDArray[np.int64]
    changed: NDArray[np.int64]


class Evidence:
    """Columns of evidence for every enrolled tag, and the round counts of every segment's antenna."""

    def __init__(self, segments: int) -> None:
        self._table = EpcTable()
        self._rounds = Rounds(segments)
        self._open = OpenReads()
        self._segment: NDArray[np.int32] = np.full((0, CANDIDATES), -1, dtype=np.int32)
        self._hits: NDArray[np.float32] = np.zeros((0, CANDIDATES), dtype=np.float32)
        self._hits_at: NDArray[np.uint32] = np.zeros((0, CANDIDATES), dtype=np.uint32)
        self._rssi: NDArray[np.float16] = np.zeros((0, CANDIDATES), dtype=np.float16)
        self._book: NDArray[np.int32] = np.full(0, -1, dtype=np.int32)
        self._believed: NDArray[np.int32] = np.full(0, -1, dtype=np.int32)
        self._heard_until: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self._last_seen_ns: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._table)

    @property
    def segments(self) -> int:
        return len(self._rounds)

    @property
    def nbytes(self) -> int:
        """Bytes held in arrays, hash table and spare rows included."""
        columns = (self._segment, self._hits, self._hits_at, self._rssi, self._book, self._believed)
        return self._table.nbytes + sum(column.nbytes for column in (*columns, self._heard_until, self._last_seen_ns))

    @property
    def book(self) -> NDArray[np.int32]:
        """(n,) segment of the book place, -1 none. Read only."""
        return _frozen(self._book[: len(self)])

    @property
    def believed(self) -> NDArray[np.int32]:
        """(n,) segment each tag is thought to stand in: the book place until it is read. Read only."""
        return _frozen(self._believed[: len(self)])

    @property
    def last_seen_ns(self) -> NDArray[np.int64]:
        """(n,) vault time of the last read by any antenna, 0 never. Read only."""
        return _frozen(self._last_seen_ns[: len(self)])

    def enroll(self, epcs: Sequence[bytes], book: NDArray[np.int32]) -> NDArray[np.int32]:
        """Row of each tag, known or new, with its book place set to `book` (segment index, -1 none).

        A new or changed book place starts the search there from nothing for a tag that was never read.
        """
        rows = self._table.add(epcs)
        self._grow()
        changed = self._book[rows] != book
        self._book[rows] = book
        unread = rows[changed & (self._last_seen_ns[rows] == 0)]
        self._believed[unread] = self._book[unread]
        self._heard_until[unread] = self._total_of(unread)
        return rows

    def rows_of(self, epcs: Sequence[bytes]) -> NDArray[np.int32]:
        """Row of each tag, -1 where it is not enrolled."""
        return self._table.find(epcs)

    def digest(self, heard: Heard) -> Digested:
        """Take in what was heard: signs of life at once, hits and rounds as far as the rounds have closed."""
        rows = self._table.rows(heard.epc, heard.epc_bits)
        reads = tallied(rows, heard.segment, heard.times, heard.rssi_dbm)
        mark, at_ns = heard.mark, heard.at_ns
        is_known = rows >= 0
        strangers: NDArray[np.int64] = (~is_known).nonzero()[0]
        if len(strangers):
            reads = reads.where(is_known)
            mark, at_ns = mark[is_known], at_ns[is_known]
        weight = self._rounds.close(heard.closed_segment, heard.closed_rounds, heard.closed_at_ns)
        # by segment, and one more that stands for none: the place in the order of closing, and how many rounds
        closing = np.full(self.segments + 1, -1, np.int32)
        closing[heard.closed_segment] = np.arange(len(heard.closed_segment), dtype=np.int32)
        self._last_seen_ns[reads.row] = at_ns
        done = self._open.settle(reads, mark, closing)
        nth = closing.take(done.segment)
        self._end_silence(reads.row, mark, heard, closing)
        self._end_silence(done.row, nth + 1, heard, closing)
        hits = np.minimum(done.times, heard.closed_rounds.take(nth)) * weight.take(nth)
        self._credit(done.row, done.segment, hits.astype(np.float32), done.rssi_dbm)
        concerned = self._is_of(closing >= 0)
        concerned[done.row] = True
        changed: NDArray[np.int64] = concerned.nonzero()[0]
        return Digested(strangers, changed)

    def forget_open_rounds(self) -> None:
        """Drop the reads whose round is still open: after a start nobody will close it."""
        self._open = OpenReads()

    def is_confirmed(self, rows: Index) -> NDArray[np.bool_]:
        """(m,) whether the antenna of the believed segment read the tag in its newest round: nothing to think over."""
        believed = self._believed.take(rows)
        at = self._at(rows, believed)
        is_there = (self._segment.reshape(-1).take(at) == believed) & (believed >= 0)
        is_new = self._hits_at.reshape(-1).take(at) == self._rounds.fades.take(believed)
        confirmed: NDArray[np.bool_] = is_there & is_new
        return confirmed

    def candidates(self, rows: Index, at_ns: int) -> Candidates:
        """The evidence of `rows`, faded to `at_ns`."""
        segment = self._segment[rows]
        age = self._rounds.fades[segment] - self._hits_at[rows]
        hits = self._hits[rows] * FADE ** age.astype(np.float32) * self._rounds.fresh(at_ns)[segment]
        counts = (segment >= 0) & (hits >= FAINT)
        return Candidates(
            segment=np.where(counts, segment, np.int32(-1)),
            hits=np.where(counts, hits, np.float32(0)),
            rssi_dbm=self._rssi[rows].astype(np.float32),
            book=self._book[rows],
            believed=self._believed[rows],
            silent_rounds=self.silent_rounds(rows),
            is_read=self._last_seen_ns[rows] > 0,
        )

    def rounds(self, at_ns: int) -> NDArray[np.float32]:
        """(segments,) rounds of each antenna, faded like the hits: the denominators."""
        return self._rounds.faded(at_ns)

    def believe(self, rows: Index, segment: NDArray[np.int32]) -> None:
        """Keep where each tag is now thought to stand; -1, or a tag that is silent, keeps what was thought before.

        Only a read moves a belief: one that wandered on silence would count the silent rounds of several antennas.
        """
        moves = (segment >= 0) & (segment != self._believed[rows]) & (self.silent_rounds(rows) == 0)
        rows = rows[moves]
        self._believed[rows] = segment[moves]
        self._heard_until[rows] = self._total_of(rows)

    def recall(
        self,
        rows: NDArray[np.int64],
        segment: NDArray[np.int32],
        silent_rounds: NDArray[np.int32],
        seen_ns: NDArray[np.int64],
    ) -> None:
        """Make evidence restored from a snapshot agree with what was established after that snapshot was taken.

        Each row, named once, was found in `segment` (-1 nowhere known), or missed there for `silent_rounds` > 0, and
        last read at `seen_ns`. What the snapshot knew of it is forgotten: it would deny the newer word. A tag that was
        found counts as read in every round of the past; that fades like any other evidence.
        """
        is_here = (silent_rounds == 0) & (segment >= 0)
        self._segment[rows], self._hits[rows], self._hits_at[rows] = -1, 0, 0
        self._rssi[rows] = np.nan
        here, at = rows[is_here], segment[is_here]
        self._segment[here, 0], self._hits[here, 0], self._hits_at[here, 0] = at, EVERY_ROUND, self._rounds.fades[at]
        self._believed[rows] = np.where(segment >= 0, segment, self._book[rows])
        self._heard_until[rows] = self._total_of(rows) - silent_rounds
        self._last_seen_ns[rows] = np.maximum(self._last_seen_ns[rows], seen_ns)

    def silent_rounds(self, rows: Index) -> NDArray[np.int32]:
        """(m,) rounds of the believed segment's antenna since the tag was last read by anybody (or was enrolled)."""
        return (self._total_of(rows) - self._heard_until[rows]).astype(np.int32)

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot."""
        n = len(self)
        epc, epc_bits = self._table.columns()
        every = np.arange(n)
        columns: dict[str, NDArray[Any]] = {
            "epc": epc,
            "epc_bits": epc_bits,
            "segment": self._segment[:n].copy(),
            "hits": self._hits[:n].copy(),
            "hits_at": self._hits_at[:n].copy(),
            "rssi": self._rssi[:n].copy(),
            "book": self._book[:n].copy(),
            "believed": self._believed[:n].copy(),
            "silent_rounds": self.silent_rounds(every),
            "last_seen_ns": self._last_seen_ns[:n].copy(),
        }
        return columns | self._rounds.to_columns() | self._open.to_columns()

    @classmethod
    def from_columns(cls, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32], segments: int) -> "Evidence":
        """Evidence of a snapshot in a layout of `segments` segments. remap (old segments,) int32 old -> new, -1 gone.

        A candidate, book place or belief whose segment is gone is forgotten; two old segments must not become one.
        Raises ValueError when remap does not fit the snapshot.
        """
        made = cls(segments)
        made.restore(columns, remap)
        return made

    def restore(self, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32]) -> None:
        """Fill an empty evidence from the columns of a snapshot; see `from_columns`."""
        kept = np.flatnonzero(remap >= 0)
        if len(remap) != len(columns["rounds"]) or len(np.unique(remap[kept])) != len(kept):
            raise ValueError(
                f"remap has {len(remap)} segments of which {len(kept)} stay, the snapshot {len(columns['rounds'])}: "
                "expected one entry for each, and no two old segments in one new"
            )
        self._rounds = Rounds.from_columns(columns, remap, self.segments)
        self._open = OpenReads.from_columns(columns, remap, len(columns["epc_bits"]))
        widths = (columns["epc_bits"].astype(np.int64) + 7) // 8
        self._table.add([row[:width].tobytes() for row, width in zip(columns["epc"], widths.tolist(), strict=True)])
        self._grow()
        to_new = np.append(remap, np.int32(-1))  # index -1 stays -1
        self._segment[:] = to_new[columns["segment"]]
        is_kept = self._segment >= 0
        self._hits[:] = np.where(is_kept, columns["hits"], np.float32(0))
        self._hits_at[:] = np.where(is_kept, columns["hits_at"], np.uint32(0))
        self._rssi[:] = np.where(is_kept, columns["rssi"], np.float16(np.nan))
        self._book[:] = to_new[columns["book"]]
        believed = to_new[columns["believed"]]
        self._believed[:] = np.where(believed < 0, self._book, believed)
        self._last_seen_ns[:] = columns["last_seen_ns"]
        silent = np.where(believed < 0, 0, columns["silent_rounds"])
        self._heard_until[:] = self._total_of(np.arange(len(self))) - silent

    def _end_silence(
        self, rows: NDArray[np.int32], mark: NDArray[np.int32], heard: Heard, closing: NDArray[np.int32]
    ) -> None:
        """Count the silence of tags anew from where `mark` rounds had closed: from a read, and again when its round
        closes."""
        own = closing.take(self._believed.take(rows))
        later = np.append(heard.closed_rounds, 0)[np.where(own >= mark, own, -1)]
        np.maximum.at(self._heard_until, rows, (self._total_of(rows) - later).astype(np.int32))

    def _credit(
        self,
        rows: NDArray[np.int32],
        segment: NDArray[np.int32],
        hits: NDArray[np.float32],
        rssi_dbm: NDArray[np.float32],
    ) -> None:
        """Add hits, each pair of row and segment once and the rows ascending.

        A tag that has no room for a new antenna forgets the one that last read it least; several new ones of one tag
        come in one after the other.
        """
        at = self._at(rows, segment)
        new = (self._segment.reshape(-1).take(at) != segment).nonzero()[0]
        if not len(new):
            self._add(at, segment, hits, rssi_dbm)
            return
        is_known = np.ones(len(rows), np.bool_)
        is_known[new] = False
        self._add(at[is_known], segment[is_known], hits[is_known], rssi_dbm[is_known])
        while len(new):
            first = np.append(True, rows[new[1:]] != rows[new[:-1]])
            now, new = new[first], new[~first]
            here = rows[now]
            age = self._rounds.fades[self._segment[here]] - self._hits_at[here]
            worth = self._hits[here] * _faded(age)
            worth[self._segment[here] < 0] = -1.0
            at = here.astype(np.int64) * CANDIDATES + worth.argmin(axis=1)
            self._hits.reshape(-1)[at] = 0
            self._rssi.reshape(-1)[at] = np.nan
            self._segment.reshape(-1)[at] = segment[now]
            self._add(at, segment[now], hits[now], rssi_dbm[now])

    def _add(
        self,
        at: NDArray[np.int64],
        segment: NDArray[np.int32],
        hits: NDArray[np.float32],
        rssi_dbm: NDArray[np.float32],
    ) -> None:
        """Add hits where `at` points in the flat columns of candidates, none of them twice."""
        faded, level, hits_at = self._hits.reshape(-1), self._rssi.reshape(-1), self._hits_at.reshape(-1)
        now = self._rounds.fades.take(segment)
        before = faded.take(at) * _faded(now - hits_at.take(at))
        mean = level.take(at).astype(np.float32)
        blended = (mean * before + rssi_dbm * hits) / (before + hits)
        blended = np.where(np.isnan(mean), rssi_dbm, np.where(np.isnan(rssi_dbm), mean, blended))
        faded[at] = before + hits
        hits_at[at] = now
        level[at] = blended

    def _at(self, rows: Index, segment: Index | int) -> NDArray[np.int64]:
        """(m,) where in the flat columns of candidates that segment stands for each row; the row's first where not."""
        is_it = self._segment.take(rows, axis=0) == (segment if isinstance(segment, int) else segment[:, None])
        at: NDArray[np.int64] = rows.astype(np.int64) * CANDIDATES + is_it.argmax(axis=1)
        return at

    def _is_of(self, segments: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(n,) which tags are believed or booked in one of them; segments (segments + 1,), the last for none."""
        n = len(self)
        found: NDArray[np.bool_] = segments.take(self._believed[:n])
        found |= segments.take(self._book[:n])
        return found

    def _total_of(self, rows: Index) -> NDArray[np.int64]:
        believed = self._believed.take(rows)
        total: NDArray[np.int64] = self._rounds.total.take(believed) * (believed >= 0)  # -1 takes the last, and is none
        return total

    def _grow(self) -> None:
        had = len(self._book)
        if len(self) <= had:
            return
        room = room_for(len(self), had)
        blank = {"_segment": -1, "_book": -1, "_believed": -1, "_rssi": np.nan}
        names = ("_segment", "_hits", "_hits_at", "_rssi", "_book", "_believed", "_heard_until", "_last_seen_ns")
        for name in names:
            old: NDArray[Any] = getattr(self, name)
            column = np.full((room, *old.shape[1:]), blank.get(name, 0), dtype=old.dtype)
            column[:had] = old
            setattr(self, name, column)


def _faded(age: Index) -> NDArray[np.float32]:
    """What is left of a hit after so many rounds."""
    return _LEFT.take(np.minimum(age, len(_LEFT) - 1))


_LEFT = (FADE ** np.arange(64)).astype(np.float32)  # after 63 rounds a ten-millionth is left


def _frozen(view: NDArray[Any]) -> NDArray[Any]:
    view = view.view()
    view.flags.writeable = False
    return view
