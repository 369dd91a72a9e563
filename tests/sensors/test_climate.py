"""Climate: votes and frozen sensors."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
