"""The filter against the seeded world of the accuracy figures, and against cases worked by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.rfid.locate import CANDIDATES, NEVER, PRINTS, Known, Reads, closed, likelihood, normalised, spawn
from sensors.rfid.neighbourhood import FAR, OFFSETS, REACH, Neighbourhood
from sensors.rfid.radio import Radio
from tests.sensors.world import World

TAGS = 4000
LINE = Neighbourhood(np.zeros(20, dtype=np.int32), np.arange(20, dtype=np.int32))


def ints(*values: int) -> NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


def floats(*values: float) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def radio(own: float, next_door: float, elsewhere: float) -> Radio:
    """The same for every antenna: read rates, and a level of -50 dBm that falls by 6 dB a segment."""
    rate = np.full((20, OFFSETS + 1), elsewhere, np.float32)
    rate[:, REACH] = own
    rate[:, [REACH - 1, REACH + 1]] = next_door
    apart = np.append(np.abs(np.arange(OFFSETS) - REACH), REACH + 1)
    level = np.tile(-50.0 - 6.0 * apart, (20, 1)).astype(np.float32)
    return Radio(rate, level, noise_db2=9.0, site_db2=1.0)


def candidates(*segments: int) -> NDArray[np.int32]:
    found = np.full((1, CANDIDATES), -1, np.int32)
    found[0, : len(segments)] = segments
    return found


def nothing_known(believed: int) -> Known:
    none = np.zeros((1, PRINTS), np.float32)
    return Known(ints(believed), floats(0), floats(0), none, none, floats(0), none)


def numbered(*antennas: int) -> NDArray[np.int32]:
    """Place of each segment's round in the order of closing, -1 for none."""
    nth = np.full(21, -1, np.int32)
    nth[list(antennas)] = np.arange(len(antennas))
    return nth


def told(
    segments: NDArray[np.int32], radio: Radio, searched: list[int], reads: list[tuple[int, float]]
) -> NDArray[np.float32]:
    """Log likelihood of each candidate of one tag, when these antennas searched once and these read it, with dBm."""
    at = closed(
        LINE,
        radio,
        ints(*searched),
        np.ones(len(searched), np.int64),
        np.ones(len(searched), np.float32),
        numbered(*searched),
    )
    nth = np.array([searched.index(antenna) for antenna, _ in reads], np.int64)
    levels = floats(*(level for _, level in reads))
    heard = Reads(np.zeros(len(reads), np.int64), nth, np.ones(len(reads), np.float32), levels)
    found: NDArray[np.float32] = likelihood(segments, nothing_known(19), heard, at, LINE, radio)[0]
    return found


def test_reads_and_silence_weigh_by_the_rates_of_the_antennas() -> None:
    # own .8, next .2, elsewhere .01; antenna 4 read the tag, 5 did not: (.8 * .8) against (.2 * .2)
    score = told(candidates(4, 5), radio(0.8, 0.2, 0.01), [4, 5], [(4, np.nan)])
    assert np.exp(score[0] - score[1]) == pytest.approx(16.0, rel=1e-4)


def test_silence_alone_speaks_for_where_nobody_searched() -> None:
    # antenna 4 searched and read nothing: .2 for its own segment, .8 for the next, .99 far away
    score = told(candidates(4, 5, 15), radio(0.8, 0.2, 0.01), [4], [])
    assert np.exp(score[1] - score[0]) == pytest.approx(4.0, rel=1e-4)
    assert np.exp(score[2] - score[0]) == pytest.approx(0.99 / 0.2, rel=1e-4)


def test_of_two_antennas_that_read_alike_the_stronger_is_nearer_whatever_the_tags_own_level() -> None:
    found = []
    for level in (-45.0, -60.0):
        score = told(candidates(4, 5), radio(0.5, 0.5, 0.01), [4, 5], [(4, level), (5, level - 6.0)])
        found.append(score[0] - score[1])
    # 12 dB against the other order; differences of two readings have a variance of 2 * (9 + 1): 144 / 40
    assert found[0] == pytest.approx(3.6, abs=0.01)
    assert found[1] == pytest.approx(3.6, abs=0.25)  # a tag so quiet is unlikely, by its bias, in either place


def test_an_antenna_that_is_shadowed_says_little_by_its_silence() -> None:
    one, few = np.ones(1, np.float32), np.full(1, 0.1, np.float32)
    clear = closed(LINE, radio(0.9, 0.3, 0.01), ints(4), np.ones(1, np.int64), one, numbered(4))
    shadowed = closed(LINE, radio(0.9, 0.3, 0.01), ints(4), np.ones(1, np.int64), few, numbered(4))
    assert clear.silence[4] == pytest.approx(np.log(0.1) - np.log(0.99), abs=1e-4)
    assert shadowed.silence[4] == pytest.approx(np.log(0.91) - np.log(0.999), abs=1e-4)


def test_a_tag_that_both_antennas_always_read_is_not_thought_to_move_between_them() -> None:
    at = closed(LINE, radio(0.9, 0.3, 0.01), ints(4, 5), np.ones(2, np.int64), np.ones(2, np.float32), numbered(4, 5))
    heard = Reads(np.zeros(1, np.int64), np.ones(1, np.int64), np.ones(1, np.float32), floats(np.nan))  # 5 alone
    segments = candidates(4, 5)
    usual = likelihood(segments, nothing_known(4), heard, at, LINE, radio(0.9, 0.3, 0.01))[0]
    known = nothing_known(4)
    hits = np.zeros((1, PRINTS), np.float32)
    hits[0, 2:4] = 55.0, 55.0  # of 100 rounds, by the antenna on its right and by its own
    own = likelihood(segments, known._replace(rounds=floats(100), hits=hits), heard, at, LINE, radio(0.9, 0.3, 0.01))[0]
    assert usual[1] - usual[0] == pytest.approx(np.log(0.9 * 0.7 / (0.3 * 0.1)), abs=1e-3)
    # its own rates now: (55 + 10 * .9) / 110 and (55 + 10 * .3) / 110
    assert own[1] - own[0] == pytest.approx(np.log(0.9 * 0.7) - np.log(0.5273 * (1 - 0.5818)), abs=1e-3)


def test_a_ninth_antenna_finds_room_and_the_believed_place_never_gives_way() -> None:
    segment = candidates(*range(CANDIDATES))
    weight = np.full((1, CANDIDATES), -5.0, np.float32)
    weight[0, 0], weight[0, 7] = -50.0, -9.0
    at = closed(LINE, radio(0.9, 0.3, 0.01), ints(18), np.ones(1, np.int64), np.ones(1, np.float32), numbered(18))
    heard = Reads(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1, np.float32), floats(-50))
    spawn(segment, weight, ints(0), heard, at, LINE)
    assert segment[0, 7] == 18
    assert weight[0, 7] == NEVER
    assert set(segment[0].tolist()) >= {0, 16, 17, 18, 19}


def test_log_probabilities_sum_to_one_with_being_gone() -> None:
    weight, gone = normalised(np.log(np.array([[2.0, 1.0]], np.float32)), np.log(np.array([1.0], np.float32)))
    assert np.exp(weight).tolist() == [pytest.approx([0.5, 0.25])]
    assert np.exp(gone).tolist() == pytest.approx([0.25])


@pytest.mark.parametrize(
    ("miss", "cycles", "located", "displaced"),
    [(0.1, 3, 0.99, 0.95), (0.1, 5, 0.995, 0.98), (0.3, 3, 0.97, 0.85), (0.3, 5, 0.99, 0.95), (0.3, 10, 0.995, 0.98)],
)
def test_volumes_are_located_in_the_reference_world(miss: float, cycles: int, located: float, displaced: float) -> None:
    world = World(11, rows=1, per_row=20, tags=TAGS, miss=miss)
    for _ in range(cycles):
        world.cycle()
    is_right = world.right()
    print(f"misses {miss:.0%}, {cycles} cycles: {is_right.mean():.4f}, {is_right[world.is_displaced].mean():.4f}")
    assert is_right.mean() >= located
    assert is_right[world.is_displaced].mean() >= displaced


@pytest.mark.parametrize("miss", [0.1, 0.3])
@pytest.mark.parametrize("cycles", [1, 2, 3, 5, 10])
def test_a_belief_of_95_percent_is_right_95_percent_of_the_time(miss: float, cycles: int) -> None:
    world = World(12, rows=4, per_row=10, tags=TAGS, miss=miss, far=0.01)
    for _ in range(cycles):
        world.cycle()
    is_read = world.evidence.last_seen_ns > 0  # of the others the catalogue alone speaks
    belief, is_right = world.belief(), world.right()[is_read]
    confidence = belief.confidence[is_read, 0]
    assert is_right[confidence >= 0.95].mean() >= 0.95
    assert abs(confidence.mean() - is_right.mean()) <= 0.03


def test_strays_from_another_face_are_tolerated() -> None:
    world = World(13, rows=8, per_row=12, tags=TAGS, miss=0.1, far=0.02)
    for _ in range(5):
        world.cycle()
    assert world.right().mean() >= 0.99
    assert world.right()[world.is_displaced].mean() >= 0.97


def test_a_tag_moved_elsewhere_is_located_anew_within_about_five_rounds() -> None:
    world = World(14, rows=2, per_row=20, tags=TAGS, miss=0.1)
    for _ in range(12):
        world.cycle()
    moved = np.arange(0, TAGS, 40)
    world.true[moved] = (world.true[moved] + 17) % world.segments
    for _ in range(5):
        world.cycle()
    assert world.right()[moved].mean() >= 0.95
    assert world.right().mean() >= 0.99


def test_rates_and_levels_are_learnt_from_the_reads_alone() -> None:
    world = World(17, rows=1, per_row=20, tags=TAGS, miss=0.2, stray=0.5, displaced=0.0)
    for _ in range(30):
        world.cycle()
    learnt = world.evidence.radio()
    middle = slice(REACH, 20 - REACH)  # antennas with neighbours on both sides
    assert learnt.rate[middle, REACH].mean() == pytest.approx(0.8, abs=0.01)
    assert learnt.rate[middle, REACH + 1].mean() == pytest.approx(0.4, abs=0.01)
    assert learnt.rate[middle, REACH - 2].mean() == pytest.approx(0.2, abs=0.01)
    fall = learnt.level_dbm[middle, REACH] - learnt.level_dbm[middle, REACH + 1]
    assert fall.mean() == pytest.approx(6.0, abs=0.2)
    assert learnt.noise_db2 == pytest.approx(9.0, abs=1.0)
    assert learnt.site_db2 < 1.0  # in this world nothing depends on the spot
    bias = world.evidence.bias_db - world.bias_db
    assert (bias - bias.mean()).std() < 1.0


def test_no_belief_is_ever_certain_or_impossible_and_rows_leave_room_for_elsewhere() -> None:
    world = World(15, rows=2, per_row=10, tags=1000, miss=0.05, far=0.01)
    for _ in range(30):
        world.cycle()
        belief = world.belief()
        is_place = belief.top >= 0
        assert ((belief.confidence > 0) & (belief.confidence < 1))[is_place].all()
        assert (belief.confidence[~is_place] == 0).all()
        assert (belief.confidence.sum(axis=1) < 1).all()
        assert (np.diff(belief.confidence, axis=1) <= 0).all()


def test_segments_of_different_faces_are_no_neighbours() -> None:
    beside = Neighbourhood(ints(0, 0, 1, 1), ints(0, 1, 0, 1))
    assert beside.column(ints(0, 0, 0, 1), ints(0, 1, 2, 2)).tolist() == [REACH, REACH + 1, FAR, FAR]
    assert beside.column(ints(0, 1), ints(-1, 4)).tolist() == [FAR, FAR]
    assert beside.near[0].tolist() == [4] * REACH + [0, 1] + [4] * (REACH - 1)
    assert beside.near[4].tolist() == [4] * OFFSETS


def test_a_row_of_segments_has_five_neighbours_each_way() -> None:
    assert LINE.near[10].tolist() == list(range(5, 16))
    assert LINE.column(np.full(20, 10), np.arange(20)).tolist() == [FAR] * 5 + list(range(OFFSETS)) + [FAR] * 4


def test_the_same_reads_give_the_same_bytes() -> None:
    bodies = []
    for _ in range(2):
        world = World(16, rows=3, per_row=7, tags=500, miss=0.2, far=0.01)
        for _ in range(4):
            world.cycle()
        belief = world.belief()
        columns = world.evidence.to_columns()
        bodies.append((belief.top.tobytes(), belief.confidence.tobytes(), *(c.tobytes() for c in columns.values())))
    assert bodies[0] == bodies[1]
