"""Values worked by hand from the makers' register descriptions (two's complement, IEEE 754, sign-magnitude)."""

import struct
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.profile import Point, Table
from config.profile_files import load_profile
from drivers.modbus.decode import contact, number

WordOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]


def temperature(kind: Literal["int16", "sign_magnitude_10000"] = "int16") -> Point:
    return Point(id="t", quantity="temperature_degc", table="ir", address=1, kind=kind, scale=0.1, low=-40, high=80)


def wide(kind: Literal["int32", "float32"], order: WordOrder) -> Point:
    return Point(id="w", quantity="leakage_ua", table="ir", address=4, kind=kind, word_order=order)


@pytest.mark.parametrize(
    ("raw", "value"),
    [(0xFF33, -20.5), (231, 23.1), (0, 0.0), (800, 80.0), (801, None), (0xFE70, -40.0), (0xFE6F, None), (0x7FFF, None)],
)
def test_a_twos_complement_temperature_in_tenths_is_none_outside_its_range(raw: int, value: float | None) -> None:
    point = temperature()
    assert number(point, {("ir", 1): raw}, {"t": point}) == value


@pytest.mark.parametrize(("raw", "value"), [(10250, -25.0), (250, 25.0), (10001, -0.1), (10000, None), (0, 0.0)])
def test_sign_magnitude_above_10000_is_negative(raw: int, value: float | None) -> None:
    """10000 itself stands for 1000.0 degrees, which the range refuses."""
    point = temperature("sign_magnitude_10000")
    assert number(point, {("ir", 1): raw}, {"t": point}) == value


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("ABCD", (0x41CC, 0x0000)),
        ("CDAB", (0x0000, 0x41CC)),
        ("BADC", (0xCC41, 0x0000)),
        ("DCBA", (0x0000, 0xCC41)),
    ],
)
def test_float_25_5_is_read_in_every_word_order(order: WordOrder, words: tuple[int, int]) -> None:
    """25.5 is 0x41CC0000."""
    point = wide("float32", order)
    assert number(point, {("ir", 4): words[0], ("ir", 5): words[1]}, {"w": point}) == 25.5


@pytest.mark.parametrize("words", [(0x7FC0, 0), (0x7F80, 0), (0xFF80, 0)])
def test_nan_and_infinity_are_no_value(words: tuple[int, int]) -> None:
    point = wide("float32", "ABCD")
    assert number(point, {("ir", 4): words[0], ("ir", 5): words[1]}, {"w": point}) is None


@given(value=st.integers(-(2**31), 2**31 - 1), order=st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]))
def test_every_word_order_gives_back_the_integer_that_was_laid_out_in_it(value: int, order: WordOrder) -> None:
    big_endian = dict(zip("ABCD", struct.pack(">i", value), strict=True))
    wire = bytes(big_endian[letter] for letter in order)
    first, second = struct.unpack(">HH", wire)
    point = wide("int32", order)
    assert number(point, {("ir", 4): first, ("ir", 5): second}, {"w": point}) == value


def test_a_value_whose_second_register_was_not_read_is_none() -> None:
    point = wide("float32", "ABCD")
    assert number(point, {("ir", 4): 0x41CC}, {"w": point}) is None


def test_the_renke_transmitter_says_humidity_first() -> None:
    """0x0292 = 658 -> 65.8 %RH, 0xFF9B = -101 -> -10.1 degrees: the example of its manual."""
    points = {point.id: point for point in load_profile("rs-ws-n01").points}
    image: dict[tuple[Table, int], int] = {("hr", 0): 0x0292, ("hr", 1): 0xFF9B}
    assert number(points["humidity"], image, points) == 65.8
    assert number(points["temperature"], image, points) == -10.1


@pytest.mark.parametrize(("raw", "active"), [(0, True), (1, False)])
def test_a_fail_safe_contact_is_active_at_zero(raw: int, active: bool) -> None:
    point = Point(id="d", quantity="leak", table="di", address=3, kind="bit", active=0)
    assert contact(point, {("di", 3): raw}, {"d": point}) is active


@pytest.mark.parametrize(
    ("status", "leak", "cable_break"),
    [(0b0000, False, False), (0b1001, True, False), (0b1010, None, True), (0b1011, None, True)],
)
def test_a_broken_cable_cannot_tell_whether_it_is_wet(status: int, leak: bool | None, cable_break: bool) -> None:
    points = {point.id: point for point in load_profile("leak-rope").points}
    assert contact(points["leak"], {("ir", 0): status}, points) is leak
    assert contact(points["cable_break"], {("ir", 0): status}, points) is cable_break


@pytest.mark.parametrize(("unit", "metres"), [(0, 40.0), (1, 12.192), (2, None)])
def test_the_unit_register_tells_metres_from_feet(unit: int, metres: float | None) -> None:
    """40 ft x 0.3048 = 12.192 m."""
    points = {point.id: point for point in load_profile("leak-rope").points}
    image: dict[tuple[Table, int], int] = {("ir", 0): 1, ("ir", 1): 40, ("ir", 2): unit}
    assert number(points["leak_distance"], image, points) == metres


def test_what_was_not_read_is_unknown() -> None:
    points = {point.id: point for point in load_profile("leak-rope").points}
    assert contact(points["leak"], {}, points) is None
    assert number(points["cable_length"], {("ir", 4): 30}, points) is None
