"""Passes under way: reads of tags while they and an antenna move past each other, kept until the motion is over."""

from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

MOST_READS = 16_384  # of one pass: 110 volumes, 150 looks; what comes after is not kept, and the tail has no order
_TYPES = {
    "at_ns": np.int64,
    "phase_rad": np.float32,
    "rssi_dbm": np.float32,
    "channel": np.uint16,
    "epc_bits": np.uint16,
}


class PassColumns(NamedTuple):
    """n reads: epc (n, w) uint8 zero-padded; epc_bits (n,) uint16; at_ns (n,) int64 vault time of the read; phase_rad
    (n,) float32, NaN not told; rssi_dbm (n,) float32, NaN not told; channel (n,) uint16, 0 not told."""

    epc: NDArray[np.uint8]
    epc_bits: NDArray[np.uint16]
    at_ns: NDArray[np.int64]
    phase_rad: NDArray[np.float32]
    rssi_dbm: NDArray[np.float32]
    channel: NDArray[np.uint16]

    def where(self, keep: NDArray[Any]) -> "PassColumns":
        """Some of them, by mask or index."""
        columns: tuple[NDArray[Any], ...] = self
        return PassColumns(*(column[keep] for column in columns))


class PassRecord(msgspec.Struct, frozen=True, eq=False):
    """A pass as plain values, for a snapshot: `pose_ns`, `pose_m` (p,) where the antenna was when, () of a bank."""

    segment: str
    from_ns: int
    columns: dict[str, NDArray[np.generic]]
    pose_ns: tuple[int, ...] = ()
    pose_m: tuple[float, ...] = ()


class Pass:
    """One antenna and the shelf that passes it, from `from_ns` on; segment: where it began. Of a reader that is carried
    also where it was when, in metres along the face."""

    def __init__(self, segment: str, from_ns: int) -> None:
        self.segment = segment
        self.from_ns = from_ns
        self.pose_ns: list[int] = []
        self.pose_m: list[float] = []
        self._batches: list[PassColumns] = []
        self._count = 0

    def hear(self, reads: PassColumns) -> None:
        """Keep these too, as long as there is room."""
        room = MOST_READS - self._count
        if len(reads.at_ns) and room > 0:
            some = reads if len(reads.at_ns) <= room else reads.where(np.arange(room))
            self._batches.append(some)
            self._count += len(some.at_ns)

    def pose(self, at_ns: int, along_m: float) -> None:
        """The reader was there then."""
        self.pose_ns.append(at_ns)
        self.pose_m.append(along_m)

    def reads(self) -> PassColumns:
        """All of them, as they came."""
        if not self._batches:
            return PassColumns(np.zeros((0, 12), np.uint8), *(np.zeros(0, _TYPES[name]) for name in _NAMES))
        width = max(batch.epc.shape[1] for batch in self._batches)
        epc = [np.pad(batch.epc, ((0, 0), (0, width - batch.epc.shape[1]))) for batch in self._batches]
        rest = [np.concatenate(columns) for columns in list(zip(*self._batches, strict=True))[1:]]
        return PassColumns(np.concatenate(epc), *rest)

    def record(self) -> PassRecord:
        """For a snapshot."""
        columns: dict[str, NDArray[np.generic]] = dict(self.reads()._asdict())
        return PassRecord(self.segment, self.from_ns, columns, tuple(self.pose_ns), tuple(self.pose_m))

    @classmethod
    def from_record(cls, record: PassRecord) -> "Pass":
        """Raises ValueError for columns that do not fit together."""
        columns: dict[str, NDArray[Any]] = record.columns
        n = len(columns.get("at_ns", ()))
        for name, kind in _TYPES.items():
            column = columns.get(name)
            if column is None or column.shape != (n,) or column.dtype != kind:
                raise ValueError(f"snapshot: {name} of a pass is missing or no {kind.__name__} ({n},)")
        epc = columns.get("epc")
        if epc is None or epc.ndim != 2 or len(epc) != n or epc.dtype != np.uint8:
            raise ValueError("snapshot: epc of a pass is missing or no uint8 (n, width)")
        if len(record.pose_ns) != len(record.pose_m):
            raise ValueError(f"snapshot: {len(record.pose_ns)} times and {len(record.pose_m)} places of a pass")
        made = cls(record.segment, record.from_ns)
        made.hear(PassColumns(epc, *(columns[name] for name in _NAMES)))
        made.pose_ns, made.pose_m = list(record.pose_ns), list(record.pose_m)
        return made


_NAMES = PassColumns._fields[1:]
