"""A full disk, on a real small filesystem where the system lets us mount one."""

import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.state.facts import LANE_OF, Fact
from edge.store.errors import StoreError, StoreFull
from edge.store.journal import Store
from tests.store.conftest import OpenStore
from tests.store.samples import ONE_OF_EACH, alarms, moves, readings


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 32 MB."""
    mountpoint = tmp_path / "small"
    mountpoint.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small filesystem needs root")
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(mountpoint)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this system does not let us mount a tmpfs")
    yield mountpoint
    subprocess.run(["/bin/umount", "-l", str(mountpoint)], check=True)


def free_mb(path: Path) -> float:
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize / (1 << 20)


def hog(path: Path, leave_mb: float) -> None:
    """Somebody else fills the disk."""
    with path.open("ab") as file:
        os.posix_fallocate(
            file.fileno(), os.fstat(file.fileno()).st_size, int((free_mb(path.parent) - leave_mb) * (1 << 20))
        )


def committed_in_time(store: Store, facts: list[Fact]) -> bool:
    reached = threading.Event()
    store.append(facts, urgent=True, done=reached.set)
    return reached.wait(20)


def test_the_reserve_takes_all_but_readings_when_the_disk_is_full(small_disk: Path, open_store: OpenStore) -> None:
    store = open_store(small_disk / "state", reserve_mb=8)
    assert store.level() == "ok"
    assert (small_disk / "state" / "reserve").stat().st_size == 8 << 20
    assert committed_in_time(store, readings(100))
    hog(small_disk / "hog", leave_mb=0)
    # rows that already have their sequence must still be written, whatever they are
    assert committed_in_time(store, [*readings(2000, start=100), *alarms(1)])
    assert not (small_disk / "state" / "reserve").exists()
    assert store.level() == "reserve"
    # whatever the state folds from is written: what the platform mirrors must not part from it
    assert committed_in_time(store, [*readings(3, start=5000), *ONE_OF_EACH])
    assert store.take_refused() == {"measured": 4}
    assert store.committed() == Counter(LANE_OF[type(fact)] for fact in ONE_OF_EACH) | {
        "alarm": 4,
        "telemetry": 2100,
    }
    (small_disk / "hog").unlink()
    store.close()
    again = open_store(small_disk / "state", reserve_mb=8)
    assert again.level() == "ok"
    assert [again.first_broken_link(lane) for lane in again.committed()] == [None] * 4
    assert again.append(readings(1, start=9000), urgent=False, done=None) == {"telemetry": 2101}


def test_readings_are_refused_before_the_reserve_is_touched(small_disk: Path, open_store: OpenStore) -> None:
    store = open_store(small_disk / "state", reserve_mb=8)
    hog(small_disk / "hog", leave_mb=3)
    assert committed_in_time(store, alarms(1))
    store.flush()
    assert store.level() == "reserve"
    assert (small_disk / "state" / "reserve").exists()
    assert store.append(readings(1), urgent=False, done=None) == {}
    (small_disk / "hog").unlink()
    assert committed_in_time(store, alarms(1, start=1))
    store.flush()
    assert store.level() == "ok"


def test_when_even_the_reserve_is_used_up_alarms_wait_and_are_written_once_there_is_room(
    small_disk: Path, open_store: OpenStore
) -> None:
    store = open_store(small_disk / "state", reserve_mb=8)
    hog(small_disk / "hog", leave_mb=0)
    assert committed_in_time(store, moves(1))
    assert store.level() == "reserve"
    hog(small_disk / "hog", leave_mb=0)
    reached = threading.Event()
    count = 1
    while store.level() != "failed":
        store.append(moves(500, start=count), urgent=True, done=None)
        count += 500
        threading.Event().wait(0.02)
    store.append(alarms(1), urgent=True, done=reached.set)
    assert not reached.wait(1.2)
    assert "full" in store.fault()
    while store.backlog().bytes < 4 << 20:
        store.append(moves(500, start=count), urgent=True, done=None)
        count += 500
    for start in (count, count + 500):
        with pytest.raises(StoreFull, match="free disk space"):
            store.append(moves(500, start=start), urgent=True, done=None)
    with pytest.raises(StoreFull):
        store.append(alarms(1, start=1), urgent=True, done=None)
    assert store.append(readings(1), urgent=False, done=None) == {}  # refused, not raised
    assert store.take_refused() == {"volume_moved": 1000, "alarm_cleared": 1, "measured": 1}
    (small_disk / "hog").unlink()
    assert reached.wait(20)
    store.flush()
    assert store.fault() == ""
    assert store.level() != "failed"
    assert store.committed()["custody"] == count
    store.append([*moves(1, start=count + 1000), *alarms(1, start=2)], urgent=True, done=None)
    store.flush()
    # what found no place is told by one gap record in each lane, which makes the platform want a snapshot
    assert store.committed()["custody"] == count + 1001
    gap, moved = store.read_lane("custody", count + 1, 10, 1 << 20)
    assert msgspec.json.decode(gap.body)["data"].items() >= {"first": count + 1, "last": count + 1000}.items()
    assert moved.seq == count + 1001
    assert [row.seq for row in store.read_lane("alarm", 1, 10, 1 << 20)] == [1, 2, 3]
    assert msgspec.json.decode(store.read_lane("alarm", 2, 1, 1 << 20)[0].body)["type"] == "gap"
    assert [store.first_broken_link(lane) for lane in store.committed()] == [None] * 4


def test_a_stop_with_facts_that_cannot_be_written_says_so(small_disk: Path, open_store: OpenStore) -> None:
    store = open_store(small_disk / "state", reserve_mb=8)
    hog(small_disk / "hog", leave_mb=0)
    store._disk.release_reserve()
    hog(small_disk / "hog", leave_mb=0)
    store.append(moves(8000), urgent=True, done=None)
    while store.level() != "failed":
        threading.Event().wait(0.02)
    with pytest.raises(StoreFull, match="facts could not be written"):
        store.close()
    (small_disk / "hog").unlink()
    again = open_store(small_disk / "state", reserve_mb=8)
    assert not again.was_clean
    assert again.first_broken_link("custody") is None


def test_a_disk_that_is_read_only_is_not_called_full(small_disk: Path, open_store: OpenStore) -> None:
    open_store(small_disk / "state", reserve_mb=8).close()
    (small_disk / "empty").mkdir()
    remount = ["/bin/mount", "-o", "remount,ro", str(small_disk)]
    assert subprocess.run(remount, capture_output=True, check=False).returncode == 0
    for state in ("state", "empty"):
        with pytest.raises(StoreError, match="the disk is read-only") as refused:
            open_store(small_disk / state, reserve_mb=8)
        assert refused.value.code == "store_read_only"


def test_a_disk_without_space_is_called_full(small_disk: Path, open_store: OpenStore) -> None:
    open_store(small_disk / "state", reserve_mb=8).close()
    (small_disk / "state" / "reserve").unlink()
    hog(small_disk / "hog", leave_mb=0)
    with pytest.raises(StoreError, match="free disk space") as refused:
        open_store(small_disk / "state", reserve_mb=8)
    assert refused.value.code == "store_full"
