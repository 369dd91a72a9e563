"""What a reader says, as bytes: the other half of drivers/llrp, from the same layouts, and reports made as arrays."""

import struct
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from drivers.llrp.codec import header
from drivers.llrp.layouts import CUSTOM, MESSAGES, PARAMETERS, TYPE_VALUE, Field, Layout

RO_ACCESS_REPORT, READER_EVENT = 61, 63
EPC_OCTETS = 12
TID_OCTETS = 12
LLRP_STATUS, READ_RESULT = 287, 349
SUCCESS, NO_RESPONSE = 0, 2  # of a C1G2ReadOpSpecResult: the tag did not answer the read
IMPINJ = 25882
_ITEM = {"u16s": "H", "u32s": "I"}


class Selector(msgspec.Struct, frozen=True):
    """What a client wants to be told of each tag (TagReportContentSelector)."""

    antenna: bool = True
    rssi: bool = True
    first_seen: bool = False
    last_seen: bool = False
    count: bool = False
    crc: bool = False
    pc: bool = False
    rospec_id: bool = False
    spec_index: bool = False
    channel: bool = False
    inventory_id: bool = False
    access_id: bool = False
    phase: bool = False
    fine_rssi: bool = False
    tid: bool = False
    """Of an Impinj reader: its FastID."""
    tid_read_by: int = 0
    """Operation of an AccessSpec that reads the TID; 0 for none."""


class Reads(msgspec.Struct, frozen=True):
    """What one antenna saw in one search: columns of n tags. UTC in microseconds."""

    antenna: int
    epc: NDArray[np.uint8]
    rssi_dbm: NDArray[np.float32]
    count: NDArray[np.uint16]
    first_us: int
    last_us: int
    rospec_id: int
    spec_index: int
    tid: NDArray[np.uint8] | None = None
    """(n, 12), zeros for a tag that does not tell it; None: no tag does."""


def message(kind: int, message_id: int, value: dict[str, Any] | None = None) -> bytes:
    """A whole message; `value` in the names of its layout, what is left out is absent or zero."""
    body = encode_value(MESSAGES[kind], value or {})
    return header(kind, message_id, len(body)) + body


def vendor_message(message_id: int, vendor: int, subtype: int, value: dict[str, Any]) -> bytes:
    """A vendor's CUSTOM_MESSAGE that holds an LLRPStatus."""
    body = struct.pack("!IB", vendor, subtype) + _parameter(LLRP_STATUS, value["LLRPStatus"])
    return header(CUSTOM, message_id, len(body)) + body


def event(message_id: int, utc_us: int, **events: Any) -> bytes:
    """READER_EVENT_NOTIFICATION with the reader's clock."""
    data = {"UTCTimestamp": utc_us, **events}
    return message(READER_EVENT, message_id, {"ReaderEventNotificationData": data})


def encode_value(layout: Layout, value: dict[str, Any]) -> bytes:
    """Fields, then sub-parameters in the order of the layout: the inverse of drivers.llrp.codec.decode_message."""
    parts = [_fields(layout, value)]
    for child in layout.children:
        inner = value.get(child.name)
        if inner is not None:
            parts += [_parameter(child.type, one) for one in (inner if child.mark == "*" else [inner])]
    return b"".join(parts)


def _parameter(kind: int, value: Any) -> bytes:
    if kind == CUSTOM:
        body = struct.pack("!II", value["VendorID"], value["Subtype"]) + value["Data"]
        packed: bytes = struct.pack("!HH", kind, 4 + len(body)) + body
        return packed
    layout = PARAMETERS[kind]
    body = encode_value(layout, {layout.fields[0].name: value} if layout.is_bare else value)
    if kind in TYPE_VALUE:
        return bytes((0x80 | kind,)) + body
    return struct.pack("!HH", kind, 4 + len(body)) + body


def _fields(layout: Layout, value: dict[str, Any]) -> bytes:
    bits, width, parts = 0, 0, []
    for field in layout.fields:
        if field.bits == 0:
            assert width == 0, f"{layout.name}: {field.name} does not start at an octet"
            parts.append(_counted(field, value))
            continue
        raw = value.get(field.name, 0)
        if field.kind == "octets":
            raw = int.from_bytes(raw, "big")
        bits, width = bits << field.bits | (int(raw) & (1 << field.bits) - 1), width + field.bits
        if width % 8 == 0:
            parts.append(bits.to_bytes(width // 8, "big"))
            bits, width = 0, 0
    return b"".join(parts)


def _counted(field: Field, value: dict[str, Any]) -> bytes:
    if field.kind == "bitarray":
        count_name, name = field.name.split(",")
        return struct.pack("!H", value.get(count_name, 0)) + bytes(value.get(name) or b"")
    inner = value.get(field.name)
    if field.kind in _ITEM:
        items = inner or ()
        return struct.pack(f"!H{len(items)}{_ITEM[field.kind]}", len(items), *items)
    octets = str(inner or "").encode() if field.kind == "text" else bytes(inner or b"")
    return struct.pack("!H", len(octets)) + octets


def reports(reads: Reads, wanted: Selector, tags_a_message: int, message_id: int) -> list[bytes]:
    """The tags of one search as RO_ACCESS_REPORT messages of at most `tags_a_message`; none when nothing was seen."""
    tid = np.zeros((len(reads.epc), TID_OCTETS), np.uint8) if reads.tid is None else reads.tid
    tells = tid.any(axis=1)
    groups = [(tells, True), (~tells, False)] if wanted.tid or wanted.tid_read_by else [(np.ones_like(tells), False)]
    made: list[bytes] = []
    for rows, with_tid in groups:
        tags = _tags(reads, np.flatnonzero(rows), wanted, tid if with_tid else None)
        for start in range(0, len(tags), tags_a_message):
            body = tags[start : start + tags_a_message].tobytes()
            made.append(header(RO_ACCESS_REPORT, message_id + len(made), len(body)) + body)
    return made


def _tags(reads: Reads, rows: NDArray[np.intp], wanted: Selector, tid: NDArray[np.uint8] | None) -> NDArray[np.void]:
    """Some of the tags, all of one layout, as one structured array; tid: they tell it."""
    fields: list[tuple[str, str]] = [("head", ">u4"), ("t13", "u1"), ("epc", f"({EPC_OCTETS},)u1")]
    content: dict[str, tuple[int, Any]] = {}

    def add(is_wanted: bool, kind: int, dtype: str, column: Any) -> None:
        if is_wanted:
            fields.extend([(f"t{kind}", "u1"), (f"v{kind}", dtype)])
            content[f"v{kind}"] = (kind, column)

    add(wanted.rospec_id, 9, ">u4", reads.rospec_id)
    add(wanted.spec_index, 14, ">u2", reads.spec_index)
    add(wanted.inventory_id, 10, ">u2", 1)
    add(wanted.antenna, 1, ">u2", reads.antenna)
    rssi_dbm = reads.rssi_dbm[rows]
    add(wanted.rssi, 6, "i1", np.clip(np.rint(rssi_dbm), -128, 127))
    add(wanted.channel, 7, ">u2", 1)
    add(wanted.first_seen, 2, ">u8", reads.first_us)
    add(wanted.last_seen, 4, ">u8", reads.last_us)
    add(wanted.count, 8, ">u2", reads.count[rows])
    add(wanted.pc, 12, ">u2", EPC_OCTETS // 2 << 11)  # the length of the EPC in words, nothing else set
    add(wanted.crc, 11, ">u2", 0)
    add(wanted.access_id, 16, ">u4", 0)
    longer: dict[str, Any] = {}  # parameters with a head of their own

    def add_long(is_wanted: bool, kind: int, name: str, parts: list[tuple[str, str, Any]]) -> None:
        if is_wanted:
            octets = 4 + sum(np.dtype(form).itemsize for _, form, _ in parts)
            for part, form, value in [("head", ">u4", kind << 16 | octets), *parts]:
                fields.append((f"{name}_{part}", form))
                longer[f"{name}_{part}"] = value

    def add_vendor(is_wanted: bool, subtype: int, *parts: tuple[str, str, Any]) -> None:
        whose: list[tuple[str, str, Any]] = [("vendor", ">u4", IMPINJ), ("subtype", ">u4", subtype)]
        add_long(is_wanted, CUSTOM, f"c{subtype}", [*whose, *parts])

    said = None if tid is None else tid[rows]
    octets = f"({TID_OCTETS},)u1"
    add_vendor(wanted.phase, 56, ("value", ">u2", reads.epc[rows, -1] * np.uint16(16)))  # nobody here knows better
    add_vendor(wanted.fine_rssi, 57, ("value", ">i2", np.rint(100 * rssi_dbm)))
    add_vendor(wanted.tid and said is not None, 55, ("words", ">u2", TID_OCTETS // 2), ("value", octets, said))
    result: list[tuple[str, str, Any]] = [("result", "u1", NO_RESPONSE), ("by", ">u2", wanted.tid_read_by)]
    if said is None:
        result.append(("words", ">u2", 0))
    else:
        result = [("result", "u1", SUCCESS), result[1], ("words", ">u2", TID_OCTETS // 2), ("value", octets, said)]
    add_long(bool(wanted.tid_read_by), READ_RESULT, "read", result)
    dtype = np.dtype(fields)
    tags = np.empty(len(rows), dtype=dtype)
    tags["head"] = 240 << 16 | dtype.itemsize
    tags["t13"] = 0x80 | 13
    tags["epc"] = reads.epc[rows]
    for name, (kind, column) in content.items():
        tags[f"t{kind}"] = 0x80 | kind
        tags[name] = column
    for name, column in longer.items():
        tags[name] = column
    return tags
