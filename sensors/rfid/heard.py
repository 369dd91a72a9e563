"""What the antennas said and the evidence has not taken in yet: reads, and the rounds that closed meanwhile.

Taken in many at once: an array of thousands of reads costs little more than one of a hundred.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.epc_table import EPC96_BYTES
from sensors.rfid.tids import TID_OCTETS, Octets, narrowed


class Heard(NamedTuple):
    """n reads in order of arrival, and k rounds in order of closing, no segment twice among them.

    epc (n, w) uint8 zero-padded; epc_bits (n,) uint16 true lengths; segment (n,) int32 what the antenna sees, -1
    nothing known; rssi_dbm (n,) float32, NaN unknown; times (n,) uint16 >= 1, how often it was read; pc (n,) int32, -1
    unknown; at_ns (n,) int64; mark (n,) int32: how many of the rounds had closed before
    tid (n, TID_OCTETS) uint8, zeros where unknown; (0, TID_OCTETS) where nobody told any
    closed_segment (k,) int32; closed_rounds (k,) int64, 0 for a search that says nothing; closed_at_ns (k,) int64
    """

    epc: NDArray[np.uint8]
    epc_bits: NDArray[np.uint16]
    segment: NDArray[np.int32]
    rssi_dbm: NDArray[np.float32]
    times: NDArray[np.uint16]
    pc: NDArray[np.int32]
    at_ns: NDArray[np.int64]
    mark: NDArray[np.int32]
    closed_segment: NDArray[np.int32]
    closed_rounds: NDArray[np.int64]
    closed_at_ns: NDArray[np.int64]
    tid: Octets

    def only(self, reads: NDArray[Any]) -> "Heard":
        """Some of the reads, by mask or index."""
        columns: tuple[NDArray[Any], ...] = self
        of_reads = 1 + len(_READ_TYPES)
        tid = self.tid[reads] if len(self.tid) else self.tid
        return Heard(*(*(column[reads] for column in columns[:of_reads]), *columns[of_reads:-1], tid))


_READ_TYPES = {
    "epc_bits": np.uint16,
    "segment": np.int32,
    "rssi_dbm": np.float32,
    "times": np.uint16,
    "pc": np.int32,
    "at_ns": np.int64,
    "mark": np.int32,
}
_BATCH = Heard._fields[:6]  # the columns that are kept by batch; the others say when it came
_CLOSED_TYPES = {"closed_segment": np.int32, "closed_rounds": np.int64, "closed_at_ns": np.int64}


class Waiting:
    """Reads and closed rounds that wait to be taken in together."""

    def __init__(self) -> None:
        self._reads: list[tuple[NDArray[Any], ...]] = []
        self._moments: list[tuple[int, int, int]] = []
        """Of so many reads, one after the other: when they came, and how many rounds had closed before."""
        self._tids: dict[int, Octets] = {}
        """By place in `_reads`: what the tags of that batch are, where its reader told."""
        self._closed: dict[int, tuple[int, int]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Reads that wait."""
        return self._count

    def has_waited(self, at_ns: int, for_ns: int) -> bool:
        """Whether the oldest that waits has waited for so long."""
        oldest = [self._moments[0][0]] if self._moments else []
        oldest += [at for _, at in self._closed.values()][:1]
        return bool(oldest) and at_ns - min(oldest) >= for_ns

    @property
    def rounds(self) -> int:
        """Closed rounds that wait."""
        return len(self._closed)

    def has_closed(self, segment: int) -> bool:
        """Whether a round of this segment waits already: what waits must be taken before its next one may close."""
        return segment in self._closed

    def hear(
        self,
        epc: NDArray[np.uint8],
        epc_bits: NDArray[np.uint16],
        segment: NDArray[np.int32],
        rssi_dbm: NDArray[np.float32],
        times: NDArray[np.uint16],
        pc: NDArray[np.int32],
        at_ns: int,
        tid: Octets | None = None,
    ) -> None:
        """Keep one batch of reads; shapes as in Heard. Raises ValueError for columns of unequal length."""
        n = len(epc)
        if not n == len(epc_bits) == len(segment) == len(rssi_dbm) == len(times) == len(pc):
            raise ValueError(f"a batch of {n} tags has columns of other lengths")
        if n:
            if tid is not None:
                self._tids[len(self._reads)] = narrowed(tid)
            self._reads.append((epc, epc_bits, segment, rssi_dbm, times, pc))
            self._moments.append((at_ns, len(self._closed), n))
            self._count += n

    def close(self, segment: int, rounds: int, at_ns: int) -> None:
        """The antenna of a segment completed `rounds` rounds; 0: it did, and what it read or not proves no place, for
        its shelf moved. Raises ValueError where one of it waits already."""
        if segment in self._closed:
            raise ValueError(f"segment {segment} closed twice: take what waits in between")
        self._closed[segment] = (rounds, at_ns)

    def take(self) -> Heard:
        """Everything that waits, in order; nothing waits any more."""
        heard = self.peek()
        self._reads, self._moments, self._tids, self._closed, self._count = [], [], {}, {}, 0
        return heard

    def peek(self) -> Heard:
        """Everything that waits, in order."""
        epc = _stacked([batch[0] for batch in self._reads])
        rest: list[NDArray[Any]] = [np.zeros(0, kind) for kind in _READ_TYPES.values()]
        if self._reads:
            rest = [np.concatenate(columns) for columns in list(zip(*self._reads, strict=True))[1:]]
            at_ns, mark, reads = np.array(self._moments, np.int64).T
            rest += [at_ns.repeat(reads), mark.astype(np.int32).repeat(reads)]
        segment = np.fromiter(self._closed, np.int32, len(self._closed))
        rounds, at_ns = np.array(list(self._closed.values()), np.int64).reshape(-1, 2).T
        return Heard(*(epc, *rest, segment, rounds, at_ns, self._told()))

    def _told(self) -> Octets:
        if not self._tids:
            return np.zeros((0, TID_OCTETS), np.uint8)
        lengths = [len(batch[0]) for batch in self._reads]
        blank = (self._tids.get(i, np.zeros((length, TID_OCTETS), np.uint8)) for i, length in enumerate(lengths))
        return np.concatenate(list(blank))

    @classmethod
    def from_columns(cls, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32]) -> "Waiting":
        """What waited when a snapshot was taken. remap (old segments,) int32 old -> new, -1 gone.

        Raises ValueError for columns that are no `Heard`.
        """
        heard = _checked(columns, len(remap))
        to_new = np.append(remap, np.int32(-1))  # index -1 stays -1
        made = cls()
        closed = to_new[heard.closed_segment]
        for segment, rounds, at_ns in zip(
            closed.tolist(), heard.closed_rounds.tolist(), heard.closed_at_ns.tolist(), strict=True
        ):
            if segment >= 0:
                made._closed[segment] = (rounds, at_ns)
        # a round of a segment that is gone no longer counts among those closed before a read
        before = np.concatenate([[0], np.cumsum(closed >= 0)]).astype(np.int32)
        heard = heard._replace(segment=to_new[heard.segment], mark=before[heard.mark])
        kept = heard.only(heard.segment >= 0)
        if len(kept.epc):
            made._reads.append(kept[: len(_BATCH)])
            first = np.append(True, (np.diff(kept.at_ns) != 0) | (np.diff(kept.mark) != 0)).nonzero()[0]
            reads = np.diff(np.append(first, len(kept.epc)))
            made._moments = list(
                zip(kept.at_ns[first].tolist(), kept.mark[first].tolist(), reads.tolist(), strict=True)
            )
            made._count = len(kept.epc)
            if len(kept.tid):
                made._tids[0] = kept.tid
        return made


def _stacked(batches: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """EPCs of several batches under one another, the narrow ones zero-padded."""
    widths = {batch.shape[1] for batch in batches}
    if len(widths) > 1:
        width = max(widths)
        batches = [np.pad(batch, ((0, 0), (0, width - batch.shape[1]))) for batch in batches]
    return np.concatenate(batches) if batches else np.zeros((0, EPC96_BYTES), np.uint8)


def _checked(columns: Mapping[str, NDArray[Any]], segments: int) -> Heard:
    """Raise ValueError for columns that do not fit together; nothing after this looks again."""
    columns = {"tid": np.zeros((0, TID_OCTETS), np.uint8)} | dict(columns)  # snapshots of before have none
    missing = sorted(set(Heard._fields) - columns.keys())
    if missing:
        raise ValueError(f"snapshot without the columns {', '.join(missing)} of what was heard")
    heard = Heard(**{name: columns[name] for name in Heard._fields})
    n, k = len(heard.epc), len(heard.closed_segment)
    if heard.epc.ndim != 2 or heard.epc.dtype != np.uint8:
        raise ValueError(f"snapshot: epc heard is {heard.epc.dtype} {heard.epc.shape}, expected uint8 (n, width)")
    if heard.tid.shape not in ((0, TID_OCTETS), (n, TID_OCTETS)) or heard.tid.dtype != np.uint8:
        raise ValueError(f"snapshot: tid heard is {heard.tid.dtype} {heard.tid.shape}, expected uint8 ({n}, 12)")
    for name, kind, length in (
        *((name, kind, n) for name, kind in _READ_TYPES.items()),
        *((name, kind, k) for name, kind in _CLOSED_TYPES.items()),
    ):
        column: NDArray[Any] = getattr(heard, name)
        if column.shape != (length,) or column.dtype != kind:
            raise ValueError(f"snapshot: {name} heard is {column.dtype} {column.shape}, expected {kind} ({length},)")
    for name, low, end in (("segment", -1, segments), ("closed_segment", 0, segments), ("mark", 0, k + 1)):
        column = getattr(heard, name)
        if len(column) and not (low <= column.min() and column.max() < end):
            raise ValueError(f"snapshot: {name} heard points outside {low}..{end - 1}")
    if n and (int(heard.epc_bits.max()) + 7) // 8 > heard.epc.shape[1]:
        raise ValueError("snapshot: an EPC heard is longer than its column")
    if len(np.unique(heard.closed_segment)) != k:
        raise ValueError("snapshot: a segment closed twice in what was heard")
    return heard
