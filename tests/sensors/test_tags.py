"""What is known of tags, column by column, against plain loops over plain floats."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.rfid.belief import best
from sensors.rfid.cells import cell, cells
from sensors.rfid.locate import CANDIDATES
from sensors.rfid.neighbourhood import Neighbourhood
from sensors.rfid.radio import RadioSums
from sensors.rfid.tags import Tags
from sensors.rfid.thinking import Thinking

ZEROS = [0.0, -0.0]


def float_of(bits: int) -> float:
    return float(np.array(bits, np.uint16).view(np.float16))


logs = st.one_of(
    st.sampled_from([*ZEROS, -math.inf, -60.0, -65504.0, -0.5]),
    st.integers(0x8000, 0xFC00).map(float_of),
)
rows_of_logs = st.lists(st.lists(logs, min_size=CANDIDATES, max_size=CANDIDATES), min_size=1, max_size=8)
thresholds = st.integers(0x8001, 0xFBFF).map(float_of)


def tags_of(weights: list[list[float]]) -> Tags:
    tags = Tags()
    tags.grow(len(weights))
    tags.weight[:] = np.array(weights, np.float16)
    return tags


@given(rows_of_logs, thresholds)
def test_a_tag_is_surer_where_the_greatest_of_its_log_probabilities_is(weights: list[list[float]], than: float) -> None:
    rows = np.arange(len(weights))
    expected = [max(row) > than for row in weights]
    assert tags_of(weights).is_surer(rows, than).tolist() == expected


@pytest.mark.parametrize("nan", [0x7C01, 0x7E00, 0x7FFF, 0xFC01, 0xFE00, 0xFFFF])
def test_nothing_is_sure_where_nothing_is_a_number(nan: int) -> None:
    tags = tags_of([[0.0] * CANDIDATES])
    tags.weight.view(np.uint16)[:] = nan
    assert not tags.is_surer(np.array([0]), -0.5).any()


@given(rows_of_logs, st.integers(0, 2 * CANDIDATES))
def test_the_weight_of_the_believed_segment_is_that_of_its_candidate(weights: list[list[float]], believed: int) -> None:
    tags = tags_of(weights)
    tags.segment[:] = np.arange(CANDIDATES)
    tags.believed[:] = believed
    expected = [row[believed] if believed < CANDIDATES else -math.inf for row in weights]
    assert tags.own_weight(np.arange(len(weights))).tolist() == expected


@given(st.integers(0, 2**32 - 1))
def test_what_is_likeliest_is_the_first_of_the_belief_whatever_else_is_known(seed: int) -> None:
    """Tags at any stage, with any candidates and any pattern."""
    random = np.random.default_rng(seed)
    count, segments = 60, 15
    beside = Neighbourhood(np.zeros(segments, np.int32), np.arange(segments, dtype=np.int32))
    tags = Tags()
    tags.grow(count)
    tags.segment[:] = random.random((count, segments)).argsort(axis=1)[:, :CANDIDATES]
    tags.believed[:] = tags.segment[np.arange(count), random.integers(0, 3, count)]
    odds = random.exponential(1.0, (count, CANDIDATES)) ** random.integers(1, 12, (count, 1))
    share = odds * random.random((count, 1)) ** 0.2 / odds.sum(axis=1, keepdims=True)
    tags.weight[:] = np.log(np.maximum(share, 1e-20))
    tags.book[:] = random.integers(-1, segments, count)
    tags.rounds_there[:] = random.integers(0, 30, count)
    tags.hits_there[:] = random.random(tags.hits_there.shape) * tags.rounds_there[:count, None]
    tags.level_count[:] = random.integers(0, 5, tags.level_count.shape)
    tags.level_dbm[:] = random.normal(-60, 8, tags.level_dbm.shape)
    tags.age[:] = random.integers(0, 12, count)
    tags.is_settled[:] = random.random(count) < 0.3
    thinking, radio, is_ill = Thinking(beside), RadioSums(beside).radio(), random.random(segments + 1) < 0.1
    rows = np.arange(count)
    belief = best(*thinking.candidates(tags, rows, radio, is_ill), tags.age < 3)
    likeliest = thinking.is_likeliest(tags, rows, radio, is_ill)
    assert (belief.top[likeliest, 0] == tags.believed[likeliest]).all()
    clear = belief.confidence[:, 0] > 0.65
    assert likeliest[clear & (belief.top[:, 0] == tags.believed)].all()


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_cell_is_where_row_and_column_cross(height: int, width: int, data: st.DataObject) -> None:
    table = np.arange(height * width).reshape(height, width)
    row = np.array(data.draw(st.lists(st.integers(0, height - 1), max_size=6)), np.int32)
    column = np.array(data.draw(st.lists(st.integers(0, width - 1), min_size=len(row), max_size=len(row))), np.int64)
    assert cell(table, row, column).tolist() == table[row, column].tolist()
    assert cells(table * 10, row[:, None], column).tolist() == (table * 10)[row[:, None], column].tolist()
