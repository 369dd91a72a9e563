"""Tags in somebody's hands: what a read says of them, and what a search says whose shelf moved."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.rfid import carried
from sensors.rfid.evidence import Evidence
from sensors.rfid.heard import Waiting
from sensors.rfid.locate import Reads, closed
from sensors.rfid.neighbourhood import OFFSETS, Neighbourhood
from sensors.rfid.radio import Radio
from tests.sensors.world import World

ROWS = np.array([0])


def world() -> World:
    """Eight segments along one face, twenty tags in each, all where the book says."""
    made = World(7, rows=1, per_row=8, tags=160, miss=0.1, displaced=0.0)
    for _ in range(12):
        made.cycle()
    return made


def of_one(made: World) -> tuple[float, int]:
    """How sure it is that the first tag is with its holder, and the segment it is believed in."""
    return float(made.evidence.with_holder(ROWS)[0]), int(made.evidence.believed[0])


def test_reads_of_a_tag_in_hand_weigh_a_fifth_a_round_and_little_for_their_strength() -> None:
    beside = Neighbourhood(np.zeros(2, np.int32), np.arange(2, dtype=np.int32))
    rate, level = np.full((2, OFFSETS + 1), 0.5, np.float32), np.full((2, OFFSETS + 1), -55.0, np.float32)
    radio = Radio(rate, level, 9.0, 4.0)
    antenna, rounds, nth = np.array([0], np.int32), np.array([2], np.int64), np.array([0, -1, -1], np.int32)
    at = closed(beside, radio, antenna, rounds, np.ones(1, np.float32), nth)
    one = np.array([0, 1], np.int64)
    rssi = np.array([-60.0, np.nan], np.float32)
    reads = Reads(one, np.zeros(2, np.int64), np.array([1.0, 2.0], np.float32), rssi)
    found = carried.likelihood(reads, at, radio, np.zeros(3, np.float32))
    # 5 dB below one on the shelf is just what is expected: ln 0.2 - ln(100) / 2; without a level 2 ln 0.2; no read
    assert found == pytest.approx([-1.6094 - 2.3026, -3.2189, 0.0], abs=1e-3)


def test_a_tag_in_hand_is_believed_nowhere_and_its_silence_says_nothing() -> None:
    made = world()
    made.evidence.hold(ROWS)
    made.is_there[0] = False
    share, place = of_one(made)
    assert (0.998 < share < 0.999, place) == (True, -1)
    for _ in range(100):
        made.cycle()
    assert of_one(made) == (share, -1)
    assert float(made.evidence.silence(ROWS)[0]) == 0.0
    assert int(made.evidence.silent_rounds(ROWS)[0]) == 0


def test_a_tag_in_hand_that_stands_on_a_shelf_is_believed_there_in_the_end_and_one_that_leaves_it_is_not() -> None:
    made = world()
    made.evidence.hold(ROWS)
    made.true[0] = 5
    made.cycle()
    assert of_one(made)[1] == -1
    for _ in range(12):
        made.cycle()
    share, place = of_one(made)
    assert place == 5
    assert share < 0.05
    assert made.belief().top[0, 0] == 5
    made.is_there[0] = False
    for _ in range(12):
        made.cycle()
    share, place = of_one(made)
    assert place == -1
    assert share > 0.95


def test_a_tag_carried_past_every_shelf_stands_on_none() -> None:
    firm = 0
    for seed in range(20):
        made = World(seed, rows=1, per_row=8, tags=80, miss=0.1, displaced=0.0)
        made.evidence.hold(ROWS)
        for step in range(24):  # three rounds of each antenna: half a minute before each shelf
            made.true[0] = step // 3
            made.cycle()
            firm += bool(made.evidence.prints(ROWS).age[0] >= carried.STANDS_AGE)
    assert firm == 0


def read_by(made: World, rows: NDArray[np.int64], segments: tuple[int, ...], rounds: int) -> None:
    """Rounds in which these antennas, and no others, read one tag as loud as what stands there, beside what does."""
    for _ in range(rounds):
        for segment in segments:
            read, rssi = made.reads_of(segment)
            others = read != rows[0]
            made.report(segment, np.append(read[others], rows), np.append(rssi[others], np.float32(-52.0)))
            made.now_ns += 1
            made.waiting.close(segment, 1, made.now_ns)
        made.evidence.digest(made.waiting.take())


def test_a_tag_in_hand_between_two_shelves_is_not_taken_for_two_tags() -> None:
    made = World(3, rows=4, per_row=8, tags=320, miss=0.1, displaced=0.0)
    for _ in range(12):
        made.cycle()
    rows = np.array([40])  # of the fifth segment of the first row, read by the fifth of the fourth too
    read_by(made, rows, (4, 28), rounds=4)
    assert rows[0] in made.evidence.doubles().row
    made.evidence.hold(rows)
    assert rows[0] not in made.evidence.doubles().row
    read_by(made, rows, (4,), rounds=10)  # somebody waits there with it
    assert int(made.evidence.believed[40]) == 4
    read_by(made, rows, (4, 28), rounds=12)
    assert rows[0] not in made.evidence.doubles().row


def test_a_tag_that_was_put_down_begins_there_and_is_firm_after_its_reads() -> None:
    made = world()
    made.evidence.hold(ROWS)
    made.evidence.put(ROWS, np.array([3], np.int32))
    made.true[0] = 3
    assert of_one(made) == (0.0, 3)
    assert not made.evidence.is_firm(ROWS)[0]
    belief = made.evidence.belief(ROWS)
    assert int(belief.top[0, 0]) == 3
    assert 0.97 < float(belief.confidence[0, 0]) < 0.991
    for _ in range(6):
        made.cycle()
    assert made.evidence.is_firm(ROWS)[0]
    assert made.right()[0]


def test_a_copy_keeps_who_is_in_hand_and_a_snapshot_of_before_has_nobody_in_hand() -> None:
    made = world()
    made.evidence.hold(np.array([0, 5]))
    columns = made.evidence.to_columns()
    same = np.arange(8, dtype=np.int32)
    again = Evidence.from_columns(columns, same, made.beside)
    assert again.with_holder(np.array([0, 1, 5])) == pytest.approx(made.evidence.with_holder(np.array([0, 1, 5])))
    assert int(again.believed[0]) == -1
    old = Evidence.from_columns({k: v for k, v in columns.items() if k != "is_held"}, same, made.beside)
    assert (float(old.with_holder(ROWS)[0]), int(old.believed[0])) == (0.0, 0)  # its book place


def test_two_hundred_bytes_a_volume_are_enough() -> None:
    made = World(1, rows=20, per_row=20, tags=20_000, miss=0.1)
    assert made.evidence.nbytes / 20_000 <= 250  # with the spare rows of its doubling; bench.fusion has it at size
    assert sum(column.itemsize * column[0].size for column in made.evidence._tags.to_columns().values()) == 143


def test_what_a_void_search_read_is_alive_and_counts_for_no_rate_nor_place() -> None:
    made = world()
    before, rates = made.evidence.belief(made.rows), made.evidence.radio_sums()
    prints = made.evidence.prints(made.rows)
    made.is_there[:20] = False  # nothing of the first segment is read
    for _ in range(30):
        made.now_ns += 1
        for segment in range(8):
            other = (segment + 3) % 8  # what it reads stands in another row that passes
            read, rssi = made.reads_of(other)
            made.report(segment, read, rssi)
            made.waiting.close(segment, 0, made.now_ns)
        made.evidence.digest(made.waiting.take())
    after = made.evidence.belief(made.rows)
    assert np.array_equal(before.top, after.top)
    assert np.array_equal(before.confidence, after.confidence)
    assert all(np.array_equal(column, made.evidence.radio_sums()[name]) for name, column in rates.items())
    learnt = made.evidence.prints(made.rows)
    for name in ("hits", "level_dbm", "level_count", "age"):
        assert np.array_equal(getattr(prints, name), getattr(learnt, name)), name
    assert (made.evidence.last_seen_ns[20:] == made.now_ns).mean() > 0.5


def test_void_rounds_among_others_change_nothing_of_what_those_say() -> None:
    one, other = world(), world()
    for made in (one, other):
        waiting = Waiting()
        made.waiting = waiting
        for segment in range(1, 8):
            made.hear(segment)
        if made is other:
            read, rssi = np.array([3, 4]), np.array([-50.0, -51.0], np.float32)  # of their own segment
            made.report(0, read, rssi)
            waiting.close(0, 0, made.now_ns)
        for segment in range(1, 8):
            waiting.close(segment, 1, made.now_ns)
        made.evidence.digest(waiting.take())
    ours, theirs = one.evidence.to_columns(), other.evidence.to_columns()
    rest = np.delete(np.arange(160), [3, 4])
    for name in ("weight", "believed", "silence", "age", "rounds_there", "hits_there"):
        assert np.array_equal(ours[name][rest], theirs[name][rest]), name
    assert np.array_equal(ours["rounds_total"], theirs["rounds_total"])
