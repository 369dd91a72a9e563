"""How one TagReportData is laid out: where its values stand, and which of its octets say so."""

import struct
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from drivers.llrp.codec import malformed, parameter_at
from drivers.llrp.layouts import CUSTOM, EPC_DATA, PARAMETERS, TAG_REPORT_DATA, TYPE_VALUE
from drivers.llrp.tag_columns import ALWAYS, BY_KEY, COLUMN_FIELDS, COLUMNS, IMPINJ, TIMES, Convert, Key
from drivers.observation import TagReads

EPC_96 = 13
READ_RESULT = 349  # C1G2ReadOpSpecResult
SERIALIZED_TID = (IMPINJ, 55)  # ImpinjSerializedTID
OPSPEC_TID = 1  # what our AccessSpec names the operation that reads the TID: other results are nobody's
MAX_EPC_BITS = 496  # 31 words: the length field of the protocol control word has five bits, EPC C1G2 2.0.1, 6.3.2.1.2
TIME_HIGH_BITS = 0xFFE0  # of the first two octets of a time: zero up to 2^53 us, the year 2255; int64 holds its ns
MAX_TID_OCTETS = 62  # as wide as an EPC may be; chips of today have 8 to 24, and a read of ours asks for 12
LAST_STANDARD = 365  # the highest parameter type of LLRP 1.1: what is not of a tag up to here does not stand in one
TILE_ROWS = 300  # batches of at most so many tags share a column whose value is always the same
TILE_OCTETS = 8192  # so much of a report is compared at once
_MAY_STAND = PARAMETERS[TAG_REPORT_DATA].by_type
_OCTET = np.dtype(np.uint8)
_PARAMETER, _VENDOR = struct.Struct("!HH"), struct.Struct("!II")
_COUNT, _RESULT = struct.Struct("!H"), struct.Struct("!BHH")  # words; result, operation, words


class Parsed(msgspec.Struct):
    """One tag, walked: offsets from its first octet.

    fixed   (offset, mask) of the octets that a tag of the same layout has in common with this one
    places  offset of each value that becomes a column
    tid_at, tid_octets  where the TID stands and how long it is; 0 octets: the reader did not say
    """

    size: int
    epc_at: int
    epc_bits: int
    fixed: list[tuple[int, int]]
    places: dict[Key, int]
    tid_at: int = 0
    tid_octets: int = 0


class TagLayout(msgspec.Struct, frozen=True, eq=False):
    """A layout as arrays: octets & mask == expected, and nothing else, makes a tag one of this layout.

    mask, expected (size,) uint8; their tiles repeat them `TILE_OCTETS // size` times, at least once.
    record: a dtype with `epc`, `tid` and one field per value, named by its column.
    plan: for each column of TagReads, in its order, a field of the record and what makes the column of it; None for a
    column that stays None.
    """

    size: int
    epc_at: int
    epc_bits: int
    places: dict[Key, int]
    mask: NDArray[np.uint8]
    expected: NDArray[np.uint8]
    mask_tile: NDArray[np.uint8]
    expected_tile: bytes
    tid_at: int
    tid_octets: int
    record: np.dtype[Any]
    plan: tuple[tuple[str, Convert | None], ...]

    def fits(self, body: bytes) -> bool:
        """Whether all of `body` is tags of this layout: compared at once, a tile at a time."""
        if len(body) % self.size:
            return False
        octets, tile = np.frombuffer(body, _OCTET), len(self.expected_tile)
        while len(octets) > tile:
            if (octets[:tile] & self.mask_tile).tobytes() != self.expected_tile:
                return False
            octets = octets[tile:]
        return self.expected_tile.startswith((octets & self.mask_tile[: len(octets)]).tobytes())

    def reads(self, body: bytes, device: str, at_ns: int, clock_offset_ns: int | None) -> TagReads:
        """The tags of a body that fits."""
        record = np.frombuffer(body, self.record)
        columns = [None if convert is None else convert(record[name]) for name, convert in self.plan]
        return TagReads(device, at_ns, *columns, clock_offset_ns)  # type: ignore[arg-type, call-arg]  # the plan is in its order

    def matching(self, rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of the tags `rows` (n, size) are of this layout."""
        same: NDArray[np.bool_] = ((rows & self.mask) == self.expected).all(axis=1)
        return same


def layout_of(tag: bytes, parsed: Parsed) -> TagLayout:
    """The layout of a whole TagReportData that `parse_tag` has walked."""
    mask = np.zeros(parsed.size, np.uint8)
    for offset, octet_mask in parsed.fixed:
        mask[offset] = octet_mask
    expected = np.frombuffer(tag, np.uint8) & mask
    repeats = max(1, TILE_OCTETS // parsed.size)
    # a dtype has no field of zero octets: "epc" or "tid" is then an octet nobody reads
    epc_octets = (parsed.epc_bits + 7) // 8
    names = ["epc", "tid", *(BY_KEY[key].name for key in parsed.places)]
    formats = [f"V{epc_octets or 1}", f"V{parsed.tid_octets or 1}", *(BY_KEY[key].wire for key in parsed.places)]
    offsets = [parsed.epc_at if epc_octets else 0, parsed.tid_at, *parsed.places.values()]
    record = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": parsed.size})
    return TagLayout(
        parsed.size,
        parsed.epc_at,
        parsed.epc_bits,
        parsed.places,
        mask,
        expected,
        np.tile(mask, repeats),
        np.tile(expected, repeats).tobytes(),
        parsed.tid_at,
        parsed.tid_octets,
        record,
        _plan(parsed),
    )


def _plan(parsed: Parsed) -> tuple[tuple[str, Convert | None], ...]:
    # where two fill one field, the later of the table
    said = {column.field: column for column in COLUMNS if column.key in parsed.places}
    plan: list[tuple[str, Convert | None]] = []
    for field in COLUMN_FIELDS:
        if field == "epc":
            plan.append(("epc", _octets((parsed.epc_bits + 7) // 8)))
        elif field == "epc_bits":
            plan.append(("epc", _filled(parsed.epc_bits, np.uint16)))
        elif field == "tid" and parsed.tid_octets:
            plan.append(("tid", _octets(parsed.tid_octets)))
        elif field in said:
            plan.append((said[field].name, said[field].convert))
        elif field in ALWAYS:
            plan.append(("epc", _filled(ALWAYS[field].filled, ALWAYS[field].dtype)))
        else:
            plan.append(("epc", None))
    return tuple(plan)


def _octets(width: int) -> Convert:
    """(n, width) octets of n opaque values, that none can write."""
    if not width:
        return lambda raw: np.empty((len(raw), 0), _OCTET)
    return lambda raw: np.ndarray((len(raw), width), _OCTET, raw.tobytes())


def _filled(value: float, scalar: type[np.generic]) -> Convert:
    """One value for all rows; so many rows share it, and none can write it."""
    tile = np.full(TILE_ROWS, value, scalar)
    tile.flags.writeable = False
    return lambda raw: tile[: len(raw)] if len(raw) <= TILE_ROWS else np.full(len(raw), value, scalar)


def parse_tag(body: bytes, start: int, stop: int) -> Parsed:
    """Walk the TagReportData at body[start:stop], whose own header is known to be right.

    Raises ProtocolError when a parameter does not fit or does not stand in a tag, a type-value or known vendor
    parameter stands twice or has a wrong length, there is not exactly one EPC, or a time is past the year 2255.
    Parameters of vendors and of later versions that nobody asked for are skipped by their length.
    """
    tag = Parsed(stop - start, -1, 0, [(offset, 0xFF) for offset in range(_PARAMETER.size)], {})
    seen: set[int] = set()
    at = start + _PARAMETER.size
    while at < stop:
        kind, inner, end = parameter_at(body, at, stop, "TagReportData")
        key: Key = kind
        vouched = inner  # up to where octets decide what stands here
        if kind in TYPE_VALUE or kind == EPC_DATA:
            if kind in seen:
                raise malformed(f"TagReportData: parameter {kind} stands twice, again at {at}")
            seen.add(kind)
        if kind in (EPC_96, EPC_DATA):
            if tag.epc_at >= 0:
                raise malformed(f"TagReportData: a second EPC at octet {at}")
            tag.epc_bits = 96 if kind == EPC_96 else _epc_data_bits(body, inner, end)
            vouched = inner if kind == EPC_96 else inner + 2
            tag.epc_at = vouched - start
        elif kind == CUSTOM:
            if end - inner < _VENDOR.size:
                raise malformed(f"vendor parameter of {end - inner} octets: vendor and subtype take 8")
            key = _VENDOR.unpack_from(body, inner)
            vouched = inner + _VENDOR.size
        elif kind not in _MAY_STAND and kind <= LAST_STANDARD:
            raise malformed(f"TagReportData: parameter {kind} at octet {at} does not stand in a tag")
        if key in (READ_RESULT, SERIALIZED_TID):
            vouched = _place_tid(tag, body, start, key, vouched, end)
        tag.fixed += [(offset - start, 0xFF) for offset in range(at, vouched)]
        if key in BY_KEY:
            _place(tag, body, start, key, vouched, end)
        at = end
    if tag.epc_at < 0:
        raise malformed(f"TagReportData ending at octet {stop}: no EPC, expected one")
    return tag


def _place(tag: Parsed, body: bytes, start: int, key: Key, value: int, end: int) -> None:
    """Remember where the value of a column stands: body[value:end]."""
    column = BY_KEY[key]
    if end - value != column.octets:
        raise malformed(f"{column.name} of {end - value} octets at octet {value}, expected {column.octets}")
    if key in tag.places:
        raise malformed(f"TagReportData: {column.name} stands twice, again at {value}")
    tag.places[key] = value - start
    if key in TIMES:
        high = body[value] << 8 | body[value + 1]
        if high & TIME_HIGH_BITS:
            raise malformed(f"{column.name} at octet {value}: past the year 2255")
        tag.fixed += [(value - start, TIME_HIGH_BITS >> 8), (value - start + 1, TIME_HIGH_BITS & 0xFF)]


def _place_tid(tag: Parsed, body: bytes, start: int, key: Key, inner: int, end: int) -> int:
    """Remember where a TID stands in body[inner:end]; up to where octets decide that. The first of a tag counts.

    A read that failed, of another operation, or of no word is none. Raises ProtocolError where the words do not fit.
    """
    head, name = (_RESULT, "C1G2ReadOpSpecResult") if key == READ_RESULT else (_COUNT, "ImpinjSerializedTID")
    value = inner + head.size
    if value > end:
        raise malformed(f"{name} of {end - inner} octets at octet {inner}: its head takes {head.size}")
    *what, words = head.unpack_from(body, inner)
    stop = value + 2 * words
    if stop > end or (key == READ_RESULT and stop < end):
        raise malformed(f"{name} at octet {inner}: {words} words in {end - value} octets")
    while stop < end:  # of a vendor's parameter more may follow
        _, _, stop = parameter_at(body, stop, end, name)
    if what not in ([], [0, OPSPEC_TID]) or not words or tag.tid_octets:
        return value
    if 2 * words > MAX_TID_OCTETS:
        raise malformed(f"{name} at octet {inner}: {words} words, a TID has at most {MAX_TID_OCTETS // 2}")
    tag.tid_at, tag.tid_octets = value - start, 2 * words
    return value


def _epc_data_bits(body: bytes, inner: int, stop: int) -> int:
    if stop - inner < 2:
        raise malformed(f"EPCData at octet {inner}: {stop - inner} octets, the bit count takes 2")
    count = int.from_bytes(body[inner : inner + 2], "big")
    if count > MAX_EPC_BITS:  # the widest EPC of a report is the width of every row
        raise malformed(f"EPCData at octet {inner}: {count} bits, an EPC has at most {MAX_EPC_BITS}")
    if stop - inner - 2 != (count + 7) // 8:
        raise malformed(f"EPCData at octet {inner}: {count} bits in {stop - inner - 2} octets")
    return count
