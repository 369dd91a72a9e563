"""Which parameters of a TagReportData become columns of TagReads, and how. Names are those of LTK and sllurp."""

import math
from collections.abc import Callable, Collection
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from drivers.observation import TagReads

IMPINJ, ZEBRA = 25882, 161  # IANA enterprise numbers; Zebra goes by Motorola's
Key = int | tuple[int, int]  # type of a type-value parameter, or vendor and subtype of a Custom one
Convert = Callable[[NDArray[Any]], NDArray[Any]]  # from as it stands on the wire to a column of TagReads
# numpy would look up a type and convert a scalar at every use
_U16, _I64 = np.dtype(np.uint16), np.dtype(np.int64)
_ONCE, _US_TO_NS = np.array(1, _U16), np.array(1000, _I64)


class Column(msgspec.Struct, frozen=True):
    """One value of a tag: where it comes from, how it stands on the wire, which field of TagReads it fills."""

    key: Key
    name: str
    wire: str  # numpy dtype, big-endian
    field: str
    filled: float  # what stands for a tag that did not say
    dtype: type[np.generic]
    convert: Convert

    @property
    def octets(self) -> int:
        """Length of the value on the wire."""
        return np.dtype(self.wire).itemsize


def _seen(raw: NDArray[Any]) -> NDArray[Any]:
    """A tag that is reported was seen, whatever a reader counts."""
    return np.maximum(raw.astype(_U16), _ONCE)


def _nanoseconds(raw: NDArray[Any]) -> NDArray[Any]:
    return raw.astype(_I64) * _US_TO_NS


def _as(scalar: type[np.generic]) -> Convert:
    dtype = np.dtype(scalar)
    return lambda raw: raw.astype(dtype)


def _times(factor: float) -> Convert:
    scale = np.float32(factor)
    return lambda raw: raw.astype(np.float32) * scale


def _angle(steps: int) -> Convert:
    """Radians in [0, 2 pi) of a turn cut into `steps`, a power of two."""
    scale, bits = np.float32(math.tau / steps), steps - 1
    return lambda raw: (raw.astype(np.int32) & bits).astype(np.float32) * scale


# Where two fill one field, the later is the finer and wins. Times are below 2^53, so signed is the same as unsigned and
# needs no cast, only a swap of octets.
COLUMNS = (
    Column(1, "AntennaID", ">u2", "antenna", 0, np.uint16, _as(np.uint16)),
    Column(2, "FirstSeenTimestampUTC", ">i8", "first_utc_ns", 0, np.int64, _nanoseconds),
    Column(3, "FirstSeenTimestampUptime", ">i8", "first_uptime_ns", 0, np.int64, _nanoseconds),
    Column(4, "LastSeenTimestampUTC", ">i8", "last_utc_ns", 0, np.int64, _nanoseconds),
    Column(5, "LastSeenTimestampUptime", ">i8", "last_uptime_ns", 0, np.int64, _nanoseconds),
    Column(6, "PeakRSSI", "i1", "rssi_dbm", math.nan, np.float32, _as(np.float32)),
    Column(7, "ChannelIndex", ">u2", "channel", 0, np.uint16, _as(np.uint16)),
    Column(8, "TagSeenCount", ">u2", "count", 1, np.uint16, _seen),
    Column(11, "C1G2CRC", ">u2", "crc", -1, np.int32, _as(np.int32)),
    Column(12, "C1G2PC", ">u2", "pc", -1, np.int32, _as(np.int32)),
    # Octane LLRP: 4096 steps a turn, 1/100 dBm, 1/16 Hz
    Column((IMPINJ, 56), "ImpinjRFPhaseAngle", ">u2", "phase_rad", math.nan, np.float32, _angle(1 << 12)),
    Column((IMPINJ, 57), "ImpinjPeakRSSI", ">i2", "rssi_dbm", math.nan, np.float32, _times(1 / 100)),
    Column((IMPINJ, 68), "ImpinjRFDopplerFrequency", ">i2", "doppler_hz", math.nan, np.float32, _times(1 / 16)),
    # FX readers: 0x4000 is a quarter turn
    Column((ZEBRA, 709), "MotoTagPhase", ">i2", "phase_rad", math.nan, np.float32, _angle(1 << 16)),
)
BY_KEY = {column.key: column for column in COLUMNS}
TIMES = frozenset((2, 3, 4, 5))
# Every TagReads has these; the other fields are None where no tag said them.
ALWAYS = {
    column.field: column
    for column in COLUMNS
    if column.field in ("antenna", "rssi_dbm", "count", "first_utc_ns", "last_utc_ns", "pc")
}
# The columns of TagReads, in its order.
COLUMN_FIELDS = tuple(
    field for field in TagReads.__struct_fields__ if field not in ("device", "at_ns", "clock_offset_ns")
)


def unsaid(said: Collection[str], rows: int) -> dict[str, NDArray[Any]]:
    """The columns every TagReads has and no tag said."""
    return {field: np.full(rows, column.filled, column.dtype) for field, column in ALWAYS.items() if field not in said}
