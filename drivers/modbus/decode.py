"""Register values to engineering units: scale, sign, word order, valid range. Unknown is None, never a number."""

import math
import struct
from collections.abc import Mapping

from config.profile import Point, Table, register_count

Image = Mapping[tuple[Table, int], int]
"""(table, address) -> raw coil or register, of what was read last and did not fail since."""

SIGN_MARK = 10_000  # sign_magnitude_10000: what lies above is negative


def number(point: Point, image: Image, points: Mapping[str, Point]) -> float | None:
    """Value of a point that is not a bit, in engineering units; None when not read, NaN, out of range or untellable."""
    value = before_range(point, image, points)
    if (
        value is None
        or (point.low is not None and value < point.low)
        or (point.high is not None and value > point.high)
    ):
        return None
    return value


def before_range(point: Point, image: Image, points: Mapping[str, Point]) -> float | None:
    """The same, whether it lies inside low..high or not."""
    raw = _raw(point, image)
    if raw is None or is_untellable(point, image, points):
        return None
    factor = _unit_factor(point, image, points)
    if factor is None:
        return None
    value = (raw * point.scale + point.offset) * factor
    if not math.isfinite(value):
        return None
    return round(value, 6)  # 231 x 0.1 is 23.1, not 23.1000000003


def contact(point: Point, image: Image, points: Mapping[str, Point]) -> bool | None:
    """A bit after its polarity: True for wet, broken, energised; None when not read or untellable."""
    raw = raw_bit(point, image)
    if raw is None or is_untellable(point, image, points):
        return None
    return raw == point.active


def is_untellable(point: Point, image: Image, points: Mapping[str, Point]) -> bool:
    """Whether one of the points that spoil it is active, or unknown itself."""
    for name in point.unknown_while:
        spoiler = points[name]
        raw = raw_bit(spoiler, image)
        if raw is None or raw == spoiler.active:
            return True
    return False


def _unit_factor(point: Point, image: Image, points: Mapping[str, Point]) -> float | None:
    if not point.unit_point:
        return 1.0
    code = _raw(points[point.unit_point], image)
    if code is None or code != int(code) or not 0 <= code < len(point.unit_scales):
        return None
    return point.unit_scales[int(code)]


def raw_bit(point: Point, image: Image) -> int | None:
    """The bit as it stands in the device, before polarity; None when not read."""
    word = image.get((point.table, point.address))
    if word is None:
        return None
    return word & 1 if point.table in ("co", "di") else (word >> point.bit) & 1


def _raw(point: Point, image: Image) -> float | None:
    words = [image.get((point.table, point.address + i)) for i in range(register_count(point))]
    known = [word for word in words if word is not None]
    if len(known) < len(words):
        return None
    match point.kind:
        case "uint16":
            return known[0]
        case "int16":
            return known[0] - 0x10000 if known[0] & 0x8000 else known[0]
        case "sign_magnitude_10000":
            return SIGN_MARK - known[0] if known[0] > SIGN_MARK else known[0]
        case "bit":
            return raw_bit(point, image)
        case "int32":
            return int.from_bytes(_ordered(point, known), "big", signed=True)
        case "float32":
            return float(struct.unpack(">f", _ordered(point, known))[0])


def _ordered(point: Point, words: list[int]) -> bytes:
    """The four bytes, most significant (A) first. Within a register the high byte comes first on the wire."""
    wire = words[0].to_bytes(2, "big") + words[1].to_bytes(2, "big")
    return bytes(wire[point.word_order.index(letter)] for letter in "ABCD")
