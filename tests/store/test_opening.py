"""Opening a store: one daemon, the right vault, the right schema, the right epoch."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from config.policy import Retention
from edge.platform.outbox import Outbox
from edge.state.facts import LANES
from edge.store.epoch import note_held, settle
from edge.store.errors import StoreBusy, StoreError
from edge.store.journal import Store
from edge.store.schema import MIGRATIONS, open_database
from tests.store.conftest import OpenStore
from tests.store.samples import alarms, readings


def fill_and_close(store: Store) -> str:
    store.append([*alarms(3), *readings(5)], urgent=False, done=None)
    store.close()
    return store.epoch


def test_a_second_daemon_is_refused_and_told_who_holds_the_store(open_store: OpenStore, tmp_path: Path) -> None:
    open_store()
    script = (
        "import sys; from pathlib import Path; from config.policy import Retention\n"
        "from edge.store.journal import Store\n"
        "Store.open(Path(sys.argv[1]), vault='centre/v1/n1', cap_mb=64, reserve_mb=8, retention=Retention())"
    )
    second = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "state")], capture_output=True, text=True, check=False
    )
    assert second.returncode != 0
    assert f"StoreBusy: {tmp_path / 'state'}: in use by process {os.getpid()}; stop it" in second.stderr


def test_the_lock_is_free_again_after_close_and_after_a_refusal(open_store: OpenStore) -> None:
    first = open_store()
    with pytest.raises(StoreBusy) as busy:
        open_store()
    assert busy.value.code == "store_busy"
    first.close()
    open_store()


def test_the_store_of_another_vault_is_refused(open_store: OpenStore, tmp_path: Path) -> None:
    open_store().close()
    with pytest.raises(StoreError, match=r"the store of vault 'centre/v1/n1', this configuration is of vault 'b'"):
        Store.open(tmp_path / "state", vault="b", cap_mb=64, reserve_mb=8, retention=Retention())
    open_store()  # the refusal let go of the lock


def test_a_file_that_is_not_a_store_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_bytes(b"not a database, and longer than the header of one, which has a hundred bytes" * 4)
    with pytest.raises(StoreError, match="not a readable database"):
        open_database(text, "v")
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(StoreError, match="not Lantai's"):
        open_database(other, "v")


def _add_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE fact_alarm ADD COLUMN drill TEXT")


def _add_column_and_fail(connection: sqlite3.Connection) -> None:
    _add_column(connection)
    connection.execute("SELECT no_such_column FROM fact_alarm")


def test_an_older_schema_is_copied_then_brought_forward_and_the_newer_one_refused(
    open_store: OpenStore, tmp_path: Path
) -> None:
    fill_and_close(open_store())
    path = tmp_path / "state" / "lantai.db"
    forward = open_database(path, "centre/v1/n1", (*MIGRATIONS, _add_column))
    assert forward.execute("SELECT seq, drill FROM fact_alarm").fetchall() == [(1, None), (2, None), (3, None)]
    assert forward.execute("PRAGMA user_version").fetchone() == (2,)
    forward.close()
    copy = sqlite3.connect(tmp_path / "state" / "lantai.db.v1.bak")
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    assert copy.execute("SELECT count(*) FROM fact_telemetry").fetchone() == (5,)
    assert "drill" not in [row[1] for row in copy.execute("PRAGMA table_info(fact_alarm)")]
    copy.close()
    with pytest.raises(StoreError, match=r"schema 2, this software knows schemas up to 1; .*lantai\.db\.v1\.bak"):
        open_store()


def test_a_migration_that_fails_leaves_the_old_schema(open_store: OpenStore, tmp_path: Path) -> None:
    fill_and_close(open_store())
    with pytest.raises(sqlite3.OperationalError):
        open_database(tmp_path / "state" / "lantai.db", "centre/v1/n1", (*MIGRATIONS, _add_column_and_fail))
    store = open_store()
    assert store.heads()["alarm"].seq == 3


def test_a_stop_is_clean_only_after_close(open_store: OpenStore, tmp_path: Path) -> None:
    store = open_store()
    assert store.was_clean
    store.append(alarms(1), urgent=True, done=None)
    store.flush()
    crashed = tmp_path / "crashed"
    shutil.copytree(tmp_path / "state", crashed)  # what the disk holds when the power goes now
    store.close()
    assert not open_store(crashed).was_clean
    assert open_store().was_clean


def test_the_epoch_is_kept_over_restarts_and_every_start_has_its_own_boot_id(open_store: OpenStore) -> None:
    first = open_store()
    assert first.epoch_origin == "new"
    epoch = fill_and_close(first)
    second = open_store()
    assert (second.epoch, second.epoch_origin) == (epoch, "kept")
    assert second.boot != first.boot


def test_a_copied_store_has_a_new_epoch_and_the_same_rows(open_store: OpenStore, tmp_path: Path) -> None:
    epoch = fill_and_close(open_store())
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    copy = open_store(tmp_path / "copy")
    assert copy.epoch_origin == "copied"
    assert copy.epoch != epoch
    assert copy.heads()["telemetry"].seq == 5
    assert open_store().epoch == epoch


def test_a_store_restored_in_place_from_a_backup_has_a_new_epoch(open_store: OpenStore, tmp_path: Path) -> None:
    epoch = fill_and_close(open_store())
    database = tmp_path / "state" / "lantai.db"
    backup = database.read_bytes()
    fill_and_close(open_store())
    with database.open("r+b") as file:  # the same inode
        file.write(backup)
        file.truncate()
    restored = open_store()
    assert restored.epoch_origin == "restored"
    assert restored.epoch != epoch


def test_a_store_that_lacks_what_its_seal_says_it_held_is_an_older_copy(tmp_path: Path) -> None:
    database = tmp_path / "lantai.db"
    connection = open_database(database, "v")
    first = settle(connection, database, 0)
    note_held(database, 9)
    assert settle(connection, database, 9) == (first.uuid, "kept")
    older = settle(connection, database, 8)
    assert older.origin == "restored"
    assert older.uuid != first.uuid
    (tmp_path / "epoch").write_bytes(b"torn")
    assert settle(connection, database, 8).origin == "copied"
    connection.close()


def test_a_crash_between_the_two_seals_is_not_taken_for_a_copy(open_store: OpenStore, tmp_path: Path) -> None:
    epoch = fill_and_close(open_store())
    seal = tmp_path / "state" / "epoch"
    before = seal.read_bytes()
    store = open_store()
    store.close()
    # the moment after the sidecar named old and new token, before the database took the new one
    connection = sqlite3.connect(tmp_path / "state" / "lantai.db")
    token = connection.execute("SELECT value FROM meta WHERE key = 'token'").fetchone()[0].encode()
    connection.close()
    old = before.split(b'"tokens":["')[1][:36]
    seal.write_bytes(seal.read_bytes().replace(b'["' + token + b'"]', b'["' + token + b'","' + old + b'"]'))
    assert open_store().epoch == epoch


def test_a_new_store_stands_at_the_start_in_every_lane(open_store: OpenStore) -> None:
    store = open_store()
    assert [store.heads()[lane] for lane in LANES] == [(0, bytes(16))] * 4
    assert [store.first_held(lane) for lane in LANES] == [1] * 4
    assert [store.acked(lane) for lane in LANES] == [0] * 4
    assert store.n == 0
    assert store.latest_snapshot() is None
    assert list(store.facts(0)) == []


def test_the_store_is_the_outbox_that_the_uplink_asks_for(open_store: OpenStore) -> None:
    outbox: Outbox = open_store()  # mypy holds the signatures to the port
    assert outbox.committed() == dict.fromkeys(LANES, 0)
    assert len(outbox.read_lane("alarm", 1, 200, 1000)) == 0
