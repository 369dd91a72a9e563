"""Reading the journal: batches for the uplink, facts for recovery, what a person asks. Committed rows only."""
# ruff: noqa: S608 -- the names put into statements are the four lanes of edge.state.facts

import heapq
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from edge.state.chain import chain_next
from edge.state.facts import LANES, Fact, Lane
from edge.store import snapshots
from edge.store.envelope import fact_of, ident_of
from edge.store.ledger import Ledger
from edge.store.schema import open_reader
from edge.store.snapshots import Snapshot

CHUNK_ROWS = 500
HISTORY_LANES: tuple[Lane, ...] = ("event", "telemetry")


class Row(NamedTuple):
    """A committed row as it is sent. A gap record has the sequence and chain value of the last row it stands for."""

    seq: int
    body: bytes
    chain: bytes


class Entry(NamedTuple):
    """A committed fact as people look at it: `n` orders it among all lanes."""

    n: int
    lane: Lane
    seq: int
    fact: Fact


class Readers(NamedTuple):
    """Two connections that see committed rows, their text as bytes; one for both where there can be no more."""

    uplink: sqlite3.Connection
    queries: sqlite3.Connection

    @classmethod
    def open(cls, database: Path) -> Self:
        """Two of them."""
        uplink = open_reader(database)
        try:
            return cls(uplink, open_reader(database))
        except BaseException:
            uplink.close()
            raise

    def close(self) -> None:
        """Let go of the database."""
        self.uplink.close()
        self.queries.close()


class Journal:
    """Two read connections: one for the uplink in the loop's thread, one under a lock for everything else."""

    def __init__(self, readers: Readers, ledger: Ledger) -> None:
        self._ledger = ledger
        self._uplink, self._queries = readers
        self._lock = threading.Lock()
        self._uplink_lock = threading.Lock()

    def close(self) -> None:
        """Let go of the database. Waits for a question that is being answered."""
        with self._lock, self._uplink_lock:
            Readers(self._uplink, self._queries).close()

    def swap(self, change: Callable[[], Readers]) -> None:
        """Close the connections and read on from those that `change` opens; until then the uplink finds nothing."""
        with self._lock, self._uplink_lock:
            Readers(self._uplink, self._queries).close()
            self._uplink, self._queries = change()

    def read_lane(self, lane: Lane, first: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Rows from `first` on, at most so many rows and bytes of body, but at least one where there is one.

        Where `first` lies inside a gap record, that record comes first. Raises ValueError below `first_held`.
        One step of SQL whatever the number of rows, so the interpreter lock is handed over once.
        """
        first_held = self._ledger.first_held(lane)
        if first < first_held:
            raise ValueError(f"lane {lane}: row {first} is no longer held, the first is {first_held}")
        if not self._uplink_lock.acquire(blocking=False):  # being swapped in the writer's thread: the loop never waits
            return []
        try:
            seqs, chains, bodies = self._uplink.execute(
                "SELECT group_concat(seq), group_concat(hex(chain), ''), group_concat(CAST(body AS TEXT), char(10)) "
                "FROM (SELECT seq, chain, body, sum(length(body)) OVER (ORDER BY seq) AS total "
                f"FROM (SELECT seq, chain, body FROM fact_{lane} WHERE seq >= ? ORDER BY seq LIMIT ?)) "
                "WHERE total <= ? OR total = length(body)",
                (first, max_rows, max_bytes),
            ).fetchone()
        finally:
            self._uplink_lock.release()
        if seqs is None:
            return []
        raw = bytes.fromhex(chains.decode())
        width = 16
        return [
            Row(int(seq), body, raw[at * width : (at + 1) * width])
            for at, (seq, body) in enumerate(zip(seqs.split(b","), bodies.split(b"\n"), strict=True))
        ]

    def chain_before(self, lane: Lane, first: int) -> bytes:
        """The chain value that row `first` was made from. Raises ValueError where that row is no longer held."""
        first_held, base_chain, _ = self._ledger.base(lane)
        if first == first_held:
            return base_chain
        with self._uplink_lock:  # held for a moment at most; the other one for as long as somebody's history takes
            row = self._uplink.execute(f"SELECT chain FROM fact_{lane} WHERE seq = ?", (first - 1,)).fetchone()
        if first < first_held or row is None:
            raise ValueError(f"lane {lane}: row {first - 1} is not held, the first is {first_held}")
        return bytes(row[0])

    def facts(self, after_n: int) -> Iterator[tuple[int, Fact]]:
        """Every fact after journal sequence `after_n`, oldest first, all lanes merged."""
        streams = [self._lane_facts(lane, after_n) for lane in LANES]
        for n, type_name, at_ns, body in heapq.merge(*streams, key=_by_n):
            if type_name != "gap":
                yield n, fact_of(body, type_name, at_ns)

    def trace(self, volume: str) -> list[Entry]:
        """All that the journal says of a volume, oldest first; catalogue lines are looked through, not indexed."""
        needle = msgspec.json.encode(volume)
        return self._entries(
            "custody",
            "SELECT n, seq, type, at_ns, body FROM fact_custody WHERE subject = ? UNION ALL "
            "SELECT n, seq, type, at_ns, body FROM fact_custody WHERE type = 'volumes_catalogued' "
            "AND instr(body, ?) ORDER BY seq",
            (volume, b"[" + needle + b","),
        )

    def history(self, device: str, since_ns: int, limit: int, point: str = "") -> list[Entry]:
        """The newest `limit` facts of a device, actuator or zone since then, oldest first; with `point`, only those
        that name it."""
        needle = msgspec.json.encode(point) if point else b""
        found: list[Entry] = []
        for lane in HISTORY_LANES:
            found += self._entries(
                lane,
                f"SELECT n, seq, type, at_ns, body FROM fact_{lane} WHERE subject = ? AND at_ns >= ? "
                "AND (? = x'' OR instr(body, ?)) ORDER BY seq DESC LIMIT ?",
                (device, since_ns, needle, needle, limit),
            )
        return sorted(found, key=lambda entry: entry.n)[-limit:] if limit > 0 else []

    def snapshots(self) -> Iterator[Snapshot]:
        """The whole ones whose checksum is right, newest first, each read when it is asked for."""
        with self._lock:
            numbers = snapshots.whole(self._queries)
        for number in numbers:
            with self._lock:
                found = snapshots.read(self._queries, number)
            if found is not None:
                yield found

    def first_broken_link(self, lane: Lane) -> int | None:
        """The first row whose chain value does not follow from the row before it; None when all do."""
        first, chain, _ = self._ledger.base(lane)
        while rows := self.read_lane(lane, first, CHUNK_ROWS, 1 << 24):
            for row in rows:
                is_gap = row.body[39:53] == b'","type":"gap"'
                if row.seq < first or (not is_gap and (row.seq != first or chain_next(chain, row.body) != row.chain)):
                    return row.seq
                first, chain = row.seq + 1, row.chain
        return None

    def recent_ids(self, rows: int) -> list[str]:
        """The ids of the last so many rows of each lane, as hex digits."""
        return [
            ident_of(body)
            for lane in LANES
            for (body,) in self._queries.execute(
                f"SELECT substr(body, 1, 40) FROM fact_{lane} ORDER BY seq DESC LIMIT ?", (rows,)
            ).fetchall()
        ]

    def last_row(self, lane: Lane) -> tuple[int, int, bytes]:
        """seq, n and chain value of the last row, or of the one before the first where none is held."""
        row = self._queries.execute(f"SELECT seq, n, chain FROM fact_{lane} ORDER BY seq DESC LIMIT 1").fetchone()
        if row:
            return row[0], row[1], row[2]
        first_held, base_chain, base_n = self._ledger.base(lane)
        return first_held - 1, base_n, base_chain

    def _entries(self, lane: Lane, statement: str, values: tuple[object, ...]) -> list[Entry]:
        with self._lock:
            rows = self._queries.execute(statement, values).fetchall()
        return [
            Entry(n, lane, seq, fact_of(body, type_name.decode(), at_ns)) for n, seq, type_name, at_ns, body in rows
        ]

    def _lane_facts(self, lane: Lane, after_n: int) -> Iterator[tuple[int, str, int, bytes]]:
        seq = self._seq_after(lane, after_n)
        while True:
            with self._lock:
                rows: list[tuple[int, int, bytes, int, bytes]] = self._queries.execute(
                    f"SELECT seq, n, type, at_ns, body FROM fact_{lane} WHERE seq >= ? ORDER BY seq LIMIT ?",
                    (seq, CHUNK_ROWS),
                ).fetchall()
            if not rows:
                return
            for _, n, type_name, at_ns, body in rows:
                yield n, type_name.decode(), at_ns, body
            seq = rows[-1][0] + 1

    def _seq_after(self, lane: Lane, after_n: int) -> int:
        """The lowest sequence whose n lies after `after_n`: n grows with seq, so halving finds it without an index."""
        low, high = 0, self._ledger.committed()[lane] + 1
        while low < high:
            middle = (low + high) // 2
            with self._lock:
                found = self._queries.execute(
                    f"SELECT seq, n FROM fact_{lane} WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,)
                ).fetchone()
            if found is None or found[1] > after_n:
                high = middle
            else:
                low = found[0] + 1
        return low


def _by_n(row: tuple[int, str, int, bytes]) -> int:
    return row[0]
