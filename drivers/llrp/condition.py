"""How a reader itself fares: its clock against vault time, the share of time it searches, its temperature.

Every event of a reader carries its clock; the least delayed one of a minute counts. Temperature is no part of LLRP:
Impinj readers tell it to who has enabled their extensions. Others are never asked, and a refusal is no fault.
"""

import struct
from typing import Any

from drivers.llrp.codec import ERROR_MESSAGE, Frame, decode_message, header
from drivers.llrp.layouts import CUSTOM
from drivers.observation import Measurement

POINTS = ("clock_offset_s", "searching_share", "temperature_degc")
IMPINJ = 25882  # IANA enterprise number, DeviceManufacturer
ENABLE_EXTENSIONS, REQUESTED_DATA, READER_TEMPERATURE = 21, 21, 37  # subtypes: of a message, of two parameters
TEMPERATURE_ALONE = 2004  # ImpinjRequestedDataType
GET_READER_CONFIG, GET_READER_CONFIG_RESPONSE, SET_READER_CONFIG_RESPONSE = 2, 12, 13
_VENDOR_OCTETS = 5  # vendor and subtype before what a vendor's message says
IDENTIFICATION = 1  # the smallest part of a configuration: something must be asked for besides
_ENABLE = struct.pack("!IBI", IMPINJ, ENABLE_EXTENSIONS, 0)
EVERY_NS = 60_000_000_000
FIRST_NS = 10_000_000_000  # a technician who has just plugged it in looks at once


class Condition:
    """Of one connection. Fed with what the reader says; `told` gives a measurement when one is due, and questions."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._is_impinj = False
        self._open = 0  # the question that is not answered yet
        self._from_ns: int | None = None
        self._due_ns = 0
        self._searched_ns = 0
        self._offset_ns: int | None = None
        self._temperature_degc: float | None = None

    def extended(self) -> None:
        """It is an Impinj reader, and its extensions are enabled."""
        self._is_impinj = True

    def clock(self, utc_us: int, at_ns: int) -> None:
        """Its clock in an event that came in at `at_ns`; 0: it has none. An event comes after it was written."""
        if utc_us:
            offset_ns = utc_us * 1000 - at_ns
            self._offset_ns = offset_ns if self._offset_ns is None else max(self._offset_ns, offset_ns)

    def searched(self, span_ns: int) -> None:
        """An antenna searched for so long."""
        self._searched_ns += span_ns

    def told(self, at_ns: int, message_id: int) -> tuple[list[Measurement], list[bytes]]:
        """What the last minute showed, once it is over; and then what to ask, under this id and the next."""
        if self._from_ns is None:
            self._begin(at_ns, FIRST_NS)
            return [], self._questions(message_id)
        if at_ns < self._due_ns:
            return [], []
        share = min(1.0, self._searched_ns / (at_ns - self._from_ns))
        offset_s = None if self._offset_ns is None else round(self._offset_ns / 1e9, 3)
        values = (offset_s, round(share, 3), self._temperature_degc)
        self._begin(at_ns, EVERY_NS)
        self._temperature_degc = None  # until it is told again
        return [Measurement(self._device, at_ns, POINTS, values)], self._questions(message_id)

    def _questions(self, message_id: int) -> list[bytes]:
        """For the temperature; of a reader that does not tell it nothing is asked."""
        if not self._is_impinj:
            return []
        parameter = struct.pack("!HHIII", CUSTOM, 16, IMPINJ, REQUESTED_DATA, TEMPERATURE_ALONE)
        body = struct.pack("!HBHH", 0, IDENTIFICATION, 0, 0) + parameter
        self._open = message_id
        return [header(GET_READER_CONFIG, message_id, len(body)) + body]

    def takes(self, frame: Frame) -> bool:
        """Whether this answers one of our questions. Raises ProtocolError for an answer that cannot be right."""
        if frame.id != self._open or frame.type not in (GET_READER_CONFIG_RESPONSE, ERROR_MESSAGE):
            return False
        self._open = 0
        self._temperature_degc = None if frame.type == ERROR_MESSAGE else _temperature(frame)
        self._is_impinj = self._temperature_degc is not None  # what it does not tell it is not asked again
        return True

    def _begin(self, at_ns: int, span_ns: int) -> None:
        self._from_ns, self._due_ns = at_ns, at_ns + span_ns
        self._searched_ns, self._offset_ns = 0, None


def enable_extensions(message_id: int) -> bytes:
    """IMPINJ_ENABLE_EXTENSIONS: without it an Impinj reader takes no parameter of its own."""
    return header(CUSTOM, message_id, len(_ENABLE)) + _ENABLE


def extensions_status(frame: Frame) -> dict[str, Any]:
    """LLRPStatus of the answer to that. Raises ProtocolError where there is none."""
    answer = Frame(SET_READER_CONFIG_RESPONSE, frame.id, frame.body[_VENDOR_OCTETS:])  # which is nothing but a status
    return decode_message(answer)


def _temperature(frame: Frame) -> float | None:
    for parameter in decode_message(frame)["Custom"] or ():
        is_it = (parameter["VendorID"], parameter["Subtype"]) == (IMPINJ, READER_TEMPERATURE)
        if is_it and len(parameter["Data"]) == 2:
            return float(int.from_bytes(parameter["Data"], "big", signed=True))
    return None
