"""Under suspicion, searched for again, gone: by hand, on small numbers for times."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.rfid.suspects import Suspects

TAGS = np.array([12, 10, 11])  # in no order
OF_TAG = {10: 0, 11: 0, 12: 1}  # where each is believed to stand


def weigh(suspects: Suspects, at_ns: int, *, silent: set[int], seen_ns: int = 0) -> tuple[list[int], list[int]]:
    """Tags that are gone and tags newly under suspicion."""
    segment = np.array([OF_TAG[tag] for tag in TAGS.tolist()], np.int32)
    is_silent = np.array([tag in silent for tag in TAGS.tolist()])
    weighed = suspects.weigh(TAGS, segment, is_silent, np.full(3, seen_ns), at_ns)
    return sorted(TAGS[weighed.is_gone].tolist()), sorted(TAGS[weighed.is_new].tolist())


def close(suspects: Suspects, segment: int, from_ns: int) -> None:
    suspects.close(segment, from_ns)
    suspects.take_in()


def test_a_tag_is_gone_after_a_search_of_its_own_antenna_that_began_when_it_was_suspected_or_later() -> None:
    suspects = Suspects(2)
    assert weigh(suspects, 100, silent={10, 12}) == ([], [10, 12])
    assert suspects.since_ns(TAGS).tolist() == [100, 100, 0]
    close(suspects, 1, 99)
    assert weigh(suspects, 200, silent={10, 12}) == ([], [])
    close(suspects, 1, 100)
    assert weigh(suspects, 300, silent={10, 12}) == ([12], [])
    assert weigh(suspects, 400, silent={10, 12}) == ([12], [])  # of which nothing was told: no new suspicion
    assert suspects.since_ns(TAGS).tolist() == [100, 100, 0]


def test_a_search_counts_only_once_its_reads_were_taken_in() -> None:
    suspects = Suspects(2)
    weigh(suspects, 100, silent={10})
    suspects.close(0, 150)
    assert weigh(suspects, 200, silent={10}) == ([], [])
    suspects.take_in()
    assert weigh(suspects, 201, silent={10}) == ([10], [])


def test_a_tag_that_is_silent_no_longer_is_free_and_suspected_anew_later() -> None:
    suspects = Suspects(2)
    weigh(suspects, 100, silent={10})
    assert weigh(suspects, 150, silent=set()) == ([], [])
    assert len(suspects) == 0
    close(suspects, 0, 120)
    assert weigh(suspects, 200, silent={10}) == ([], [10])


def test_a_read_that_came_between_two_looks_begins_the_suspicion_anew() -> None:
    suspects = Suspects(2)
    weigh(suspects, 100, silent={10})
    close(suspects, 0, 120)
    assert weigh(suspects, 200, silent={10}, seen_ns=150) == ([], [10])
    assert suspects.since_ns(np.array([10])).tolist() == [200]


def test_what_is_forgotten_stands_under_no_suspicion_whether_it_did_before_or_not() -> None:
    suspects = Suspects(2)
    weigh(suspects, 100, silent={10, 11, 12})
    suspects.forget(np.array([12, 10, 7]))
    assert suspects.since_ns(np.array([10, 11, 12])).tolist() == [0, 100, 0]


def test_a_copy_through_columns_is_the_same_and_a_segment_that_is_gone_takes_its_searches_along() -> None:
    suspects = Suspects(3)
    weigh(suspects, 100, silent={10, 12})
    close(suspects, 1, 90)
    suspects.close(0, 110)
    suspects.close(2, 111)
    columns = suspects.to_columns()
    same = Suspects.from_columns(columns, np.arange(3, dtype=np.int32), 3, 13)
    assert {name: column.tolist() for name, column in same.to_columns().items()} == {
        name: column.tolist() for name, column in columns.items()
    }
    moved = Suspects.from_columns(columns, np.array([1, 0, -1], np.int32), 2, 13).to_columns()
    assert moved["begun_ns"].tolist() == [90, 0]
    assert (moved["closed_segment"].tolist(), moved["closed_from_ns"].tolist()) == ([1], [110])


def test_without_suspects_nothing_is_kept() -> None:
    suspects = Suspects(2)
    suspects.close(0, 50)
    suspects.take_in()
    assert suspects.to_columns() == {}
    assert len(Suspects.from_columns({}, np.arange(2, dtype=np.int32), 2, 13)) == 0
    weigh(suspects, 100, silent={10})
    close(suspects, 0, 110)
    weigh(suspects, 200, silent={10})
    weigh(suspects, 300, silent={12})
    assert suspects.to_columns()["begun_ns"].tolist() == [0, 0]


def with_one_suspect() -> dict[str, NDArray[Any]]:
    suspects = Suspects(2)
    weigh(suspects, 100, silent={10, 12})
    suspects.close(1, 90)
    return suspects.to_columns()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"since_ns": np.zeros(1, np.int64)}, "since_ns of suspects"),
        ({"tags": np.array([12, 10])}, "ascending"),
        ({"tags": np.array([10, 13])}, "tags of suspects points outside"),
        ({"begun_ns": np.zeros(3, np.int64)}, "begun_ns of suspects"),
        ({"closed_segment": np.array([2])}, "closed_segment of suspects points outside"),
        ({"closed_from_ns": np.zeros(1, np.int32)}, "closed_from_ns of suspects"),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(changed: dict[str, NDArray[Any]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Suspects.from_columns(with_one_suspect() | changed, np.arange(2, dtype=np.int32), 2, 13)


def test_a_missing_column_is_refused() -> None:
    columns = with_one_suspect()
    del columns["begun_ns"]
    with pytest.raises(ValueError, match="without the columns begun_ns"):
        Suspects.from_columns(columns, np.arange(2, dtype=np.int32), 2, 13)
