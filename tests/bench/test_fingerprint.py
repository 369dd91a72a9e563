"""The fingerprint map: a room that was made, and a real one."""

from pathlib import Path

import numpy as np
import pytest

from bench import real_rfid_locate
from bench.fingerprint import chances, learn, nearest, nearest_antenna

ANTENNAS = np.array([(0.0, 0.0), (10.0, 0.0)])
GRID = np.array([(x, y) for x in np.arange(1.0, 10.0, 2.0) for y in (-2.0, 0.0, 2.0)])
PLACES = np.array([(x, y) for x in np.arange(0.5, 10.0, 0.5) for y in np.arange(-3.0, 3.5, 0.5)])
GAIN_DB = np.array([8.0, 0.0])  # the first antenna is heard louder, so the strongest is often the wrong one


def shown(points: np.ndarray) -> np.ndarray:
    """RSSI in the made room: free space, and a gain for each antenna."""
    distance = np.linalg.norm(points[:, None] - ANTENNAS, axis=2)
    rssi: np.ndarray = -40.0 - 20.0 * np.log10(distance) + GAIN_DB
    return rssi


def test_a_louder_antenna_does_not_draw_the_tags_to_itself() -> None:
    radio_map = learn(GRID, shown(GRID), ANTENNAS, PLACES)
    points = np.array([(3.5, 1.0), (4.2, -1.0), (5.8, 1.0), (6.5, 0.5)])
    found = [int(nearest_antenna(radio_map, ANTENNAS, rssi).argmax()) for rssi in shown(points)]
    assert found == [0, 0, 1, 1]
    assert shown(points).argmax(axis=1).tolist() == [0, 0, 0, 0]


def test_the_chances_of_all_places_sum_to_one_and_peak_near_the_tag() -> None:
    chance = chances(learn(GRID, shown(GRID), ANTENNAS, PLACES), shown(np.array([(7.0, 0.0)]))[0])
    assert chance.sum() == pytest.approx(1.0)
    assert abs(PLACES[chance.argmax()][0] - 7.0) <= 1.0


def test_an_antenna_that_heard_nothing_is_left_out_and_leaves_more_doubt() -> None:
    radio_map = learn(GRID, shown(GRID), ANTENNAS, PLACES)
    both = shown(np.array([(1.5, 0.5)]))[0]
    one = np.array([both[0], np.nan])
    assert chances(radio_map, one).max() < chances(radio_map, both).max()
    assert nearest_antenna(radio_map, ANTENNAS, one).argmax() == 0
    assert chances(radio_map, np.full(2, np.nan)) == pytest.approx(1 / len(PLACES))


def test_doubt_grows_away_from_what_was_learnt() -> None:
    radio_map = learn(GRID[:6], shown(GRID)[:6] + np.tile([[3.0], [-3.0]], (3, 2)), ANTENNAS, PLACES)
    far = PLACES[:, 0] > 8.0
    assert radio_map.variance_db2[far].min() > radio_map.variance_db2[~far].min()


def test_the_nearest_antenna_of_a_place_is_the_one_least_far() -> None:
    assert nearest(np.array([(4.0, 0.0), (6.0, 1.0)]), ANTENNAS).tolist() == [0, 1]


def test_too_few_points_and_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="4 points"):
        learn(GRID[:3], shown(GRID)[:3], ANTENNAS, PLACES)
    with pytest.raises(ValueError, match="no number"):
        learn(GRID, np.where(GRID[:, :1] < 2.0, np.nan, shown(GRID)), ANTENNAS, PLACES)


def test_in_a_real_room_a_point_left_out_is_found_more_often_than_by_the_strongest(data_dir: Path) -> None:
    judged = real_rfid_locate.run(data_dir / "rfid" / "rfid-locate" / "Test6")
    assert len(judged) == 36
    assert sum(one.strongest == one.truth for one in judged) == 28
    assert sum(int(one.chance.argmax()) == one.truth for one in judged) >= 32
