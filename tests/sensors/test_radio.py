"""What is learnt of an antenna stays true however long it is counted."""

import numpy as np
import pytest

from sensors.rfid.neighbourhood import REACH, Neighbourhood
from sensors.rfid.radio import RadioSums

TAGS = 110


@pytest.mark.parametrize("rounds", [1, 60])
def test_a_rate_is_the_share_of_rounds_with_a_read_though_what_was_counted_long_ago_gives_way(rounds: int) -> None:
    """Nine in ten, over 2,000,000 tag-rounds, of which 50,000 are kept."""
    sums = RadioSums(Neighbourhood(np.zeros(1, np.int32), np.zeros(1, np.int32)))
    antenna, standing = np.array([0], np.int32), np.array([TAGS, 0], np.int64)
    tenth = rounds * TAGS // 10
    for _ in range(2_000_000 // (rounds * TAGS)):
        sums.add_rounds(antenna, np.array([rounds], np.int64), standing)
        hits = np.array([rounds * TAGS - tenth], np.float32)
        sums.add_hits(antenna, np.array([REACH]), hits, np.array([-55.0], np.float32))
    assert sums.radio().rate[0, REACH] == pytest.approx(0.9, abs=0.001)
