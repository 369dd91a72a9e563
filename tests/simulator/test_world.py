"""The world: its statistics are the stated ones, and the same seed gives the same bytes."""

import math

import numpy as np
import pytest

from simulator.world.rf import Radio, draw_round, reach, read_rate
from simulator.world.truth import Change
from simulator.world.vault_world import Chance, VaultWorld
from tests.simulator.small_vault import SECTIONS, small_world

ROUNDS = 400
STILL = Chance(displaced=0.0, act_every_s=0.0)


def within(share: float, expected: float, draws: int) -> bool:
    """Inside 5 standard errors of a binomial share: wrong about once in two million tests."""
    return abs(share - expected) <= 5 * math.sqrt(expected * (1 - expected) / draws)


def shares_by_section(world: VaultWorld, port: int) -> list[float]:
    """How large a share of each section's 100 tags one antenna of r1 reads, over many rounds."""
    read = world.field("r1")
    hits = np.zeros(len(world.volumes.ids), np.int64)
    for _ in range(ROUNDS):
        epc, *_ = read(port, 0.5)
        number = np.ascontiguousarray(epc[:, 8:]).view(">u4").ravel().astype(np.int64)
        hits[number] += 1
    return [float(hits[s * 100 : (s + 1) * 100].sum()) / (100 * ROUNDS) for s in range(SECTIONS)]


def test_an_antenna_reads_its_own_tags_nine_times_in_ten_and_each_neighbours_half_as_often_as_the_last() -> None:
    shares = shares_by_section(small_world(chance=STILL), port=3)
    # 0.9; 0.9 x 0.3 = 0.27; 0.135; 0.0675; 0.03375; 0.016875
    expected = [0.135, 0.27, 0.9, 0.27, 0.135, 0.0675, 0.03375, 0.016875]
    for share, stated in zip(shares, expected, strict=True):
        assert within(share, stated, 100 * ROUNDS)


def test_thirty_percent_misses_and_no_strays_read_only_the_own_section() -> None:
    shares = shares_by_section(small_world(chance=STILL, radio=Radio(misses=0.3, strays=0.0)), port=1)
    assert within(shares[0], 0.7, 100 * ROUNDS)
    assert shares[1:] == [0.0] * 7


def test_signal_falls_six_decibels_a_segment_with_the_stated_noise() -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    tag = np.arange(n)
    radio = Radio(misses=0.0, strays=1.0)
    own = draw_round(radio, reach(radio, tag, np.zeros(n, np.int32), np.zeros(n, np.float32)), rng)
    next_door = draw_round(radio, reach(radio, tag, np.ones(n, np.int32), np.zeros(n, np.float32)), rng)
    assert float(own.rssi_dbm.mean() - next_door.rssi_dbm.mean()) == pytest.approx(6.0, abs=0.15)
    assert float(own.rssi_dbm.std()) == pytest.approx(3.0, abs=0.1)
    assert int(own.count.min()) == 1
    assert float(own.count.mean()) == pytest.approx(1.6, abs=0.03)


def test_tags_differ_by_a_bias_of_four_decibels_that_stays_with_the_tag() -> None:
    world = small_world(chance=STILL, radio=Radio(misses=0.0, strays=0.0))
    read = world.field("r1")
    rounds = np.array([read(4, 0.5)[1] for _ in range(50)])  # (50, 100): the same 100 tags each time
    per_tag = rounds.mean(axis=0)
    # 100 tags: the standard error of a standard deviation of 4 is 4 / sqrt(200) = 0.28
    assert float(per_tag.std()) == pytest.approx(4.0, abs=1.2)
    assert float((rounds - per_tag).std()) == pytest.approx(3.0, abs=0.2)


def test_read_rate_of_the_second_neighbour_is_half_the_first() -> None:
    rate = read_rate(Radio(), np.array([0, 1, 2, 3], np.int32))
    assert rate.tolist() == pytest.approx([0.9, 0.27, 0.135, 0.0675])


def test_an_antenna_does_not_read_another_row_face_or_a_port_without_an_antenna() -> None:
    world = small_world(chance=STILL)
    cabinet = world.field("r2")
    epc, *_ = cabinet(2, 0.5)
    assert epc.shape[1] == 12
    numbers = np.ascontiguousarray(epc[:, 8:]).view(">u4").ravel()
    assert numbers.min() >= 800  # the cabinet's 60 volumes stand after the rack's 800
    assert cabinet(1, 0.5)[0].shape == (0, 12)


def test_one_volume_in_twenty_stands_away_from_its_book_place() -> None:
    world = small_world()
    assert int(world.displaced.sum()) == 43  # 5 % of 860
    assert set(world.stands[world.displaced].tolist()) <= set(world.seen.tolist())


def draws(seed: int) -> tuple[bytes, list[Change]]:
    """Everything that chance decided in a stretch of one world."""
    changes: list[Change] = []
    world = small_world(seed=seed, record=changes.append)
    read = world.field("r1")
    out = []
    for second in range(60):
        world.advance(1.0)
        out += [column.tobytes() for column in read(1 + second % SECTIONS, 0.5)]
        air = world.climate.air("z1")
        out.append(repr(air).encode())
    return b"".join([*out, world.stands.tobytes()]), changes


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, first_changes = draws(11)
    again, changes_again = draws(11)
    other, _ = draws(12)
    assert first == again
    assert first_changes == changes_again
    assert first != other


def test_the_order_in_which_readers_ask_does_not_change_what_each_reads() -> None:
    one, two = small_world(), small_world()
    one_a, one_b = one.field("r1"), one.field("r2")
    two_a, two_b = two.field("r1"), two.field("r2")
    a_first = [one_a(1, 0.5), one_b(2, 0.5)]
    b_first = [two_b(2, 0.5), two_a(1, 0.5)]
    assert a_first[0][0].tobytes() == b_first[1][0].tobytes()
    assert a_first[1][0].tobytes() == b_first[0][0].tobytes()


def test_people_act_at_the_stated_rate_and_the_journal_holds_every_change() -> None:
    changes: list[Change] = []
    world = small_world(record=changes.append, chance=Chance(displaced=0.0, act_every_s=4.0))
    begun_with = world.stands.copy()
    for _ in range(4000):
        world.advance(1.0)
    moves = [c for c in changes if c.volume]
    # 1,000 acts expected; those on a volume that is out come to nothing
    assert 850 <= len(moves) <= 1150
    assert {c.cause for c in moves} == {"taken", "returned", "shifted"}
    place = {volume: int(segment) for volume, segment in zip(world.volumes.ids, begun_with, strict=True)}
    for change in moves:
        assert world.segment_name(place[change.volume]) == change.before
        place[change.volume] = world.places.segment_index[change.after] if change.after else -1
    assert [place[volume] for volume in world.volumes.ids] == world.stands.tolist()


def test_a_volume_put_elsewhere_is_read_there_and_one_taken_out_nowhere() -> None:
    world = small_world(chance=STILL, radio=Radio(misses=0.0, strays=0.0))
    read = world.field("r1")
    assert read(1, 0.5)[0].shape[0] == 100
    world.move("V0000", "A-01L-08")
    world.move("V0001", "")
    assert read(1, 0.5)[0].shape[0] == 98
    assert read(8, 0.5)[0].shape[0] == 101


def test_a_move_to_a_place_that_does_not_exist_is_refused_by_name() -> None:
    world = small_world()
    with pytest.raises(KeyError, match="A-09L-01"):
        world.move("V0000", "A-09L-01")
    with pytest.raises(KeyError, match="V9999"):
        world.move("V9999", "A-01L-01")
