"""The number present but unread: made walks whose truth is known, and six real ones."""

from pathlib import Path

import numpy as np
import pytest

from bench import real_detego
from bench.completeness import Unread, chao_lower_bound, hears_strangers, unread


def walk(
    chance: np.random.Generator, *, present: int = 600, mean: float = 4.0, shape: float = 4.0, strangers: int = 0
) -> tuple[np.ndarray, np.ndarray, int]:
    """Reads and mean RSSI of the tags read, and how many of those present were not."""
    reads = chance.poisson(chance.gamma(shape, mean / shape, present))
    rssi = chance.normal(-58.0, 4.0, present)
    seldom = chance.geometric(0.6, strangers)
    weak = chance.normal(-72.0, 4.0, strangers)
    is_read = reads > 0
    return (
        np.concatenate([reads[is_read], seldom]),
        np.concatenate([rssi[is_read], weak]),
        int((~is_read).sum()),
    )


def estimate(chance: np.random.Generator, reads: np.ndarray, rssi: np.ndarray) -> Unread:
    return unread(reads, rssi, chance.multinomial(reads.size, np.full(reads.size, 1 / reads.size), size=60))


def test_chaos_bound_is_what_the_formula_gives_by_hand() -> None:
    # 10 read once, 4 twice: 10 * 9 / (2 * 5)
    assert chao_lower_bound(np.array([0.0, 10.0, 4.0, 7.0])) == pytest.approx(9.0)


@pytest.mark.parametrize("strangers", [0, 120])
def test_the_interval_holds_the_truth_in_nine_made_walks_of_ten(strangers: int) -> None:
    inside = 0
    for seed in range(20):
        chance = np.random.default_rng(seed)
        reads, rssi, truth = walk(chance, strangers=strangers)
        found = estimate(chance, reads, rssi)
        inside += found.low <= truth <= found.high
    assert inside >= 17  # 18 expected of 20


def test_strangers_are_seen_where_there_are_some_and_not_where_there_are_none() -> None:
    for seed in range(5):
        reads, rssi, _ = walk(np.random.default_rng(seed))
        assert not hears_strangers(reads, rssi)
        reads, rssi, _ = walk(np.random.default_rng(seed), strangers=100)
        assert hears_strangers(reads, rssi)


def test_strangers_do_not_pass_for_tags_read_by_a_hair() -> None:
    chance = np.random.default_rng(17)
    reads, rssi, truth = walk(chance, strangers=150)
    often = np.bincount(reads).astype(float)
    found = estimate(chance, reads, rssi)
    assert found.strangers == pytest.approx(150, rel=0.25)
    assert abs(found.chao - truth) < abs(chao_lower_bound(often) - truth)


def test_a_walk_that_read_everything_many_times_leaves_nobody() -> None:
    chance = np.random.default_rng(19)
    found = estimate(chance, chance.poisson(40.0, 300), chance.normal(-58.0, 4.0, 300))
    assert found.low == 0
    assert found.high <= 1


def test_a_walk_that_read_each_tag_at_most_once_or_twice_says_that_many_are_missing() -> None:
    chance = np.random.default_rng(23)
    reads, rssi, truth = walk(chance, mean=0.5, shape=20.0)
    assert truth > 300
    assert estimate(chance, reads, rssi).high > 200


def test_a_longer_walk_leaves_a_narrower_interval() -> None:
    def width(mean: float) -> int:
        chance = np.random.default_rng(29)
        reads, rssi, _ = walk(chance, mean=mean)
        found = estimate(chance, reads, rssi)
        return found.high - found.low

    assert width(8.0) < width(2.0)


def test_tags_that_were_not_read_resamples_that_do_not_sum_and_odd_levels_are_refused() -> None:
    rssi, whole = np.full(3, -60.0), np.ones((2, 3), np.int64)
    with pytest.raises(ValueError, match="each read"):
        unread(np.array([0, 1, 2]), rssi, whole)
    with pytest.raises(ValueError, match="sum to 3"):
        unread(np.array([1, 1, 2]), rssi, 2 * whole)
    with pytest.raises(ValueError, match="level"):
        unread(np.array([1, 1, 2]), rssi, whole, level=90.0)
    with pytest.raises(ValueError, match="mean RSSI"):
        unread(np.array([1, 1, 2]), rssi[:2], whole)


def test_at_least_five_real_walks_of_six_leave_the_truth_inside(data_dir: Path) -> None:
    outcomes = real_detego.run(data_dir / "rfid" / "detego")
    assert [one.truth for one in outcomes] == [52, 29, 34, 25, 40, 25]
    assert sum(one.is_inside for one in outcomes) >= 5
    assert all(one.estimate.high < 915 // 5 for one in outcomes)
