"""What a device said, stamped once with vault time `at_ns` when its bytes came in. Imports msgspec and numpy only."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

UNKNOWN_RSSI = np.float32(np.nan)


class TagReads(msgspec.Struct, frozen=True, tag="tag_reads", eq=False, omit_defaults=True):
    """One batch of tag reads of one reader, as columns of equal length n; of several reports that came in together.

    antenna   (n,) uint16, LLRP port, 1-based
    epc       (n, w) uint8, raw EPC bytes, zero-padded to the widest of the batch (w = 12 for EPC-96)
    epc_bits  (n,) uint16, true length of each EPC in bits
    rssi_dbm  (n,) float32, peak RSSI, NaN where the reader did not say; its finest value where it gives two
    count     (n,) uint16, how often the tag was seen within this report entry, >= 1
    first_utc_ns, last_utc_ns  (n,) int64, the *reader's* clock, 0 where it did not say
    pc        (n,) int32, C1G2 protocol control word, -1 where the reader did not say

    What no tag of the batch said is None:
    crc       (n,) int32, C1G2 CRC, -1 where the reader did not say
    channel   (n,) uint16, index into the reader's frequency table, 1-based, 0 where it did not say
    phase_rad (n,) float32, RF phase in [0, 2 pi), NaN where the reader did not say
    doppler_hz  (n,) float32, NaN where the reader did not say
    first_uptime_ns, last_uptime_ns  (n,) int64, since the reader started, 0 where it did not say
    tid       (n, w) uint8, what the chip itself says it is (C1G2 TID bank, from its first octet), zero-padded to the
              widest of the batch; zeros where the reader did not say: every TID begins with E0 or E2
    clock_offset_ns  add it to this batch's UTC times, or to its uptimes when it has no UTC, to get vault time: the skew
                     of the reader's clock is in it; None until that is known
    """

    device: str
    at_ns: int
    antenna: NDArray[np.uint16]
    epc: NDArray[np.uint8]
    epc_bits: NDArray[np.uint16]
    rssi_dbm: NDArray[np.float32]
    count: NDArray[np.uint16]
    first_utc_ns: NDArray[np.int64]
    last_utc_ns: NDArray[np.int64]
    pc: NDArray[np.int32]
    crc: NDArray[np.int32] | None = None
    channel: NDArray[np.uint16] | None = None
    phase_rad: NDArray[np.float32] | None = None
    doppler_hz: NDArray[np.float32] | None = None
    first_uptime_ns: NDArray[np.int64] | None = None
    last_uptime_ns: NDArray[np.int64] | None = None
    tid: NDArray[np.uint8] | None = None
    clock_offset_ns: int | None = None


class Searched(msgspec.Struct, frozen=True, tag="searched"):
    """An antenna looked for every tag in its field: without it there is no negative evidence.

    rounds >= 1 complete inventory rounds between from_ns and to_ns (vault time).
    """

    device: str
    at_ns: int
    antenna: int
    rounds: int
    from_ns: int
    to_ns: int


class Measurement(msgspec.Struct, frozen=True, tag="measurement"):
    """One reading of one device: several points, in engineering units; None where the device gave no valid value."""

    device: str
    at_ns: int
    points: tuple[str, ...]
    values: tuple[float | None, ...]


class Contact(msgspec.Struct, frozen=True, tag="contact"):
    """One binary point after the profile's polarity: `active` is True for wet, smoke, open, energised.

    None where the device answered but cannot tell (cable break, fault).
    """

    device: str
    at_ns: int
    point: str
    active: bool | None


class ShelvingState(msgspec.Struct, frozen=True, tag="shelving_state"):
    """How a bank of mobile shelving, or a rotary cabinet, stands, as its controller `device` says.

    bank: the rack. open_aisles: those that are open now, () all closed, None unknown; aisle n lies between rows n and
    n + 1, aisle 0 before the first row; () of a cabinet. is_moving: rows are on their way, or the carriers turn.
    """

    device: str
    at_ns: int
    bank: str
    open_aisles: tuple[int, ...] | None
    is_moving: bool


class RobotState(msgspec.Struct, frozen=True, tag="robot_state"):
    """Where a robot stands with the RFID reader it carries: before `segment` ('' before none), `along_m` metres from
    where that segment's face begins; None: not known."""

    device: str
    at_ns: int
    reader: str
    segment: str
    along_m: float | None


class DeviceNote(msgspec.Struct, frozen=True, tag="device_note"):
    """What a device said about itself: `code` is a text id (config/texts), `args` its fields."""

    device: str
    at_ns: int
    code: str
    args: dict[str, str | int | float]


Observation = TagReads | Searched | Measurement | Contact | ShelvingState | RobotState | DeviceNote

_ARRAY_EXT = 1
_ARRAY = msgspec.msgpack.Decoder(tuple[str, tuple[int, ...], bytes])


def array_to_wire(value: object) -> object:
    """msgspec enc_hook: an array becomes one msgpack extension (dtype, shape, bytes)."""
    if isinstance(value, np.ndarray):
        packed = (value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes())
        return msgspec.msgpack.Ext(_ARRAY_EXT, msgspec.msgpack.encode(packed))
    raise NotImplementedError(f"{type(value).__name__} cannot cross a pipe; records hold plain values and arrays")


def array_from_wire(code: int, data: memoryview) -> NDArray[Any]:
    """msgspec ext_hook: the inverse of `array_to_wire`. Raises ValueError for an unknown extension."""
    if code != _ARRAY_EXT:
        raise ValueError(
            f"msgpack extension {code} is not an array (expected {_ARRAY_EXT}): written by another version"
        )
    dtype, shape, raw = _ARRAY.decode(data)
    return np.frombuffer(raw, dtype=np.dtype(dtype)).reshape(shape)
