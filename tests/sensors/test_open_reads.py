"""Reads of rounds that are still open: what they come to does not depend on when they are added up."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensors.rfid.open_reads import OpenReads, Tallies, tallied


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
