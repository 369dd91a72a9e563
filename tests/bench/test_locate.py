"""The bench of the locators: its worlds are what they say, and each rule does what its source says."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.locate.bayes import Bound, Notified
from bench.locate.edgex import ASSET_TRACKING, RETAIL_GARMENT, EdgexRule
from bench.locate.peers import LastRead, Locator, MostReads, StrongestMean
from bench.locate.report import MISSES, STRAYS, WORLDS, Setting, figures, nearest_rank
from bench.locate.run import follow_one
from bench.locate.score import Followed, judge, together
from bench.locate.smurf import Smurf
from bench.locate.table import table
from bench.locate.vanish import DAY_CYCLES, Vanished, vanish
from bench.locate.worlds import Hardness, Reads, Terms, World

CYCLES = 100


def heard(locator: Locator, at_s: float, *reads: tuple[int, int, float]) -> None:
    """One cycle of (tag, antenna, RSSI)."""
    tag, antenna, rssi_dbm = (np.array([read[column] for read in reads]) for column in range(3))
    locator.cycle(tag.astype(np.int32), antenna.astype(np.int32), rssi_dbm.astype(np.float32), at_s)


def observed(world: World, cycles: int) -> tuple[NDArray[np.int64], list[Reads]]:
    """(tags, antennas) how often each read each."""
    times = np.zeros(world.rate.shape, np.int64)
    several = [world.cycle() for _ in range(cycles)]
    for reads in several:
        np.add.at(times, (reads.tag, reads.antenna), 1)
    return times, several


def away(world: World) -> NDArray[np.int64]:
    """(tags, antennas) segments between them."""
    apart: NDArray[np.int64] = np.abs(world.segment[:, None] - np.arange(world.terms.segments))
    return apart


def test_a_tag_is_read_by_its_own_antenna_and_by_each_further_neighbour_half_as_often() -> None:
    world = World(1, Terms(miss=0.1, stray=0.4), None)
    times, _ = observed(world, CYCLES)
    for steps, rate in ((0, 0.9), (1, 0.36), (2, 0.18), (3, 0.09), (6, 0.01125)):
        assert times[away(world) == steps].mean() / CYCLES == pytest.approx(rate, abs=0.004)


def test_rssi_falls_six_db_a_segment_around_each_tags_own_level() -> None:
    world = World(2, Terms(miss=0.05), None)
    _, several = observed(world, CYCLES)
    tag = np.concatenate([one.tag for one in several])
    antenna = np.concatenate([one.antenna for one in several])
    rssi = np.concatenate([one.rssi_dbm for one in several])
    level = rssi - world.bias_db[tag]
    steps = away(world)[tag, antenna]
    assert level[steps == 0].mean() - level[steps == 1].mean() == pytest.approx(6.0, abs=0.1)
    assert level[steps == 0].mean() - level[steps == 3].mean() == pytest.approx(18.0, abs=0.2)
    assert level[steps == 0].std() == pytest.approx(3.0, abs=0.05)
    assert world.bias_db.std() == pytest.approx(4.0, abs=0.3)


def test_a_seed_gives_the_same_reads_again_and_another_seed_others() -> None:
    one, same, other = (World(seed, Terms(miss=0.1, tags=100), Hardness()) for seed in (5, 5, 6))
    for _ in range(20):
        first, second, third = one.cycle(), same.cycle(), other.cycle()
        assert first.rssi_dbm.tobytes() == second.rssi_dbm.tobytes()
        assert first.rssi_dbm.tobytes() != third.rssi_dbm.tobytes()


def test_each_pair_is_read_once_a_cycle_and_the_antennas_come_in_another_order_each_time() -> None:
    world = World(3, Terms(miss=0.05, tags=400), None)
    orders = set()
    for _ in range(10):
        reads = world.cycle()
        pairs = reads.tag.astype(np.int64) * 20 + reads.antenna
        turns = reads.antenna[np.append(True, np.diff(reads.antenna) != 0)].tolist()
        assert len(np.unique(pairs)) == len(pairs)
        assert len(set(turns)) == len(turns)
        orders.add(tuple(turns))
    assert len(orders) == 10


def test_a_replacement_moves_the_share_asked_for_and_every_one_of_them_elsewhere() -> None:
    world = World(4, Terms(miss=0.1), None)
    before = world.segment.copy()
    moved = world.replace(0.2)
    assert len(np.unique(moved)) == 400
    assert (world.segment != before).nonzero()[0].tolist() == sorted(moved.tolist())
    spread = np.bincount((world.segment[moved] - before[moved]) % 20, minlength=20)
    assert spread[0] == 0
    assert spread[1:].min() > 5  # 21 expected


def test_a_tag_taken_away_is_silent_until_it_is_put_back() -> None:
    world = World(5, Terms(miss=0.05, tags=200), None)
    taken = np.array([3, 77])
    world.take_away(taken)
    times, _ = observed(world, 30)
    assert times[taken].sum() == 0
    world.put_back(taken, np.array([9, 9], np.int32))
    times, _ = observed(world, 30)
    assert times[taken, 9].min() > 20


def test_foreign_tags_are_read_under_numbers_past_the_enrolled_ones() -> None:
    world = World(6, Terms(miss=0.05, tags=200), Hardness(half_dead=0.0))
    brought = world.bring(np.array([4, 11], np.int32))
    times, _ = observed(world, 30)
    assert brought.tolist() == [200, 201]
    assert times[200].argmax() in (3, 4, 5)
    for locator in (LastRead(200), MostReads(200, 20, 3), StrongestMean(200, 20, 3), Smurf(200, 20, "reads")):
        reads = world.cycle()
        locator.cycle(reads.tag, reads.antenna, reads.rssi_dbm, 0.0)
        assert len(locator.segment()) == 200


def test_in_the_harder_world_the_strongest_antenna_is_the_nearest_at_78_of_100_places() -> None:
    worlds = [World(seed, Terms(miss=0.05), Hardness()) for seed in range(20)]
    nearest = [(world.level_dbm.argmax(axis=1) == world.segment).mean() for world in worlds]
    assert np.mean(nearest) == pytest.approx(0.78, abs=0.02)


def test_in_the_harder_world_rssi_repeats_at_a_place_and_is_drawn_anew_at_the_next() -> None:
    world = World(8, Terms(miss=0.05), Hardness(shadowed=0.0))
    _, several = observed(world, CYCLES)
    of_one = np.concatenate([one.rssi_dbm[(one.tag == 1000) & (one.antenna == 10)] for one in several])
    assert of_one.std(ddof=1) == pytest.approx(0.73, abs=0.2)
    level, home = world.level_dbm[1000].copy(), world.segment[[1000]]
    world.take_away(np.array([1000]))
    world.put_back(np.array([1000]), home)
    changed = world.level_dbm[1000] - level
    assert 1.5 < changed.std() < 9.0  # of two draws with an sd of 3.2 dB each: 4.5


def test_in_the_harder_world_one_antenna_in_twenty_is_half_dead() -> None:
    terms, even = Terms(miss=0.1), Hardness(multipath_sd_db=0.0, gain_sd_db=0.0, half_dead_db=0.0)
    for seed in range(5):
        own = World(seed, terms, even).rate[np.arange(2000), np.arange(2000) // 100]
        weak = np.unique(np.arange(2000)[own < 0.6] // 100)
        assert len(weak) == 1
        assert own[np.arange(2000) // 100 == weak[0]] == pytest.approx(0.45)


def test_shadows_lie_on_three_in_a_hundred_and_last_and_take_whole_stretches() -> None:
    world = World(9, Terms(miss=0.05), Hardness())
    shaded = np.zeros((3000, 2000), np.bool_)
    for cycle in range(3000):
        world.cycle()
        shaded[cycle] = world.shade < 1
    assert shaded.mean() == pytest.approx(0.03, abs=0.006)
    still = (shaded[1:] & shaded[:-1]).sum() / shaded[:-1].sum()
    assert still == pytest.approx(1 - 1 / 6, abs=0.03)
    beside = (shaded[:, 1:] & shaded[:, :-1]).sum() / shaded[:, :-1].sum()
    assert beside > 0.95  # tags stand in order at first; a stretch is 30 long on the average, 10 at least


def test_last_read_is_the_last_of_the_newest_cycle() -> None:
    locator = LastRead(2)
    heard(locator, 0.0, (0, 4, -50), (0, 7, -60))
    assert locator.segment().tolist() == [7, -1]


def test_most_reads_counts_within_its_window_and_prefers_the_later_of_equals() -> None:
    short, ever = MostReads(1, 5, 2), MostReads(1, 5, 0)
    for at, antennas in enumerate(((1,), (1,), (1, 2), (2,), (3,))):
        for locator in (short, ever):
            heard(locator, at, *((0, antenna, -50.0) for antenna in antennas))
        if at == 2:
            assert short.segment().tolist() == [1]  # 1 twice, 2 once
    assert short.segment().tolist() == [3]  # 2 and 3 once each, 3 later
    assert ever.segment().tolist() == [1]  # three times


def test_strongest_mean_takes_the_mean_and_not_the_peak() -> None:
    locator = StrongestMean(2, 5, 2)
    heard(locator, 0.0, (0, 1, -50), (0, 2, -56))
    heard(locator, 1.0, (0, 1, -64), (0, 2, -56))
    assert locator.segment().tolist() == [2, -1]  # -57 against -56
    heard(locator, 2.0, (0, 1, -40))
    assert locator.segment().tolist() == [1, -1]  # the first cycle is forgotten: -52 against -56


def test_smurf_grows_its_window_by_two_until_it_is_complete() -> None:
    # read in every cycle: p_t is 1/5, 2/5, 3/5, 4/5 and then 1; w* = ceil(ln 20 / p_avg), ln 20 = 3.0
    smurf = Smurf(1, 2, "reads")
    windows = []
    for at in range(12):
        heard(smurf, at, (0, 1, -50))
        windows.append(int(smurf.windows()[0, 1]))
    # p_avg 0.2 -> w* 15; 0.3 -> 10; 0.4 -> 8; 0.5 -> 6 < 7, |S| 4 of 7 within 2 sd: stays
    assert windows[:4] == [3, 5, 7, 7]
    assert smurf.segment().tolist() == [1]


def test_smurf_halves_its_window_at_a_transition_and_forgets_a_tag_that_is_gone() -> None:
    smurf = Smurf(1, 3, "reads")
    for at in range(40):
        heard(smurf, at, (0, 1, -50))
    assert smurf.windows()[0, 1] == 7  # w* is 3, all of |S| as expected
    heard(smurf, 40, (0, 2, -50))
    assert smurf.windows()[0, 1] == 3  # 6 of 7 at p 1: a transition, 7 // 2 = 3
    for at in range(41, 44):
        heard(smurf, at, (0, 2, -50))
    assert smurf.windows()[0, 1] == 1  # empty
    assert smurf.segment().tolist() == [2]


def test_the_edgex_offset_is_six_db_within_the_holdoff_and_falls_after_it() -> None:
    since_ms = np.array([0.0, 500.0, 1000.0, 1250.0, 2500.0])
    assert ASSET_TRACKING.offset_db(since_ms).tolist() == pytest.approx([6.0, 6.0, 2.0, 0.0, -10.0])
    assert RETAIL_GARMENT.offset_db(np.array([60_000.0, 72_000.0])).tolist() == pytest.approx([6.0, 0.0])


def test_the_edgex_rule_moves_on_the_second_read_of_an_antenna_six_db_stronger() -> None:
    rule = EdgexRule(1, 3, ASSET_TRACKING)
    heard(rule, 0.0, (0, 0, -60), (0, 1, -53))
    assert rule.segment().tolist() == [0]  # one read of 1
    heard(rule, 0.1, (0, 0, -60), (0, 1, -55))
    assert rule.segment().tolist() == [0]  # -54 is no more than -60 + 6
    heard(rule, 0.2, (0, 0, -60), (0, 1, -51))
    assert rule.segment().tolist() == [1]  # -53


def test_the_edgex_rule_lets_an_antenna_that_stopped_reading_lose_the_tag() -> None:
    rule = EdgexRule(1, 3, ASSET_TRACKING)
    heard(rule, 0.0, (0, 0, -50), (0, 1, -60))
    heard(rule, 2.0, (0, 1, -61))
    assert rule.segment().tolist() == [0]  # 2 s late: 6 - 0.008 * 1500 = -6 dB, and -60.5 is no more than -56
    heard(rule, 4.0, (0, 1, -61))
    assert rule.segment().tolist() == [1]  # 4 s late: -22 dB


def test_the_edgex_rule_lets_a_tag_depart_after_600_s_and_return_anywhere() -> None:
    rule = EdgexRule(2, 3, ASSET_TRACKING)
    heard(rule, 0.0, (0, 0, -50), (1, 1, -50))
    heard(rule, 600.0, (1, 1, -50))
    assert rule.segment().tolist() == [0, 1]
    heard(rule, 601.0, (1, 1, -50))
    assert rule.segment().tolist() == [-1, 1]
    assert rule.missing().tolist() == [True, False]
    heard(rule, 610.0, (0, 2, -80))
    assert rule.segment().tolist() == [2, 1]


def test_the_bound_is_bayes_rule() -> None:
    terms = Terms(miss=0.2, stray=0.5, segments=2, tags=1)
    bound = Bound(terms, np.zeros(1, np.int32), np.array([2.0], np.float32), 0.5)
    # -56 is 3 dB off the level of both places (-53 and -59), so only who read counts: 0.8 * 0.6 against 0.4 * 0.2
    heard(bound, 0.0, (0, 0, -56))
    assert bound.segment().tolist() == [0]
    assert bound.confidence()[0] == pytest.approx(0.48 / 0.56, abs=1e-6)


def test_the_bound_that_is_told_leaves_the_old_place() -> None:
    bound = Bound(Terms(miss=0.1, segments=3, tags=2), np.array([0, 0], np.int32), np.zeros(2, np.float32), 0.0)
    bound.told(np.array([1]))
    heard(bound, 0.0, (0, 2, -55), (1, 2, -55), (0, 1, -61), (1, 1, -61))
    assert bound.segment().tolist() == [0, 2]


def test_the_bound_that_is_told_when_expects_each_tag_elsewhere_by_the_share_that_moved() -> None:
    bound = Notified(Terms(miss=0.1, segments=3, tags=4), np.zeros(4, np.int32), np.zeros(4, np.float32), 0.0)
    bound.told(np.array([1]))
    assert bound.segment().tolist() == [0, 0, 0, 0]
    assert bound.confidence().tolist() == pytest.approx([0.75] * 4)


def test_calibration_compares_what_was_stated_with_what_was_right() -> None:
    stated = np.array([0.95, 0.95, 0.55, 0.55], np.float32)
    said = judge(stated, np.array([True, False, True, False]))
    assert said.error == pytest.approx((0.9 + 0.1) / 4)  # 1 right where 1.9 were stated, 1 where 1.1
    assert said.wrong_to_stated == pytest.approx(2 / 1.0)
    assert together([said, said]).error == pytest.approx(said.error)
    assert judge(np.array([1.0], np.float32), np.array([True])).error == 0.0


class SilentFor:
    """Declares a tag missing that nobody read for so many cycles."""

    def __init__(self, tags: int, cycles: int) -> None:
        self._silent = np.zeros(tags, np.int64)
        self._cycles = cycles

    def cycle(self, tag: NDArray[np.int32], antenna: Any, rssi_dbm: Any, at_s: float) -> None:  # noqa: ARG002
        self._silent += 1
        self._silent[tag] = 0

    def segment(self) -> NDArray[np.int32]:
        return np.zeros(len(self._silent), np.int32)

    def confidence(self) -> NDArray[np.float32]:
        return np.ones(len(self._silent), np.float32)

    def missing(self) -> NDArray[np.bool_]:
        is_missing: NDArray[np.bool_] = self._silent >= self._cycles
        return is_missing


def test_the_alarms_expected_from_silences_are_those_that_are_counted() -> None:
    world = World(11, Terms(miss=0.5), None)  # nobody reads a tag in about 3 of 10 cycles
    gone = vanish(world, SilentFor(2000, 4), 1)
    assert gone.counted_a_day == pytest.approx(gone.expected_a_day, rel=0.1)
    assert np.median(gone.delay_rounds) == 4
    assert gone.delay_rounds.max() == 4
    assert gone.delay_rounds.min() >= 1


def test_expected_alarms_follow_from_the_rate_at_which_nobody_reads_a_tag() -> None:
    world = World(12, Terms(miss=0.2, stray=0.0), None)
    gone = vanish(world, SilentFor(2000, 10), 1)
    by_hand = 0.8 * 0.2**10 * DAY_CYCLES * 160_000
    assert gone.expected_a_day == pytest.approx(by_hand, rel=1e-4)


def test_a_percentile_is_a_value_that_occurred_and_none_where_it_never_came() -> None:
    assert nearest_rank(np.array([8.0, 9.0, 10.0, np.inf]), 0.5) == 9.0
    assert nearest_rank(np.array([8.0, 9.0, 10.0, np.inf]), 0.99) is None


def test_one_run_follows_every_rule_over_the_same_reads() -> None:
    followed = follow_one((Setting("reference", 0.3, 0.05), 1, 400))
    assert {"ours", "bayes", "bayes_notified", "bayes_untold", "last_read", "smurf", "edgex"} <= followed.found.keys()
    assert followed.found["bayes"][2] == 1.0
    assert followed.found["most_reads_ever"] == (0.0, 0.0, 0.0)  # a hundred cycles outvote ten
    assert followed.at_rest["most_reads_ever"] == 1.0
    assert followed.settled.judged.sum() == followed.after_move.judged.sum() == 4000


def test_the_figures_have_the_keys_of_the_issue_and_can_be_printed() -> None:
    said = judge(np.array([0.9], np.float32), np.array([True]))
    names = {"ours": 0.9, "bayes": 1.0, "bayes_notified": 0.97, "bayes_untold": 0.95, "smurf": 0.5, "edgex": 0.92}
    run = Followed({name: (share, share, share) for name, share in names.items()}, names, said, said)
    other = run._replace(found=run.found | {"edgex": (0.5, 0.93, 0.94)})
    sweep = [Setting(world, stray, miss) for world in WORLDS for stray in STRAYS for miss in MISSES]
    told = figures(
        {setting: [run, other] for setting in sweep},
        {setting: [Vanished(np.array([7.0, np.inf]), 0.5, 2.0)] for setting in sweep},
    )
    told = json.loads(json.dumps(told))
    assert told["misses_30"] == {"cycles_1": 0.9, "cycles_3": 0.9, "cycles_10": 0.9}
    assert told["hard"]["misses_5"]["cycles_10"] == told["strays_50"]["misses_5"]["cycles_10"] == 0.9
    assert told["peers"]["edgex"]["misses_10"] == {"cycles_1": 0.71, "cycles_3": 0.925, "cycles_10": 0.93}
    assert told["bayes"]["misses_20"]["cycles_1"] == 1.0
    assert told["calibration_error"] == pytest.approx(0.1)
    assert told["missing"]["p50_rounds"]["misses_5"] == 7.0
    assert told["missing"]["p99_rounds"]["misses_5"] is None
    assert told["missing"]["false_alarms_a_day_160k"] == 0.5
    assert told["missing"]["hard"]["misses_5"]["false_alarms_a_day_160k"] == 2.0
    assert {(one["peer"], one["cycles"]) for one in told["peers_ahead"]} == {("edgex", 3), ("edgex", 10)}
    assert "edgex by" in table(told)
