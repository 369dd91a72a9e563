"""Tags of any layouts side by side: where each one's values stand in the octets they came in."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.llrp.tag_columns import COLUMNS, Column, Key, unsaid
from drivers.llrp.tag_layout import Parsed, TagLayout
from drivers.observation import TagReads

EPC_96_OCTETS = 12


class TagPlaces:
    """Filled row by row or layout by layout; then read as columns."""

    def __init__(self, starts: NDArray[np.int64]) -> None:
        """starts (n,): where each tag begins."""
        self._starts = starts
        self._epc_at = np.zeros(len(starts), np.int64)
        self._epc_bits = np.zeros(len(starts), np.uint16)
        self._at: dict[Key, NDArray[np.int64]] = {}  # -1 for a tag that does not say it
        self._tid: NDArray[np.int64] | None = None  # (2, n) start and octets, 0 where not said; None: nobody said it

    def put(self, rows: NDArray[np.int64] | int, layout: TagLayout | Parsed) -> None:
        """These tags have this layout."""
        starts = self._starts[rows]
        self._epc_at[rows] = starts + layout.epc_at
        self._epc_bits[rows] = layout.epc_bits
        for key, offset in layout.places.items():
            if key not in self._at:
                self._at[key] = np.full(len(self._starts), -1, np.int64)
            self._at[key][rows] = starts + offset
        if layout.tid_octets:
            if self._tid is None:
                self._tid = np.zeros((2, len(self._starts)), np.int64)
            self._tid[0, rows] = starts + layout.tid_at
            self._tid[1, rows] = layout.tid_octets

    def reads(
        self, octets: NDArray[np.uint8], kept: NDArray[np.int64], device: str, at_ns: int, clock_offset_ns: int | None
    ) -> TagReads:
        """The tags `kept`, in this order."""
        said: dict[str, NDArray[Any]] = {}
        for column in COLUMNS:  # in this order: a finer value replaces a coarser one
            if column.key not in self._at:
                continue
            at = self._at[column.key][kept]
            there = at >= 0
            if not there.any():
                continue
            if column.field not in said:
                said[column.field] = np.full(len(kept), column.filled, column.dtype)
            said[column.field][there] = column.convert(_values(octets, at[there], column))
        epc_bits = self._epc_bits[kept]
        epc = _padded(octets, self._epc_at[kept], (epc_bits.astype(np.int64) + 7) // 8)
        if self._tid is not None and self._tid[1, kept].any():
            said["tid"] = _padded(octets, self._tid[0, kept], self._tid[1, kept])
        said |= unsaid(said, len(kept))
        return TagReads(device=device, at_ns=at_ns, epc=epc, epc_bits=epc_bits, clock_offset_ns=clock_offset_ns, **said)


def _values(octets: NDArray[np.uint8], at: NDArray[np.int64], column: Column) -> NDArray[Any]:
    """The values that begin at `at`, as on the wire."""
    rows: NDArray[Any] = octets[at[:, None] + np.arange(column.octets)]
    return rows.view(column.wire)[:, 0]


def _padded(octets: NDArray[np.uint8], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.uint8]:
    """(n, w) octets of n values, zero-padded to the longest; as wide as an EPC-96 without any."""
    width = int(lengths.max()) if len(lengths) else EPC_96_OCTETS
    column = np.arange(width)
    there = column < lengths[:, None]
    padded = np.zeros((len(starts), width), dtype=np.uint8)
    padded[there] = octets[(starts[:, None] + column)[there]]
    return padded
