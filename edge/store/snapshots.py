"""Snapshots of the state, kept in the journal's own database so that a copy or a restore never parts the two.

A body is written in parts of 1 MB, one short transaction each, so that alarms commit in between; it counts once its
last transaction says it is whole.
"""
# ruff: noqa: S608 -- statements are put together from constants of this file

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from edge.state.facts import Lane

KEPT = 3
PART_BYTES = 1 << 20
_decode_marks = msgspec.json.Decoder(dict[Lane, int]).decode


class Snapshot(NamedTuple):
    """The state after fact `n`; `layout` names the places its body speaks of, `marks` the lanes at that moment."""

    n: int
    layout: str
    marks: dict[Lane, int]
    body: bytes


def write(
    connection: sqlite3.Connection, body: bytes, n: int, layout: str, marks: Mapping[Lane, int]
) -> Iterator[None]:
    """Store a snapshot; yields after each part, outside any transaction. Older ones beyond the last three go."""
    encoded_marks = msgspec.json.encode(marks, order="sorted").decode()
    checksum = _checksum(n, layout, encoded_marks, body)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM snapshot_part WHERE snapshot IN (SELECT id FROM snapshot WHERE NOT is_whole)")
    connection.execute("DELETE FROM snapshot WHERE NOT is_whole")
    cursor = connection.execute(
        "INSERT INTO snapshot (n, layout, marks, checksum, is_whole) VALUES (?, ?, ?, ?, 0)",
        (n, layout, encoded_marks, checksum),
    )
    number = cursor.lastrowid
    connection.execute("COMMIT")
    view = memoryview(body)
    for part, start in enumerate(range(0, len(view), PART_BYTES)):
        connection.execute(
            "INSERT INTO snapshot_part VALUES (?, ?, ?)", (number, part, view[start : start + PART_BYTES])
        )
        yield
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE snapshot SET is_whole = 1 WHERE id = ?", (number,))
    outdated = "SELECT id FROM snapshot WHERE is_whole ORDER BY id DESC LIMIT -1 OFFSET ?"
    connection.execute(f"DELETE FROM snapshot_part WHERE snapshot IN ({outdated})", (KEPT,))
    connection.execute(f"DELETE FROM snapshot WHERE id IN ({outdated})", (KEPT,))
    connection.execute("COMMIT")
    yield


def whole(connection: sqlite3.Connection) -> list[int]:
    """The numbers of the snapshots that were written to their end, newest first."""
    rows = connection.execute("SELECT id FROM snapshot WHERE is_whole ORDER BY id DESC").fetchall()
    return [number for (number,) in rows]


def read(connection: sqlite3.Connection, number: int) -> Snapshot | None:
    """The snapshot of this number; None where its checksum is wrong or it is gone. `connection` as of open_reader."""
    row = connection.execute("SELECT n, layout, marks, checksum FROM snapshot WHERE id = ?", (number,)).fetchone()
    parts = connection.execute("SELECT body FROM snapshot_part WHERE snapshot = ? ORDER BY part", (number,)).fetchall()
    if row is None:
        return None
    n, layout, marks, checksum = row
    body = b"".join(part for (part,) in parts)
    if _checksum(n, layout.decode(), marks.decode(), body) != checksum:
        return None
    return Snapshot(n, layout.decode(), _decode_marks(marks), body)


def oldest_kept_n(connection: sqlite3.Connection) -> int:
    """Facts after this one must stay, to rebuild the state; 0 while there is no snapshot: then all must."""
    row = connection.execute("SELECT min(n) FROM snapshot WHERE is_whole").fetchone()
    return int(row[0] or 0)


def _checksum(n: int, layout: str, marks: str, body: bytes) -> bytes:
    head = f"{n}\0{layout}\0{marks}\0".encode()
    return (
        hashlib.blake2b(head, digest_size=16, key=b"snapshot").digest() + hashlib.blake2b(body, digest_size=16).digest()
    )
