"""The server's side of Modbus on the wire, after Modbus Application Protocol V1.1b3: written for the simulator alone,
so that two independent peers meet."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from simulator.devices.modbus_units import ILLEGAL_VALUE, Refusal, Unit

ILLEGAL_FUNCTION = 1
BUSY = 6
TARGET_SILENT = 11  # a gateway's word for a unit that it does not have
BROADCAST = 0
MIN_PDU, MAX_PDU = 2, 253
TABLE_OF = {1: "co", 2: "di", 3: "hr", 4: "ir", 5: "co", 6: "hr", 15: "co", 16: "hr"}
COIL_WORDS = {0xFF00: 1, 0x0000: 0}


@dataclass(frozen=True)
class Answer:
    """Bytes that leave `late_s` seconds after the request came."""

    frame: bytes
    late_s: float = 0.0


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS: polynomial 0xA001 reflected, start 0xFFFF; goes on the wire low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def rtu_frame(unit: int, pdu: bytes) -> bytes:
    """Address, PDU, CRC."""
    body = bytes([unit]) + pdu
    return body + struct.pack("<H", crc16(body))


def mbap_frame(transaction: int, unit: int, pdu: bytes, protocol: int = 0) -> bytes:
    """MBAP header and PDU."""
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1, unit) + pdu


def answered(unit: Unit, pdu: bytes) -> bytes:
    """The PDU a unit answers with: values, echo or exception."""
    function = pdu[0]
    if unit.faults.is_busy:
        return bytes([function | 0x80, BUSY])
    try:
        return _served(unit, function, pdu)
    except Refusal as refusal:
        return bytes([function | 0x80, refusal.code])


def _served(unit: Unit, function: int, pdu: bytes) -> bytes:
    if function not in TABLE_OF:
        raise Refusal(ILLEGAL_FUNCTION)
    if len(pdu) < 5:
        raise Refusal(ILLEGAL_VALUE)
    table = TABLE_OF[function]
    address, argument = struct.unpack(">HH", pdu[1:5])
    if function <= 4:
        return bytes([function]) + _read(unit, table, address, argument)
    if function <= 6:
        if function == 5 and argument not in COIL_WORDS:
            raise Refusal(ILLEGAL_VALUE)
        unit.write(table, address, [COIL_WORDS[argument] if function == 5 else argument])
        return pdu[:5]
    unit.write(table, address, _many(table, argument, pdu[5:]))
    return pdu[:5]


def _read(unit: Unit, table: str, address: int, count: int) -> bytes:
    if not 1 <= count <= (2000 if table in ("co", "di") else 125):
        raise Refusal(ILLEGAL_VALUE)
    values = unit.read(table, address, count)
    if table in ("hr", "ir"):
        return struct.pack(f">B{count}H", 2 * count, *values)
    packed = sum(bit << at for at, bit in enumerate(values)).to_bytes((count + 7) // 8, "little")
    return bytes([len(packed)]) + packed


def _many(table: str, count: int, body: bytes) -> list[int]:
    is_coils = table == "co"
    size = (count + 7) // 8 if is_coils else 2 * count
    if not 1 <= count <= (1968 if is_coils else 123) or not body or body[0] != size or len(body) != 1 + size:
        raise Refusal(ILLEGAL_VALUE)
    if is_coils:
        bits = int.from_bytes(body[1:], "little")
        return [bits >> at & 1 for at in range(count)]
    return list(struct.unpack(f">{count}H", body[1:]))


class RtuFrames:
    """Bytes of a serial line in, answers out. What is not a sound request is skipped byte by byte, as noise."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self._units = units
        self._held = b""

    def heard(self, data: bytes) -> list[Answer]:
        """Feed any piece of the stream."""
        self._held += data
        answers: list[Answer] = []
        while (length := self._length()) is not None and len(self._held) >= length:
            frame = self._held[:length]
            if crc16(frame[:-2]) != struct.unpack("<H", frame[-2:])[0]:
                self._held = self._held[1:]
                continue
            self._held = self._held[length:]
            answers += self._answer(frame[0], frame[1:-2])
        return answers

    def quiet(self) -> None:
        """The line was silent for longer than a frame's gap: a half-heard request is over."""
        self._held = b""

    def _length(self) -> int | None:
        while self._held:
            function = self._held[1] if len(self._held) > 1 else None
            if function is None:
                return None
            if function in (15, 16):
                return 9 + self._held[6] if len(self._held) > 6 else None
            if 1 <= function <= 6:
                return 8
            self._held = self._held[1:]
        return None

    def _answer(self, number: int, pdu: bytes) -> list[Answer]:
        unit = self._units.get(number)
        if unit is None or unit.faults.is_silent or number == BROADCAST:
            return []
        frame = rtu_frame(number if unit.faults.answers_as is None else unit.faults.answers_as, answered(unit, pdu))
        if unit.faults.is_corrupt:
            frame = frame[:-1] + bytes([frame[-1] ^ 0x5A])
        return [Answer(frame, unit.faults.late_s)]


class MbapFrames:
    """Bytes of a TCP connection in, answers out. A stream that is not Modbus cannot be followed: `is_lost`."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self._units = units
        self._held = b""
        self.is_lost = False

    def heard(self, data: bytes) -> list[Answer]:
        """Feed any piece of the stream."""
        self._held += data
        answers: list[Answer] = []
        while len(self._held) >= 7 and not self.is_lost:
            transaction, protocol, length, number = struct.unpack(">HHHB", self._held[:7])
            if protocol != 0 or not MIN_PDU <= length - 1 <= MAX_PDU:
                self.is_lost = True
                break
            if len(self._held) < 6 + length:
                break
            pdu, self._held = self._held[7 : 6 + length], self._held[6 + length :]
            answers += self._answer(transaction, number, pdu)
        return answers

    def quiet(self) -> None:
        """Silence means nothing on TCP."""

    def _answer(self, transaction: int, number: int, pdu: bytes) -> list[Answer]:
        unit = self._units.get(number)
        if unit is None:
            return [Answer(mbap_frame(transaction, number, bytes([pdu[0] | 0x80, TARGET_SILENT])))]
        if unit.faults.is_silent:
            return []
        said_by = number if unit.faults.answers_as is None else unit.faults.answers_as
        protocol = 0x5A5A if unit.faults.is_corrupt else 0
        return [Answer(mbap_frame(transaction, said_by, answered(unit, pdu), protocol), unit.faults.late_s)]
