"""Which bytes answer a request. Frames are from the Modbus specifications, CRCs by the simulator's own routine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.field.modbus_answer import Asked, answer_frame, asked, why_none
from simulator.devices.modbus_frames import crc16, mbap_frame, rtu_frame

READ_TWO = bytes.fromhex("04 0001 0002")
TWO_WORDS = bytes.fromhex("04 04 FF33 01C5")
RTU = asked("rtu", rtu_frame(5, READ_TWO))
TCP = asked("mbap", mbap_frame(77, 5, READ_TWO))


def test_the_check_value_of_the_crc_is_the_published_one() -> None:
    """CRC-16/MODBUS of '123456789' is 0x4B37."""
    assert crc16(b"123456789") == 0x4B37


def test_requests_are_taken_apart() -> None:
    assert Asked("rtu", 5, 0, READ_TWO) == RTU
    assert Asked("mbap", 5, 77, READ_TWO) == TCP


def test_the_right_answer_is_found() -> None:
    assert answer_frame(RTU, rtu_frame(5, TWO_WORDS)) == rtu_frame(5, TWO_WORDS)
    assert answer_frame(TCP, mbap_frame(77, 5, TWO_WORDS)) == mbap_frame(77, 5, TWO_WORDS)


def test_an_exception_of_the_function_is_an_answer() -> None:
    busy = bytes.fromhex("84 06")
    assert answer_frame(RTU, rtu_frame(5, busy)) == rtu_frame(5, busy)
    assert answer_frame(TCP, mbap_frame(77, 5, busy)) == mbap_frame(77, 5, busy)


def test_the_answer_is_found_behind_noise_and_behind_another_unit_s_answer() -> None:
    """XY-MD02 in its ASCII report mode says lines like this one unasked."""
    right = rtu_frame(5, TWO_WORDS)
    assert answer_frame(RTU, b"23.1C,45.3%\r\n" + right) == right
    assert answer_frame(RTU, rtu_frame(6, TWO_WORDS) + right) == right


def test_an_answer_behind_a_late_one_is_found_on_tcp() -> None:
    right = mbap_frame(77, 5, TWO_WORDS)
    assert answer_frame(TCP, mbap_frame(76, 5, bytes.fromhex("04 04 0000 0000")) + right) == right


@pytest.mark.parametrize(
    "pdu",
    ["03 04 FF33 01C5", "04 02 FF33", "04 06 FF33 01C5 0000", "83 02", "04 05 FF33 01C5", "7E 00"],
    ids=["other function", "too few", "too many", "other exception", "wrong length byte", "unknown function"],
)
def test_a_sound_frame_that_does_not_fit_the_request_is_no_answer(pdu: str) -> None:
    rtu, tcp = rtu_frame(5, bytes.fromhex(pdu)), mbap_frame(77, 5, bytes.fromhex(pdu))
    assert answer_frame(RTU, rtu) == b""
    assert why_none(RTU, rtu) == "broken"
    assert answer_frame(TCP, tcp) == b""
    assert why_none(TCP, tcp) == "broken"


def test_a_write_is_answered_by_its_echo_alone() -> None:
    on = bytes.fromhex("05 0002 FF00")
    request = asked("mbap", mbap_frame(9, 3, on))
    assert answer_frame(request, mbap_frame(9, 3, on))
    assert answer_frame(request, mbap_frame(9, 3, bytes.fromhex("05 0002 0000"))) == b""


def test_why_there_is_no_answer() -> None:
    assert why_none(RTU, b"") == "timeout"
    assert why_none(RTU, rtu_frame(6, TWO_WORDS)) == "wrong_unit"
    assert why_none(RTU, rtu_frame(5, TWO_WORDS)[:-1]) == "broken"
    assert why_none(TCP, b"") == "timeout"
    assert why_none(TCP, mbap_frame(76, 5, TWO_WORDS)) == "timeout"
    assert why_none(TCP, mbap_frame(77, 6, TWO_WORDS)) == "wrong_unit"
    assert why_none(TCP, mbap_frame(77, 5, TWO_WORDS, protocol=1)) == "broken"


@given(noise=st.binary(max_size=300))
def test_no_bytes_at_all_raise(noise: bytes) -> None:
    for request in (RTU, TCP):
        if not answer_frame(request, noise):
            assert why_none(request, noise) in ("timeout", "wrong_unit", "broken")


@given(position=st.integers(0, 8), bit=st.integers(0, 7))
def test_no_single_flipped_bit_gets_through_on_serial(position: int, bit: int) -> None:
    frame = bytearray(rtu_frame(5, TWO_WORDS))
    frame[position] ^= 1 << bit
    assert answer_frame(RTU, bytes(frame)) == b""
