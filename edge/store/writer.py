"""The one thread that writes the database: group commits, and between them slices of slower work.

A commit waits up to 20 ms or 1000 rows for company, an urgent one not at all. Rows go in by few, long statements:
a statement per row gives the interpreter lock away per row and then waits up to 5 ms for it under a busy loop
(docs/decisions/0013-one-statement-per-commit.md).
"""
# ruff: noqa: S608 -- the names put into statements are the four lanes of edge.state.facts

import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from edge.state.facts import LANES, Lane
from edge.store.disk import Disk, is_out_of_space
from edge.store.envelope import FactRow
from edge.store.files import Files
from edge.store.ledger import Ledger

GROUP_S = 0.020
GROUP_ROWS = 1000
LAZY_S = 0.200  # acknowledgements alone may wait longer: losing them repeats work, never a fact
RETRY_S = 1.0
STATEMENT_ROWS = (1000, 250, 64, 16, 4, 1)
COLUMNS = 7

Thinning = Callable[[], bool]


class Backlog(NamedTuple):
    """What waits for the disk, the oldest of it since `oldest_s`. `is_full`: readings are refused; hold the inbox until
    it is not, or the disk is known to hang."""

    rows: int
    bytes: int
    is_full: bool
    oldest_s: float


class _Batch:
    """What the next transaction will hold."""

    __slots__ = ("acked", "byte_count", "dones", "due_s", "is_urgent", "row_count", "rows", "since_s")

    def __init__(self) -> None:
        self.rows: dict[Lane, list[FactRow]] = {}
        self.row_count = 0
        self.byte_count = 0
        self.dones: list[Callable[[], None]] = []
        self.acked: dict[Lane, int] = {}
        self.is_urgent = False
        self.due_s: float | None = None
        self.since_s: float | None = None

    def ripen(self, within_s: float) -> bool:
        """Commit no later than this; True when the writer must look at its clock again."""
        now_s = time.monotonic()
        if self.since_s is None:
            self.since_s = now_s
        due_s = now_s + within_s
        if self.due_s is None or due_s < self.due_s:
            self.due_s = due_s
            return True
        return False


class Writer:
    """Starts its thread at once. `put`, `put_ack` and `add_chore` never wait for the disk."""

    def __init__(self, files: Files, ledger: Ledger, disk: Disk, thinning: Thinning, full_bytes: int) -> None:
        self._files = files
        self._ledger = ledger
        self._disk = disk
        self._thinning = thinning
        self._full_bytes = full_bytes
        self._changed = threading.Condition()
        self._pending = _Batch()
        self._writing = _Batch()
        self._chores: deque[Iterator[None]] = deque()
        self._is_closing = False
        self._look_again_s = 0.0
        self.failed_chores = 0
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def put(
        self, rows: dict[Lane, list[FactRow]], byte_count: int, urgent: bool, done: Callable[[], None] | None
    ) -> None:
        """Queue rows; `done` is called in the writer's thread once they and all before them are on disk."""
        with self._changed:
            batch = self._pending
            for lane, more in rows.items():
                if lane in batch.rows:
                    batch.rows[lane] += more
                else:
                    batch.rows[lane] = more
                batch.row_count += len(more)
            batch.byte_count += byte_count
            if done is not None:
                batch.dones.append(done)
            must_wake = batch.ripen(GROUP_S)
            if urgent and not batch.is_urgent:
                batch.is_urgent = must_wake = True
            if must_wake or batch.row_count >= GROUP_ROWS:
                self._changed.notify()

    def put_ack(self, lane: Lane, acked: int) -> None:
        """Queue a lane's cursor."""
        with self._changed:
            self._pending.acked[lane] = acked
            if self._pending.ripen(LAZY_S):
                self._changed.notify()

    def add_chore(self, chore: Iterator[None]) -> None:
        """Queue slower work: each step of it runs between commits, after all that was queued before."""
        with self._changed:
            self._chores.append(chore)
            self._changed.notify()

    def backlog(self) -> Backlog:
        """What waits, the transaction under way included."""
        with self._changed:
            rows = self._pending.row_count + self._writing.row_count
            size = self._pending.byte_count + self._writing.byte_count
            since_s = self._pending.since_s if self._writing.since_s is None else self._writing.since_s
        oldest_s = 0.0 if since_s is None else time.monotonic() - since_s
        return Backlog(rows, size, size >= self._full_bytes, oldest_s)

    @property
    def is_alive(self) -> bool:
        """False after `close`, or when the thread died of a bug."""
        return self._thread.is_alive()

    def close(self) -> bool:
        """Write what waits and end the thread; False when the disk refused it."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()
        return self._pending.row_count + self._writing.row_count == 0

    def _run(self) -> None:
        self._assess()
        while True:
            batch, chore, is_last = self._take()
            if batch is not None and not self._commit(batch):
                return
            if chore is not None:
                self._step(chore)
            self._assess()
            self._look_again_s = 0.0 if self._has_thinned() else time.monotonic() + RETRY_S
            if is_last:
                return

    def _take(self) -> tuple[_Batch | None, Iterator[None] | None, bool]:
        """Wait until there is something to do. A chore runs at once, but never before the rows queued before it."""
        with self._changed:
            while True:
                batch = self._pending
                now_s = time.monotonic()
                is_ripe = batch.due_s is not None and (
                    batch.is_urgent or batch.row_count >= GROUP_ROWS or batch.due_s <= now_s
                )
                if is_ripe or self._is_closing or self._chores:
                    break
                self._changed.wait(self._wait_s(batch.due_s, now_s))
                if self._must_look():
                    return None, None, False
            chore = self._chores.popleft() if self._chores else None
            is_last = self._is_closing and chore is None
            if batch.due_s is None:
                return None, chore, is_last
            self._pending = _Batch()
            self._writing = batch
            return batch, chore, is_last

    def _wait_s(self, due_s: float | None, now_s: float) -> float | None:
        waits = [due_s - now_s] if due_s is not None else []
        if self._disk.level != "ok":
            waits.append(self._look_again_s - now_s)
        return max(min(waits), 0.0) if waits else None

    def _must_look(self) -> bool:
        """Whether the disk, which is not well, is to be looked at again although nothing was written."""
        return self._disk.level != "ok" and time.monotonic() >= self._look_again_s

    def _commit(self, batch: _Batch) -> bool:
        """Try until it is on disk: first the reserve is given up, then once a second. False: closed meanwhile."""
        while True:
            try:
                self._write(batch)
            except (sqlite3.Error, OSError) as error:
                self._roll_back()
                if is_out_of_space(error) and self._disk.release_reserve():
                    continue
                self._disk.failed(str(error))
                with self._changed:
                    if self._is_closing:
                        return False
                    self._changed.wait(RETRY_S)
                continue
            break
        self._disk.works()
        for lane, rows in batch.rows.items():
            self._ledger.commit(lane, rows[-1][0])
        with self._changed:
            self._writing = _Batch()
        for done in batch.dones:
            done()
        return True

    def _write(self, batch: _Batch) -> None:
        if not (batch.row_count or batch.acked):
            return
        connection = self._files.connection()
        execute = connection.execute
        execute("BEGIN IMMEDIATE")
        for lane in LANES:
            if lane in batch.rows:
                _insert(connection, lane, batch.rows[lane])
        for lane, acked in batch.acked.items():
            execute("UPDATE lane SET acked = ? WHERE name = ?", (acked, lane))
        execute("COMMIT")

    def _step(self, chore: Iterator[None]) -> None:
        """One slice; a chore that the disk refuses is dropped: the next one of its kind begins anew."""
        try:
            next(chore)
        except StopIteration:
            return
        except (sqlite3.Error, OSError):
            self._roll_back()
            self.failed_chores += 1
            return
        with self._changed:
            self._chores.appendleft(chore)

    def _has_thinned(self) -> bool:
        """Free one slice where the cap asks for it; False where it does not or nothing may go."""
        if not self._disk.is_thinning:
            return False
        try:
            has_thinned = self._thinning()
        except (sqlite3.Error, OSError):
            self._roll_back()
            has_thinned = False
        self._disk.nothing_to_thin = not has_thinned
        self._assess()
        return has_thinned

    def _assess(self) -> None:
        try:
            self._disk.assess(self._files.connection())
        except (sqlite3.Error, OSError) as error:  # the disk is gone or unreadable: the next commit will tell
            self._disk.failed(str(error))

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # a broken disk: the next commit meets the same and tells
            self._files.roll_back()


def _insert(connection: sqlite3.Connection, lane: Lane, rows: list[FactRow]) -> None:
    start = 0
    for size in STATEMENT_ROWS:
        if len(rows) - start < size:
            continue
        statement = f"INSERT INTO fact_{lane} VALUES " + ",".join(["(?,?,?,?,?,?,?)"] * size)
        while len(rows) - start >= size:
            connection.execute(statement, tuple(chain.from_iterable(rows[start : start + size])))
            start += size
