"""The locator against the seeded world of the accuracy figures, and against cases worked by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.rfid.evidence import Candidates
from sensors.rfid.locate import Belief, Neighbourhood, posterior
from tests.sensors.world import World

TAGS = 4000


def ints(*values: int) -> NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


def one_tag(
    hits: dict[int, float],
    *,
    book: int,
    rssi: dict[int, float] | None = None,
    silent: int = 0,
    is_read: bool = True,
) -> Candidates:
    segment = np.full((1, 8), -1, dtype=np.int32)
    count = np.zeros((1, 8), dtype=np.float32)
    level = np.full((1, 8), np.nan, dtype=np.float32)
    for i, (where, n) in enumerate(hits.items()):
        segment[0, i], count[0, i] = where, n
        level[0, i] = (rssi or {}).get(where, np.nan)
    return Candidates(segment, count, level, ints(book), ints(book), ints(silent), np.array([is_read]))


def rounds(segments: int, each: float) -> NDArray[np.float32]:
    return np.full(segments, each, dtype=np.float32)


ROW_OF_20 = Neighbourhood(np.zeros(20, dtype=np.int32), np.arange(20, dtype=np.int32))


def confidence_in(belief: Belief, segment: int) -> float:
    return float(belief.confidence[0][belief.top[0] == segment].sum())


@pytest.mark.parametrize(
    ("miss", "cycles", "located", "displaced"),
    [(0.1, 3, 0.99, 0.97), (0.1, 5, 0.995, 0.98), (0.3, 3, 0.97, 0.92), (0.3, 5, 0.99, 0.97), (0.3, 10, 0.995, 0.99)],
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
    belief, is_right = world.belief(), world.right()
    confidence = belief.confidence[:, 0]
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


def test_the_book_place_alone_is_never_believed() -> None:
    nothing = one_tag({}, book=3, is_read=False)
    belief = posterior(nothing, rounds(20, 0), ROW_OF_20)
    assert belief.top[0].tolist() == [3, -1, -1]
    assert belief.confidence[0, 0] <= 0.5


def test_a_tag_seen_by_the_only_antenna_there_is_stands_there() -> None:
    alone = Neighbourhood(ints(0), ints(0))
    belief = posterior(one_tag({0: 1}, book=0), rounds(1, 1), alone)
    assert belief.top[0, 0] == 0
    assert belief.confidence[0, 0] >= 0.99


def test_a_tag_read_as_often_as_a_stray_is_not_believed_beside_its_antenna() -> None:
    # antenna 10 hit 1 of 5, its own 9 hit 4 of 5; 9 : 10 is (.85 .745 / .255 .15) ** 3, all else is alike
    belief = posterior(one_tag({9: 4, 10: 1}, book=0), rounds(20, 5), ROW_OF_20)
    assert belief.top[0, 0] == 9
    assert confidence_in(belief, 9) / confidence_in(belief, 10) == pytest.approx(4537.6, rel=0.01)


def test_rssi_decides_between_two_antennas_that_read_alike_whatever_the_tags_own_level() -> None:
    found = []
    for level in (-40.0, -70.0):
        strong = one_tag({4: 4, 5: 4}, book=0, rssi={4: level, 5: level - 6})
        belief = posterior(strong, rounds(20, 5), ROW_OF_20)
        assert belief.top[0, 0] == 4
        assert confidence_in(belief, 4) >= 5 * confidence_in(belief, 5)
        found.append(belief.confidence[0, 0])
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_rssi_of_one_antenna_says_nothing() -> None:
    without = posterior(one_tag({4: 2}, book=3), rounds(20, 3), ROW_OF_20)
    with_it = posterior(one_tag({4: 2}, book=3, rssi={4: -50.0}), rounds(20, 3), ROW_OF_20)
    assert confidence_in(without, 4) / confidence_in(without, 3) == pytest.approx(
        confidence_in(with_it, 4) / confidence_in(with_it, 3), rel=1e-3
    )


def test_strays_beside_a_dead_antenna_do_not_move_the_tags_it_should_see() -> None:
    # antenna 4 has not searched; its neighbours read the tag at a stray's rate
    dead = rounds(20, 5)
    dead[4] = 0
    belief = posterior(one_tag({3: 1.5, 5: 1}, book=4), dead, ROW_OF_20)
    assert belief.top[0, 0] == 4


def test_silence_takes_confidence_away() -> None:
    told = [
        float(posterior(one_tag({4: 5}, book=4, silent=n), rounds(20, 5), ROW_OF_20).confidence[0, 0]) for n in range(8)
    ]
    assert told == sorted(told, reverse=True)
    assert told[0] > 0.99
    assert told[7] < 0.01


def test_segments_of_different_faces_are_no_neighbours() -> None:
    beside = Neighbourhood(ints(0, 0, 1, 1), ints(0, 1, 0, 1))
    assert beside.steps(ints(0, 0, 0, 1), ints(0, 1, 2, 2)).tolist() == [0, 1, 6, 6]
    assert beside.near[0].tolist() == [1] + [4] * 9
    assert beside.near[1].tolist() == [4, 0] + [4] * 8


def test_a_row_of_segments_has_five_neighbours_each_way() -> None:
    assert sorted(ROW_OF_20.near[10].tolist()) == [5, 6, 7, 8, 9, 11, 12, 13, 14, 15]


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
