"""Where a tag that stays has stood all along."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.rfid.belief import spread
from sensors.rfid.locate import PRINT_REACH, PRINTS, Known
from sensors.rfid.neighbourhood import Neighbourhood
from sensors.rfid.radio import Radio, RadioSums
from sensors.rfid.sites import AROUND, site_shares
from sensors.rfid.tags import Tags

SEGMENTS = 21
HERE = 10
BESIDE = Neighbourhood(np.zeros(SEGMENTS, np.int32), np.arange(SEGMENTS, dtype=np.int32))
RADIO: Radio = RadioSums(BESIDE).radio()


def of_pattern(hits: dict[int, float], rounds: float, level_dbm: dict[int, float] | None = None) -> Known:
    """One tag believed HERE; hits and levels by antenna."""
    by_antenna, levels, counts = np.zeros((3, 1, PRINTS), np.float32)
    for antenna, count in hits.items():
        by_antenna[0, HERE - antenna + PRINT_REACH] = count
    for antenna, level in (level_dbm or {}).items():
        levels[0, HERE - antenna + PRINT_REACH], counts[0, HERE - antenna + PRINT_REACH] = level, 50
    zero = np.zeros(1, np.float32)
    return Known(np.array([HERE], np.int32), zero, zero, levels, counts, np.array([rounds], np.float32), by_antenna)


def shares(known: Known, book: int = -1, ill: tuple[int, ...] = ()) -> NDArray[np.float32]:
    is_ill = np.zeros(SEGMENTS + 1, np.bool_)
    is_ill[list(ill)] = True
    row: NDArray[np.float32] = site_shares(known, np.array([book], np.int32), BESIDE, RADIO, is_ill)[0]
    return row


def between(rounds: float) -> Known:
    """A tag that the antennas of HERE and of the next segment read alike, and those beyond alike too."""
    share = {HERE - 2: 0.1, HERE - 1: 0.2, HERE: 0.6, HERE + 1: 0.6, HERE + 2: 0.2, HERE + 3: 0.1}
    return of_pattern({antenna: part * rounds for antenna, part in share.items()}, rounds)


@pytest.mark.parametrize("rounds", [10.0, 100.0, 400.0])
def test_a_pattern_between_two_segments_says_neither_however_often_it_is_repeated(rounds: float) -> None:
    """The one antenna that has no counterpart on the other side of the two is left out."""
    share = shares(between(rounds), ill=(HERE - 3,))
    assert share[AROUND] == pytest.approx(share[AROUND + 1], rel=1e-4)
    assert share[AROUND] == pytest.approx(0.5, abs=0.01)


def test_of_two_that_are_alike_the_book_place_is_twenty_times_likelier() -> None:
    share = shares(between(100.0), book=HERE + 1, ill=(HERE - 3,))
    assert share[AROUND + 1] / share[AROUND] == pytest.approx(20.0, rel=1e-3)


def test_a_tag_that_the_next_antenna_reads_as_its_own_stands_there_whatever_was_believed() -> None:
    """0.85 by its own antenna, 0.255 by those beside it, half of that further on: as before anything is learnt."""
    pattern = {HERE - 1: 13.0, HERE: 26.0, HERE + 1: 85.0, HERE + 2: 26.0, HERE + 3: 13.0, HERE - 2: 6.0, HERE - 3: 3.0}
    assert shares(of_pattern(pattern, 100.0))[AROUND + 1] > 0.999
    assert shares(of_pattern(pattern, 100.0), book=HERE)[AROUND + 1] > 0.99


def test_levels_alone_tell_whatever_the_tags_own_loudness() -> None:
    """Six dB a segment to either side of the next one, ten dB louder than others; no antenna's count is believed."""
    levels = {antenna: -45.0 - 6.0 * abs(HERE + 1 - antenna) for antenna in range(HERE - 3, HERE + 4)}
    share = shares(of_pattern({}, 100.0, levels), ill=tuple(range(SEGMENTS)))
    assert share.argmax() == AROUND + 1
    assert share[AROUND + 1] > 0.99


def test_too_few_rounds_and_a_place_at_the_end_of_the_line_say_nothing_of_what_is_not_there() -> None:
    assert shares(between(2.0)).tolist() == [0.0] * AROUND + [1.0] + [0.0] * AROUND
    alone = Neighbourhood(np.zeros(1, np.int32), np.zeros(1, np.int32))
    known = between(100.0)._replace(believed=np.zeros(1, np.int32))
    found = site_shares(known, np.zeros(1, np.int32), alone, RadioSums(alone).radio(), np.zeros(2, np.bool_))
    assert found[0].tolist() == [0.0] * AROUND + [1.0] + [0.0] * AROUND


def test_what_is_believed_of_a_tag_that_stays_is_spread_over_its_sites() -> None:
    """0.9 x (0.2, 0.7, 0.1) over segments 2, 3 and 4; 4 had 0.1 of its own."""
    segment = np.array([[3, 4, -1]], np.int32)
    weight = np.log(np.array([[0.9, 0.1, 1e-9]], np.float32))
    site, share = np.array([[2, 3, 4]], np.int32), np.array([[0.2, 0.7, 0.1]], np.float32)
    places, chance = spread(segment, weight, np.array([3], np.int32), site, share)
    found = {int(place): float(np.exp(each)) for place, each in zip(places[0], chance[0], strict=True) if place >= 0}
    assert found == pytest.approx({2: 0.18, 3: 0.63, 4: 0.19}, rel=1e-5)


def test_a_tag_that_stood_beside_keeps_what_each_antenna_read_and_is_as_old_as_its_own_antennas_reads() -> None:
    tags = Tags()
    tags.grow(1)
    tags.believed[:], tags.age[:] = HERE, 90
    tags.hits_there[0] = [1, 2, 3, 40, 5, 6, 7]  # by the antennas HERE + 3 ... HERE - 3
    tags.shift(np.array([0]), np.array([HERE + 1], np.int32), np.array([1]))
    assert tags.believed[0] == HERE + 1
    assert tags.hits_there[0].tolist() == [0, 1, 2, 3, 40, 5, 6]  # HERE + 4 is not known; HERE - 3 is out of reach
    assert tags.age[0] == 4
