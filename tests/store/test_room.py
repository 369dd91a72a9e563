"""How much of a disk must be free before the store leaves its reserve."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from edge.store.disk import Disk

MB = 1 << 20


def assessed(state_dir: Path, reserve_bytes: int) -> Disk:
    disk = Disk(state_dir, 1 << 60, reserve_bytes)
    disk.assess(sqlite3.connect(":memory:"))
    return disk


def test_nothing_is_needed_where_there_is_room(tmp_path: Path) -> None:
    disk = assessed(tmp_path, MB)
    assert (disk.level, disk.room) == ("ok", None)


def test_without_a_reserve_file_twice_the_reserve_must_be_free(tmp_path: Path) -> None:
    """1 EiB is more than any disk has."""
    room = assessed(tmp_path, 1 << 60).room
    assert room is not None
    assert room.needed_mb == 2 * (1 << 60) / MB
    assert room.free_mb == pytest.approx(shutil.disk_usage(tmp_path).free / MB, abs=64)


def test_with_its_file_the_reserve_itself_must_be_free(tmp_path: Path) -> None:
    reserve = 2 * shutil.disk_usage(tmp_path).total  # a file with a hole: none of it is allocated
    with (tmp_path / "reserve").open("wb") as file:
        file.truncate(reserve)
    disk = assessed(tmp_path, reserve)
    assert disk.level == "reserve"
    assert disk.room is not None
    assert disk.room.needed_mb == reserve / MB
