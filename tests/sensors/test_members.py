"""Rows by the segment they are believed in, against the plain definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensors.rfid.members import Members

moves = st.lists(st.tuples(st.integers(0, 11), st.integers(-1, 3)), max_size=30)


@given(moves, st.integers(1, 5))
def test_members_are_the_rows_believed_there(moved: list[tuple[int, int]], at_once: int) -> None:
    believed = np.full(12, -1, np.int32)
    members = Members(4)
    for first in range(0, len(moved), at_once):
        now = dict(moved[first : first + at_once])
        rows = np.array(sorted(now), np.int64)
        after = np.array([now[row] for row in sorted(now)], np.int32)
        members.move(rows, believed[rows], after)
        believed[rows] = after
    again = Members(4)
    again.fill(believed)
    for segment in range(4):
        expected = [row for row in range(12) if believed[row] == segment]
        assert members.of(np.array([segment])).tolist() == expected
        assert again.of(np.array([segment])).tolist() == expected
    assert members.of(np.array([2, 0])).tolist() == [*members.of(np.array([2])), *members.of(np.array([0]))]
    assert members.of(np.array([], np.int32)).tolist() == []
