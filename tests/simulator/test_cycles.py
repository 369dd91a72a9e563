"""Cycle level against read level: the same distribution of reads, the same facts, one simulated day."""

import hashlib
import math
from collections import Counter
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from config.devices import Reader
from config.places import Places
from config.vault import Rack, Vault, Zone
from config.volumes import as_csv, lines_by_rule
from drivers.observation import Searched, TagReads
from edge.state.events import Event
from edge.state.facts import Fact, VolumeFound, VolumeMisplaced, VolumeMissing, VolumeMoved, VolumeSeen
from simulator.offline import Offline
from simulator.world.cycle import CycleField, draw_rounds
from simulator.world.rf import Radio, Reach, read_rate
from simulator.world.vault_world import Chance
from tests.simulator.small_vault import small_vault, small_world

SECTIONS = 6
VOLUMES = 120
RADIO = Radio()
DAY_S = 86_400
ALPHA = 1e-4  # of every comparison: seeds are fixed, so a failure is a difference and no bad luck
pytestmark = pytest.mark.timeout(600)  # the days at read level take 24 s of a whole core
LEVELS = (0, 1)  # rounds: read level, cycle level


def slow_vault() -> Vault:
    """One reader whose cycle takes 120 s, so that a day at read level is 4,320 dwells."""
    segments = tuple(f"A-01L-{number:02d}" for number in range(1, SECTIONS + 1))
    rack = Rack(id="A", kind="open_rack", zone="z1", faces=("L",), sections=SECTIONS, shelves=1, slots_per_shelf=24)
    return Vault(
        schema=1,
        centre="c1",
        vault="v1",
        node="n1",
        timezone="Asia/Shanghai",
        zones=(Zone(id="z1"),),
        racks=(rack,),
        readers=(Reader(id="r1", host="127.0.0.1", segments=segments, dwell_ms=20_000),),
    )


class Heard(NamedTuple):
    """hits, reads (volumes, SECTIONS): rounds of each antenna in which it read a tag, and how often in all; entries by
    count; level (volumes, SECTIONS) mean strength; rounds (SECTIONS,); facts."""

    hits: NDArray[np.int64]
    reads: NDArray[np.int64]
    by_count: Counter[int]
    level: NDArray[np.float64]
    rounds: NDArray[np.int64]
    facts: list[Fact]
    stands: NDArray[np.int32]


def day(folder: Path, seed: int, rounds: int, hours: int = 24) -> Heard:
    """A day with volumes taken out, brought back, and put in the wrong place at set hours."""
    vault = slow_vault()
    catalogue = folder / "volumes.csv"
    catalogue.write_text(as_csv(lines_by_rule(Places(vault), VOLUMES)))
    shape = (VOLUMES, SECTIONS)
    hits, reads, level = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape)
    by_count: Counter[int] = Counter()
    searched = np.zeros(SECTIONS, np.int64)
    facts: list[Fact] = []

    def hear(event: Event, told: tuple[Fact, ...]) -> None:
        facts.extend(told)
        if isinstance(event, Searched):
            searched[event.antenna - 1] += event.rounds
        if isinstance(event, TagReads):
            at = (event.epc[:, -1].astype(np.int64) - 1, event.antenna.astype(np.int64) - 1)
            np.add.at(hits, at, 1)
            np.add.at(reads, at, event.count)
            np.add.at(level, at, event.rssi_dbm)
            by_count.update(event.count.tolist())

    chance = Chance(displaced=0.0, act_every_s=0.0)
    offline = Offline(vault, {}, catalogue, seed, radio=RADIO, chance=chance, hear=hear, rounds=rounds)
    stands = offline.world.stands.copy()
    for hour in range(hours):
        offline.run(3600.0)
        for at_hour, volume, segment in MOVES:
            if at_hour == hour + 1:
                offline.world.move(volume, segment)
    return Heard(hits, reads, by_count, level, searched, facts, stands)


MOVED = frozenset({"V000010", "V000050", "V000090"})
MOVES = (
    (4, "V000010", ""),
    (6, "V000050", "A-01L-06"),
    (8, "V000010", "A-01L-04"),
    (10, "V000090", ""),
    (14, "V000050", "A-01L-03"),
)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Heard]:
    folder = tmp_path_factory.mktemp("days")
    return {rounds: day(folder, 11 + rounds, rounds) for rounds in LEVELS}


def chi_square_bound(freedom: int, share: float) -> float:
    """The `share` quantile of chi-square by Wilson and Hilferty (1931), good to 1 % from ten degrees on."""
    z = NormalDist().inv_cdf(share)
    return float(freedom * (1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))) ** 3)


def still() -> NDArray[np.bool_]:
    """(VOLUMES,) which volumes nobody touches."""
    return np.array([f"V{number:06d}" not in MOVED for number in range(1, VOLUMES + 1)])


def chances(stands: NDArray[np.int32]) -> NDArray[np.float64]:
    return read_rate(RADIO, np.abs(stands[:, None] - np.arange(SECTIONS)).astype(np.int32))


def assert_spread_as(squares: NDArray[np.float64]) -> None:
    """Squares of standard normal numbers sum to chi-square: neither too much nor too little."""
    total, freedom = float(squares.sum()), squares.size
    assert chi_square_bound(freedom, ALPHA) < total < chi_square_bound(freedom, 1 - ALPHA)


@pytest.mark.parametrize("rounds", LEVELS)
def test_each_antenna_reads_each_tag_as_often_in_a_day_as_the_radio_says(days: dict[int, Heard], rounds: int) -> None:
    heard = days[rounds]
    p, n = chances(heard.stands)[still()], heard.rounds
    assert (n >= DAY_S / 120 - 1).all()
    assert_spread_as((heard.hits[still()] - n * p) ** 2 / (n * p * (1 - p)))


@pytest.mark.parametrize("rounds", LEVELS)
def test_further_reads_of_a_round_add_up_as_the_radio_says(days: dict[int, Heard], rounds: int) -> None:
    heard = days[rounds]
    p, n, further = chances(heard.stands)[still()], heard.rounds, RADIO.extra_reads
    # one round gives hit * (1 + Poisson(further)): mean p (1 + f), mean of its square p (1 + 3 f + f^2)
    mean = p * (1 + further)
    variance = p * (1 + 3 * further + further**2) - mean**2
    assert_spread_as((heard.reads[still()] - n * mean) ** 2 / (n * variance))


def test_both_levels_read_the_same_tags_by_the_same_antennas(days: dict[int, Heard]) -> None:
    one, other = days[0], days[1]
    n, m = one.rounds, other.rounds
    together = (one.hits + other.hits)[still()] / (n + m)
    spread = together * (1 - together) * (1 / n + 1 / m)
    assert_spread_as((one.hits[still()] / n - other.hits[still()] / m) ** 2 / spread)


def test_both_levels_count_alike_within_a_round(days: dict[int, Heard]) -> None:
    counts = range(1, 6)
    table = np.array([[days[rounds].by_count[count] for count in counts] for rounds in LEVELS], np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    assert statistic < 23.51  # chi-square with 4 degrees of freedom, upper 1e-4


def test_both_levels_hear_the_same_strength(days: dict[int, Heard]) -> None:
    # the tags' own bias is drawn from the world's seed and differs; against the own antenna it cancels
    for heard in days.values():
        own = heard.stands[still()]
        mean = (heard.level / np.maximum(heard.hits, 1))[still()]
        steps = np.abs(own[:, None] - np.arange(SECTIONS))
        at_home = mean[np.arange(len(own)), own][:, None]
        hits = heard.hits[still()].astype(np.float64)
        home_hits = hits[np.arange(len(own)), own][:, None]
        away = (steps > 0) & (hits > 0)
        off = mean - at_home + RADIO.fall_db * steps
        z = (off / (RADIO.noise_sd_db * np.sqrt(1 / np.maximum(hits, 1) + 1 / home_hits)))[away]
        # the errors of one tag share its own antenna's: their mean over 117 tags, not their sum of squares
        assert abs(float(z.mean())) < 4 / math.sqrt(len(own) / 2)
        assert 0.9 < float((z**2).mean()) < 1.1


KINDS = (VolumeSeen, VolumeMoved, VolumeMisplaced, VolumeMissing, VolumeFound)


def told(facts: list[Fact]) -> set[tuple[str, str]]:
    return {(type(fact).__name__, fact.volume) for fact in facts if isinstance(fact, KINDS)}


def last(facts: list[Fact]) -> dict[str, tuple[str, str]]:
    found = {}
    for fact in facts:
        if isinstance(fact, KINDS):
            found[fact.volume] = (
                type(fact).__name__,
                fact.last_segment if isinstance(fact, VolumeMissing) else fact.segment,
            )
    return found


def test_the_same_facts_follow_of_the_same_volumes(days: dict[int, Heard]) -> None:
    for heard in days.values():
        assert {volume for kind, volume in told(heard.facts) if kind != "VolumeSeen"} == MOVED
        assert {volume for kind, volume in told(heard.facts) if kind == "VolumeMissing"} == {"V000010", "V000090"}
    assert told(days[0].facts) == told(days[1].facts)
    assert last(days[0].facts) == last(days[1].facts)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    def digest(seed: int) -> str:
        heard = day(tmp_path, seed, 3, hours=5)
        facts = b"\n".join(msgspec.json.encode(fact) for fact in heard.facts)
        return hashlib.sha256(facts + heard.reads.tobytes() + heard.level.tobytes()).hexdigest()

    assert digest(5) == digest(5)
    assert digest(5) != digest(6)


def test_many_rounds_drawn_at_once_are_as_many_rounds_drawn_one_by_one() -> None:
    rate = np.tile([0.9, 0.27, 0.135, 0.02], 500)
    tags = Reach(np.arange(2000), rate, np.full(2000, -52.0, np.float32))
    rng = np.random.default_rng(21)
    sums = np.zeros((2, 2000))
    levels: list[list[NDArray[np.float32]]] = [[], []]
    for _ in range(30):
        hit, rssi_dbm, count = draw_rounds(RADIO, tags, 60, rng)
        sums[0, hit] += count
        levels[0].append(rssi_dbm[rate[hit] == 0.9])
        for _ in range(60):
            hit, rssi_dbm, count = draw_rounds(RADIO, tags, 1, rng)
            sums[1, hit] += count
            levels[1].append(rssi_dbm[rate[hit] == 0.9])
    further = RADIO.extra_reads
    variance = 1800 * (rate * (1 + 3 * further + further**2) - (rate * (1 + further)) ** 2)
    assert_spread_as((sums[0] - sums[1]) ** 2 / (2 * variance))
    assert float(np.concatenate(levels[1]).std()) == pytest.approx(RADIO.noise_sd_db, rel=0.01)
    assert float(np.concatenate(levels[0]).std()) == pytest.approx(RADIO.noise_sd_db / math.sqrt(54), rel=0.03)


def test_an_antenna_that_is_dead_reads_nothing_until_it_is_mended() -> None:
    world = small_world(chance=Chance(displaced=0.0, act_every_s=0.0))
    field = CycleField(world, small_vault().readers[0].segments, np.random.default_rng(1))
    segment = world.places.segment_index["A-01L-03"]
    assert 3 in field.draw(1).port
    world.weaken(segment, 0.0)
    assert 3 not in field.draw(60).port
    world.weaken(segment, 1.0)
    assert 3 in field.draw(1).port


def test_a_volume_that_is_carried_out_is_read_no_more() -> None:
    world = small_world(chance=Chance(displaced=0.0, act_every_s=0.0))
    field = CycleField(world, small_vault().readers[0].segments, np.random.default_rng(1))
    assert 0 in field.draw(60).tag
    world.move("V0000", "")
    assert 0 not in field.draw(60).tag
