"""The database file: what its tables are, whose it is, and how an older one is brought forward."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from config.phrase import phrase
from edge.state.chain import CHAIN_START
from edge.state.facts import LANES
from edge.store.errors import StoreError

APPLICATION_ID = 0x4C414E54  # "LANT", in the file's header: tells our database from any other
FILE_NAME = "lantai.db"
WAL_CHECKPOINT_PAGES = 2000  # 8 MB: about 15,000 facts between two writes of the main file

Migration = Callable[[sqlite3.Connection], None]


def _create(connection: sqlite3.Connection) -> None:
    """Schema 1. One table per lane, in order of sequence: appended at the end, read and cut off in runs."""
    execute = connection.execute
    execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    execute(
        "CREATE TABLE lane (name TEXT PRIMARY KEY, acked INTEGER NOT NULL, first_held INTEGER NOT NULL, "
        "base_chain BLOB NOT NULL, base_n INTEGER NOT NULL, thinned INTEGER NOT NULL) WITHOUT ROWID"
    )
    for lane in LANES:
        execute("INSERT INTO lane VALUES (?, 0, 1, ?, 0, 0)", (lane, CHAIN_START))
        # n grows with seq, so it needs no index: a position is found by halving. `body` stands last, so that the
        # columns before it are read without touching the overflow pages of a long one.
        execute(
            f"CREATE TABLE fact_{lane} (seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, type TEXT NOT NULL, "
            "at_ns INTEGER NOT NULL, subject TEXT, chain BLOB NOT NULL, body BLOB NOT NULL)"
        )
    for lane in ("custody", "event", "telemetry"):
        execute(f"CREATE INDEX subject_{lane} ON fact_{lane} (subject) WHERE subject IS NOT NULL")
    execute("CREATE INDEX catalogue ON fact_custody (seq) WHERE type = 'volumes_catalogued'")
    execute(
        "CREATE TABLE snapshot (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, layout TEXT NOT NULL, "
        "marks TEXT NOT NULL, checksum BLOB NOT NULL, is_whole INTEGER NOT NULL)"
    )
    execute(
        "CREATE TABLE snapshot_part (snapshot INTEGER, part INTEGER, body BLOB NOT NULL, PRIMARY KEY (snapshot, part))"
    )


MIGRATIONS: tuple[Migration, ...] = (_create,)
"""The function at index k brings schema k to k + 1; a released one is never edited."""


def open_database(path: Path, vault: str, migrations: tuple[Migration, ...] = MIGRATIONS) -> sqlite3.Connection:
    """The writer's connection to the database of `vault`, at the newest schema; made when there is none.

    An older schema is first copied to `lantai.db.vN.bak`, then brought forward, each step in one transaction.
    Raises StoreError for a newer schema, another vault's store or a file that is not ours.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        _prepare(connection, path, vault, migrations)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _not_ours(error, path) from error
    except StoreError:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that sees committed rows only and can change nothing."""
    connection = sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=5.0
    )
    connection.text_factory = bytes
    return connection


def open_sparing(path: Path, vault: str) -> sqlite3.Connection:
    """A connection that reads what is committed without one byte of disk; nobody else can open the database meanwhile.

    SQLite's index of its log is a file; a connection that holds the database alone keeps it in memory. Where there is
    no log not even the lock is needed. Raises StoreError as `open_database` does, sqlite3.OperationalError where it
    cannot be read or must first be brought forward.
    """
    log = path.with_name(f"{path.name}-wal")
    has_log = log.is_file() and log.stat().st_size > 0
    how = "mode=rw" if has_log else "immutable=1"
    connection = sqlite3.connect(f"file:{path}?{how}", uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if _is_empty(connection):  # a first start that got no further than the file
            connection.close()
            return open_nowhere(vault)
        found = _check(connection, path, vault, len(MIGRATIONS))
        if found < len(MIGRATIONS):
            raise sqlite3.OperationalError(f"schema {found} must first be brought forward to {len(MIGRATIONS)}")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _not_ours(error, path) from error
    except StoreError:
        connection.close()
        raise
    return connection


def open_nowhere(vault: str) -> sqlite3.Connection:
    """An empty store in memory: for a vault that has none yet while the disk takes nothing."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _create(connection)
    connection.execute("INSERT INTO meta VALUES ('vault', ?)", (vault,))
    return connection


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """Every key of the meta table."""
    return dict(connection.execute("SELECT key, value FROM meta").fetchall())


def _prepare(connection: sqlite3.Connection, path: Path, vault: str, migrations: tuple[Migration, ...]) -> None:
    execute = connection.execute
    is_empty = _is_empty(connection)
    found = 0 if is_empty else _check(connection, path, vault, len(migrations))
    execute("PRAGMA journal_mode = WAL")
    execute("PRAGMA synchronous = FULL")
    execute("PRAGMA secure_delete = OFF")  # some builds wipe deleted pages: twice the writing for nothing here
    execute(f"PRAGMA wal_autocheckpoint = {WAL_CHECKPOINT_PAGES}")
    execute("PRAGMA cache_size = -16000")
    if not is_empty and found < len(migrations):
        _copy(connection, path.with_name(f"{path.name}.v{found}.bak"))
    for step in range(found, len(migrations)):
        execute("BEGIN IMMEDIATE")
        try:
            migrations[step](connection)
            if step == 0:
                execute(f"PRAGMA application_id = {APPLICATION_ID}")
                execute("INSERT INTO meta VALUES ('vault', ?)", (vault,))
            execute(f"PRAGMA user_version = {step + 1}")
        except sqlite3.Error:
            execute("ROLLBACK")
            raise
        execute("COMMIT")


def _is_empty(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0)


def _check(connection: sqlite3.Connection, path: Path, vault: str, known: int) -> int:
    """The schema of a database that is ours, this vault's and not newer than `known`. Raises StoreError otherwise."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        raise StoreError("store_not_ours", phrase("store_foreign_database", path=str(path)))
    if found > known:
        raise StoreError(
            "store_newer_schema",
            phrase("store_schema", path=str(path), found=found, known=known, name=path.name),
        )
    _check_vault(connection, path, vault)
    return found


def _not_ours(error: sqlite3.DatabaseError, path: Path) -> Exception:
    """What to raise: the disk's trouble and a damaged page as they are, anything else as a file that is no store."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    if isinstance(error, sqlite3.OperationalError) or (code & 0xFF) == sqlite3.SQLITE_CORRUPT:
        return error
    return StoreError("store_not_ours", phrase("store_no_database", path=str(path), detail=str(error)))


def _check_vault(connection: sqlite3.Connection, path: Path, vault: str) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key = 'vault'").fetchone()
    owner = row[0] if row else ""
    if owner != vault:
        raise StoreError(
            "store_other_vault",
            phrase("store_of_vault", path=str(path), owner=owner, vault=vault),
        )


def _copy(connection: sqlite3.Connection, target: Path) -> None:
    """A whole copy under the target's name or none: it is made beside it and renamed."""
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    copy = sqlite3.connect(unfinished, isolation_level=None)
    try:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
    unfinished.rename(target)
