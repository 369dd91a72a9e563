"""LLRP messages: frames cut from a stream, messages decoded by layout, requests encoded by sllurp.

sllurp encodes what we ask of a reader; what a reader says is decoded here. sllurp's decoders answer a bad length
with struct.error, KeyError or a shortened result, know neither GET_ROSPECS_RESPONSE nor GET_ACCESSSPECS_RESPONSE,
and are too slow for reports.
"""

import re
import struct
from typing import Any

import msgspec
from sllurp.llrp_proto import Message_struct

from drivers.driver import ProtocolError
from drivers.llrp.layouts import CUSTOM, MESSAGES, PARAMETERS, TYPE_VALUE, Field, Layout

HEADER = struct.Struct("!HII")  # 3 bits reserved, 3 version, 10 type; length of the whole message; message id
VERSION = 1  # LLRP 1.0.1; what 1.1 added is negotiated, and we do not
SPOKEN_VERSIONS = (1, 2)
MAX_MESSAGE_BYTES = 4 << 20  # a report of 50,000 tags has 2 MiB; beyond it a length is taken for noise
TYPE_BITS = 0x03FF
MAX_DEPTH = 16  # parameters within parameters; LLRP needs 7, but a ParameterError may hold another without end
ERROR_MESSAGE = 100
_COUNTED = {"text": 1, "bytes": 1, "u16s": 2, "u32s": 4}  # octets of one item
_ZERO = {"text": "", "flag": False, "u": 0, "s": 0}
TYPE_VALUE_OCTETS = {number: sum(f.bits for f in layout.fields) // 8 for number, layout in TYPE_VALUE.items()}


# A header of version 1 or 2, of a message that exists, of less than 4 MiB.
_HEADER_LOOKS = re.compile(
    b"[\x04\x08][" + re.escape(bytes(sorted(MESSAGES))) + b"]\\x00[\\x00-\\x3f]|[\x07\x0b]\xff\\x00[\\x00-\\x3f]",
    re.DOTALL,
)


def malformed(detail: str) -> ProtocolError:
    """The error of bytes that cannot be right; its first argument is the text id."""
    return ProtocolError("llrp_malformed", detail)


class Frame(msgspec.Struct, frozen=True):
    """One whole message: its type, its id, its body without the header."""

    type: int
    id: int
    body: bytes


class Framer:
    """Cuts a byte stream into frames, however it was cut before. A message in many pieces is put together once."""

    def __init__(self) -> None:
        self._whole = b""  # what frames are cut from, from `_at` on
        self._at = 0
        self._rest = bytearray()  # what came after it
        self._wanted = HEADER.size  # octets without which there is nothing to cut

    def push(self, data: bytes) -> None:
        """Take in the next bytes of the stream."""
        if self._at == len(self._whole) and not self._rest:
            self._whole, self._at = data, 0
        else:
            self._rest += data

    def pull(self) -> Frame | None:
        """The next whole frame, None until more bytes come. Raises ProtocolError when this cannot be a header."""
        while True:
            held = len(self._whole) - self._at
            if held < self._wanted:
                if held + len(self._rest) < self._wanted:
                    return None
                self._whole, self._at = self._whole[self._at :] + self._rest, 0
                self._rest = bytearray()
            at = self._at
            first, length, message_id = HEADER.unpack_from(self._whole, at)
            kind = first & TYPE_BITS
            if first >> 13 or (first >> 10) & 7 not in SPOKEN_VERSIONS:
                raise malformed(f"header starts 0x{first:04x}: not LLRP version 1 or 2")
            if kind not in MESSAGES and kind != CUSTOM:
                raise malformed(f"message type {kind} does not exist in LLRP 1.0.1")
            if not HEADER.size <= length <= MAX_MESSAGE_BYTES:
                raise malformed(f"message of {length} octets: expected {HEADER.size} to {MAX_MESSAGE_BYTES}")
            if at + length <= len(self._whole):
                break
            self._wanted = length
        self._at, self._wanted = at + length, HEADER.size
        return Frame(kind, message_id, self._whole[at + HEADER.size : at + length])


def swallowed_message(frame: Frame) -> ProtocolError | None:
    """The error of a message that cannot be read and holds what looks like the header of another one, else None.

    Its length was wrong or octets of it are missing: messages that followed went with it. Of one cut short within its
    own header, the next one's stands partly there. Noise looks like a header about once in a million octets; then a
    line is connected anew that need not have been.
    """
    octets = header(frame.type, frame.id, len(frame.body)) + frame.body
    for seen in _HEADER_LOOKS.finditer(octets, 1):
        at = seen.start()
        if at + HEADER.size <= len(octets) and HEADER.unpack_from(octets, at)[1] >= HEADER.size:
            return malformed(f"a message that begins at octet {at} of another's {len(octets)} is lost with it")
    return None


def header(kind: int, message_id: int, body_octets: int) -> bytes:
    """The ten octets before a body."""
    return HEADER.pack(VERSION << 10 | kind, HEADER.size + body_octets, message_id)


def encode_request(name: str, message_id: int, fields: dict[str, Any]) -> bytes:
    """A client's message by sllurp's encoder; `fields` in sllurp's names.

    Traps of sllurp 3.0.5: names it does not know are left out with a log line, so tests decode what comes out here;
    GET_READER_CONFIG swaps AntennaID and RequestedData, so only zeros (all of all) mean what they say.
    """
    known = Message_struct[name]
    body: bytes = known["encode"](fields, known)
    return header(known["type"], message_id, len(body)) + body


def with_report_content(add_rospec: bytes, parameter: bytes) -> bytes:
    """An ADD_ROSPEC of ours with one parameter more at the end of its ROReportSpec, which ends it."""
    grown = bytearray(add_rospec)
    at, end = HEADER.size, len(grown)
    grown[2:6] = (end + len(parameter)).to_bytes(4, "big")
    for wanted in (177, 237):
        start = at
        kind, inner, stop = parameter_at(add_rospec, start, end, "ADD_ROSPEC")
        while kind != wanted:
            start = stop
            kind, inner, stop = parameter_at(add_rospec, start, end, "ADD_ROSPEC")
        assert stop == end, f"parameter {wanted} does not end the message"
        grown[start + 2 : start + 4] = (stop - start + len(parameter)).to_bytes(2, "big")
        at = inner + 6  # past a ROSpec's id, priority and state
    return bytes(grown) + parameter


def decode_message(frame: Frame) -> dict[str, Any]:
    """All fields and parameters of a message under their names in `layouts`; vendor parameters under `Custom`.

    Unknown parameters are skipped by their length. Raises ProtocolError when a length, a required parameter or a
    repeated one is wrong.
    """
    layout = MESSAGES.get(frame.type)
    if layout is None:
        raise malformed(f"message type {frame.type} has no layout")
    return _value(layout, frame.body, 0)


def status_words(status: dict[str, Any]) -> str:
    """An LLRPStatus for a person."""
    return f"the reader answers status {status['Status']} {status['ErrorDescription']!r}"


def parameter_at(body: bytes, start: int, end: int, where: str) -> tuple[int, int, int]:
    """Type, start of value and end of the parameter at `start`. Raises ProtocolError when it does not fit."""
    first = body[start]
    if first & 0x80:
        kind = first & 0x7F
        octets = TYPE_VALUE_OCTETS.get(kind)
        if octets is None:
            raise malformed(f"{where}: type-value parameter {kind} at octet {start} has no known size")
        stop = start + 1 + octets
        if stop > end:
            raise malformed(f"{where}: parameter {kind} at octet {start} ends at {stop}, past {end}")
        return kind, start + 1, stop
    if start + 4 > end:
        raise malformed(f"{where}: {end - start} octets left at octet {start}, a parameter has at least 4")
    number, length = struct.unpack_from("!HH", body, start)
    if number > TYPE_BITS or number < 128:
        raise malformed(f"{where}: 0x{number:04x} at octet {start} is no parameter type")
    if length < 4 or start + length > end:
        raise malformed(f"{where}: parameter {number} at octet {start} has length {length}, {end - start} left")
    return number, start + 4, start + length


def _value(layout: Layout, body: bytes, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise malformed(f"{layout.name}: more than {MAX_DEPTH} parameters within one another")
    value, start = _fields(layout, body)
    seen: dict[int, list[Any]] = {}
    while start < len(body):
        kind, inner, stop = parameter_at(body, start, len(body), layout.name)
        if kind in layout.by_type:
            seen.setdefault(kind, []).append(_parameter(kind, body[inner:stop], depth + 1))
        start = stop
    value |= layout.absent
    for kind, found in seen.items():
        child = layout.by_type[kind]
        if child.mark != "*" and len(found) > 1:
            raise malformed(f"{layout.name}: {len(found)} parameters {child.name}, at most one may stand here")
        value[child.name] = found if child.mark == "*" else found[0]
    for child in layout.expected:
        if child.type in seen:
            continue
        if child.mark == "!":
            raise malformed(f"{layout.name}: parameter {child.name} ({child.type}) is missing")
        value[child.name] = _zero(PARAMETERS[child.type])
    return value


def _parameter(kind: int, body: bytes, depth: int) -> Any:
    if kind == CUSTOM:
        if len(body) < 8:
            raise malformed(f"vendor parameter of {len(body)} octets: vendor and subtype take 8")
        vendor, subtype = struct.unpack_from("!II", body)
        return {"VendorID": vendor, "Subtype": subtype, "Data": body[8:]}
    layout = PARAMETERS.get(kind)
    if layout is None:  # a known place, contents nobody needs: kept as octets
        return body
    value = _value(layout, body, depth)
    return value[layout.fields[0].name] if layout.is_bare else value


def _fields(layout: Layout, body: bytes) -> tuple[dict[str, Any], int]:
    """The fields before the sub-parameters, and the octet where those start."""
    if layout.packed is not None and layout.packed.size <= len(body):
        return dict(zip(layout.packed_names, layout.packed.unpack_from(body), strict=True)), layout.packed.size
    value: dict[str, Any] = {}
    at = 0  # in bits
    for field in layout.fields:
        width = field.bits or 16
        stop = at + width
        if stop > 8 * len(body):
            raise malformed(f"{layout.name}: field {field.name or 'padding'} ends past octet {len(body)}")
        octets = int.from_bytes(body[at // 8 : (stop + 7) // 8], "big")
        raw = octets >> (-stop % 8) & ((1 << width) - 1)
        at = stop
        if field.bits == 0:
            at += 8 * _counted(layout, field, body, at // 8, raw, value)
        elif field.kind != "pad":
            value[field.name] = _scalar(field, raw)
    return value, at // 8


def _scalar(field: Field, raw: int) -> Any:
    match field.kind:
        case "flag":
            return bool(raw)
        case "s":
            return raw - (1 << field.bits) if raw >> (field.bits - 1) else raw
        case "octets":
            return raw.to_bytes(field.bits // 8, "big")
        case _:
            return raw


def _counted(layout: Layout, field: Field, body: bytes, start: int, count: int, value: dict[str, Any]) -> int:
    """Put a field of `count` items into `value`; its length in octets."""
    length = (count + 7) // 8 if field.kind == "bitarray" else count * _COUNTED[field.kind]
    data = body[start : start + length]
    if len(data) < length:
        raise malformed(f"{layout.name}: {field.name} needs {length} octets, {len(data)} are left")
    match field.kind:
        case "text":
            try:
                value[field.name] = data.decode()
            except UnicodeDecodeError as error:
                raise malformed(f"{layout.name}: {field.name} is not UTF-8: {error}") from error
        case "bitarray":
            bits, name = field.name.split(",")
            value[bits], value[name] = count, data
        case "u16s" | "u32s":
            value[field.name] = list(struct.unpack(f"!{count}{'H' if field.kind == 'u16s' else 'I'}", data))
        case _:
            value[field.name] = data
    return length


def _zero(layout: Layout) -> Any:
    """What the EdgeX names give for an absent parameter that its reader type must have."""
    if layout.is_bare:
        return 0
    value: dict[str, Any] = {}
    for field in layout.fields:
        if field.kind == "bitarray":
            bits, name = field.name.split(",")
            value[bits], value[name] = 0, None
        else:
            value[field.name] = _ZERO[field.kind]
    return value
