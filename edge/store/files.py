"""How the database of a store is opened: for writing, or, where the disk takes nothing, for reading alone until it
does (docs/decisions/0015-a-start-without-a-disk.md)."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

from config.phrase import phrase
from edge.state.facts import LANES, Lane
from edge.store import schema, snapshots
from edge.store.disk import Disk, is_trouble, probe
from edge.store.envelope import LaneHead
from edge.store.epoch import Epoch, judge, reseal
from edge.store.errors import StoreError
from edge.store.ledger import Ledger, load_ledger
from edge.store.reading import Journal, Readers
from edge.store.refusal import may_not_write, refusal


class Found(NamedTuple):
    """What the database held when it was opened. `n`: its last journal sequence."""

    meta: dict[str, str]
    ledger: Ledger
    heads: dict[Lane, LaneHead]
    n: int
    epoch: Epoch


class Files:
    """The connections to one database. `held`: why nothing may be written whatever the disk says, '' for nothing.

    After construction only the writer's thread calls `connection`. Raises StoreError where a person must act first.
    """

    def __init__(self, database: Path, vault: str, disk: Disk) -> None:
        self._database = database
        self._vault = vault
        self._disk = disk
        self._writing: sqlite3.Connection | None = None
        self.held = ""
        while True:
            try:
                self.journal, self.found = self._open()
                break
            except (sqlite3.OperationalError, OSError) as error:
                if not is_trouble(error, database.parent):
                    raise _unusable(error, database) from error
                if disk.release_reserve():
                    continue
                disk.failed(str(error))
                self.journal, self.found = self._open_sparing()
            except sqlite3.DatabaseError as error:  # damaged: not one number in it can be relied on
                self.held = str(error)
                disk.failed(self.held)
                self.journal, self.found = self._open_nowhere()
            break

    def connection(self) -> sqlite3.Connection:
        """The writer's; opened now where the disk took nothing before. Raises OSError or sqlite3.Error while it still
        does not."""
        if self.held:
            raise sqlite3.OperationalError(self.held)
        if self._writing is None:
            self._come_back()
        assert self._writing is not None
        return self._writing

    @property
    def is_writable(self) -> bool:
        """Whether anything may be written, as far as is known."""
        return self._writing is not None and not self.held

    def roll_back(self) -> None:
        """End a transaction that failed. Raises sqlite3.Error where the disk refuses even that."""
        if self._writing is not None and self._writing.in_transaction:
            self._writing.execute("ROLLBACK")

    def close(self) -> None:
        """Let go of the database."""
        self.journal.close()
        if self._writing is not None:
            self._writing.close()

    def _open(self) -> tuple[Journal, Found]:
        connection = schema.open_database(self._database, self._vault)
        readers: Readers | None = None
        try:
            readers = Readers.open(self._database)
            ledger = load_ledger(connection)
            journal = Journal(readers, ledger)
            found = _found(connection, journal, ledger, self._database)
            self._claim(connection, found.epoch, found.n)
        except BaseException:
            if readers is not None:
                readers.close()
            connection.close()
            raise
        self._writing = connection
        return journal, found

    def _open_sparing(self) -> tuple[Journal, Found]:
        """What can be read; an empty store where there is none yet. Where it cannot even be read nothing is ever
        written to it: numbers would be given out twice."""
        try:
            connection = self._sparing()
            ledger = load_ledger(connection)
            journal = Journal(Readers(connection, connection), ledger)
            found = _found(connection, journal, ledger, self._database)
        except sqlite3.DatabaseError as error:
            self.held = str(error)
            return self._open_nowhere()
        connection.text_factory = bytes
        return journal, found

    def _open_nowhere(self) -> tuple[Journal, Found]:
        connection = schema.open_nowhere(self._vault)
        ledger = load_ledger(connection)
        journal = Journal(Readers(connection, connection), ledger)
        found = _found(connection, journal, ledger, self._database)
        connection.text_factory = bytes
        return journal, found

    def _sparing(self) -> sqlite3.Connection:
        if not self._database.is_file() or self._database.stat().st_size == 0:
            return schema.open_nowhere(self._vault)
        return schema.open_sparing(self._database, self._vault)

    def _come_back(self) -> None:
        probe(self._database.parent)
        refusals: list[Exception] = []

        def change() -> Readers:
            try:
                return self._reopened()
            except (sqlite3.Error, OSError, StoreError) as error:
                refusals.append(error)
                return self._reread()

        self.journal.swap(change)
        if refusals:
            raise refusals[0]
        self._disk.works()

    def _reopened(self) -> Readers:
        connection = schema.open_database(self._database, self._vault)
        readers: Readers | None = None
        try:
            readers = Readers.open(self._database)
            self._claim(connection, self.found.epoch, self.found.n)
        except BaseException:
            if readers is not None:
                readers.close()
            connection.close()
            raise
        self._writing = connection
        return readers

    def _reread(self) -> Readers:
        """Back to reading alone; nothing at all is read where that fails as well, until the next try."""
        try:
            connection = self._sparing()
        except (sqlite3.Error, OSError, StoreError):
            connection = schema.open_nowhere(self._vault)
        connection.text_factory = bytes
        return Readers(connection, connection)

    def _claim(self, connection: sqlite3.Connection, epoch: Epoch, n: int) -> None:
        """From here on it is this daemon's, and not cleanly closed."""
        reseal(connection, self._database, epoch.uuid, n)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', '0')")


def _found(connection: sqlite3.Connection, journal: Journal, ledger: Ledger, database: Path) -> Found:
    """`connection` gives text as str."""
    heads: dict[Lane, LaneHead] = {}
    n = snapshots.oldest_kept_n(connection)
    for lane in LANES:
        seq, last_n, chain = journal.last_row(lane)
        heads[lane] = LaneHead(seq, chain)
        n = max(n, last_n)
    return Found(schema.read_meta(connection), ledger, heads, n, judge(connection, database, n))


def _unusable(error: Exception, database: Path) -> Exception:
    if may_not_write(database):
        return refusal(database, str(error))
    if isinstance(error, OSError):
        return error
    return StoreError("store_unusable", phrase("store_refused", path=str(database), detail=str(error)))
