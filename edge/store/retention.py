"""What leaves the journal: acknowledged rows past their time, and at the disk cap the oldest readings and events.

Everything goes in slices of one short transaction each, and each slice is a few SQL statements whatever its size: a
statement per row would hand the interpreter lock over per row (docs/decisions/0013-one-statement-per-commit.md).
Rows newer than the oldest kept snapshot never go: they are needed to rebuild the state.
"""
# ruff: noqa: S608 -- the names put into statements are the four lanes of edge.state.facts

import hashlib
import sqlite3
from collections.abc import Iterator

import msgspec

from config.policy import Retention
from edge.state.facts import LANE_OF, LANES, Lane
from edge.store.envelope import gap_body, tag_of
from edge.store.ledger import Ledger
from edge.store.snapshots import oldest_kept_n

DAY_NS = 86_400_000_000_000
SLICE_ROWS = 1000
THINNED_LANES: tuple[Lane, ...] = ("telemetry", "event")  # in this order; alarm and custody never


class _Gap(msgspec.Struct):
    first: int
    first_chain: str


class _GapEnvelope(msgspec.Struct):
    data: _Gap


_decode_gap = msgspec.json.Decoder(_GapEnvelope).decode
_TYPE_LANES: dict[str, Lane] = {tag_of(kind): lane for kind, lane in LANE_OF.items()}


def prune(connection: sqlite3.Connection, ledger: Ledger, retention: Retention, now_ns: int) -> Iterator[None]:
    """Delete acknowledged rows past their retention; yields after each slice, outside any transaction."""
    _forget_cursors_of_another_policy(connection, retention)
    for lane in LANES:
        exceptions = sorted(name for name in retention.types if _TYPE_LANES.get(name) == lane)
        default_days = int(getattr(retention, f"{lane}_days"))
        kinds = [("", default_days), *((name, retention.types[name]) for name in exceptions)]
        for name, days in kinds:
            while _prune_slice(connection, ledger, lane, name, exceptions, now_ns - days * DAY_NS):
                yield


def _prune_slice(
    connection: sqlite3.Connection,
    ledger: Ledger,
    lane: Lane,
    name: str,
    exceptions: list[str],
    cutoff_ns: int,
) -> bool:
    """One window of rows of one retention class ('' is the lane's own); False when there is nothing more to do.

    The window begins where the class was last pruned up to, so rows that stay longer are not read again each time.
    """
    key = f"prune.{lane}.{name}"
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    cursor = int(row[0]) if row else 0
    marks = ",".join("?" * len(exceptions))
    belongs = "type = ?" if name else f"type NOT IN ({marks})"
    of_class = (name,) if name else tuple(exceptions)
    last, young, count, doomed = connection.execute(
        f"SELECT max(seq), min(seq) FILTER (WHERE {belongs} AND at_ns >= ?), "
        f"count(*) FILTER (WHERE {belongs} AND at_ns < ?), max(seq) FILTER (WHERE {belongs} AND at_ns < ?) "
        f"FROM (SELECT seq, type, at_ns FROM fact_{lane} WHERE seq > ? AND seq <= ? AND n <= ? "
        "ORDER BY seq LIMIT ?)",
        (
            *of_class, cutoff_ns, *of_class, cutoff_ns, *of_class, cutoff_ns,
            cursor, ledger.acked(lane), oldest_kept_n(connection), SLICE_ROWS,
        ),
    ).fetchone()  # fmt: skip
    if last is None:
        return False
    reached = last if young is None else young - 1
    connection.execute("BEGIN IMMEDIATE")
    if count:
        if not _cut(connection, ledger, lane, doomed):
            connection.execute("ROLLBACK")
            return False
        connection.execute(
            f"DELETE FROM fact_{lane} WHERE seq > ? AND seq <= ? AND {belongs} AND at_ns < ?",
            (cursor, doomed, *of_class, cutoff_ns),
        )
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(reached)))
    connection.execute("COMMIT")
    return bool(count) or young is None


def thin(connection: sqlite3.Connection, ledger: Ledger, vault: str, boot: str) -> bool:
    """Free one slice at the disk cap; False when nothing may go.

    Acknowledged rows are deleted before their time; rows still waiting are replaced by one gap record at the last
    row's sequence, so that the lane stays without a hole and its chain goes on.
    """
    keep_n = oldest_kept_n(connection)
    return any(
        _drop_acknowledged(connection, ledger, lane, keep_n)
        or _replace_by_gap(connection, ledger, lane, keep_n, vault, boot)
        for lane in THINNED_LANES
    )


def _drop_acknowledged(connection: sqlite3.Connection, ledger: Ledger, lane: Lane, keep_n: int) -> bool:
    last = connection.execute(
        f"SELECT max(seq) FROM (SELECT seq FROM fact_{lane} WHERE seq <= ? AND n <= ? ORDER BY seq LIMIT ?)",
        (ledger.acked(lane), keep_n, SLICE_ROWS),
    ).fetchone()[0]
    if last is None:
        return False
    connection.execute("BEGIN IMMEDIATE")
    if not _cut(connection, ledger, lane, last):
        connection.execute("ROLLBACK")
        return False
    connection.execute(f"DELETE FROM fact_{lane} WHERE seq <= ?", (last,))
    connection.execute("COMMIT")
    return True


def _replace_by_gap(
    connection: sqlite3.Connection, ledger: Ledger, lane: Lane, keep_n: int, vault: str, boot: str
) -> bool:
    after = max(ledger.acked(lane), ledger.thinned(lane))
    first, last = connection.execute(
        f"SELECT min(seq), max(seq) FROM (SELECT seq FROM fact_{lane} WHERE seq > ? AND n <= ? ORDER BY seq LIMIT ?)",
        (after, keep_n, SLICE_ROWS),
    ).fetchone()
    if first is None or first == last:
        return False
    n, at_ns, last_chain = connection.execute(
        f"SELECT n, at_ns, chain FROM fact_{lane} WHERE seq = ?", (last,)
    ).fetchone()
    begins, first_chain = _begin(connection, lane, first)
    gap: dict[str, str | int] = {
        "first": begins,
        "last": last,
        "count": last - begins + 1,
        "first_chain": first_chain.hex(),
        "last_chain": last_chain.hex(),
    }
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"DELETE FROM fact_{lane} WHERE seq BETWEEN ? AND ?", (first, last))
    connection.execute(
        f"INSERT INTO fact_{lane} VALUES (?, ?, 'gap', ?, NULL, ?, ?)",
        (last, n, at_ns, last_chain, gap_body(vault, boot, at_ns, gap, lane)),
    )
    connection.execute("UPDATE lane SET thinned = ? WHERE name = ?", (last, lane))
    connection.execute("COMMIT")
    ledger.thin(lane, last)
    return True


def _begin(connection: sqlite3.Connection, lane: Lane, row: int) -> tuple[int, bytes]:
    """The first sequence that a row stands for, and the chain value there: a row that is a gap record itself stands for
    those before it as well."""
    kind, chain, body = connection.execute(
        f"SELECT type, chain, body FROM fact_{lane} WHERE seq = ?", (row,)
    ).fetchone()
    if kind != "gap":
        return row, chain
    gap = _decode_gap(body).data
    return gap.first, bytes.fromhex(gap.first_chain)


def _cut(connection: sqlite3.Connection, ledger: Ledger, lane: Lane, upto: int) -> bool:
    """Inside a transaction that is about to delete rows up to `upto`: move the start of what is held."""
    chain, n = connection.execute(f"SELECT chain, n FROM fact_{lane} WHERE seq = ?", (upto,)).fetchone()
    if not ledger.cut(lane, upto, chain, n):
        return False
    first_held, base_chain, base_n = ledger.base(lane)
    connection.execute(
        "UPDATE lane SET first_held = ?, base_chain = ?, base_n = ? WHERE name = ?",
        (first_held, base_chain, base_n, lane),
    )
    return True


def _forget_cursors_of_another_policy(connection: sqlite3.Connection, retention: Retention) -> None:
    """A cursor says "this class is pruned up to here", which is true of the classes it was made for only."""
    classes = ",".join(sorted(retention.types))
    named = hashlib.blake2b(classes.encode(), digest_size=8).hexdigest()
    row = connection.execute("SELECT value FROM meta WHERE key = 'prune'").fetchone()
    if row and row[0] == named:
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM meta WHERE key LIKE 'prune.%'")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('prune', ?)", (named,))
    connection.execute("COMMIT")
