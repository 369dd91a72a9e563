"""Tag reports whose every read is known, and ways to spoil their bytes that tell which tags they touched."""

import random
import struct
from collections.abc import Callable
from typing import NamedTuple

from drivers.llrp.codec import HEADER, header
from drivers.llrp.layouts import CUSTOM, EPC_DATA, TAG_REPORT_DATA
from drivers.llrp.tag_columns import IMPINJ, ZEBRA

RO_ACCESS_REPORT = 61
UTC_US = 1_700_000_000_000_000
_TLV = struct.Struct("!HH")
Read = tuple[bytes, int, float | None, int, int, int, int]  # EPC, antenna, RSSI, count, first and last UTC in ns, PC


class Report(NamedTuple):
    """A message, the reads it tells, where each tag begins and ends in it, and where its length fields stand."""

    message: bytes
    reads: tuple[Read, ...]
    tags: tuple[tuple[int, int], ...]
    lengths: tuple[tuple[int, int], ...]  # (offset, octets of the field)


class Spoilt(NamedTuple):
    """Bytes in the place of a report's; `touched`: the tags whose own bytes are no longer what was meant."""

    data: bytes
    touched: frozenset[int]


def _vendor(vendor: int, subtype: int, value: bytes) -> bytes:
    return _TLV.pack(CUSTOM, 12 + len(value)) + struct.pack("!II", vendor, subtype) + value


def _tag(template: int, read: Read, rng: random.Random) -> tuple[bytes, list[tuple[int, int]]]:
    """A TagReportData in one of eight layouts, and the places of its length fields."""
    epc, antenna, rssi, count, first_ns, last_ns, pc = read
    epc_parameter = (
        b"\x8d" + epc if len(epc) == 12 else _TLV.pack(EPC_DATA, 6 + len(epc)) + struct.pack("!H", 8 * len(epc)) + epc
    )
    parts = [epc_parameter, struct.pack("!BH", 0x81, antenna)]
    if rssi is not None:
        parts.append(struct.pack("!Bb", 0x86, int(rssi)))
    if first_ns:
        parts += [struct.pack("!BQ", 0x82, first_ns // 1000), struct.pack("!BQ", 0x84, last_ns // 1000)]
    if template & 1:
        parts.append(struct.pack("!BI", 0x89, 1))  # ROSpecID: skipped
    parts.append(struct.pack("!BH", 0x88, count))
    if pc >= 0:
        parts.append(struct.pack("!BH", 0x8C, pc))
    if template & 2:
        parts.append(_vendor(IMPINJ, 56, struct.pack("!H", rng.randrange(4096))))
        parts.append(_vendor(IMPINJ, 68, struct.pack("!h", rng.randint(-500, 500))))
        parts.append(_vendor(ZEBRA, 712, b"\xff"))  # nobody reads it
    body = b"".join(parts)
    lengths = [(2, 2)]
    at = _TLV.size
    for part in parts:
        if not part[0] & 0x80:
            lengths.append((at + 2, 2))
        at += len(part)
    return _TLV.pack(TAG_REPORT_DATA, _TLV.size + len(body)) + body, lengths


def pool(size: int, rng: random.Random) -> list[Report]:
    """Reports of one to eight tags; no EPC stands twice in the pool."""
    made = []
    for serial in range(size):
        template = rng.randrange(8)
        message, reads, tags, lengths = b"", [], [], [(2, 4)]
        at = HEADER.size
        for index in range(rng.choice((1, 1, 2, 3, 8))):
            is_full = bool(template & 4)
            first_us = UTC_US + rng.randrange(10**9) if is_full else 0
            read: Read = (
                struct.pack("!IHHI", serial, index, 0xABCD, rng.getrandbits(32)) + bytes(4 if template == 7 else 0),
                rng.randint(1, 4),
                float(rng.randint(-90, -20)) if is_full else None,
                rng.randint(1, 500),
                first_us * 1000,
                (first_us + 1 if is_full else 0) * 1000,
                0x3000 if is_full else -1,
            )
            tag, places = _tag(template, read, rng)
            reads.append(read)
            tags.append((at, at + len(tag)))
            lengths += [(at + offset, octets) for offset, octets in places]
            message += tag
            at += len(tag)
        whole = header(RO_ACCESS_REPORT, serial + 1, len(message)) + message
        made.append(Report(whole, tuple(reads), tuple(tags), tuple(lengths)))
    return made


def without_tags(message: bytes) -> Report:
    """A message that is no report: it tells no read, and has the length of its header and perhaps of a parameter."""
    end = len(message)
    inner = ((HEADER.size + 2, 2),) if end > HEADER.size else ()
    return Report(message, (), ((0, end),), ((2, 4), *inner))


def _touching(report: Report, offsets: set[int]) -> frozenset[int]:
    return frozenset(
        index for index, (start, stop) in enumerate(report.tags) if any(start <= offset < stop for offset in offsets)
    )


def _all_touched(report: Report) -> frozenset[int]:
    return frozenset(range(len(report.tags)))


def flip_bits(report: Report, rng: random.Random) -> Spoilt:
    """One to eight bits anywhere."""
    octets, offsets = bytearray(report.message), set()
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        offset = rng.randrange(len(octets))
        octets[offset] ^= 1 << rng.randrange(8)
        offsets.add(offset)
    return Spoilt(bytes(octets), _touching(report, offsets))


def flip_structure(report: Report, rng: random.Random) -> Spoilt:
    """One bit of a header or of a length: where flips hurt most."""
    octets = bytearray(report.message)
    start, width = rng.choice(report.lengths)
    offset = rng.choice((rng.randrange(HEADER.size), rng.randrange(start - 2, start + width)))
    octets[offset] ^= 1 << rng.randrange(8)
    return Spoilt(bytes(octets), _touching(report, {offset}))


def set_length(report: Report, rng: random.Random) -> Spoilt:
    """A length field says something else: a little more or less, a sibling's end, anything."""
    octets = bytearray(report.message)
    start, width = rng.choice(report.lengths)
    said = int.from_bytes(octets[start : start + width], "big")
    wrong = rng.choice(
        (
            said + rng.choice((-1, 1)) * rng.randint(1, 40),
            said * rng.randint(2, 5),
            rng.choice([stop for _, stop in report.tags]) - rng.choice((0, HEADER.size)),
            rng.randrange(1 << 16),
            rng.getrandbits(8 * width),
        )
    )
    octets[start : start + width] = (max(0, wrong) % (1 << 8 * width)).to_bytes(width, "big")
    return Spoilt(bytes(octets), _touching(report, set(range(start, start + width))))


def truncate(report: Report, rng: random.Random) -> Spoilt:
    """The end is missing, and what comes next follows at once. Something is left: of nothing nobody can know."""
    anywhere = rng.randrange(1, len(report.message))
    at_a_joint = rng.choice([HEADER.size, *(stop for _, stop in report.tags[:-1])])
    return Spoilt(report.message[: rng.choice((anywhere, at_a_joint))], _all_touched(report))


def surround_with_garbage(report: Report, rng: random.Random) -> Spoilt:
    """Octets that are no message before it or after it."""
    garbage = rng.randbytes(rng.choice((1, 2, 7, 10, 64)))
    return Spoilt(rng.choice((garbage + report.message, report.message + garbage)), frozenset())


def insert_or_delete(report: Report, rng: random.Random) -> Spoilt:
    """Octets too many or too few in the middle; the first one stays."""
    at, count = rng.randrange(1, len(report.message)), rng.choice((1, 2, 4, 31, 50))
    rest = report.message[at + count :] if rng.random() < 0.5 else rng.randbytes(count) + report.message[at:]
    return Spoilt(report.message[:at] + rest, _all_touched(report))


def repeat_a_part(report: Report, rng: random.Random) -> Spoilt:
    """A stretch of it stands twice, as when a sender loses its place; never all of it, which would be no fault."""
    start, stop = sorted(rng.randrange(len(report.message)) for _ in range(2))
    return Spoilt(report.message[:stop] + report.message[start:], _all_touched(report))


KINDS: tuple[Callable[[Report, random.Random], Spoilt], ...] = (
    flip_bits,
    flip_structure,
    set_length,
    truncate,
    surround_with_garbage,
    insert_or_delete,
    repeat_a_part,
)
