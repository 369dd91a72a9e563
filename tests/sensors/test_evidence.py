"""Evidence: which reads count, what fades, what a snapshot brings back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensors.rfid.epc_table import EpcTable
from sensors.rfid.evidence import Evidence
from sensors.rfid.heard import Waiting
from sensors.rfid.open_reads import OpenReads, Tallies, tallied
from tests.sensors.world import World

A = bytes.fromhex("2C74257BF46072000000162E")
B = bytes.fromhex("2C74257BF46072000000162F")
SECOND_NS = 1_000_000_000
T0_NS = 1_700_000_000 * SECOND_NS


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
    evidence = Evidence(2)
    evidence.enroll([A], of_segments(0))
    assert hear(evidence, B, A, B, at=0) == [0, 2]


def test_a_read_counts_only_when_its_antenna_has_completed_the_round() -> None:
    evidence = Evidence(2)
    rows = evidence.enroll([A], of_segments(0))
    hear(evidence, A, at=0)
    assert evidence.candidates(rows, T0_NS).hits.sum() == 0
    assert closed(evidence, 0, 1, T0_NS).tolist() == [0]
    assert evidence.candidates(rows, T0_NS).hits[0, 0] == 1
    assert evidence.candidates(rows, T0_NS).segment[0, 0] == 0
    assert evidence.rounds(T0_NS).tolist() == [1, 0]


def test_a_tag_read_many_times_in_one_round_was_hit_once() -> None:
    evidence = Evidence(1)
    rows = evidence.enroll([A], of_segments(0))
    hear(evidence, A, A, A, at=0, count=7)
    closed(evidence, 0, 1, T0_NS)
    assert evidence.candidates(rows, T0_NS).hits[0, 0] == 1


def test_a_round_touches_the_tags_read_there_believed_there_and_booked_there() -> None:
    evidence = Evidence(4)
    epcs = [A[:11] + bytes([i]) for i in range(4)]
    evidence.enroll(epcs, of_segments(1, 2, 3, 3))
    hear(evidence, epcs[1], at=1)
    evidence.believe(np.array([3]), of_segments(1))
    assert closed(evidence, 1, 1, T0_NS).tolist() == [0, 1, 3]


def test_an_antenna_that_does_not_search_makes_nobody_silent() -> None:
    evidence = Evidence(2)
    rows = evidence.enroll([A, B], of_segments(0, 1))
    for _ in range(20):
        closed(evidence, 0, 1, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [20, 0]


def test_silence_ends_with_a_read_by_any_antenna() -> None:
    evidence = Evidence(2)
    rows = evidence.enroll([A], of_segments(0))
    closed(evidence, 0, 5, T0_NS)
    hear(evidence, A, at=1, seconds=9)
    assert evidence.silent_rounds(rows).tolist() == [0]
    assert evidence.last_seen_ns[rows].tolist() == [T0_NS + 9 * SECOND_NS]
    closed(evidence, 0, 2, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [2]


def test_only_a_read_moves_a_belief() -> None:
    evidence = Evidence(2)
    rows = evidence.enroll([A], of_segments(0))
    closed(evidence, 0, 3, T0_NS)
    evidence.believe(rows, of_segments(1))
    closed(evidence, 1, 1, T0_NS)
    assert evidence.believed.tolist() == [0]
    assert evidence.silent_rounds(rows).tolist() == [3]
    hear(evidence, A, at=1)
    closed(evidence, 1, 1, T0_NS)
    evidence.believe(rows, of_segments(1))
    assert evidence.believed.tolist() == [1]
    closed(evidence, 0, 1, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [0]
    closed(evidence, 1, 1, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [1]


def test_the_least_heard_antenna_gives_way_to_a_ninth() -> None:
    evidence = Evidence(9)
    rows = evidence.enroll([A], of_segments(0))
    for segment in range(8):
        for _ in range(1 if segment == 5 else 2):
            hear(evidence, A, at=segment)
            closed(evidence, segment, 1, T0_NS)
    hear(evidence, A, at=8)
    closed(evidence, 8, 1, T0_NS)
    assert sorted(evidence.candidates(rows, T0_NS).segment[0].tolist()) == [0, 1, 2, 3, 4, 6, 7, 8]


def test_a_new_book_place_of_a_tag_never_read_is_searched_from_nothing() -> None:
    evidence = Evidence(2)
    rows = evidence.enroll([A], of_segments(0))
    closed(evidence, 0, 4, T0_NS)
    assert evidence.enroll([A], of_segments(1)).tolist() == rows.tolist()
    assert evidence.silent_rounds(rows).tolist() == [0]
    assert evidence.book.tolist() == [1]


def test_what_an_antenna_knew_before_a_long_pause_is_worth_as_much_as_five_rounds_earlier() -> None:
    evidence = Evidence(1)
    rows = evidence.enroll([A], of_segments(0))
    for second in range(0, 50, 10):
        hear(evidence, A, at=0, seconds=second)
        closed(evidence, 0, 1, T0_NS + second * SECOND_NS)
    before = float(evidence.candidates(rows, T0_NS + 50 * SECOND_NS).hits[0, 0])
    assert before == pytest.approx(1 + 0.78 + 0.78**2 + 0.78**3 + 0.78**4, rel=1e-5)
    hour_ns = T0_NS + 3600 * SECOND_NS
    later = before * 0.78**5
    assert evidence.candidates(rows, hour_ns).hits[0, 0] == pytest.approx(later, rel=1e-5)
    assert evidence.rounds(hour_ns)[0] == pytest.approx(later, rel=1e-5)
    closed(evidence, 0, 1, hour_ns)
    assert evidence.candidates(rows, hour_ns).hits[0, 0] == pytest.approx(later * 0.78, rel=1e-5)
    assert evidence.rounds(hour_ns)[0] == pytest.approx(later * 0.78 + 1, rel=1e-5)


def test_reads_that_wait_for_their_round_never_pile_up() -> None:
    evidence = Evidence(1)
    rows = evidence.enroll([A, B], of_segments(0, 0))
    batch = [A, B] * 5000
    for _ in range(40):
        hear(evidence, *batch, at=0)
    assert len(evidence.to_columns()["open_row"]) <= 65_536 + 10_000
    closed(evidence, 0, 1, T0_NS)
    assert evidence.candidates(rows, T0_NS).hits[:, 0].tolist() == [1, 1]
    assert evidence.candidates(rows, T0_NS).rssi_dbm[:, 0].tolist() == [-60, -60]


def test_a_snapshot_brings_back_the_same_beliefs() -> None:
    world = World(7, rows=3, per_row=5, tags=300, miss=0.2, far=0.02)
    for _ in range(6):
        world.cycle()
    same = np.arange(world.segments, dtype=np.int32)
    again = Evidence.from_columns(world.evidence.to_columns(), same, world.segments)
    one = world.belief()
    world.evidence = again
    other = world.belief()
    assert one.top.tobytes() == other.top.tobytes()
    assert one.confidence.tobytes() == other.confidence.tobytes()
    assert again.enroll(world.epcs, world.book).tolist() == list(range(300))


def test_a_snapshot_survives_a_layout_that_moved_and_lost_segments() -> None:
    evidence = Evidence(3)
    rows = evidence.enroll([A, B], of_segments(0, 2))
    hear(evidence, A, at=0)
    hear(evidence, B, at=2)
    closed(evidence, 0, 1, T0_NS)
    closed(evidence, 2, 2, T0_NS)
    moved = Evidence.from_columns(evidence.to_columns(), of_segments(-1, 0, 3), 4)
    assert moved.candidates(rows, T0_NS).segment[:, 0].tolist() == [-1, 3]
    assert moved.candidates(rows, T0_NS).hits[:, 0].tolist() == [0, pytest.approx(0.89)]
    assert moved.book.tolist() == [-1, 3]
    assert moved.rounds(T0_NS)[3] == evidence.rounds(T0_NS)[2]
    assert moved.last_seen_ns.tolist() == [T0_NS, T0_NS]


def test_a_remap_that_melts_two_segments_into_one_is_refused() -> None:
    columns = Evidence(2).to_columns()
    with pytest.raises(ValueError, match="remap"):
        Evidence.from_columns(columns, of_segments(1, 1), 2)


def test_a_volume_takes_less_than_200_bytes() -> None:
    evidence = Evidence(1400)
    body = np.arange(160_000, dtype=">u8").view(np.uint8).reshape(-1, 8)
    evidence.enroll([b"\x2c\x00\x00\x00" + row.tobytes() for row in body], np.zeros(160_000, dtype=np.int32))
    assert evidence.nbytes / 160_000 <= 200


def known(*reads: tuple[int, int, int, float | None]) -> Tallies:
    """(row, segment, times, dBm) each."""
    row, segment, times, level = (np.array(column) for column in zip(*reads, strict=True))
    rssi = np.array([np.nan if value is None else value for value in level], np.float32)
    return tallied(row.astype(np.int32), segment.astype(np.int32), times.astype(np.uint16), rssi)


def columns_of(reads: Tallies) -> tuple[NDArray[Any], ...]:
    return reads


some_reads = st.tuples(
    st.integers(0, 3), st.integers(0, 1), st.integers(1, 9), st.one_of(st.none(), st.floats(-90, -30, width=32))
)


@given(st.lists(some_reads, min_size=1, max_size=40), st.integers(1, 40))
def test_reads_come_to_the_same_whenever_they_are_folded(
    reads: list[tuple[int, int, int, float | None]], cut: int
) -> None:
    both_closed = np.array([0, 1, -1], np.int32)
    none_closed = np.array([-1, -1, -1], np.int32)
    at_once, in_parts = OpenReads(), OpenReads()
    whole = at_once.settle(known(*reads), np.zeros(len(reads), np.int32), both_closed)
    for part in (reads[:cut], reads[cut:]):
        if part:
            in_parts.settle(known(*part), np.zeros(len(part), np.int32), none_closed)
            same = np.arange(2, dtype=np.int32)
            in_parts = OpenReads.from_columns(in_parts.to_columns(), same, 4)
    later = in_parts.settle(known(*reads).where(np.zeros(len(reads), np.bool_)), np.zeros(0, np.int32), both_closed)
    assert [column.tolist() for column in columns_of(whole)] == [column.tolist() for column in columns_of(later)]
    first = (int(whole.row[0]), int(whole.segment[0]))
    told = [(times, level) for *pair, times, level in reads if tuple(pair) == first and level is not None]
    if told:
        mean = sum(times * level for times, level in told) / sum(times for times, _ in told)
        assert whole.rssi_dbm[0] == pytest.approx(mean, abs=0.006)
    else:
        assert np.isnan(whole.rssi_dbm[0])


keys = st.one_of(st.binary(min_size=12, max_size=12), st.binary(min_size=1, max_size=62))


@given(st.lists(st.lists(keys, max_size=40), max_size=8), st.lists(keys, max_size=10))
def test_the_table_answers_like_a_dictionary(batches: list[list[bytes]], strangers: list[bytes]) -> None:
    table = EpcTable()
    twin: dict[bytes, int] = {}
    for batch in batches:
        rows = table.add(batch)
        assert rows.tolist() == [twin.setdefault(epc, len(twin)) for epc in batch]
    asked = [*twin, *strangers]
    if asked:
        epc = np.zeros((len(asked), 62), dtype=np.uint8)
        for i, key in enumerate(asked):
            epc[i, : len(key)] = np.frombuffer(key, dtype=np.uint8)
        bits = np.array([len(key) * 8 for key in asked], dtype=np.uint16)
        assert table.rows(epc, bits).tolist() == [twin.get(key, -1) for key in asked]
    columns, bits = table.columns()
    assert [row[: b // 8].tobytes() for row, b in zip(columns, bits.tolist(), strict=True)] == list(twin)


def test_a_table_of_counting_serials_finds_every_one() -> None:
    table = EpcTable()
    epcs = [b"\x2c\x74" + i.to_bytes(10, "big") for i in range(50_000)]
    for first in range(0, 50_000, 500):
        table.add(epcs[first : first + 500])
    epc = np.frombuffer(b"".join(epcs), dtype=np.uint8).reshape(-1, 12)
    assert table.rows(epc, np.full(50_000, 96, dtype=np.uint16)).tolist() == list(range(50_000))


@pytest.mark.parametrize("epc", [b"", bytes(63)])
def test_an_epc_that_gen2_cannot_hold_is_refused(epc: bytes) -> None:
    with pytest.raises(ValueError, match="EPC"):
        EpcTable().add([epc])


def test_a_tag_is_silent_from_the_end_of_the_round_that_read_it() -> None:
    evidence = Evidence(2)
    rows = evidence.enroll([A, B], of_segments(0, 0))
    hear(evidence, A, at=0)  # taken in while its round is open
    closed(evidence, 0, 3, T0_NS)
    assert evidence.silent_rounds(rows).tolist() == [0, 3]
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


def test_two_new_antennas_of_one_tag_both_find_room() -> None:
    evidence = Evidence(9)
    rows = evidence.enroll([A], of_segments(0))
    waiting = Waiting()
    for segment in range(9):
        heard_by(waiting, A, at=segment)
        waiting.close(segment, 1, T0_NS)
    evidence.digest(waiting.take())
    found = evidence.candidates(rows, T0_NS)
    assert len(set(found.segment[0].tolist())) == 8
    assert found.hits[0].tolist() == [1] * 8


reads_of_a_minute = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans()), min_size=1, max_size=60)


@given(reads_of_a_minute, st.integers(1, 20))
def test_it_does_not_matter_when_what_was_heard_is_taken_in(happened: list[tuple[int, int, bool]], every: int) -> None:
    """Reads and closings taken in one by one, or many at once: the same evidence."""
    epcs = [A[:11] + bytes([i]) for i in range(6)]
    one, many = Evidence(4), Evidence(4)
    rows = one.enroll(epcs, of_segments(0, 1, 2, 3, 0, 1))
    many.enroll(epcs, of_segments(0, 1, 2, 3, 0, 1))
    waiting = Waiting()
    for i, (tag, segment, is_read) in enumerate(happened):
        if is_read:
            hear(one, epcs[tag], at=segment, seconds=i)
            heard_by(waiting, epcs[tag], at=segment, seconds=i)
        else:
            at_ns = T0_NS + i * SECOND_NS
            closed(one, segment, 1 + tag, at_ns)
            if waiting.has_closed(segment):
                many.digest(waiting.take())
            waiting.close(segment, 1 + tag, at_ns)
        if i % every == 0:
            many.digest(waiting.take())
    many.digest(waiting.take())
    assert one.silent_rounds(rows).tolist() == many.silent_rounds(rows).tolist()
    assert one.last_seen_ns.tolist() == many.last_seen_ns.tolist()
    now_ns = T0_NS + 60 * SECOND_NS
    assert one.rounds(now_ns).tolist() == many.rounds(now_ns).tolist()
    for mine, other in zip(by_segment(one, rows, now_ns), by_segment(many, rows, now_ns), strict=True):
        assert mine == pytest.approx(other, rel=1e-5)


def by_segment(evidence: Evidence, rows: NDArray[np.int32], now_ns: int) -> list[dict[int, float]]:
    found = evidence.candidates(rows, now_ns)
    return [
        {int(segment): float(hits) for segment, hits in zip(segments, counts, strict=True) if segment >= 0}
        for segments, counts in zip(found.segment, found.hits, strict=True)
    ]
