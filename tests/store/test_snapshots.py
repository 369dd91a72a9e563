"""Snapshots of the state: the last three, whole or not at all."""

import sqlite3
from pathlib import Path

from edge.store.journal import Store
from tests.store.conftest import OpenStore
from tests.store.samples import alarms


def save(store: Store, body: bytes) -> int:
    store.append(alarms(1, start=store.n), urgent=False, done=None)
    store.save_snapshot(body, store.n, "layout-1", {"alarm": store.n})
    store.flush()
    return store.n


def edit(tmp_path: Path, statement: str) -> None:
    connection = sqlite3.connect(tmp_path / "state" / "lantai.db", isolation_level=None)
    connection.execute(statement)
    connection.close()


def test_the_newest_snapshot_comes_back_after_a_restart_with_all_its_parts(open_store: OpenStore) -> None:
    store = open_store()
    body = bytes(range(256)) * 10_000  # three parts
    save(store, b"older")
    n = save(store, body)
    store.close()
    found = open_store().latest_snapshot()
    assert found is not None
    assert (found.n, found.layout, found.marks) == (n, "layout-1", {"alarm": 2})
    assert found.body == body


def test_the_last_three_are_kept(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    for k in range(5):
        save(store, b"%d" % k)
    store.close()
    connection = sqlite3.connect(tmp_path / "state" / "lantai.db")
    assert connection.execute("SELECT n FROM snapshot ORDER BY id").fetchall() == [(3,), (4,), (5,)]
    assert connection.execute("SELECT body FROM snapshot_part ORDER BY snapshot").fetchall() == [
        (b"2",), (b"3",), (b"4",),
    ]  # fmt: skip
    connection.close()


def test_a_damaged_snapshot_is_passed_over_for_the_one_before(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    for k in range(3):
        save(store, b"%d" % k)
    edit(tmp_path, "UPDATE snapshot_part SET body = x'00' WHERE snapshot = 3")
    found = store.latest_snapshot()
    assert found is not None
    assert (found.n, found.body) == (2, b"1")
    assert [n for n, _ in store.facts(found.n)] == [3]
    edit(tmp_path, "UPDATE snapshot SET n = 1 WHERE id = 2")
    found = store.latest_snapshot()
    assert found is not None
    assert (found.n, found.body) == (1, b"0")
    edit(tmp_path, "DELETE FROM snapshot_part")
    assert store.latest_snapshot() is None


def test_a_snapshot_that_was_never_finished_does_not_count(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    save(store, b"whole")
    edit(tmp_path, "INSERT INTO snapshot VALUES (2, 9, 'layout-1', '{}', x'00', 0)")
    found = store.latest_snapshot()
    assert found is not None
    assert found.body == b"whole"
    save(store, b"next")
    found = store.latest_snapshot()
    assert found is not None
    assert found.body == b"next"


def test_alarms_are_committed_while_a_large_snapshot_is_written(open_store: OpenStore) -> None:
    store = open_store()
    order: list[str] = []
    store.save_snapshot(bytes(24 << 20), 0, "layout-1", {})
    for k in range(3):
        store.append(alarms(1, start=k), urgent=True, done=lambda: order.append("alarm"))
    store.save_snapshot(b"", 0, "layout-1", {})
    store.flush()
    assert order == ["alarm"] * 3
    assert store.failed_chores == 0
