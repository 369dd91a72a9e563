"""The order of tags along a motion: worlds whose truth is known, and a real pass."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import real_adarf
from sensors.rfid.order import Order, order_along

WAVE_M = 0.325
CHANNELS_M = tuple(299_792_458.0 / hertz for hertz in (920.625e6, 921.625e6, 922.625e6, 923.625e6))


def passing(
    places_m: list[float],
    chance: np.random.Generator,
    *,
    closest_m: float = 0.5,
    reads: int = 80,
    noise_rad: float = 0.3,
    outliers: float = 0.0,
    waves_m: tuple[float, ...] = (WAVE_M,),
    length_m: float = 2.0,
) -> tuple[np.ndarray, ...]:
    """Reads of tags on a line as an antenna goes along it; every tag, antenna and channel has an offset of its own."""
    columns = []
    for tag, place_m in enumerate(places_m):
        at_m = chance.uniform(0.0, length_m, reads)
        channel = chance.integers(0, len(waves_m), reads)
        wave_m = np.array(waves_m)[channel]
        offset = chance.uniform(0, 2 * np.pi, len(waves_m))[channel]
        phase = 4 * np.pi / wave_m * np.hypot(closest_m, at_m - place_m) + offset + chance.normal(0, noise_rad, reads)
        is_wild = chance.random(reads) < outliers
        phase[is_wild] = chance.uniform(0, 2 * np.pi, int(is_wild.sum()))
        columns.append((np.full(reads, tag), at_m, phase % (2 * np.pi), wave_m))
    return tuple(np.concatenate(column) for column in zip(*columns, strict=True))


def order_of(columns: tuple[np.ndarray, ...], metres_per_unit: float | None = 1.0) -> Order:
    return order_along(*columns, metres_per_unit=metres_per_unit)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), places=st.permutations([0.6, 0.68, 0.8, 1.1, 1.4]))
def test_tags_eight_centimetres_apart_come_out_in_order_through_noise_wraps_and_outliers(
    seed: int, places: list[float]
) -> None:
    found = order_of(passing(places, np.random.default_rng(seed), outliers=0.1))
    assert [places[tag] for tag in found.tag] == sorted(places)
    assert np.abs(found.along - sorted(places)).max() < 0.04
    assert found.unknown.size == 0


def test_frequency_hops_do_not_disturb_the_order() -> None:
    columns = passing([1.2, 0.7, 0.95], np.random.default_rng(3), waves_m=CHANNELS_M, reads=160)
    assert order_of(columns).tag.tolist() == [1, 2, 0]


@pytest.mark.parametrize("speed_mps", [0.1, 0.4, 1.5])
def test_with_an_unknown_speed_the_order_and_the_times_are_found(speed_mps: float) -> None:
    tag, at_m, phase, wave_m = passing([1.3, 0.9, 1.0], np.random.default_rng(5))
    found = order_of((tag, at_m / speed_mps, phase, wave_m), None)
    assert found.tag.tolist() == [1, 2, 0]
    assert np.abs(found.along * speed_mps - [0.9, 1.0, 1.3]).max() < 0.04


def test_without_relative_motion_every_order_is_unknown() -> None:
    chance = np.random.default_rng(7)
    tag = np.repeat([4, 9], 100)
    at_s = np.tile(np.linspace(0.0, 20.0, 100), 2)
    phase = (np.repeat([1.0, 5.0], 100) + chance.normal(0, 0.2, 200)) % (2 * np.pi)
    for metres_per_unit in (None, 0.1):
        found = order_of((tag, at_s, phase, np.full(200, WAVE_M)), metres_per_unit)
        assert found.tag.size == found.confidence.size == 0
        assert found.unknown.tolist() == [4, 9]


def test_a_tag_that_rides_along_one_only_approached_and_one_of_pure_noise_are_unknown_among_known_ones() -> None:
    chance = np.random.default_rng(11)
    tag, at_m, phase, wave_m = passing([0.8, 1.2, 1.0, 1.0, 2.6], chance)
    phase[tag == 2] = 2.0 + chance.normal(0, 0.2, 80)  # rides along: its distance never changes
    phase[tag == 3] = chance.uniform(0, 2 * np.pi, 80)
    found = order_of((tag, at_m, phase, wave_m))
    assert found.tag.tolist() == [0, 1]
    assert found.unknown.tolist() == [2, 3, 4]


def test_confidence_is_near_a_half_for_tags_side_by_side_and_near_one_for_tags_apart() -> None:
    apart = order_of(passing([0.7, 1.3], np.random.default_rng(13)))
    beside = order_of(passing([1.0, 1.0], np.random.default_rng(13), noise_rad=0.6))
    assert apart.confidence[0] > 0.99
    assert 0.4 < beside.confidence[0] < 0.9


def test_stated_confidence_is_not_above_how_often_the_order_is_right() -> None:
    stated, right = [], []
    for seed in range(40):
        places = [1.0, 1.02]
        found = order_of(passing(places, np.random.default_rng(seed), noise_rad=0.7, reads=30, outliers=0.05))
        stated += found.confidence.tolist()
        right += [one < other for one, other in pairwise(found.tag.tolist())]
    assert len(right) >= 25
    assert np.mean(stated) < np.mean(right) + 2 * np.sqrt(0.25 / len(right))


def test_unequal_columns_and_a_speed_that_is_not_positive_are_refused() -> None:
    three, two = np.ones(3), np.ones(2)
    with pytest.raises(ValueError, match="one row a read"):
        order_along(np.ones(3, np.int64), three, two, three, metres_per_unit=1.0)
    with pytest.raises(ValueError, match="turn `along` round"):
        order_along(np.ones(3, np.int64), three, three, three, metres_per_unit=-1.0)


def test_no_reads_have_no_order() -> None:
    none = np.zeros(0)
    found = order_along(np.zeros(0, np.int64), none, none, none, metres_per_unit=None)
    assert found.tag.size == found.unknown.size == 0


def test_six_real_tags_come_out_in_order_and_the_seventh_is_unknown(data_dir: Path) -> None:
    ours, peak = real_adarf.judge(data_dir / "rfid" / "adarf" / "190109-27-50-1")
    assert ours.tag.tolist() == [1, 2, 3, 4, 5, 6]
    assert ours.unknown.tolist() == [7]
    assert real_adarf.pairs_right(peak) == 11
