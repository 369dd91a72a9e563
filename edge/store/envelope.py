"""Facts to the exact JSON bytes that are stored, chained and sent, and back.

An envelope is `{"id","type","at","boot","data":{...}}`; `data` is the fact without its type and time. The id is
blake2b-128 over the vault, a zero byte and the fact's own JSON (type, at_ns, data): the same fact has the same id in
every replay, whatever the boot. Equal facts at the same time are told apart by their ordinal.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from edge.state.chain import CHAIN_BYTES
from edge.state.chip_facts import ClonedTagSeen
from edge.state.custody_facts import CustodyDoubted, CustodyUpheld, PlacementConfirmed, VolumePlaced, VolumeTaken
from edge.state.facts import (
    LANE_OF,
    ActionTaken,
    ActuatorChanged,
    CommandEnded,
    CommandIntended,
    ContactChanged,
    DeviceCameBack,
    DeviceWasLost,
    DuplicateEpcSeen,
    Fact,
    ForeignTagSeen,
    Lane,
    LimitCrossed,
    LimitRestored,
    Measured,
    PlaceGone,
    ShelvingChanged,
    VolumeFound,
    VolumeMisplaced,
    VolumeMissing,
    VolumeMoved,
    VolumeSeen,
)
from edge.state.order_facts import OrderLearnt, OrderUpheld

FactRow = tuple[int, int, str, int, str | None, bytes, bytes]
"""seq, n, type, at_ns, subject, chain, body: the columns of a lane's table."""

SUBJECTS: dict[type, str] = {
    VolumeSeen: "volume",
    VolumeMoved: "volume",
    VolumeMisplaced: "volume",
    VolumeMissing: "volume",
    VolumeFound: "volume",
    PlaceGone: "volume",
    VolumeTaken: "volume",
    VolumePlaced: "volume",
    PlacementConfirmed: "volume",
    CustodyDoubted: "volume",
    CustodyUpheld: "volume",
    ForeignTagSeen: "epc",
    DuplicateEpcSeen: "volume",
    ClonedTagSeen: "volume",
    ActionTaken: "target",
    DeviceWasLost: "device",
    DeviceCameBack: "device",
    LimitCrossed: "zone",
    LimitRestored: "zone",
    CommandIntended: "actuator",
    CommandEnded: "actuator",
    ActuatorChanged: "actuator",
    ContactChanged: "device",
    ShelvingChanged: "bank",
    OrderLearnt: "segment",
    OrderUpheld: "segment",
    Measured: "device",
}
"""Which field a fact is looked up by in traces and histories; types that are not here are not looked up."""

ID_BYTES = 16
RECENT_IDS = 4096  # equal facts at the same vault time come within one burst, and a burst is far below this
SECOND_NS = 1_000_000_000
_FIRST_19_DIGITS, _FIRST_20_DIGITS = 10**18, 10**19

_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Fact] = msgspec.json.Decoder(Fact).decode
_blake2b = hashlib.blake2b


class _Shape(NamedTuple):
    """What is constant about a fact type. `head`: bytes before the digits of at_ns in its JSON."""

    lane: Lane
    name: str
    head: int
    type_part: bytes
    subject: Callable[[Fact], str] | None


def tag_of(kind: Any) -> str:
    """The type name of a fact class, as on the wire."""
    return str(kind.__struct_config__.tag)


def _shape(kind: Any, lane: Lane) -> _Shape:
    name = tag_of(kind)
    if kind.__struct_fields__[0] != "at_ns" or len(kind.__struct_fields__) < 2:
        raise TypeError(f"{kind.__name__}: a fact's first field is at_ns and it has at least one more")
    subject = SUBJECTS.get(kind)
    return _Shape(
        lane,
        name,
        len(f'{{"type":"{name}","at_ns":'),
        f'","type":"{name}","at":"'.encode(),
        attrgetter(subject) if subject else None,
    )


_SHAPES = {kind: _shape(kind, lane) for kind, lane in LANE_OF.items()}


class LaneHead(NamedTuple):
    """The last row given out in a lane: 0 and CHAIN_START before the first."""

    seq: int
    chain: bytes


class Sequencer:
    """Gives every fact its sequence numbers, id, bytes and chain value, in the order they happened."""

    def __init__(self, vault: str, boot: str, n: int, heads: dict[Lane, LaneHead], recent_ids: Iterable[str]) -> None:
        self.n = n
        self.heads = heads
        self._vault = vault.encode() + b"\0"
        self._boot_part = b'","boot":' + _encode(boot) + b',"data":{'
        self._recent = set(recent_ids)
        self._older: set[str] = set()
        self._stamp = (-1, b"")

    def rows(self, facts: Sequence[Fact]) -> tuple[dict[Lane, list[FactRow]], int]:
        """Rows by lane, ready to be stored, and the bytes of their bodies.

        The loop's dearest line of bookkeeping, so it is written out: 5 us a fact (tests/store/test_speed.py prints it).
        """
        by_lane: dict[Lane, list[FactRow]] = {}
        heads = self.heads
        n = self.n
        size = 0
        stamped_ns, stamp = self._stamp
        vault, boot_part, recent, older = self._vault, self._boot_part, self._recent, self._older
        for fact in facts:
            lane, name, head, type_part, subject = _SHAPES[type(fact)]
            at_ns = fact.at_ns
            plain = _encode(fact)
            ident = _blake2b(vault + plain, digest_size=ID_BYTES).hexdigest()
            if ident in recent or ident in older:
                ident = self._ident_of_equal(plain)
            recent.add(ident)
            if stamped_ns != at_ns:
                stamp = rfc3339(at_ns)
                stamped_ns = at_ns
            # 19 digits from 2001-09-09 to 2286
            digits = 19 if _FIRST_19_DIGITS <= at_ns < _FIRST_20_DIGITS else len(str(at_ns))
            body = b'{"id":"%b%b%b%b%b}' % (ident.encode(), type_part, stamp, boot_part, plain[head + digits + 1 :])
            seq, chain = heads[lane]
            seq += 1
            n += 1
            # chain_next of edge.state.chain, written out: one call less per fact
            chain = _blake2b(chain + body, digest_size=CHAIN_BYTES).digest()
            heads[lane] = LaneHead(seq, chain)
            row = (seq, n, name, at_ns, subject(fact) if subject else None, chain, body)
            if lane in by_lane:
                by_lane[lane].append(row)
            else:
                by_lane[lane] = [row]
            size += len(body)
            if len(recent) >= RECENT_IDS:
                older = self._older = recent
                recent = self._recent = set()
        self.n = n
        self._stamp = (stamped_ns, stamp)
        return by_lane, size

    def _ident_of_equal(self, plain: bytes) -> str:
        """The id of a fact equal to one given lately: the first ordinal that is free."""
        ordinal = 1
        while True:
            ident = _blake2b(b"%b%b#%d" % (self._vault, plain, ordinal), digest_size=ID_BYTES).hexdigest()
            if ident not in self._recent and ident not in self._older:
                return ident
            ordinal += 1


@lru_cache(maxsize=4)
def _second(seconds: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode()


def rfc3339(at_ns: int) -> bytes:
    """`YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`."""
    seconds, rest_ns = divmod(at_ns, SECOND_NS)
    return b"%b.%09dZ" % (_second(seconds), rest_ns)


def ident_of(body: bytes) -> str:
    """The id in an envelope, as hex digits."""
    return body[7 : 7 + 2 * ID_BYTES].decode()


def fact_of(body: bytes, type_name: str, at_ns: int) -> Fact:
    """The fact of a stored envelope. Raises msgspec.DecodeError where the bytes are not one."""
    start = body.index(b',"data":{') + len(b',"data":{')
    return _decode(b'{"type":"%b","at_ns":%d,%b' % (type_name.encode(), at_ns, body[start:-1]))


def gap_body(vault: str, boot: str, at_ns: int, gap: dict[str, str | int], lane: Lane) -> bytes:
    """The envelope of a gap record: contracts.md section 1; `gap` holds first, last, count, first_chain, last_chain."""
    data = _encode(gap)
    ident = _blake2b(vault.encode() + b"\0gap\0" + lane.encode() + data, digest_size=ID_BYTES).hexdigest()
    return b'{"id":"%b","type":"gap","at":"%b","boot":%b,"data":%b}' % (
        ident.encode(),
        rfc3339(at_ns),
        _encode(boot),
        data,
    )
