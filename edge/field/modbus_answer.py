"""Which bytes on a Modbus line are the answer to the request under way. Nothing else reaches the library.

pymodbus 3.16.1 does not compare an answer's function code, length or echo with the request, takes a late RTU answer for
the next one, lets garbage of unknown function codes raise inside the event loop, and keeps silent about answers of
other units: they end as plain timeouts. So the answer is picked here, by everything that is known of it.
"""

from typing import Literal

import msgspec
from pymodbus.framer.rtu import FramerRTU

Framing = Literal["mbap", "rtu"]
Failure = Literal["timeout", "wrong_unit", "broken"]

MBAP_HEADER = 7
MIN_RTU = 5  # address, function, exception code, CRC


class Asked(msgspec.Struct, frozen=True):
    """A request as it left: `pdu` is function code and data, `transaction` 0 on serial."""

    framing: Framing
    unit: int
    transaction: int
    pdu: bytes


def asked(framing: Framing, packet: bytes) -> Asked:
    """Take apart what goes out."""
    if framing == "mbap":
        return Asked(framing, packet[6], int.from_bytes(packet[:2], "big"), packet[MBAP_HEADER:])
    return Asked(framing, packet[0], 0, packet[1:-2])


def answer_frame(request: Asked, heard: bytes) -> bytes:
    """The frame that answers, out of all bytes heard since the request left; b'' while there is none.

    A two-wire adapter that echoes what it sends gives a coil write its own answer: the read-back is what proves it.
    """
    if request.framing == "mbap":
        return next((frame for frame in _mbap_frames(heard)[0] if _is_mbap_answer(request, frame)), b"")
    for start in range(len(heard) - MIN_RTU + 1):
        if heard[start] != request.unit:
            continue
        length = 5 if heard[start + 1] & 0x80 else 3 + _answer_length(request.pdu)
        frame = heard[start : start + length]
        if len(frame) == length and _is_sound(frame) and _answers(request.pdu, frame[1:-2]):
            return frame
    return b""


def why_none(request: Asked, heard: bytes) -> Failure:
    """What the bytes were when no answer was among them."""
    if not heard:
        return "timeout"
    if request.framing == "rtu":
        is_other = len(heard) >= MIN_RTU and heard[0] != request.unit and _is_sound(heard)
        return "wrong_unit" if is_other else "broken"
    frames, is_clean = _mbap_frames(heard)
    mine = [frame for frame in frames if int.from_bytes(frame[:2], "big") == request.transaction]
    if not is_clean or any(frame[6] == request.unit for frame in mine):
        return "broken"
    return "wrong_unit" if mine else "timeout"  # only late answers of earlier requests


def _mbap_frames(heard: bytes) -> tuple[list[bytes], bool]:
    """Whole frames from the start, and whether nothing else was there."""
    frames: list[bytes] = []
    while len(heard) > MBAP_HEADER:
        length = 6 + int.from_bytes(heard[4:6], "big")
        if heard[2:4] != b"\0\0" or length <= MBAP_HEADER or len(heard) < length:
            return frames, False
        frames.append(heard[:length])
        heard = heard[length:]
    return frames, not heard


def _is_mbap_answer(request: Asked, frame: bytes) -> bool:
    transaction = int.from_bytes(frame[:2], "big")
    return transaction == request.transaction and frame[6] == request.unit and _answers(request.pdu, frame[7:])


def _is_sound(frame: bytes) -> bool:
    return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))


def _answer_length(pdu: bytes) -> int:
    """Bytes of the answer's PDU."""
    function = pdu[0]
    if function in (1, 2, 3, 4):
        return 2 + _data_length(pdu)
    return 5


def _data_length(pdu: bytes) -> int:
    count = int.from_bytes(pdu[3:5], "big")
    return (count + 7) // 8 if pdu[0] in (1, 2) else 2 * count


def _answers(request: bytes, answer: bytes) -> bool:
    """A PDU fits: the exception of this function, as many values as asked, or the echo of the write."""
    if answer[0] == request[0] | 0x80:
        return len(answer) == 2
    if answer[0] != request[0]:
        return False
    if answer[0] in (1, 2, 3, 4):
        return len(answer) == 2 + _data_length(request) and answer[1] == _data_length(request)
    return answer == request[:5]
