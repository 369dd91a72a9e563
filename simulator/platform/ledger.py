"""The platform's own database: every fact it was sent, by (vault, epoch, lane, sequence), with its chain value."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from edge.platform.contract import LANES, Lane
from simulator.platform.chain import BEFORE_THE_FIRST

TABLES = """
CREATE TABLE IF NOT EXISTS stream (
    id INTEGER PRIMARY KEY, vault TEXT NOT NULL, epoch TEXT NOT NULL, lane TEXT NOT NULL,
    upto INTEGER NOT NULL, chain BLOB NOT NULL, missing INTEGER NOT NULL, missing_upto INTEGER NOT NULL,
    UNIQUE (vault, epoch, lane));
CREATE TABLE IF NOT EXISTS fact (
    stream INTEGER NOT NULL, seq INTEGER NOT NULL, chain BLOB NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (stream, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS facts AS
    SELECT vault, epoch, lane, seq, fact.chain AS chain, body FROM fact JOIN stream ON stream.id = fact.stream;
"""
FactRow = tuple[int, int, bytes, bytes]
"""stream, seq, chain, body."""


class Stand(NamedTuple):
    """How far a lane of an epoch is committed. `missing`: sequences that will never come (thinned, or no longer held);
    the last of them is `missing_upto`."""

    stream: int
    upto: int = 0
    chain: bytes = BEFORE_THE_FIRST
    missing: int = 0
    missing_upto: int = 0


class Ledger:
    """Used by one thread. Changes are on disk when `commit` returns (synchronous=FULL)."""

    def __init__(self, path: Path, vault: str) -> None:
        self._vault = vault
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA wal_autocheckpoint = 4000")
        self._db.executescript(TABLES)

    def close(self) -> None:
        self._db.close()

    def begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._db.execute("COMMIT")

    def stand(self, epoch: str, lane: Lane) -> Stand | None:
        """None for an epoch or lane of which nothing was committed."""
        row = self._db.execute(
            "SELECT id, upto, chain, missing, missing_upto FROM stream WHERE vault = ? AND epoch = ? AND lane = ?",
            (self._vault, epoch, lane),
        ).fetchone()
        return Stand(*row) if row else None

    def new_stream(self, epoch: str, lane: Lane) -> Stand:
        """The first row of a lane is about to be written."""
        cursor = self._db.execute(
            "INSERT INTO stream (vault, epoch, lane, upto, chain, missing, missing_upto) VALUES (?, ?, ?, 0, ?, 0, 0)",
            (self._vault, epoch, lane, BEFORE_THE_FIRST),
        )
        assert cursor.lastrowid is not None
        return Stand(cursor.lastrowid)

    def append(self, rows: Iterable[FactRow], stand: Stand) -> None:
        """Write rows and where the lane stands after them."""
        self._db.executemany("INSERT INTO fact VALUES (?, ?, ?, ?)", rows)
        self._db.execute(
            "UPDATE stream SET upto = ?, chain = ?, missing = ?, missing_upto = ? WHERE id = ?",
            (stand.upto, stand.chain, stand.missing, stand.missing_upto, stand.stream),
        )

    def chain_at(self, stream: int, seq: int) -> bytes | None:
        """None where no row of that sequence is held."""
        row = self._db.execute("SELECT chain FROM fact WHERE stream = ? AND seq = ?", (stream, seq)).fetchone()
        return bytes(row[0]) if row else None

    def bodies(self, stream: int, after: int, upto: int) -> Iterator[bytes]:
        """Facts after one sequence up to another, in order."""
        query = "SELECT body FROM fact WHERE stream = ? AND seq > ? AND seq <= ? ORDER BY seq"
        for (body,) in self._db.execute(query, (stream, after, upto)):
            yield bytes(body)

    def count(self, name: str, by: int = 1) -> int:
        """Add to a lasting tally (duplicates, conflicts, commands of an issuer); returns its new value."""
        row = self._db.execute(
            "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value "
            "RETURNING value",
            (name, by),
        ).fetchone()
        return int(row[0])

    def tally(self, name: str) -> int:
        row = self._db.execute("SELECT value FROM tally WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def facts(self) -> int:
        """How many rows of all epochs are committed."""
        return int(self._db.execute("SELECT count(*) FROM fact").fetchone()[0])

    def missing(self) -> int:
        """Sequences of all epochs that will never come."""
        return int(self._db.execute("SELECT coalesce(sum(missing), 0) FROM stream").fetchone()[0])

    def stands(self, epoch: str) -> dict[Lane, Stand]:
        """Every lane of an epoch of which something was committed."""
        found = ((lane, self.stand(epoch, lane)) for lane in LANES)
        return {lane: stand for lane, stand in found if stand is not None}
