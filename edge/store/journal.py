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
from typing import Self

from config.phrase import phrase
from config.policy import Retention
from edge.state.facts import (
    LANE_OF,
    LANES,
    ClockJumped,
    ClockVouched,
    CommandEnded,
    CommandIntended,
    DaemonStarted,
    DataGap,
    Fact,
    Lane,
    type_name,
)
from edge.store import retention as retention_rules
from edge.store import schema, snapshots
from edge.store.disk import Disk, Level
from edge.store.envelope import LaneHead, Sequencer
from edge.store.epoch import Epoch, note_held, reseal, settle
from edge.store.errors import StoreFull
from edge.store.ledger import Ledger, load_ledger
from edge.store.lock import StoreLock
from edge.store.reading import Entry, Journal, Row
from edge.store.snapshots import Snapshot
from edge.store.writer import Backlog, Writer

MB = 1 << 20
FULL_BYTES = 16 * MB  # queue beyond which readings are refused; never more than a quarter of the reserve
RECENT_ROWS = 500
BATCH_ROWS = 200  # contracts.md section 1
BATCH_BYTES = 128 * 1024
ALWAYS_TAKEN = frozenset(
    {kind for kind, lane in LANE_OF.items() if lane in {"alarm", "custody"}}
    | {CommandIntended, CommandEnded, ClockJumped, ClockVouched, DaemonStarted, DataGap}
)
"""What the reserve is for: alarms, custody, intents, and the few rare facts that explain the others."""


class Store:
    """Open with `Store.open`. `boot`: this start's id, in every fact; `was_clean`: the last stop was orderly;
    `epoch`, `epoch_origin` (kept, new, copied, restored)."""

    def __init__(self, state_dir: Path, *, vault: str, cap_mb: int, reserve_mb: int, retention: Retention) -> None:
        self._lock = StoreLock(state_dir)
        self._database = state_dir / schema.FILE_NAME
        try:
            self._connection = schema.open_database(self._database, vault)
        except BaseException:
            self._lock.release()
            raise
        self._vault = vault
        self._retention = retention
        self.boot = uuid.uuid4().hex
        self._meta = schema.read_meta(self._connection)
        self.was_clean = self._meta.get("clean", "1") == "1"
        self._ledger: Ledger = load_ledger(self._connection)
        self._journal = Journal(self._database, self._ledger)
        heads: dict[Lane, LaneHead] = {}
        n = snapshots.oldest_kept_n(self._connection)
        for lane in LANES:
            seq, last_n, chain = self._journal.last_row(lane)
            heads[lane] = LaneHead(seq, chain)
            n = max(n, last_n)
        self._sequencer = Sequencer(vault, self.boot, n, heads, self._journal.recent_ids(RECENT_ROWS))
        settled: Epoch = settle(self._connection, self._database, n)
        self.epoch, self.epoch_origin = settled
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', '0')")
        self._disk = Disk(state_dir, cap_mb * MB, reserve_mb * MB)
        self._disk.assess(self._connection)
        full_bytes = min(FULL_BYTES, reserve_mb * MB // 4)
        self._hard_bytes = 2 * full_bytes
        self._refused: Counter[str] = Counter()
        self._writer = Writer(self._connection, self._ledger, self._disk, self._thin, full_bytes)

    @classmethod
    def open(cls, state_dir: Path, *, vault: str, cap_mb: int, reserve_mb: int, retention: Retention) -> Self:
        """The store of `vault` in `state_dir`, which is made when it is not there.

        Raises StoreBusy when another daemon holds it, StoreError when the file is newer than this software, another
        vault's or not ours.
        """
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
        return cls(state_dir, vault=vault, cap_mb=cap_mb, reserve_mb=reserve_mb, retention=retention)

    # --- facts in -------------------------------------------------------------------------------------------------

    def append(self, facts: Sequence[Fact], *, urgent: bool, done: Callable[[], None] | None) -> dict[Lane, int]:
        """Give the facts their places in the journal and queue them; the last sequence of each lane touched.

        `done` is called in the writer's thread after the commit, also of everything appended before. Where space is
        short, readings and events are refused and counted (`take_refused`) before they have a sequence. Raises
        StoreFull, having taken nothing, when even alarms no longer find a place in the queue.
        """
        if self._disk.refuses_bulk or self.backlog().is_full:
            facts = self._admitted(facts)
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
        """ok; capped: readings and events are thinned; reserve: only alarms, custody and intents are taken; failed:
        not even these are written, they wait in memory."""
        return self._disk.level if self._writer.is_alive else "failed"

    def fault(self) -> str:
        """What the disk said when the level became failed; else ''."""
        return self._disk.fault

    def take_refused(self) -> dict[str, int]:
        """Facts refused since the last call, by type, e.g. to report them as data gaps."""
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

    def latest_snapshot(self) -> Snapshot | None:
        """The newest whose checksum is right."""
        return self._journal.newest_snapshot()

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
        self._writer.add_chore(retention_rules.prune(self._connection, self._ledger, self._retention, now_ns))

    @property
    def failed_chores(self) -> int:
        """How many snapshots and prunings the disk refused."""
        return self._writer.failed_chores

    def meta_get(self, key: str) -> str | None:
        """A value kept across starts, as put last."""
        return self._meta.get(f"daemon.{key}")

    def meta_put(self, key: str, value: str) -> None:
        """Keep a value; it is on disk within 0.2 s."""
        self._meta[f"daemon.{key}"] = value
        self._writer.put_meta(f"daemon.{key}", value)

    # --- the end --------------------------------------------------------------------------------------------------

    def flush(self, within_s: float = math.inf) -> None:
        """Wait until everything appended is committed, snapshots, pruning and thinning done, or until the time is over.
        Not for the loop."""
        reached = threading.Event()
        until_s = time.monotonic() + within_s
        self._writer.add_chore(self._reach(reached))
        while not reached.wait(0.5) and time.monotonic() < until_s:
            if not self._writer.is_alive:
                raise StoreFull("store_full", phrase("store_writer_ended", path=str(self._database)))

    def close(self) -> None:
        """Write what waits, mark the stop as orderly and let go. Raises StoreFull when facts could not be written."""
        is_drained = self._writer.close()
        try:
            if is_drained:
                with contextlib.suppress(sqlite3.Error, OSError):  # a full disk: the next start calls it unclean
                    reseal(self._connection, self._database, self.epoch, self.n)
                    self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', '1')")
            self._journal.close()
        finally:
            self._connection.close()
            self._lock.release()
        if not is_drained:
            raise StoreFull("store_full", phrase("store_unwritten", path=str(self._database), fault=self._disk.fault))

    def _snapshot(self, body: bytes, n: int, layout: str, marks: Mapping[Lane, int]) -> Iterator[None]:
        yield from snapshots.write(self._connection, body, n, layout, marks)
        note_held(self._database, n)

    def _reach(self, reached: threading.Event) -> Iterator[None]:
        """A chore that waits its turn, and for the thinning that the commits before it called for."""
        yield
        while self._disk.is_thinning and not self._disk.nothing_to_thin:
            yield
        reached.set()

    def _thin(self) -> bool:
        return retention_rules.thin(self._connection, self._ledger, self._vault, self.boot)

    def _admitted(self, facts: Sequence[Fact]) -> list[Fact]:
        taken = [fact for fact in facts if type(fact) in ALWAYS_TAKEN]
        if not self._disk.refuses_bulk:  # only the queue is full: readings give way, events do not
            taken = [fact for fact in facts if LANE_OF[type(fact)] != "telemetry"]
        if taken and self._disk.fault and self.backlog().bytes >= self._hard_bytes:
            raise StoreFull(
                "store_full",
                phrase("store_reserve_refused", path=str(self._database), fault=self._disk.fault),
            )
        kept = set(map(id, taken))
        self._refused.update(type_name(fact) for fact in facts if id(fact) not in kept)
        return taken
