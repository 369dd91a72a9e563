"""Which chip is known to carry each volume's EPC: told as a fact, or heard once and to be heard again before it is."""

import math
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensors.rfid.tids import TID_OCTETS, Octets, as_text, from_text

CODE = "tag_cloned"  # of the alarm
MOST_READY = 500  # confirmed and not told yet: those beyond are heard again


def key_of(epc: str) -> str:
    """Of the alarm, and of `Tids.clones`."""
    return f"{CODE}:{epc}"


class Clone(msgspec.Struct, frozen=True):
    """A tag that carries a volume's EPC and is not the volume's: both chips, and where the other was read first."""

    volume: str
    tid: str
    other_tid: str
    segment: str
    since_ns: int


class OtherChip(msgspec.Struct, frozen=True):
    """A chip that is not the one known for its EPC: how often it was read, as far as that matters, when last, and where
    it was loudest."""

    times: int
    at_ns: int
    segment: int
    rssi_dbm: float = -math.inf


class Swept(msgspec.Struct, frozen=True):
    """When a reader was last asked to read TIDs, up to which antenna, and whether it can."""

    at_ns: int
    antenna: int
    is_able: bool = True


class Tids:
    """By row of the volume, 13 bytes each from the first TID on; nothing in a vault whose readers tell none.

    Folded from facts: what was told; `clones` by alarm, while it is active; `swept` by reader. Beliefs: what was heard
    once; `others` by EPC of a volume and TID; `heard_ns` by reader, when it last told a TID.
    """

    def __init__(self) -> None:
        self._octets: Octets = np.zeros((0, TID_OCTETS), np.uint8)
        self._is_told: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._ready: dict[int, None] = {}
        self.clones: dict[str, Clone] = {}
        self.swept: dict[str, Swept] = {}
        self.others: dict[tuple[str, str], OtherChip] = {}
        self.heard_ns: dict[str, int] = {}

    @property
    def nbytes(self) -> int:
        """Bytes held in arrays."""
        return self._octets.nbytes + self._is_told.nbytes

    @property
    def is_empty(self) -> bool:
        """Nothing was ever heard or told."""
        return not len(self._is_told)

    def of(self, rows: NDArray[np.int32]) -> tuple[Octets, NDArray[np.bool_]]:
        """(m, TID_OCTETS) of each row, zeros for none, and whether it was told. rows (m,) >= 0"""
        self._grow(int(rows.max()) + 1 if len(rows) else 0)
        return self._octets[rows], self._is_told[rows]

    def hear(self, rows: NDArray[np.int32], tid: Octets) -> None:
        """Heard for the first time: of a row that stands here twice the first counts. Rows of `of`."""
        rows, first = np.unique(rows, return_index=True)
        self._octets[rows] = tid[first]

    def confirm(self, rows: NDArray[np.int32]) -> None:
        """Heard again: to be told."""
        self._ready.update(dict.fromkeys(np.unique(rows)[: MOST_READY - len(self._ready)].tolist()))

    def ready(self) -> list[tuple[int, str]]:
        """What is to be told: row and TID."""
        return [(row, as_text(self._octets[row])) for row in self._ready]

    def tell(self, row: int, tid: str) -> None:
        """It is told; '': nothing is known of this row any more."""
        self._grow(row + 1)
        self._octets[row] = from_text(tid)
        self._is_told[row] = bool(tid)
        self._ready.pop(row, None)

    def rows_of(self, tids: Iterable[str]) -> dict[str, int]:
        """Which of these chips were told, and of which row each."""
        asked = sorted(set(tids) - {""})
        if not asked or self.is_empty:
            return {}
        keys = np.sort(_keys(np.array([from_text(tid) for tid in asked])))
        told = _keys(self._octets)
        near = keys.take(np.minimum(np.searchsorted(keys, told), len(keys) - 1))
        rows = ((near == told) & self._is_told).nonzero()[0].tolist()
        found = {as_text(self._octets[row]): row for row in rows}
        return {tid: found[tid] for tid in asked if tid in found}

    def told(self, row: int) -> str:
        """What was told of a row, '' for nothing."""
        return as_text(self._octets[row]) if row < len(self._is_told) and self._is_told[row] else ""

    def is_told(self, row: int) -> bool:
        """Whether a TID was told of this row."""
        return row < len(self._is_told) and bool(self._is_told[row])

    def to_bytes(self, *, told: bool) -> bytes:
        """Those told, or those only heard, row after row up to the last."""
        chosen = np.where((self._is_told == told)[:, None], self._octets, 0).astype(np.uint8)
        rows = np.flatnonzero(chosen.any(axis=1))
        return chosen[: rows[-1] + 1].tobytes() if len(rows) else b""

    @classmethod
    def from_bytes(cls, told: bytes, heard: bytes, ready: tuple[int, ...], rows: int) -> "Tids":
        """Those of a snapshot. Raises ValueError for bytes that cannot be of so many rows."""
        if len(told) % TID_OCTETS or len(heard) % TID_OCTETS or max(len(told), len(heard)) > rows * TID_OCTETS:
            raise ValueError(f"snapshot: TIDs of {len(told)} and {len(heard)} octets, of {rows} volumes")
        if any(not 0 <= row < rows for row in ready):
            raise ValueError(f"snapshot: TIDs point outside 0..{rows - 1}")
        made = cls()
        made._grow(rows if told or heard else 0)
        for source in (told, heard):
            octets = np.frombuffer(source, np.uint8).reshape(-1, TID_OCTETS)
            some = np.flatnonzero(octets.any(axis=1))
            made._octets[some] = octets[some]
            made._is_told[some] = source is told
        made._ready = dict.fromkeys(ready)
        return made

    def _grow(self, rows: int) -> None:
        had = len(self._is_told)
        if rows > had:
            more = max(rows, had + had // 64 + 512) - had  # of 200 bytes a volume hardly any are to spare
            self._octets = np.concatenate([self._octets, np.zeros((more, TID_OCTETS), np.uint8)])
            self._is_told = np.concatenate([self._is_told, np.zeros(more, np.bool_)])


def _keys(octets: Octets) -> NDArray[np.uint64]:
    """(n,) of TIDs (n, TID_OCTETS): equal for equal ones, hardly ever for others."""
    words = np.ascontiguousarray(octets).view(np.uint32).astype(np.uint64)
    keys: NDArray[np.uint64] = words[:, 0] << np.uint64(32) ^ words[:, 1] << np.uint64(24) ^ words[:, 2]
    return keys
