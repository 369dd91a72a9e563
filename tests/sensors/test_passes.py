"""Passes under way: what is kept of very many reads, and what a snapshot makes of them."""

import msgspec
import numpy as np
import pytest

from sensors.rfid.passes import MOST_READS, Pass, PassColumns

TAGS = 64


def look(nth: int, *, phase: float = 1.0) -> PassColumns:
    """One read of each tag, a tenth of a second after the last."""
    return PassColumns(
        tag=np.arange(TAGS, dtype=np.int32),
        at_ns=np.full(TAGS, 1_700_000_000_000_000_000 + nth * 100_000_000, np.int64),
        phase_rad=np.full(TAGS, phase, np.float32),
        rssi_dbm=np.full(TAGS, -50.0, np.float32),
        channel=np.zeros(TAGS, np.uint16),
    )


def test_of_too_many_reads_a_part_is_kept_of_every_tag_and_of_the_whole_way() -> None:
    under_way = Pass("A-01L-01", 0)
    looks = 1000
    for nth in range(looks):
        under_way.hear(look(nth))
    kept = under_way.reads()
    assert MOST_READS / 4 < len(kept.at_ns) <= MOST_READS
    of_each = np.bincount(kept.tag, minlength=TAGS)
    assert of_each.min() > 0.6 * of_each.mean()
    first, last = kept.at_ns.min(), kept.at_ns.max()
    assert last - first > 0.95 * (looks - 1) * 100_000_000


def test_a_copy_goes_on_keeping_the_same() -> None:
    one = Pass("A-01L-01", 5)
    for nth in range(200):
        one.hear(look(nth))
    one.pose(7, 0.25)
    other = Pass.from_record(one.record())
    for nth in range(200, 400):
        one.hear(look(nth))
        other.hear(look(nth))
    assert (other.segment, other.from_ns, other.pose_ns, other.pose_m) == ("A-01L-01", 5, [7], [0.25])
    mine, copied = one.reads(), other.reads()
    assert [column.tolist() for column in mine] == [column.tolist() for column in copied]
    assert len(mine.at_ns) < 400 * TAGS


def test_a_record_whose_columns_do_not_fit_is_refused() -> None:
    one = Pass("A-01L-01", 5)
    one.hear(look(0))
    record = one.record()
    record.columns["channel"] = np.zeros(3, np.uint16)
    with pytest.raises(ValueError, match="channel of a pass"):
        Pass.from_record(record)
    one.pose(1, 0.0)
    record = one.record()
    with pytest.raises(ValueError, match="2 times and 1 places"):
        Pass.from_record(msgspec.structs.replace(record, pose_ns=(1, 2)))


def test_no_reads_are_no_columns_of_another_kind() -> None:
    assert [column.dtype for column in Pass("A-01L-01", 0).reads()] == [column.dtype for column in look(0)]
