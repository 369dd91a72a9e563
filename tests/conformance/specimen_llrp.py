"""The LLRP session, with a reader that is a pure function: each request is answered, each START_ROSPEC runs a cycle."""

from typing import Any

import numpy as np

from config.devices import Reader
from drivers.command import Scan
from drivers.llrp.codec import Framer, decode_message, header
from drivers.llrp.device import LlrpSession
from simulator.devices.llrp_identity import OK, capabilities, configuration
from simulator.devices.llrp_wire import Reads, Selector, event, message, reports
from tests.conformance.kit import SECOND, Asked, Specimen, Step, converse

READER = Reader(id="reader-1", host="127.0.0.1", segments=("s1", None, "s3"), dwell_ms=100, keepalive_s=1.0)
UTC_US = 1_700_000_000_000_000
ANSWERS = {1: 11, 2: 12, 3: 13, 20: 30, 21: 31, 22: 32, 23: 33, 24: 34, 40: 50, 41: 51, 42: 52}


def command(command_id: str) -> Scan:
    return Scan(command_id, READER.id, (3,))


def new_session() -> LlrpSession:
    return LlrpSession(READER)


class PureReader:
    """Answers as LLRP 1.0.1 asks; keeps only which antennas the ROSpec has."""

    def __init__(self) -> None:
        self._places: list[int] = []

    def answer(self, data: bytes) -> list[bytes]:
        framer = Framer()
        framer.push(data)
        said: list[bytes] = []
        while (frame := framer.pull()) is not None:
            asked = decode_message(frame)
            value: dict[str, Any] = OK
            if frame.type == 1:
                value = capabilities(4)
            elif frame.type == 2:
                value = configuration(4, {1}, {}, 0)
            elif frame.type == 20:
                self._places = [search["AntennaIDs"][0] for search in asked["ROSpec"]["AISpecs"]]
            if frame.type in ANSWERS:
                said.append(message(ANSWERS[frame.type], frame.id, value))
            if frame.type == 22:
                said += self._cycle(asked["ROSpecID"])
        return said

    def _cycle(self, spec_id: int) -> list[bytes]:
        said = [event(1, UTC_US, ROSpecEvent={"Event": 0, "ROSpecID": spec_id})]
        for place, antenna in enumerate(self._places, start=1):
            epc = np.arange(36, dtype=np.uint8).reshape(3, 12) + np.uint8(antenna)
            rssi, count = np.array([-40, -55.4, -70], np.float32), np.array([1, 2, 300], np.uint16)
            reads = Reads(antenna, epc, rssi, count, UTC_US, UTC_US + 1, spec_id, place)
            said += reports(reads, Selector(first_seen=True, last_seen=True, count=True, pc=True), 2, 5)
            said.append(event(7, UTC_US, AISpecEvent={"Event": 0, "ROSpecID": spec_id, "SpecIndex": place}))
        said += [message(62, 8), event(9, UTC_US, ROSpecEvent={"Event": 1, "ROSpecID": spec_id})]
        return said


def _recorded() -> tuple[Step, ...]:
    return converse(
        new_session(),
        PureReader().answer,
        from_ns=5 * SECOND,
        until_ns=5 * SECOND + 42_000_000,
        greeting=[event(1, UTC_US, ConnectionAttemptEvent=0)],
        asked=[Asked(5 * SECOND + 19_000_000, command("a-scan"))],
    )


SPECIMENS = (
    Specimen(
        name="llrp",
        factory=new_session,
        steps=_recorded(),
        malformed=(
            b"\xff" * 10,  # reserved bits set
            b"\x04\x3d\x00\x00\x00\x09\x00\x00\x00\x01",  # a message shorter than its header
            b"\x04\x3d\xff\xff\xff\xff\x00\x00\x00\x01",  # 4 GB
            b"\x06\xaa\x00\x00\x00\x0a\x00\x00\x00\x01",  # message type 682
            header(61, 1, 10) + message(62, 8),  # a message within a report
            header(62, 1, 1) + b"\x00",  # a keepalive with a body
            message(31, 99_999, OK),  # an answer to nothing
            header(63, 1, 0),  # an event without data
            event(1, UTC_US, ConnectionCloseEvent={}),
            message(100, 1, {"LLRPStatus": {"Status": 109, "ErrorDescription": "no"}}),
        ),
        command=command,
    ),
)
