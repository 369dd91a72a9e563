"""Evidence: which reads count, what fades, what a snapshot brings back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensors.rfid.evidence import Evidence
from sensors.rfid.heard import Waiting
from sensors.rfid.neighbourhood import Neighbourhood
from tests.sensors.world import World

A = bytes.fromhex("2C74257BF46072000000162E")
B = bytes.fromhex("2C74257BF46072000000162F")
SECOND_NS = 1_000_000_000
T0_NS = 1_700_000_000 * SECOND_NS


def line_of(segments: int) -> Neighbourhood:
    return Neighbourhood(np.zeros(segments, np.int32), np.arange(segments, dtype=np.int32))


def blank(segments: int) -> Evidence:
    """Of segments along one face."""
    return Evidence(line_of(segments))


def sure(evidence: Evidence, row: int, segment: int) -> float:
    """Confidence that a tag is in a segment, 0 where that is none of the likeliest three."""
    belief = evidence.belief(np.array([row]))
    return float(belief.confidence[0][belief.top[0] == segment].sum())


def of_segments(*segments: int) -> NDArray[np.int32]:
    return np.array(segments, dtype=np.int32)


def closed(evidence: Evidence, segment: int, rounds: int, at_ns: int) -> NDArray[np.int64]:
    """One antenna completes rounds; rows that may have changed."""
    waiting = Waiting()
    waiting.close(segment, rounds, at_ns)
    return evidence.digest(waiting.take()).changed


def heard_by(waiting: Waiting, *epcs: bytes, at: int, seconds: int = 0, count: int = 1) -> None:
    width = max(len(epc) for epc in epcs)
    padded = b"".join(epc.ljust(width, b"\0") for epc in epcs)
    n = len(epcs)
    waiting.hear(
        np.frombuffer(padded, dtype=np.uint8).reshape(n, width),
        np.array([len(epc) * 8 for epc in epcs], dtype=np.uint16),
        np.full(n, at, dtype=np.int32),
        np.full(n, -60.0, dtype=np.float32),
        np.full(n, count, dtype=np.uint16),
        np.full(n, -1, dtype=np.int32),
        T0_NS + seconds * SECOND_NS,
    )


def hear(evidence: Evidence, *epcs: bytes, at: int, seconds: int = 0, count: int = 1) -> list[int]:
    """One batch read by the antenna of segment `at`; indices of the unknown."""
    waiting = Waiting()
    heard_by(waiting, *epcs, at=at, seconds=seconds, count=count)
    return [int(i) for i in evidence.digest(waiting.take()).strangers]


def test_reads_of_tags_that_nobody_enrolled_are_told_apart() -> None:
    evidence = blank(2)
    evidence.enroll([A], of_segments(0))
    assert hear(evidence, B, A, B, at=0) == [0, 2]


def test_a_read_counts_only_when_its_antenna_has_completed_the_round() -> None:
    evidence = blank(20)
    evidence.enroll([A], of_segments(9))
    before = sure(evidence, 0, 9)
    hear(evidence, A, at=9)
    assert sure(evidence, 0, 9) == before < 0.95
    assert closed(evidence, 9, 1, T0_NS).tolist() == [0]
    assert sure(evidence, 0, 9) > 0.95


def test_a_tag_read_many_times_in_one_round_was_read_once() -> None:
    evidence = blank(20)
    evidence.enroll([A, B], of_segments(9, 9))
    hear(evidence, B, A, A, A, at=9, count=7)
    closed(evidence, 9, 1, T0_NS)
    belief = evidence.belief(np.arange(2))
    assert belief.confidence[0].tolist() == pytest.approx(belief.confidence[1].tolist(), rel=1e-3)


def test_a_round_concerns_the_tags_read_there_and_believed_there() -> None:
    evidence = blank(20)
    epcs = [A[:11] + bytes([i]) for i in range(4)]
    evidence.enroll(epcs, of_segments(1, 11, 12, 1))
    hear(evidence, epcs[2], at=1)
    assert closed(evidence, 1, 1, T0_NS).tolist() == [0, 2, 3]


def test_an_antenna_that_does_not_search_makes_nobody_silent() -> None:
    evidence = blank(2)
    rows = evidence.enroll([A, B], of_segments(0, 1))
    for _ in range(20):
        closed(evidence, 0, 1, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [20, 0]


def test_silence_ends_with_a_read_by_any_antenna() -> None:
    evidence = blank(2)
    rows = evidence.enroll([A], of_segments(0))
    closed(evidence, 0, 5, T0_NS)
    hear(evidence, A, at=1, seconds=9)
    assert evidence.silent_rounds(rows).tolist() == [0]
    assert evidence.last_seen_ns[rows].tolist() == [T0_NS + 9 * SECOND_NS]
    closed(evidence, 0, 2, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [2]


def test_only_a_read_moves_a_belief() -> None:
    evidence = blank(20)
    rows = evidence.enroll([A], of_segments(3))
    closed(evidence, 3, 3, T0_NS)
    assert evidence.believed.tolist() == [3]
    assert evidence.silent_rounds(rows).tolist() == [3]
    for _ in range(3):
        hear(evidence, A, at=15)
        closed(evidence, 15, 1, T0_NS)
        closed(evidence, 3, 1, T0_NS)
    assert evidence.believed.tolist() == [15]
    closed(evidence, 3, 1, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [0]
    closed(evidence, 15, 1, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [1]


def test_silence_weighs_by_how_often_the_antenna_reads_the_tag() -> None:
    evidence = blank(20)
    epcs = [A[:11] + bytes([i]) for i in range(60)]
    rows = evidence.enroll(epcs, np.full(60, 9, np.int32))
    for turn in range(60):  # the first is read in every other round, the others always
        hear(evidence, *epcs[turn % 2 :], at=9)
        closed(evidence, 9, 1, T0_NS)
    hear(evidence, *epcs, at=9)
    closed(evidence, 9, 1, T0_NS)
    hear(evidence, *epcs[2:], at=9)
    closed(evidence, 9, 1, T0_NS)
    silence = evidence.silence(rows[:2])
    assert silence[0] == pytest.approx(np.log(0.5), abs=0.15)
    assert silence[1] <= -3.0
    assert evidence.silence(rows[2:]).tolist() == [0.0] * 58


def test_many_rounds_at_once_teach_and_tell_what_single_ones_do() -> None:
    epcs = [A[:11] + bytes([i]) for i in range(60)]
    at_once, singly = blank(20), blank(20)
    for evidence in (at_once, singly):
        evidence.enroll(epcs, np.full(60, 9, np.int32))
    for _ in range(12):  # the first is read in six of ten rounds, the others always
        for _ in range(6):
            heard_at_once = Waiting()
            heard_by(heard_at_once, *epcs, at=9)
            at_once.digest(heard_at_once.take())
        for _ in range(4):
            hear(at_once, *epcs[1:], at=9)
        closed(at_once, 9, 10, T0_NS)
        for turn in range(10):
            hear(singly, *epcs[turn % 5 // 3 :], at=9)
            closed(singly, 9, 1, T0_NS)
    for evidence in (at_once, singly):
        assert min(sure(evidence, row, 9) for row in range(60)) > 0.99
        hear(evidence, *epcs, at=9)
        closed(evidence, 9, 1, T0_NS)
        hear(evidence, *epcs[2:], at=9)
        closed(evidence, 9, 1, T0_NS)
    one, other = at_once.silence(np.arange(2)), singly.silence(np.arange(2))
    assert one[0] == pytest.approx(other[0], abs=0.25)
    assert np.exp(one[0]) == pytest.approx(0.4, abs=0.1)


def test_when_hardly_anything_is_read_before_an_antenna_silence_says_little() -> None:
    evidence = blank(20)
    epcs = [A[:11] + bytes([i]) for i in range(60)]
    rows = evidence.enroll(epcs, np.full(60, 9, np.int32))
    for _ in range(20):
        hear(evidence, *epcs, at=9)
        closed(evidence, 9, 1, T0_NS)
    for _ in range(20):  # somebody stands before it
        closed(evidence, 9, 1, T0_NS)
    assert evidence.silence(rows).min() > -10.0
    assert evidence.silent_rounds(rows).tolist() == [20] * 60


def test_a_new_book_place_of_a_tag_never_read_is_searched_from_nothing() -> None:
    evidence = blank(2)
    rows = evidence.enroll([A], of_segments(0))
    closed(evidence, 0, 4, T0_NS)
    assert evidence.enroll([A], of_segments(1)).tolist() == rows.tolist()
    assert evidence.silent_rounds(rows).tolist() == [0]
    assert evidence.book.tolist() == [1]


def test_reads_that_wait_for_their_round_never_pile_up() -> None:
    evidence = blank(1)
    rows = evidence.enroll([A, B], of_segments(0, 0))
    batch = [A, B] * 5000
    for _ in range(40):
        hear(evidence, *batch, at=0)
    assert len(evidence.to_columns()["open_row"]) <= 65_536 + 10_000
    closed(evidence, 0, 1, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [0, 0]
    assert min(sure(evidence, 0, 0), sure(evidence, 1, 0)) > 0.97  # one round, however many reads


def test_a_snapshot_brings_back_the_same_beliefs() -> None:
    world = World(7, rows=3, per_row=5, tags=300, miss=0.2, far=0.02)
    for _ in range(6):
        world.cycle()
    same = np.arange(world.segments, dtype=np.int32)
    again = Evidence.from_columns(world.evidence.to_columns(), same, world.beside)
    one = world.belief()
    world.evidence = again
    other = world.belief()
    assert one.top.tobytes() == other.top.tobytes()
    assert one.confidence.tobytes() == other.confidence.tobytes()
    world.cycle()
    assert again.enroll(world.epcs, world.book).tolist() == list(range(300))
    assert again.silence(world.rows).tolist() == world.evidence.silence(world.rows).tolist()


def test_a_copy_made_between_two_antennas_goes_on_to_the_same_bytes() -> None:
    one = World(9, rows=2, per_row=6, tags=400, miss=0.2, far=0.01)
    for _ in range(9):
        one.cycle()
    for segment in range(4):
        one.round(segment)
    one.hear(7)
    one.evidence.digest(one.waiting.take())  # reads whose round is open
    other = World(9, rows=2, per_row=6, tags=400, miss=0.2, far=0.01)
    same = np.arange(one.segments, dtype=np.int32)
    other.evidence = Evidence.from_columns(one.evidence.to_columns(), same, other.beside)
    other.true, other.is_there, other.now_ns = one.true.copy(), one.is_there.copy(), one.now_ns
    other.random.bit_generator.state = one.random.bit_generator.state
    for world in (one, other):
        world.true[::50] = (world.true[::50] + 5) % world.segments
        world.close(7)
        for _ in range(6):
            world.cycle()
    mine, copied = one.evidence.to_columns(), other.evidence.to_columns()
    assert [name for name in mine if mine[name].tobytes() != copied[name].tobytes()] == []


def test_a_tag_without_a_book_place_is_found_where_it_is_read() -> None:
    evidence = blank(20)
    evidence.enroll([A], of_segments(-1))
    assert evidence.belief(np.array([0])).top[0].tolist() == [-1, -1, -1]
    for _ in range(3):
        hear(evidence, A, at=9)
        closed(evidence, 9, 1, T0_NS)
    assert sure(evidence, 0, 9) > 0.8
    assert evidence.believed.tolist() == [9]


def test_a_snapshot_survives_a_layout_that_moved_and_lost_segments() -> None:
    evidence = blank(3)
    rows = evidence.enroll([A, B], of_segments(0, 2))
    hear(evidence, A, at=0)
    hear(evidence, B, at=2)
    closed(evidence, 0, 1, T0_NS)
    closed(evidence, 2, 2, T0_NS)
    closed(evidence, 2, 1, T0_NS)
    moved = Evidence.from_columns(evidence.to_columns(), of_segments(-1, 0, 3), line_of(4))
    assert moved.believed.tolist() == moved.book.tolist() == [-1, 3]
    assert moved.belief(rows).top[0].tolist() == [-1, -1, -1]
    assert sure(moved, 1, 3) == sure(evidence, 1, 2) > 0.5
    assert moved.silent_rounds(rows).tolist() == [0, 1]
    assert moved.last_seen_ns.tolist() == [T0_NS, T0_NS]


def test_a_remap_that_melts_two_segments_into_one_is_refused() -> None:
    columns = blank(2).to_columns()
    with pytest.raises(ValueError, match="remap"):
        Evidence.from_columns(columns, of_segments(1, 1), line_of(2))


def test_a_volume_takes_less_than_200_bytes() -> None:
    evidence = blank(1400)
    body = np.arange(160_000, dtype=">u8").view(np.uint8).reshape(-1, 8)
    evidence.enroll([b"\x2c\x00\x00\x00" + row.tobytes() for row in body], np.zeros(160_000, dtype=np.int32))
    assert evidence.nbytes / 160_000 <= 200


def test_a_tag_is_silent_from_the_end_of_the_round_that_read_it() -> None:
    evidence = blank(20)
    rows = evidence.enroll([A, B], of_segments(0, 0))
    hear(evidence, A, at=0)  # taken in while its round is open
    closed(evidence, 0, 3, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [0, 3]
    for _ in range(10):
        hear(evidence, A, B, at=0)
        closed(evidence, 0, 1, T0_NS)
    waiting = Waiting()
    waiting.close(0, 1, T0_NS)
    heard_by(waiting, B, at=1)  # after the round of its own antenna, before another's
    waiting.close(1, 1, T0_NS)
    evidence.digest(waiting.take())
    assert evidence.silent_rounds(rows).tolist() == [1, 0]
    heard_by(waiting, A, at=1)  # before the round of its own antenna, which does not read it
    waiting.close(0, 1, T0_NS)
    evidence.digest(waiting.take())
    assert evidence.silent_rounds(rows).tolist() == [1, 1]


a_minute = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=60)


@given(a_minute, st.integers(1, 20))
def test_silence_does_not_depend_on_when_what_was_heard_is_taken_in(
    happened: list[tuple[int, bool]], every: int
) -> None:
    """Reads by the own antenna and its closings, taken in one by one, or many at once."""
    epcs, book = [A[:11] + bytes([i]) for i in range(6)], [0, 5, 10, 15, 0, 5]
    one, many = blank(20), blank(20)
    rows = one.enroll(epcs, of_segments(*book))
    many.enroll(epcs, of_segments(*book))
    waiting = Waiting()
    for i, (tag, is_read) in enumerate(happened):
        at_ns = T0_NS + i * SECOND_NS
        if is_read:
            hear(one, epcs[tag], at=book[tag], seconds=i)
            heard_by(waiting, epcs[tag], at=book[tag], seconds=i)
        else:
            closed(one, book[tag], 1, at_ns)
            if waiting.has_closed(book[tag]):
                many.digest(waiting.take())
            waiting.close(book[tag], 1, at_ns)
        if i % every == 0:
            many.digest(waiting.take())
    many.digest(waiting.take())
    assert one.last_seen_ns.tolist() == many.last_seen_ns.tolist()
    stays = (one.believed == many.believed) & (one.believed == book)  # one that is hardly ever read seems to move on
    assert one.silent_rounds(rows)[stays].tolist() == many.silent_rounds(rows)[stays].tolist()


@pytest.mark.parametrize(("rounds", "own", "next_", "further"), [(60, 54, 16, 8), (6, 5, 2, 1), (6, 5, 3, 1)])
def test_a_tag_put_into_the_next_segment_is_found_though_its_old_antenna_still_reads_it_now_and_then(
    rounds: int, own: int, next_: int, further: int
) -> None:
    """Many rounds told at once: its own antenna reads it in fewer of them than it used to, and weaker."""
    evidence = blank(4)
    evidence.enroll([A], of_segments(1))

    def told_at_once(*times_dbm: tuple[int, float]) -> None:
        waiting = Waiting()
        epc = np.frombuffer(A, np.uint8).reshape(1, 12)
        for segment, (times, level_dbm) in enumerate(times_dbm):
            told = np.array([96], np.uint16), of_segments(segment), np.array([level_dbm], np.float32)
            waiting.hear(epc, *told, np.array([times], np.uint16), np.array([-1], np.int32), T0_NS)
        for segment in range(4):
            waiting.close(segment, rounds, T0_NS)
        evidence.digest(waiting.take())

    for _ in range(12):
        told_at_once((next_, -58.0), (own, -52.0), (next_, -58.0), (further, -64.0))
    assert sure(evidence, 0, 1) > 0.99
    for _ in range(3):
        told_at_once((further, -64.0), (next_, -58.0), (own, -52.0), (next_, -58.0))
    assert sure(evidence, 0, 2) > 0.99
