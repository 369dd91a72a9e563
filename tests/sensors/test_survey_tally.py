"""What is counted of the reference tags, and that a copy counts on as the original does."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.rfid.heard import Heard, Waiting
from sensors.rfid.survey_tally import SurveyTally

EPCS = [bytes([0x30, *([0] * 10), number]) for number in range(3)]
STRANGER = bytes([0xE2, *([0] * 11)])
SEGMENTS = 4
Read = tuple[int, bytes, float, int]
"""Segment, EPC, level, times."""


def heard(*parts: Read | int) -> Heard:
    """Reads in order; a number closes one round of that segment."""
    waiting = Waiting()
    for part in parts:
        if isinstance(part, int):
            waiting.close(part, 1, 5)
            continue
        segment, epc, level, times = part
        waiting.hear(
            np.frombuffer(epc, np.uint8).reshape(1, 12),
            np.array([96], np.uint16),
            np.array([segment], np.int32),
            np.array([level], np.float32),
            np.array([times], np.uint16),
            np.array([-1], np.int32),
            5,
        )
    return waiting.take()


def begun() -> SurveyTally:
    """Of every antenna the round has passed that was under way when the survey began."""
    tally = SurveyTally(EPCS, SEGMENTS)
    tally.digest(heard(0, 1, 2, 3))
    return tally


def pairs(tally: SurveyTally) -> dict[tuple[int, int], tuple[int, float]]:
    columns = zip(
        tally.antenna.tolist(), tally.tag.tolist(), tally.hits.tolist(), tally.level_dbm.tolist(), strict=True
    )
    return {(antenna, tag): (hits, round(level, 2)) for antenna, tag, hits, level in columns}


def test_a_round_counts_once_however_often_it_had_the_tag_and_the_level_is_the_mean_of_all_reads() -> None:
    tally = begun()
    tally.digest(heard((1, EPCS[0], -50.0, 1), (1, EPCS[0], -56.0, 3), 1))
    tally.digest(heard((1, EPCS[0], -54.5, 4), 1))
    assert pairs(tally) == {(1, 0): (2, -54.5)}  # (50 + 3 x 56 + 4 x 54.5) / 8
    assert tally.rounds.tolist() == [0, 2, 0, 0]


def test_reads_wait_for_the_end_of_their_round() -> None:
    tally = begun()
    tally.digest(heard((2, EPCS[1], -60.0, 1)))
    assert pairs(tally) == {}
    tally.digest(heard(2, (2, EPCS[1], -60.0, 1)))
    assert pairs(tally) == {(2, 1): (1, -60.0)}


def test_the_round_that_was_under_way_when_the_survey_began_is_left_out_whole() -> None:
    tally = SurveyTally(EPCS, SEGMENTS)
    tally.digest(heard((1, EPCS[0], -50.0, 1), 1))
    assert (pairs(tally), tally.rounds.tolist()) == ({}, [0, 0, 0, 0])


def test_other_tags_are_counted_as_others_and_not_as_pairs() -> None:
    tally = begun()
    tally.digest(heard((3, STRANGER, -50.0, 1), (3, EPCS[2], -50.0, 1), 3))
    assert tally.others.tolist() == [0, 0, 0, 1]
    assert list(pairs(tally)) == [(3, 2)]


def same(one: SurveyTally, other: SurveyTally) -> bool:
    columns, others = one.to_columns(), other.to_columns()
    return columns.keys() == others.keys() and all(np.array_equal(columns[name], others[name]) for name in columns)


def test_a_copy_from_a_snapshot_counts_on_as_the_original_does() -> None:
    tally = begun()
    tally.digest(heard((1, EPCS[0], -50.0, 1), 1, (2, EPCS[1], -61.0, 1)))
    copy = SurveyTally.from_columns(tally.to_columns(), np.arange(SEGMENTS, dtype=np.int32), EPCS, SEGMENTS)
    assert same(tally, copy)
    for each in (tally, copy):
        each.digest(heard(2, (1, EPCS[0], -52.0, 1), 1))
    assert same(tally, copy)
    assert pairs(copy) == {(1, 0): (2, -51.0), (2, 1): (1, -61.0)}


def test_in_another_layout_antennas_keep_their_counts_under_their_new_numbers() -> None:
    tally = begun()
    tally.digest(heard((1, EPCS[0], -50.0, 1), 1, (2, EPCS[1], -61.0, 1), 2))
    remap: NDArray[np.int32] = np.array([-1, 3, -1, 0], np.int32)
    moved = SurveyTally.from_columns(tally.to_columns(), remap, EPCS, 5)
    assert pairs(moved) == {(3, 0): (1, -50.0)}
    assert moved.rounds.tolist() == [0, 0, 0, 1, 0]


def test_a_snapshot_from_before_there_were_surveys_counts_nothing_and_a_damaged_one_is_refused() -> None:
    every = np.arange(SEGMENTS, dtype=np.int32)
    assert SurveyTally.from_columns({}, every, EPCS, SEGMENTS).rounds.tolist() == [0] * SEGMENTS
    tally = begun()
    tally.digest(heard((1, EPCS[2], -50.0, 1), 1))
    with pytest.raises(ValueError, match="survey_tag points outside"):
        SurveyTally.from_columns(tally.to_columns(), every, EPCS[:2], SEGMENTS)
    with pytest.raises(ValueError, match="survey_rounds"):
        SurveyTally.from_columns(tally.to_columns(), every[:3], EPCS, SEGMENTS)
