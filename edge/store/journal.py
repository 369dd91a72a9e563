"""The store: journal, outbox, snapshots and a few values of one daemon, in one SQLite file with one writer.

One row per fact is both journal and outbox (docs/decisions/0010-outbox-is-a-cursor.md). All methods are for the event
loop's thread and never wait for the disk, except `open`, `flush`, `close` and the queries `facts`, `latest_snapshot`,
`trace` and `history`, which may be called from any thread.
"""

import contextlib
import math
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Self

from config.phrase import Said, phrase
from config.policy import Retention
from edge.state.facts import LANE_OF, Fact, Lane, type_name
from edge.store import retention as retention_rules
from edge.store import schema, snapshots
from edge.store.disk import MB, Disk, Level, Room
from edge.store.envelope import LaneHead, Sequencer
from edge.store.epoch import note_held, reseal
from edge.store.errors import StoreError, StoreFull
from edge.store.files import Files
from edge.store.gaps import Gaps
from edge.store.lock import StoreLock
from edge.store.reading import Entry, Row
from edge.store.refusal import refusal
from edge.store.snapshots import Snapshot
from edge.store.writer import Backlog, Writer

FULL_BYTES = 16 * MB  # queue beyond which readings are refused; never more than a quarter of the reserve
HUNG_S = 5.0  # a disk that took nothing for so long counts as one that refuses
RECENT_ROWS = 500
BATCH_ROWS = 200  # contracts.md section 1
BATCH_BYTES = 128 * 1024


class Store:
    """Open with `Store.open`. `boot`: this start's id, in every fact; `was_clean`: the last stop was orderly;
    `epoch`, `epoch_origin` (kept, new, copied, restored); `database`: its file."""

    def __init__(self, state_dir: Path, *, vault: str, cap_mb: int, reserve_mb: int, retention: Retention) -> None:
        self._lock = StoreLock(state_dir)
        self.database = state_dir / schema.FILE_NAME
        try:
            self._disk = Disk(state_dir, cap_mb * MB, reserve_mb * MB)
            self._files = Files(self.database, vault, self._disk)
        except BaseException:
            self._lock.release()
            raise
        found = self._files.found
        self._vault = vault
        self._retention = retention
        self.boot = uuid.uuid4().hex
        self.was_clean = found.meta.get("clean", "1") == "1"
        self._ledger = found.ledger
        self._journal = self._files.journal
        self._sequencer = Sequencer(vault, self.boot, found.n, found.heads, self._journal.recent_ids(RECENT_ROWS))
        self.epoch, self.epoch_origin = found.epoch
        if self._files.is_writable:
            self._disk.assess(self._files.connection())
        full_bytes = min(FULL_BYTES, reserve_mb * MB // 4)
        self._hard_bytes = 2 * full_bytes
        self._refused: Counter[str] = Counter()
        self._gaps = Gaps(vault, self.boot)
        self._writer = Writer(self._files, self._ledger, self._disk, self._thin, full_bytes)

    @classmethod
    def open(
        cls,
        state_dir: Path,
        *,
        vault: str,
        cap_mb: int,
        reserve_mb: int,
        retention: Retention,
        may_wait: bool = False,
    ) -> Self:
        """The store of `vault` in `state_dir`, which is made when it is not there.

        Raises StoreBusy when another daemon holds it, StoreError when the file is newer than this software, another
        vault's or not ours, or damaged, StoreFull when the disk takes nothing even of the reserve. With `may_wait` the
        last two open as well: at level `failed`, everything in memory until there is room, or for good (`is_held`).
        """
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
        store = cls(state_dir, vault=vault, cap_mb=cap_mb, reserve_mb=reserve_mb, retention=retention)
        if store.fault() and not may_wait:
            fault, is_held = store.fault(), store.is_held
            store.close()
            if is_held:
                raise StoreError("store_unusable", phrase("store_refused", path=str(store.database), detail=fault))
            raise refusal(store.database, fault)
        return store

    # --- facts in -------------------------------------------------------------------------------------------------

    def append(self, facts: Sequence[Fact], *, urgent: bool, done: Callable[[], None] | None) -> dict[Lane, int]:
        """Give the facts their places in the journal and queue them; the last sequence of each lane touched.

        `done` is called in the writer's thread after the commit, also of everything appended before. Where space is
        short, readings are refused before they have a sequence. Raises StoreFull, having taken nothing, when no other
        fact finds a place in the queue either: they have had their sequences, and a gap record will stand for them in
        each lane, which is what makes the platform ask for a snapshot. All that is refused is counted (`take_refused`).
        """
        backlog = self._writer.backlog()
        if self._disk.refuses_bulk or backlog.is_full:
            facts = self._without_readings(facts)
        if facts and backlog.bytes >= self._hard_bytes:
            self._refuse(facts)
        if self._gaps and backlog.bytes < self._hard_bytes:
            self._writer.put(*self._gaps.take(), urgent=False, done=None)
        rows, size = self._sequencer.rows(facts)
        self._writer.put(rows, size, urgent, done)
        return {lane: lane_rows[-1][0] for lane, lane_rows in rows.items()}

    @property
    def n(self) -> int:
        """Journal sequence of the last fact appended."""
        return self._sequencer.n

    def heads(self) -> dict[Lane, LaneHead]:
        """Last sequence and chain value given out per lane, committed or not."""
        return dict(self._sequencer.heads)

    def backlog(self) -> Backlog:
        """What waits for the disk."""
        return self._writer.backlog()

    def level(self) -> Level:
        """ok; capped: readings and events are thinned; reserve: no readings are taken; failed: nothing is written, all
        waits in memory as long as that has room."""
        return self._disk.level if self.is_alive and not self._is_hung() else "failed"

    def room(self) -> Room | None:
        """While the disk is on its reserve: what is free and what must be; else None."""
        return self._disk.room

    def fault(self) -> str:
        """What the disk said when the level became failed; else ''."""
        if self._is_hung() and not self._disk.fault:
            return f"the disk has taken nothing for {self.backlog().oldest_s:.0f} s"
        return self._disk.fault

    @property
    def is_alive(self) -> bool:
        """False after `close`, or when the writer's thread died of a bug."""
        return self._writer.is_alive

    @property
    def is_held(self) -> bool:
        """Nothing will be written until a person has acted and the daemon is started again."""
        return bool(self._files.held)

    def hold(self, why: Said) -> None:
        """Write nothing from now on, whatever comes: the journal is not what the state was made from. `failed` until
        the next start. To be called before the first fact."""
        self._files.held = str(StoreError("", why))
        self._disk.failed(self._files.held)

    def take_refused(self) -> dict[str, int]:
        """Facts refused since the last call, by type, to be reported as data gaps."""
        refused = dict(self._refused)
        self._refused.clear()
        return refused

    # --- the outbox -----------------------------------------------------------------------------------------------

    def committed(self) -> dict[Lane, int]:
        """Highest committed sequence per lane."""
        return self._ledger.committed()

    def read_lane(self, lane: Lane, first: int, max_rows: int = BATCH_ROWS, max_bytes: int = BATCH_BYTES) -> list[Row]:
        """Committed rows from `first` on; see Journal.read_lane."""
        return self._journal.read_lane(lane, first, max_rows, max_bytes)

    def chain_before(self, lane: Lane, first: int) -> bytes:
        """The chain value that row `first` was made from; ValueError where it is no longer held."""
        return self._journal.chain_before(lane, first)

    def acked(self, lane: Lane) -> int:
        """Highest sequence the platform acknowledged."""
        return self._ledger.acked(lane)

    def ack(self, lane: Lane, upto: int) -> None:
        """The platform has committed rows up to `upto`. Raises ValueError beyond what is committed here."""
        if self._ledger.ack(lane, upto):
            self._writer.put_ack(lane, upto)

    def rewind(self, lane: Lane, first: int) -> None:
        """Rows from `first` on are to be sent again. Raises ValueError for rows not held or never acknowledged."""
        self._ledger.rewind(lane, first)
        self._writer.put_ack(lane, first - 1)

    def first_held(self, lane: Lane) -> int:
        """Lowest sequence from which on every row is held; one past the head for an empty lane."""
        return self._ledger.first_held(lane)

    def thinned(self, lane: Lane) -> int:
        """Last row that a gap record stands for: 0 for none. When it grows, the platform needs a snapshot."""
        return self._ledger.thinned(lane)

    # --- recovery and questions -----------------------------------------------------------------------------------

    def facts(self, after_n: int) -> Iterator[tuple[int, Fact]]:
        """Every committed fact after journal sequence `after_n`, oldest first."""
        return self._journal.facts(after_n)

    def save_snapshot(self, body: bytes, n: int, layout: str, marks: Mapping[Lane, int]) -> None:
        """Keep the state after fact `n`, once that is on disk; the last three are kept. A snapshot that the disk
        refuses is given up and counted in `failed_chores`."""
        self._writer.add_chore(self._snapshot(body, n, layout, marks))

    def snapshots(self) -> Iterator[Snapshot]:
        """Those whose checksum is right, newest first."""
        return self._journal.snapshots()

    def latest_snapshot(self) -> Snapshot | None:
        """The newest whose checksum is right."""
        return next(self.snapshots(), None)

    def is_whole(self) -> bool:
        """Whether the journal holds everything from its first fact on; readings apart, for they come again."""
        lanes: tuple[Lane, ...] = ("alarm", "custody", "event")
        return all(self._ledger.first_held(lane) == 1 and not self._ledger.thinned(lane) for lane in lanes)

    def trace(self, volume: str) -> list[Entry]:
        """All that the journal says of a volume, oldest first."""
        return self._journal.trace(volume)

    def history(self, device: str, since_ns: int, limit: int, point: str = "") -> list[Entry]:
        """The newest `limit` facts of a device, actuator or zone, oldest first; with `point`, those that name it."""
        return self._journal.history(device, since_ns, limit, point)

    def first_broken_link(self, lane: Lane) -> int | None:
        """The first row of the lane whose chain value is wrong; None when all are right. Reads the whole lane."""
        return self._journal.first_broken_link(lane)

    def prune(self, now_ns: int) -> None:
        """Begin to delete acknowledged facts past their retention, in slices between commits."""
        self._writer.add_chore(self._prune(now_ns))

    @property
    def failed_chores(self) -> int:
        """How many snapshots and prunings the disk refused."""
        return self._writer.failed_chores

    # --- the end --------------------------------------------------------------------------------------------------

    def flush(self, within_s: float = math.inf) -> None:
        """Wait until everything appended is committed, snapshots, pruning and thinning done, or until the time is over.
        Not for the loop."""
        reached = threading.Event()
        until_s = time.monotonic() + within_s
        self._writer.add_chore(self._reach(reached))
        while not reached.wait(0.5) and time.monotonic() < until_s:
            if not self._writer.is_alive:
                raise StoreFull("store_full", phrase("store_writer_ended", path=str(self.database)))

    def close(self) -> None:
        """Write what waits, mark the stop as orderly and let go. Raises StoreFull when facts could not be written."""
        is_drained = self._writer.close()
        fault = self.fault()
        try:
            if is_drained and self._files.is_writable:
                with contextlib.suppress(sqlite3.Error, OSError):  # a full disk: the next start calls it unclean
                    reseal(self._connection, self.database, self.epoch, self.n)
                    self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', '1')")
        finally:
            self._files.close()
            self._lock.release()
        if not is_drained:
            raise refusal(self.database, fault)

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._files.connection()

    def _prune(self, now_ns: int) -> Iterator[None]:
        yield from retention_rules.prune(self._connection, self._ledger, self._retention, now_ns)

    def _snapshot(self, body: bytes, n: int, layout: str, marks: Mapping[Lane, int]) -> Iterator[None]:
        yield from snapshots.write(self._connection, body, n, layout, marks)
        note_held(self.database, n)

    def _reach(self, reached: threading.Event) -> Iterator[None]:
        """A chore that waits its turn, and for the thinning that the commits before it called for."""
        yield
        while self._disk.is_thinning and not self._disk.nothing_to_thin:
            yield
        reached.set()

    def _thin(self) -> bool:
        return retention_rules.thin(self._connection, self._ledger, self._vault, self.boot)

    def _is_hung(self) -> bool:
        return self._writer.backlog().oldest_s > HUNG_S

    def _without_readings(self, facts: Sequence[Fact]) -> list[Fact]:
        readings = [fact for fact in facts if LANE_OF[type(fact)] == "telemetry"]
        self._refused.update(map(type_name, readings))
        return [fact for fact in facts if LANE_OF[type(fact)] != "telemetry"]

    def _refuse(self, facts: Sequence[Fact]) -> NoReturn:
        self._refused.update(map(type_name, facts))
        self._gaps.stand_for(self._sequencer.rows(facts)[0])
        fault = self.fault() or f"{self.backlog().bytes} bytes wait, it is too slow for them"
        raise StoreFull("store_full", phrase("store_reserve_refused", path=str(self.database), fault=fault))
