"""What an antenna hears of tags that are carried past it, look by look: phase, level, misses.

The law: a tag at distance d answers with the phase 4 pi d / wavelength and an offset of its own, and with a level that
falls by 40 dB a tenfold distance, there and back. Steel uprights in the shelf reflect: the ways over them add to the
direct one, so that phase and level ripple together, and not alike on both sides. Below the sensitivity nothing is read,
above it some looks miss.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

WAVELENGTH_M = 0.325  # 922.5 MHz, the middle of the Chinese band
UPRIGHT_M = 0.6  # across the shelf, from the antenna's way
LEVEL_DB = 40.0  # for each tenfold distance


class PassRadio(msgspec.Struct, frozen=True, kw_only=True):
    """The radio weather of a pass."""

    misses: float = 0.10
    """Share of the looks at a tag in reach that do not read it."""
    phase_noise_rad: float = 0.15
    """Of one reading; readers quantise to 0.0015, tags and amplifiers add a tenth and more."""
    level_noise_db: float = 1.0
    tag_bias_sd_db: float = 4.0
    near_dbm: float = -50.0
    """Mean strength half a metre away."""
    sensitivity_dbm: float = -78.0
    reflection: float = 0.0
    """Strength of the way over each upright against the direct one at equal distance."""
    uprights_m: tuple[float, ...] = (-0.05, 1.05)
    """Where along the shelf they stand, 0.6 m from the antenna's way."""


class Carried(NamedTuple):
    """Reads of one pass, all (r,): tag its row, at_s since the pass began, phase_rad in [0, 2 pi), rssi_dbm."""

    tag: NDArray[np.int64]
    at_s: NDArray[np.float64]
    phase_rad: NDArray[np.float32]
    rssi_dbm: NDArray[np.float32]


class Shelf(NamedTuple):
    """Tags that pass, all (n,): place_m along the shelf, closest_m away from the antenna's way, the phase offset_rad of
    each and how much louder it is, bias_db."""

    place_m: NDArray[np.float64]
    closest_m: NDArray[np.float64]
    offset_rad: NDArray[np.float64]
    bias_db: NDArray[np.float64]


def shelf_of(
    radio: PassRadio, place_m: NDArray[np.float64], closest_m: NDArray[np.float64], rng: np.random.Generator
) -> Shelf:
    """Tags at these places, each with an offset and a loudness of its own."""
    n = len(place_m)
    return Shelf(place_m, closest_m, rng.uniform(0, 2 * np.pi, n), rng.normal(0, radio.tag_bias_sd_db, n))


def draw_pass(
    radio: PassRadio, shelf: Shelf, antenna_m: NDArray[np.float64], every_s: float, rng: np.random.Generator
) -> Carried:
    """antenna_m (k,) where along the shelf the antenna is at each of its looks, `every_s` apart: it makes no difference
    which of the two moves."""
    closest_m, place_m = shelf.closest_m, shelf.place_m
    way_m = antenna_m - place_m[:, None]
    direct_m = np.hypot(closest_m[:, None], way_m)
    wave = 2 * np.pi / WAVELENGTH_M
    once = np.exp(-1j * wave * direct_m) / direct_m
    for upright_m in radio.uprights_m if radio.reflection else ():
        beyond_m = np.hypot(closest_m - UPRIGHT_M, place_m - upright_m)
        over_m = np.hypot(UPRIGHT_M, antenna_m - upright_m) + beyond_m[:, None]
        once += radio.reflection * np.exp(-1j * wave * over_m) / over_m
    answer = once**2  # the same ways back
    level = radio.near_dbm + shelf.bias_db[:, None] + LEVEL_DB / 2 * np.log10(np.abs(answer) * 0.25)
    level += rng.normal(0, radio.level_noise_db, level.shape)
    phase = -np.angle(answer) + shelf.offset_rad[:, None] + rng.normal(0, radio.phase_noise_rad, level.shape)
    is_read = (level >= radio.sensitivity_dbm) & (rng.random(level.shape) >= radio.misses)
    look, tag = is_read.T.nonzero()  # in the order of the looks
    return Carried(
        tag,
        look.astype(np.float64) * every_s,
        (phase[tag, look] % (2 * np.pi)).astype(np.float32),
        level[tag, look].astype(np.float32),
    )
