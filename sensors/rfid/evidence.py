"""What the reads and the silence of the antennas say of every enrolled tag: digested many rounds at once.

A read counts only once its antenna's round has closed: a round is the denominator, and an antenna that did not search
says nothing by its silence. A tag that its own antenna reads where it has long stood is only counted; the others are
thought over.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.belief import DOUBT, Belief, best
from sensors.rfid.carried import HELD, PLACED_WRONG
from sensors.rfid.doubles import Doubles, Watched
from sensors.rfid.epc_table import EpcTable
from sensors.rfid.half import Half
from sensors.rfid.heard import Heard
from sensors.rfid.locate import Reads, closed
from sensors.rfid.members import Members, distinct, united
from sensors.rfid.neighbourhood import FAR, REACH, Neighbourhood
from sensors.rfid.odd import is_odd_read
from sensors.rfid.open_reads import OpenReads, Tallies, tallied
from sensors.rfid.prints import Prints
from sensors.rfid.radio import Radio, RadioSums
from sensors.rfid.readings import readings
from sensors.rfid.recent import Recent
from sensors.rfid.remapped import kept_of
from sensors.rfid.silence import efficiency, miss
from sensors.rfid.study import count_hits, count_rounds, study
from sensors.rfid.tags import FIRM_AGE, Tags
from sensors.rfid.thinking import GONE_PRIOR, SETTLED_AGE, UNREAD_GONE, Thinking
from sensors.rfid.voided import without_void

Index = NDArray[np.integer[Any]]
Places = NDArray[np.int32]
PATIENCE = -7.0  # log likelihood of a silence up to which a settled tag is not thought over: two or three rounds
_GONE = float(np.log(0.5))  # log probability from which a tag counts as gone


class Digested(NamedTuple):
    """What a digestion showed: indices of the reads whose EPC is not enrolled, and the rows that may have changed."""

    strangers: NDArray[np.int64]
    changed: NDArray[np.int64]


class Evidence:
    """Columns over every enrolled tag, and what is known of every segment's antenna."""

    def __init__(self, beside: Neighbourhood) -> None:
        self._beside = beside
        self._table = EpcTable()
        self._tags = Tags()
        self._open = OpenReads()
        self._radio = RadioSums(beside)
        self._recent = Recent(beside)
        self._thinking = Thinking(beside)
        self._members = Members(len(beside))
        self._doubles = Doubles(beside)
        self._rounds_total: NDArray[np.int64] = np.zeros(len(beside), np.int64)
        self._half: Half | None = None

    def __len__(self) -> int:
        return len(self._table)

    @property
    def nbytes(self) -> int:
        """Bytes held in arrays, hash table and spare rows included."""
        return self._table.nbytes + self._tags.nbytes

    @property
    def book(self) -> NDArray[np.int32]:
        """(n,) segment of the book place, -1 none. Read only."""
        return _frozen(self._tags.book[: len(self)])

    @property
    def believed(self) -> NDArray[np.int32]:
        """(n,) segment each tag is thought to stand in: the book place until it is read. Read only."""
        return _frozen(self._tags.believed[: len(self)])

    @property
    def bias_db(self) -> NDArray[np.float16]:
        """(n,) how much louder each tag is than others in its place. Read only."""
        return _frozen(self._tags.bias_db[: len(self)])

    @property
    def last_seen_ns(self) -> NDArray[np.int64]:
        """(n,) vault time of the last read by any antenna, 0 never. Read only."""
        return _frozen(self._tags.last_seen_ns[: len(self)])

    def radio(self) -> Radio:
        """How well each antenna reads what stands around it, as learnt so far."""
        return self._radio.radio()

    @property
    def recent(self) -> Recent:
        """What every antenna did over its last rounds. Read only."""
        return self._recent

    def enroll(self, epcs: Sequence[bytes], book: NDArray[np.int32]) -> NDArray[np.int32]:
        """Row of each tag, known or new, with its book place set to `book` (segment index, -1 none).

        A new or changed book place starts the search there from nothing for a tag that was never read.
        """
        had = len(self)
        rows = self._table.add(epcs)
        tags = self._tags
        tags.grow(len(self))
        changed = tags.book[rows] != book
        tags.book[rows] = book
        anew = distinct(rows[changed | (rows >= had)], len(self))
        self._thinking.forget_standing(tags, anew)
        unread = anew[(tags.last_seen_ns[anew] == 0) & ~tags.is_held[anew]]
        self._members.move(unread, tags.believed[unread], tags.book[unread])
        tags.begin(unread, tags.book[unread], UNREAD_GONE)
        tags.heard_until[unread] = self._total_of(unread)
        return rows

    def rows_of(self, epcs: Sequence[bytes]) -> NDArray[np.int32]:
        """Row of each tag, -1 where it is not enrolled."""
        return self._table.find(epcs)

    def rows_of_reads(self, epc: NDArray[np.uint8], epc_bits: NDArray[np.uint16]) -> NDArray[np.int32]:
        """(n,) row of the tag of each read, -1 where it is not enrolled."""
        return self._table.rows(epc, epc_bits)

    def digest(self, heard: Heard, rows: NDArray[np.int32] | None = None) -> Digested:
        """Take in what was heard, and weigh it. rows: as of `rows_of_reads`."""
        return Digested(self.take(heard, rows), self.weigh())

    def take(self, heard: Heard, rows: NDArray[np.int32] | None = None) -> NDArray[np.int64]:
        """Take in what was heard: signs of life at once, the rest as rounds close and `weigh` is called, which must be
        before anything else is asked for or told. Returns the strangers of `Digested`."""
        tags = self._tags
        rows = self.rows_of_reads(heard.epc, heard.epc_bits) if rows is None else rows
        reads = tallied(rows, heard.segment, heard.times, heard.rssi_dbm)
        mark, at_ns = heard.mark, heard.at_ns
        is_known = rows >= 0
        strangers: NDArray[np.int64] = (~is_known).nonzero()[0]
        if len(strangers):
            reads, mark, at_ns = reads.where(is_known), mark[is_known], at_ns[is_known]
        self._rounds_total[heard.closed_segment] += heard.closed_rounds
        # by segment, and one more that stands for none: the place in the order of closing
        closing = np.full(len(self._beside) + 1, -1, np.int32)
        closing[heard.closed_segment] = np.arange(len(heard.closed_segment), dtype=np.int32)
        tags.last_seen_ns[reads.row] = at_ns
        done = self._open.settle(reads, mark, closing)
        still_open = closing.take(reads.segment) < mark
        self._end_silence(reads.row[still_open], mark[still_open], heard, closing)
        nth = closing.take(done.segment)
        hits = np.minimum(done.times, heard.closed_rounds.take(nth))
        self._recent.hear(heard, reads.segment, at_ns, done.segment)
        count_hits(tags, self._beside, done, hits)
        self._end_silence(done.row, nth + 1, heard, closing)
        if not heard.closed_rounds.all():
            tags.silence[done.row[hits == 0]] = 0.0
            heard, closing, done, nth = without_void(heard, closing, done, nth)
            hits = hits[hits > 0]
        if len(heard.closed_segment):
            self._half = self._concerned(done, nth, hits.astype(np.float32), closing, heard)
        return strangers

    def belief(self, rows: Index) -> Belief:
        """What is believed of some tags."""
        candidates = self._thinking.candidates(self._tags, rows, radio := self.radio(), self._recent.is_ill(radio))
        return best(*candidates, self._tags.age.take(rows) < FIRM_AGE)

    def silent_rounds(self, rows: Index) -> NDArray[np.int32]:
        """(m,) rounds of the believed segment's antenna since the tag was last read by anybody (or was enrolled)."""
        return (self._total_of(rows) - self._tags.heard_until[rows]).astype(np.int32)

    def silence(self, rows: Index) -> NDArray[np.float32]:
        """(m,) log likelihood of the silence since its last read, were it still where it is believed: 0 just read."""
        return self._tags.silence[rows]

    def is_settled(self, rows: Index) -> NDArray[np.bool_]:
        """(m,) whether its place is beyond doubt."""
        return self._tags.is_settled[rows]

    def is_likeliest(self, rows: Index) -> NDArray[np.bool_]:
        """(m,) whether clearly more than half of the belief is in the segment each is thought to stand in: that is the
        first of `belief` then."""
        return self._thinking.is_likeliest(self._tags, rows, radio := self.radio(), self._recent.is_ill(radio))

    def is_firm(self, rows: Index) -> NDArray[np.bool_]:
        """(m,) whether its own antenna read it in three rounds since it is thought to stand where it does."""
        return self._tags.age[rows] >= SETTLED_AGE

    def with_holder(self, rows: Index) -> NDArray[np.float32]:
        """(m,) confidence that whoever is said to have a tag has it, 0 where nobody is."""
        return self._tags.is_held[rows] * np.exp(self._tags.gone[rows]) * np.float32(1.0 - DOUBT)

    def hold(self, rows: Index) -> None:
        """Somebody took these, each row named once: from now on their silence is nothing, and a read a passing."""
        self._begin(rows, np.full(len(rows), -1, np.int32), HELD)
        self._tags.is_held[rows] = True
        self._doubles.forget(rows)

    def put(self, rows: Index, segment: NDArray[np.int32]) -> None:
        """Somebody says these, each row named once, were put into `segment` (m,), -1 nowhere known."""
        self._begin(rows, segment, PLACED_WRONG)
        self._tags.is_held[rows] = False

    def _begin(self, rows: Index, segment: NDArray[np.int32], gone: float) -> None:
        tags = self._tags
        self._thinking.forget_standing(tags, rows)
        self._members.move(rows, tags.believed[rows], segment)
        tags.begin(rows, segment, gone)
        tags.age[rows] = 1
        tags.heard_until[rows] = self._total_of(rows)

    def recall(
        self,
        rows: NDArray[np.int64],
        segment: NDArray[np.int32],
        silent_rounds: NDArray[np.int32],
        seen_ns: NDArray[np.int64],
    ) -> None:
        """Make evidence restored from a snapshot agree with what was established since: each row, named once, was found
        in `segment` (-1 nowhere known), or missed there for `silent_rounds` > 0, and last read at `seen_ns`. What the
        snapshot knew of it is forgotten: it would deny the newer word."""
        tags = self._tags
        place, missed = np.where(segment >= 0, segment, tags.book[rows]), silent_rounds > 0
        self._begin(rows, place, GONE_PRIOR)
        tags.miss(rows[missed])
        tags.silence[rows] = silent_rounds * np.log1p(-self._radio.radio().rate[place, REACH])
        tags.heard_until[rows] = self._total_of(rows) - silent_rounds
        tags.last_seen_ns[rows] = np.maximum(tags.last_seen_ns[rows], seen_ns)

    def recall_quiet(self, segments: Index) -> None:
        """The antennas of these segments read nothing when the daemon ended: that lasts until they read something."""
        np.maximum.at(self._recent.quiet_rounds, segments, 1)

    def forget_open_rounds(self) -> None:
        """Drop the reads whose round is still open: after a start nobody will close it."""
        self._open = OpenReads()

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot."""
        epc, epc_bits = self._table.columns()
        named: dict[str, NDArray[Any]] = {"epc": epc, "epc_bits": epc_bits, "rounds_total": self._rounds_total.copy()}
        named |= self._tags.to_columns() | self._radio.to_columns() | self._open.to_columns()
        named["heard_until"] = self.silent_rounds(np.arange(len(self)))  # of a layout that may not be the next one's
        return named | self._recent.to_columns() | self._thinking.to_columns() | self._doubles.to_columns()

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32], beside: Neighbourhood
    ) -> "Evidence":
        """Evidence of a snapshot in another layout, see `kept_of`. A candidate, book place or belief whose segment is
        gone is forgotten. Raises ValueError when remap does not fit the snapshot."""
        made = cls(beside)
        made._restore(columns, remap)
        return made

    def _restore(self, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32]) -> None:
        kept = kept_of(remap, len(columns["rounds_total"]))
        self._rounds_total[remap[kept]] = columns["rounds_total"][kept]
        self._radio = RadioSums.from_columns(columns, remap, self._beside)
        self._recent.restore(columns, remap)
        self._open = OpenReads.from_columns(columns, remap, len(columns["epc_bits"]))
        widths = (columns["epc_bits"].astype(np.int64) + 7) // 8
        self._table.add([row[:width].tobytes() for row, width in zip(columns["epc"], widths.tolist(), strict=True)])
        self._doubles.restore(columns, remap, len(columns["epc_bits"]))
        self._tags.grow(len(self))
        self._tags.restore(columns, np.append(remap, np.int32(-1)))  # index -1 stays -1
        every = np.arange(len(self))
        silent = np.where(remap[columns["believed"]] < 0, 0, columns["heard_until"]) if len(remap) else 0
        self._tags.heard_until[: len(self)] = self._total_of(every) - silent
        self._thinking.restore(columns, remap, self._tags)
        self._members.fill(self._tags.believed[: len(self)])

    def _concerned(self, done: Tallies, nth: Places, hits: NDArray[np.float32], closing: Places, heard: Heard) -> Half:
        """Which tags the closed rounds are news of.

        nth, hits (m,) of the reads: which round, and in how many; closing (s + 1,) place in its order, -1 open.
        """
        tags, radio = self._tags, self._radio.radio()
        own = tags.believed.take(done.row) == done.segment
        share = efficiency(done.segment[own & tags.is_settled.take(done.row)], heard, radio, self._thinking.standing)
        at = closed(self._beside, radio, heard.closed_segment, heard.closed_rounds, share, closing)
        here = self._members.of(heard.closed_segment)
        rows, is_read, place = united(done.row, here, self._thinking.restless(tags, at, self._members))
        of_closed = (closing >= 0).take(tags.believed.take(rows))
        # a read where it stands, or beside it and no louder than there, is as ever
        is_own, is_odd, is_far = np.zeros((3, len(rows)), np.bool_)
        is_own[place[own]] = True
        seen = readings(done, tags, self._beside)
        far = seen.column == FAR
        is_far[place[far]] = True
        is_odd[place[is_odd_read(done, seen, hits, at, radio)]] = True
        far &= ~tags.is_held.take(done.row)  # whoever has it carries it, perhaps between two shelves
        self._doubles.listen(done, far, tags.believed, tags.bias_db, self._rounds_total, at, radio)
        before = tags.silence.take(rows)
        settled = tags.is_settled.take(rows)
        missed = of_closed & ~is_read
        miss(tags, rows[missed], closing, at, radio)
        tags.silence[rows[is_read]] = 0.0
        as_ever = settled & (before == 0.0) & ~is_odd & (is_own | (is_read & ~of_closed & ~is_far))
        # a silence that is short yet is thought over together with the read that ends it
        awaited = settled & ~is_read & (tags.silence.take(rows) > PATIENCE)
        thought = ~as_ever & ~awaited
        mine = rows[thought]
        self._come_back(mine[is_read[thought] & (tags.gone.take(mine) > _GONE) & ~tags.is_held.take(mine)])
        confirmed = rows[is_own & as_ever]
        tags.age[confirmed] = np.minimum(tags.age[confirmed], 254) + 1
        self._thinking.reconsider(tags, confirmed, radio, is_ill := self._recent.is_ill(radio))
        told = thought.take(place)
        reads = Reads(
            (thought.cumsum() - 1).take(place[told]), nth[told].astype(np.int64), hits[told], seen.rssi_dbm[told]
        )
        put_off = np.where(settled & (before > PATIENCE), before, np.float32(0))[thought]
        stood = settled.take(place)
        return Half(mine, reads, put_off, rows[thought | missed], done, seen, hits, stood, at, radio, is_ill)

    @property
    def is_weighed(self) -> bool:
        """Whether everything that was taken in is weighed."""
        return self._half is None

    def weigh(self) -> NDArray[np.int64]:
        """Think over what was taken in, if anything, and learn from it; returns the rows thought over or silent."""
        if self._half is None:
            return np.zeros(0, np.int64)
        half, self._half, tags = self._half, None, self._tags
        at, rows, done = half.at, half.thought, half.done
        for sums in (self._radio, self._recent):
            sums.add_rounds(at.antenna, at.rounds, self._thinking.standing)
        believed = tags.believed.take(rows)
        moved = self._thinking.think(tags, rows, half.reads, at, half.radio, half.put_off, half.is_ill)
        self._members.move(rows[moved], believed[moved], tags.believed.take(rows[moved]))
        tags.heard_until[rows[moved]] = self._total_of(rows[moved])
        # a tag that was missed counts in the rounds of those that stood; one that is back again does not in their hits
        stood = half.stood & tags.is_settled.take(done.row)
        seen = readings(done, tags, self._beside) if len(moved) else half.seen
        study(tags, self._radio, self._recent, done, seen, half.hits, half.radio, stood)
        return half.concerned

    def _come_back(self, rows: Index) -> None:
        """These were gone: where they stood before is as likely as ever, and all that silence spoke of its end."""
        tags = self._tags
        self._thinking.forget_standing(tags, rows)
        tags.begin(rows, tags.believed[rows], UNREAD_GONE)

    def _end_silence(
        self, rows: NDArray[np.int32], mark: NDArray[np.int32], heard: Heard, closing: NDArray[np.int32]
    ) -> None:
        """Count the silence of tags anew from where `mark` rounds had closed: from a read, and again when its round
        closes."""
        own = closing.take(self._tags.believed.take(rows))
        later = np.append(heard.closed_rounds, 0)[np.where(own >= mark, own, -1)]
        until = (self._total_of(rows) - later).astype(np.int32)
        count_rounds(self._tags, rows, until)
        np.maximum.at(self._tags.heard_until, rows, until)

    def _total_of(self, rows: Index) -> NDArray[np.int64]:
        believed = self._tags.believed.take(rows)
        total: NDArray[np.int64] = self._rounds_total.take(believed) * (believed >= 0)  # -1 takes the last, and is none
        return total

    @property
    def rounds_total(self) -> NDArray[np.int64]:
        """(s,) rounds that each segment's antenna has completed. Read only."""
        return _frozen(self._rounds_total)

    @property
    def quiet_rounds(self) -> NDArray[np.int64]:
        """(s,) rounds in which each segment's antenna since it last read any enrolled tag. Read only."""
        return _frozen(self._recent.quiet_rounds)

    def doubles(self) -> Watched:
        """The tags whose EPC may be on two, and where both are."""
        return self._doubles.watched

    def believed_in(self, segment: int) -> NDArray[np.int64]:
        """Rows of the tags that are believed to stand in a segment, ascending."""
        return self._members.of(np.array([segment]))

    @property
    def standing(self) -> NDArray[np.int64]:
        """(s,) tags that stand in each segment beyond doubt. Read only."""
        return _frozen(self._thinking.standing[:-1])

    def radio_sums(self) -> dict[str, NDArray[Any]]:
        """A copy of the sums behind `radio`: radio_hits, _trials, _level_sum, _level_count (s, OFFSETS + 1)."""
        return self._radio.to_columns()

    def prints(self, rows: Index) -> Prints:
        """What was learnt of some tags where each stands."""
        return self._tags.prints(rows)


def _frozen(view: NDArray[Any]) -> NDArray[Any]:
    view = view.view()
    view.flags.writeable = False
    return view
