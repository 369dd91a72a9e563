"""The far end of an LLRP session for benchmarks: answers without a socket, and tag reports made as arrays."""

import struct

import numpy as np
from numpy.typing import NDArray

from config.devices import Reader
from drivers.llrp.codec import Framer, header
from drivers.llrp.device import LlrpSession
from drivers.llrp.layouts import CUSTOM, TAG_REPORT_DATA
from drivers.llrp.tag_columns import IMPINJ
from simulator.devices.llrp_identity import OK, capabilities, configuration
from simulator.devices.llrp_wire import event, message

RO_ACCESS_REPORT, KEEPALIVE = 61, 62
PORTS = 4
UTC_US = 1_700_000_000_000_000
_ANSWERS = {1: 11, 2: 12, 3: 13, 20: 30, 21: 31, 22: 32, 24: 34, 41: 51}  # response type of each request
_VALUES = {11: capabilities(PORTS), 12: configuration(PORTS, set(), {}, 0)}
# type, wire form of the value
_STANDARD = ((1, ">u2"), (6, "i1"), (2, ">u8"), (4, ">u8"), (8, ">u2"), (12, ">u2"))
_VENDOR = ((56, ">u2"), (57, ">i2"), (68, ">i2"))


def greeting(reader: Reader, *, is_terse: bool = False) -> list[bytes]:
    """All that a reader says from connect to the first search of a new session; it can be said to every new session.

    A terse reader tells nothing of its capabilities and configuration.
    """
    session, said = LlrpSession(reader), [event(1, UTC_US, ConnectionAttemptEvent=0)]
    session.opened(0)
    asked = Framer()
    for data in session.received(said[0], 0).send:
        asked.push(data)
    while (request := asked.pull()) is not None:
        kind = _ANSWERS[request.type]
        said.append(message(kind, request.id, OK if is_terse else _VALUES.get(kind, OK)))
        for data in session.received(said[-1], 0).send:
            asked.push(data)
    said.append(event(2, UTC_US, ROSpecEvent={"Event": 0, "ROSpecID": 1}))
    return said


def searching(reader: Reader, said: list[bytes], at_ns: int) -> LlrpSession:
    """A new session to which `greeting` was said at `at_ns`."""
    session = LlrpSession(reader)
    session.opened(at_ns)
    session.received(b"".join(said), at_ns)
    assert session.is_searching
    return session


def tags(epc: NDArray[np.uint8], *, impinj: bool = False) -> NDArray[np.void]:
    """One TagReportData for each EPC of 12 octets, as our own search asks for them; with an Impinj reader's three
    parameters when `impinj`. The values of row i follow from i: antenna 1 + i % 4, RSSI -40 - i % 40 dBm."""
    row = np.arange(len(epc))
    fields: list[tuple[str, str]] = [("head", ">u4"), ("t13", "u1"), ("epc", "(12,)u1")]
    for kind, form in _STANDARD:
        fields += [(f"t{kind}", "u1"), (f"v{kind}", form)]
    for subtype, form in _VENDOR if impinj else ():
        fields += [(f"h{subtype}", ">u4"), (f"n{subtype}", ">u4"), (f"s{subtype}", ">u4"), (f"v{subtype}", form)]
    made = np.zeros(len(epc), dtype=fields)
    made["head"] = TAG_REPORT_DATA << 16 | made.dtype.itemsize
    made["t13"], made["epc"] = 0x80 | 13, epc
    for kind, _ in _STANDARD:
        made[f"t{kind}"] = 0x80 | kind
    made["v1"], made["v6"] = 1 + row % PORTS, -40 - row % 40
    made["v2"], made["v4"] = UTC_US + 1000 * row, UTC_US + 1000 * row + 500
    made["v8"], made["v12"] = 1 + row % 9, 0x3000
    for subtype, _ in _VENDOR if impinj else ():
        made[f"h{subtype}"], made[f"n{subtype}"], made[f"s{subtype}"] = CUSTOM << 16 | 14, IMPINJ, subtype
    if impinj:
        made["v56"], made["v57"], made["v68"] = row * 37 % 4096, -4000 - row % 4000, row % 100 - 50
    return made


def reports(made: NDArray[np.void], tags_a_report: int) -> list[bytes]:
    """RO_ACCESS_REPORT messages of so many tags."""
    bodies = [made[start : start + tags_a_report].tobytes() for start in range(0, len(made), tags_a_report)]
    return [header(RO_ACCESS_REPORT, number, len(body)) + body for number, body in enumerate(bodies)]


def keepalive(message_id: int) -> bytes:
    """The reader lives."""
    return struct.pack("!HII", 1 << 10 | KEEPALIVE, 10, message_id)
