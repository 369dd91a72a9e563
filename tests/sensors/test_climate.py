"""Climate: votes, frozen sensors, moist air against the domain's table, a real store's twelve years."""

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensors.climate.compliance import first_of_each, share_inside
from sensors.climate.psychro import absolute_humidity_gm3, dew_point_degc
from sensors.climate.stuck import Still, followed, is_stuck
from sensors.climate.vote import Vote, vote

HOUR_NS = 3600 * 10**9


def test_three_good_sensors_give_their_median() -> None:
    assert vote([20.0, 20.4, 21.0], tolerance=2.0) == Vote(20.4, "voted")


def test_a_sensor_far_from_the_median_is_outvoted() -> None:
    assert vote([20.0, 35.0, 20.2, 20.4], tolerance=2.0) == Vote(20.2, "voted", (1,))


def test_a_stale_sensor_has_no_vote_and_two_give_a_flagged_mean() -> None:
    assert vote([20.0, None, 21.0], tolerance=2.0) == Vote(20.5, "paired")


def test_two_left_after_an_outlier_are_a_pair_again() -> None:
    assert vote([20.0, 35.0, 21.0], tolerance=2.0) == Vote(20.5, "paired", (1,))


@pytest.mark.parametrize("values", [[], [None, None], [20.0], [None, 20.0, None]])
def test_one_sensor_alone_is_no_value(values: list[float | None]) -> None:
    assert vote(values, tolerance=2.0) == Vote(None, "none", reason="too_few_sensors")


@pytest.mark.parametrize(
    ("values", "outliers"),
    [([20.0, 24.1], ()), ([10.0, 20.0, 30.0], (0, 2)), ([10.0, 10.0, 30.0, 30.0], (0, 1, 2, 3))],
)
def test_sensors_that_contradict_each_other_are_no_value(values: list[float], outliers: tuple[int, ...]) -> None:
    assert vote(values, tolerance=2.0) == Vote(None, "none", outliers, "sensors_disagree")


def test_a_stuck_sensor_has_no_vote() -> None:
    assert vote([20.0, 22.0, 22.2], tolerance=3.0, stuck=[True, False, False]) == Vote(22.1, "paired")


@given(st.lists(st.floats(14, 24), min_size=3, max_size=9), st.floats(-100, 100), st.randoms())
def test_one_broken_sensor_never_takes_the_vote_out_of_the_range_of_the_others(
    good: list[float], broken: float, order: Random
) -> None:
    values: list[float | None] = [*good, broken]
    order.shuffle(values)
    value = vote(values, tolerance=10.0).value
    assert value is not None
    assert min(good) - 1e-9 <= value <= max(good) + 1e-9


def test_a_sensor_is_stuck_when_the_room_moved_without_it() -> None:
    still = followed(None, 21.3, 21.2, 0)
    still = followed(still, 21.3, 22.0, HOUR_NS)
    assert still == Still(21.3, 0, 21.2)
    assert is_stuck(still, 23.0, 2 * HOUR_NS, after_s=7200, moved_by=1.0)
    assert not is_stuck(still, 23.0, 2 * HOUR_NS - 1, after_s=7200, moved_by=1.0)
    assert not is_stuck(followed(still, 21.4, 23.0, 2 * HOUR_NS), 23.0, 2 * HOUR_NS, after_s=7200, moved_by=1.0)


def test_a_still_room_makes_no_sensor_stuck() -> None:
    still = followed(None, 21.3, 21.2, 0)
    assert not is_stuck(still, 21.9, 100 * HOUR_NS, after_s=7200, moved_by=1.0)
    assert not is_stuck(still, None, 100 * HOUR_NS, after_s=7200, moved_by=1.0)


# the table of the domain: T, RH, dew point, absolute humidity
AIR = [(14, 45, 2.26, 5.43), (18, 50, 7.43, 7.68), (20, 50, 9.27, 8.64), (24, 60, 15.76, 13.06)]


@pytest.mark.parametrize(("temperature", "humidity", "dew_point", "water"), AIR)
def test_moist_air_is_as_the_table_says(temperature: float, humidity: float, dew_point: float, water: float) -> None:
    assert dew_point_degc(temperature, humidity) == pytest.approx(dew_point, abs=0.04)  # Magnus against the reference
    assert absolute_humidity_gm3(temperature, humidity) == pytest.approx(water, abs=0.01)


@given(st.floats(-10, 40))
def test_saturated_air_is_at_its_dew_point(temperature: float) -> None:
    assert dew_point_degc(temperature, 100) == pytest.approx(temperature, abs=1e-9)


@pytest.mark.parametrize("humidity", [0.0, -3.0, 100.1])
def test_a_humidity_that_cannot_be_has_no_dew_point(humidity: float) -> None:
    with pytest.raises(ValueError, match="humidity"):
        dew_point_degc(20, humidity)


def test_hours_on_a_limit_are_inside_and_unknown_hours_count_neither_way() -> None:
    temperature = np.array([14.0, 24.0, 24.1, 20.0, np.nan, 20.0])
    humidity = np.array([45.0, 60.0, 50.0, 60.1, 50.0, np.nan])
    assert share_inside(temperature, humidity) == 0.5
    assert share_inside(temperature[4:], humidity[4:]) is None


def store_log() -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Hour (as written, seconds), temperature and humidity of the Ørholm store; latin-1, `;`, padded header, CRLF."""
    root = Path(os.environ.get("LANTAI_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = root / "climate" / "oerholm-indoor-climate-data_2009-2021.csv.gz"
    if not path.exists():
        pytest.skip(f"no {path.name} under {root}; set LANTAI_DATA to the evaluation data")
    lines = gzip.decompress(path.read_bytes()).decode("latin-1").splitlines()[1:]
    fields = [line.split(";") for line in lines]
    at = [int(datetime.strptime(stamp, "%d-%m-%Y %H:%M").replace(tzinfo=UTC).timestamp()) for stamp, _, _ in fields]
    climate = np.array([(float(t), float(rh)) for _, t, rh in fields])
    return np.array(at, dtype=np.int64), climate[:, 0], climate[:, 1]


def test_twelve_years_of_a_real_store_were_inside_both_limits_46_9_percent_of_the_hours() -> None:
    at, temperature, humidity = store_log()
    is_first = first_of_each(at)
    assert len(at) == 107_601
    assert int((~is_first).sum()) == 11
    share = share_inside(temperature[is_first], humidity[is_first])
    assert share is not None
    assert round(100 * share, 1) == 46.9
    raw = share_inside(temperature, humidity)
    assert raw is not None
    assert round(100 * raw, 1) == 46.9
