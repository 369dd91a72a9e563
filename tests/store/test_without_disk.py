"""A store opened while the disk takes nothing, one that hangs, one whose writer died: none may stop the daemon."""

import re
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from config.phrase import phrase
from config.policy import Retention
from edge.platform.contract import CHAIN_START, Ack
from edge.platform.uplink import Uplink
from edge.state.facts import VolumeMoved
from edge.store.errors import StoreError, StoreFull
from edge.store.journal import HUNG_S, Store
from tests.store.conftest import OpenStore
from tests.store.samples import alarms, contacts, moves, readings
from tests.store.test_disk_full import committed_in_time, hog, small_disk  # noqa: F401  a fixture


@pytest.fixture
def disk(small_disk: Path) -> Path:  # noqa: F811
    return small_disk


def waiting(state_dir: Path) -> Store:
    return Store.open(state_dir, vault="centre/v1/n1", cap_mb=64, reserve_mb=8, retention=Retention(), may_wait=True)


def until(holds: Callable[[], object], within_s: float = 20.0) -> None:
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def is_well_or_hung_for_long(store: Store) -> bool:
    """On a machine that stalls it may be long already."""
    return (store.level(), store.fault()) == ("ok", "") or store.backlog().oldest_s > HUNG_S


def test_a_store_on_a_full_disk_opens_by_giving_up_its_reserve(disk: Path, open_store: OpenStore) -> None:
    first = open_store(disk / "state")
    assert committed_in_time(first, moves(3))
    first.close()
    hog(disk / "hog", leave_mb=0)
    store = open_store(disk / "state")
    assert not (disk / "state" / "reserve").exists()
    assert store.level() == "reserve"
    assert (store.epoch, store.epoch_origin) == (first.epoch, "kept")
    assert committed_in_time(store, moves(1, start=3))


@pytest.mark.parametrize("how", ["after an orderly stop", "after a crash", "for the first time"])
def test_a_store_without_even_the_reserve_opens_with_all_it_holds_waits_in_memory_and_writes_once_there_is_room(
    disk: Path, open_store: OpenStore, how: str
) -> None:
    state_dir = disk / "state"
    state_dir.mkdir()
    epoch, held = "", 0
    if how != "for the first time":
        first = open_store(state_dir)
        first.append(moves(3), urgent=True, done=None)
        first.flush()
        epoch, held = first.epoch, 3
        if how == "after a crash":
            crashed = {name: (state_dir / name).read_bytes() for name in ("lantai.db", "lantai.db-wal")}
        first.close()
        if how == "after a crash":
            for name, content in crashed.items():
                (state_dir / name).write_bytes(content)
            (state_dir / "epoch").unlink()  # its token is the orderly stop's
        (state_dir / "reserve").unlink()
    hog(disk / "hog", leave_mb=0)
    store = waiting(state_dir)
    assert store.level() == "failed"
    assert store.fault()
    assert [fact.volume for _, fact in store.facts(0) if isinstance(fact, VolumeMoved)] == ["J-0", "J-1", "J-2"][:held]
    reached = threading.Event()
    assert store.append(moves(1, start=3), urgent=True, done=reached.set) == {"custody": held + 1}
    store.save_snapshot(b"state", store.n, "layout", {})
    assert not reached.wait(1.5)
    assert store.level() == "failed"
    assert len(store.read_lane("custody", 1, 10, 1 << 20)) == held
    (disk / "hog").unlink()
    assert reached.wait(20)
    until(lambda: store.level() == "ok")
    assert store.fault() == ""
    assert [row.seq for row in store.read_lane("custody", 1, 10, 1 << 20)] == list(range(1, held + 2))
    promised = store.epoch
    if how == "after an orderly stop":
        assert promised == epoch
    store.close()
    again = open_store(state_dir)
    assert (again.epoch, again.epoch_origin) == (promised, "kept")
    assert again.was_clean
    assert again.first_broken_link("custody") is None


def test_a_tool_is_told_that_the_disk_takes_nothing(disk: Path, open_store: OpenStore) -> None:
    open_store(disk / "state").close()
    (disk / "state" / "reserve").unlink()
    hog(disk / "hog", leave_mb=0)
    with pytest.raises(StoreFull, match="free disk space"):
        open_store(disk / "state")
    (disk / "hog").unlink()
    open_store(disk / "state")  # the refusal let go of the lock


def test_a_mistake_of_somebody_else_is_told_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "state" / "lantai.db").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"lantai\.db") as refused:
        waiting(tmp_path / "state")
    assert refused.value.code == "store_unusable"


def test_a_store_that_is_held_never_writes(open_store: OpenStore) -> None:
    store = open_store()
    store.hold(phrase("os_disk_full"))
    store.append(alarms(1), urgent=True, done=None)
    store.save_snapshot(b"nothing", 1, "layout", {})
    store.prune(1 << 62)
    until(lambda: store.level() == "failed")
    with pytest.raises(StoreFull, match="no space left on device"):
        store.close()
    again = open_store()
    assert not again.was_clean
    assert again.heads()["alarm"].seq == 0
    assert again.latest_snapshot() is None


def test_a_disk_that_hangs_shows_as_failed_after_five_seconds_and_the_queue_has_an_end(open_store: OpenStore) -> None:
    store = open_store(reserve_mb=1)
    hung, goes_on = threading.Event(), threading.Event()

    def hang() -> None:
        hung.set()
        goes_on.wait(30)

    store.append(alarms(1), urgent=True, done=hang)  # where the writer's thread stands still, is all the same
    assert hung.wait(20)
    store.append(moves(1), urgent=True, done=None)
    assert is_well_or_hung_for_long(store)
    count = 1
    while store.backlog().bytes < 512 << 10:
        store.append(moves(100, start=count), urgent=False, done=None)
        count += 100
    with pytest.raises(StoreFull):
        store.append(moves(100, start=count), urgent=False, done=None)
    assert 512 << 10 <= store.backlog().bytes < 600 << 10  # twice a quarter of the reserve
    assert store.append(readings(1), urgent=False, done=None) == {}
    assert is_well_or_hung_for_long(store)
    until(lambda: store.level() == "failed")
    assert store.backlog().oldest_s > HUNG_S
    assert re.fullmatch(r"the disk has taken nothing for \d+ s", store.fault())
    goes_on.set()
    until(lambda: store.level() == "ok")
    assert store.fault() == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_died_of_a_bug_shows(open_store: OpenStore) -> None:
    store = open_store()

    def bug() -> None:
        raise ZeroDivisionError

    assert store.is_alive
    store.append(alarms(1), urgent=True, done=bug)
    until(lambda: not store.is_alive)
    assert store.level() == "failed"
    with pytest.raises(StoreFull, match="restart"):
        store.flush()
    store._files.close()
    store._lock.release()


def test_a_lock_is_taken_on_a_full_disk(disk: Path, open_store: OpenStore) -> None:
    open_store(disk / "state").close()
    (disk / "state" / "reserve").unlink()
    (disk / "state" / "lock").write_bytes(b"")
    hog(disk / "hog", leave_mb=0)
    with pytest.raises(OSError, match="No space"):
        (disk / "more").write_bytes(bytes(1 << 20))
    store = waiting(disk / "state")
    assert store.level() == "failed"
    (disk / "hog").unlink()
    (disk / "more").unlink()
    store.close()


def test_a_single_fact_that_found_no_place_makes_the_uplink_send_a_snapshot(open_store: OpenStore) -> None:
    store = open_store()
    hard, store._hard_bytes = store._hard_bytes, 0
    with pytest.raises(StoreFull):
        store.append(contacts(1), urgent=True, done=None)
    store._hard_bytes = hard
    store.append(contacts(1, start=1), urgent=True, done=None)
    store.flush()
    uplink = Uplink(store, node="n", software="s", layout="l", devices=())
    at_ns = 1_800_000_000 * 10**9
    uplink.connected(at_ns)
    wanted = [
        uplink.ack_received(lane, msgspec.json.encode(Ack(store.epoch, 0, CHAIN_START.hex())), at_ns)
        for lane in store.committed()
    ]
    assert not any(turn.is_snapshot_due for turn in wanted)
    assert uplink.due(at_ns + 10**9).is_snapshot_due


def test_a_gap_record_that_is_thinned_goes_on_standing_for_all_it_stood_for(
    open_store: OpenStore, tmp_path: Path
) -> None:
    store = open_store(cap_mb=1)
    store._hard_bytes = 0
    with pytest.raises(StoreFull):
        store.append(moves(1), urgent=False, done=None)
    with pytest.raises(StoreFull):
        store.append(contacts(3), urgent=False, done=None)
    store._hard_bytes = 1 << 30
    store.append(contacts(6000), urgent=False, done=None)
    store.flush()
    store.save_snapshot(b"", store.n, "layout", {})
    store.append(alarms(1), urgent=True, done=None)
    store.flush()
    connection = sqlite3.connect(tmp_path / "state" / "lantai.db")
    body = connection.execute("SELECT body FROM fact_event ORDER BY seq LIMIT 1").fetchone()[0]
    connection.close()
    assert body.startswith(b'{"id":"')
    assert b'"data":{"first":1,' in body
    assert store.thinned("event") > 3
