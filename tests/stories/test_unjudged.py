"""Tags wait to be thought over in the order in which they came, each once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.state.unjudged import Unjudged

NOWS = st.one_of(st.sets(st.integers(0, 40), max_size=12), st.integers(0, 15))


@given(st.lists(NOWS, max_size=20))
def test_a_queue_in_portions_is_a_list_of_distinct_rows(happened: list[set[int] | int]) -> None:
    """A set of rows comes to wait, or so many of them are taken."""
    waits, twin = Unjudged(), list[int]()
    for now in happened:
        if isinstance(now, int):
            assert waits.take(now).tolist() == twin[:now]
            del twin[:now]
        else:
            waits.add(np.array(sorted(now), np.int64))
            twin += [row for row in sorted(now) if row not in twin]
        assert waits.rows.tolist() == twin
        assert len(waits) == len(twin)
    again = Unjudged(waits.rows)
    again.add(np.arange(41))
    assert again.rows.tolist() == [*twin, *(row for row in range(41) if row not in twin)]
