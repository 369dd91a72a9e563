"""Passes under way: reads of tags while they and an antenna move past each other, kept until the motion is over."""

from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

MOST_READS = 16384  # of a segment: 110 volumes, 150 reads of each; of more, every second is kept, every fourth ...
AT_REST_M = 0.005
LEAST_PART = 1 << 20
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(40))  # odd, of no pattern
_TYPES = {
    "tag": np.int32,
    "at_ns": np.int64,
    "phase_rad": np.float32,
    "rssi_dbm": np.float32,
    "channel": np.uint16,
}


class PassColumns(NamedTuple):
    """n reads: tag (n,) int32 its row in the evidence; at_ns (n,) int64 vault time of the read; phase_rad (n,) and
    rssi_dbm (n,) float32, NaN not told; channel (n,) uint16, 0 not told."""

    tag: NDArray[np.int32]
    at_ns: NDArray[np.int64]
    phase_rad: NDArray[np.float32]
    rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]

    def where(self, keep: NDArray[Any]) -> "PassColumns":
        """Some of them, by mask or index."""
        columns: tuple[NDArray[Any], ...] = self
        return PassColumns(*(column[keep] for column in columns))


class PassRecord(msgspec.Struct, frozen=True, eq=False):
    """A pass as plain values, for a snapshot. every: of so many reads one is kept; pose_ns, pose_m (p,): where the
    antenna was when, () of a bank; most: reads that are kept; moved: volumes that left a segment or came
    to one since it began."""

    segment: str
    from_ns: int
    columns: dict[str, NDArray[np.generic]]
    every: int = 1
    pose_ns: tuple[int, ...] = ()
    pose_m: tuple[float, ...] = ()
    most: int = MOST_READS
    moved: tuple[str, ...] = ()


class Pass:
    """One antenna and the shelf that passes it, from `from_ns` on; segment: where it began. Of a reader that is carried
    also where it was when, in metres along the face."""

    def __init__(self, segment: str, from_ns: int, most: int = MOST_READS) -> None:
        self.segment = segment
        self.from_ns = from_ns
        self.moved: set[str] = set()
        self._most = most
        self.pose_ns: list[int] = []
        self.pose_m: list[float] = []
        self._batches: list[PassColumns] = []
        self._count = 0
        self._every = 1

    def hear(self, reads: PassColumns) -> None:
        """Keep these too; where they become too many, a part of all, picked without a pattern."""
        some = reads if self._every == 1 else reads.where(_is_picked(reads, self._every))
        if len(some.at_ns):
            self._batches.append(some)
            self._count += len(some.at_ns)
        while self._count > self._most and self._every < LEAST_PART:
            self._every *= 2
            kept = self.reads()
            self._batches = [kept.where(_is_picked(kept, self._every))]
            self._count = len(self._batches[0].at_ns)

    def pose(self, at_ns: int, along_m: float) -> None:
        """The reader was there then. Of a rest only the beginning and the end are kept."""
        if len(self.pose_m) > 1 and max(abs(along_m - known) for known in self.pose_m[-2:]) < AT_REST_M:
            self.pose_ns[-1] = at_ns
            return
        self.pose_ns.append(at_ns)
        self.pose_m.append(along_m)

    def reads(self) -> PassColumns:
        """All of them, as they came."""
        if not self._batches:
            return PassColumns(*(np.zeros(0, kind) for kind in _TYPES.values()))
        return PassColumns(*(np.concatenate(columns) for columns in zip(*self._batches, strict=True)))

    def record(self) -> PassRecord:
        """For a snapshot."""
        columns: dict[str, NDArray[np.generic]] = dict(self.reads()._asdict())
        poses = tuple(self.pose_ns), tuple(self.pose_m)
        return PassRecord(
            self.segment, self.from_ns, columns, self._every, *poses, self._most, tuple(sorted(self.moved))
        )

    @classmethod
    def from_record(cls, record: PassRecord) -> "Pass":
        """Raises ValueError for columns that do not fit together."""
        columns: dict[str, NDArray[Any]] = record.columns
        n = len(columns.get("at_ns", ()))
        for name, kind in _TYPES.items():
            column = columns.get(name)
            if column is None or column.shape != (n,) or column.dtype != kind:
                raise ValueError(f"snapshot: {name} of a pass is missing or no {kind.__name__} ({n},)")
        if len(record.pose_ns) != len(record.pose_m):
            raise ValueError(f"snapshot: {len(record.pose_ns)} times and {len(record.pose_m)} places of a pass")
        made = cls(record.segment, record.from_ns, record.most)
        made.moved = set(record.moved)
        made._every = record.every
        made.hear(PassColumns(*(columns[name] for name in _TYPES)))
        made.pose_ns, made.pose_m = list(record.pose_ns), list(record.pose_m)
        return made


def _is_picked(reads: PassColumns, every: int) -> NDArray[np.bool_]:
    """(n,) one of so many, a power of two, always the same; those of twice as many are among them."""
    time, tag, shift = _MIX
    mixed = (reads.at_ns.astype(np.uint64) * time ^ reads.tag.astype(np.uint64) * tag) * time >> shift
    picked: NDArray[np.bool_] = mixed & np.uint64(every - 1) == 0
    return picked
