"""The epoch: a UUID that is new whenever the store is new, restored or copied.

The platform commits facts by (vault, epoch, lane, sequence). Were an older copy of the store to go on under the same
epoch, one key would name two facts. What is compared, and against what, stands in docs/decisions/0011-epoch.md.
"""

import os
import sqlite3
import uuid
from pathlib import Path
from typing import NamedTuple

import msgspec

FILE_NAME = "epoch"
MACHINE_ID = Path("/etc/machine-id")


class Seal(msgspec.Struct, frozen=True):
    """What the sidecar file `epoch` says of the database beside it.

    tokens   values of meta `token` that are right; two only while a new one is on its way into the database
    n        the database held at least this journal sequence
    machine, database_inode, directory_inode   where it lay
    """

    epoch: str
    tokens: tuple[str, ...]
    n: int
    machine: str
    database_inode: int
    directory_inode: int


class Epoch(NamedTuple):
    """`origin`: kept, new, copied or restored."""

    uuid: str
    origin: str


def settle(connection: sqlite3.Connection, database: Path, head_n: int) -> Epoch:
    """Keep the store's epoch, or give it a new one where the sidecar shows that it is not the store it was."""
    epoch = judge(connection, database, head_n)
    reseal(connection, database, epoch.uuid, head_n)
    return epoch


def judge(connection: sqlite3.Connection, database: Path, head_n: int) -> Epoch:
    """The epoch that `settle` would settle on; writes nothing."""
    meta = dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('epoch', 'token')").fetchall())
    origin = _origin(meta, _read_seal(database), database, head_n)
    return Epoch(meta["epoch"] if origin == "kept" else str(uuid.uuid4()), origin)


def reseal(connection: sqlite3.Connection, database: Path, epoch: str, head_n: int) -> None:
    """Give database and sidecar a new token, so that every copy taken before is recognised as one.

    A crash between the steps leaves a sidecar that accepts both tokens: it is never taken for a copy.
    """
    row = connection.execute("SELECT value FROM meta WHERE key = 'token'").fetchone()
    token = str(uuid.uuid4())
    _write_seal(database, epoch, (row[0], token) if row else (token,), head_n)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (epoch,))
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('token', ?)", (token,))
    connection.execute("COMMIT")
    _write_seal(database, epoch, (token,), head_n)


def note_held(database: Path, n: int) -> None:
    """The database now holds journal sequence `n`: one that holds less is an older copy."""
    seal = _read_seal(database)
    if seal is not None:
        _replace_seal(database, msgspec.structs.replace(seal, n=n))


def _origin(meta: dict[str, str], seal: Seal | None, database: Path, head_n: int) -> str:
    if "epoch" not in meta:
        return "new"
    if seal is None or seal.epoch != meta["epoch"]:
        return "copied"
    here = (_machine(), database.stat().st_ino, database.parent.stat().st_ino)
    if here != (seal.machine, seal.database_inode, seal.directory_inode):
        return "copied"
    if meta.get("token") not in seal.tokens or head_n < seal.n:
        return "restored"
    return "kept"


def _machine() -> str:
    """The machine's id; '' where the system has none. Device numbers are not used: they change from boot to boot."""
    return MACHINE_ID.read_text(encoding="ascii").strip() if MACHINE_ID.is_file() else ""


def _read_seal(database: Path) -> Seal | None:
    path = database.with_name(FILE_NAME)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Seal)
    except (FileNotFoundError, msgspec.DecodeError):
        return None  # without a readable seal the store cannot be told from a copy


def _write_seal(database: Path, epoch: str, tokens: tuple[str, ...], head_n: int) -> None:
    seal = Seal(epoch, tokens, head_n, _machine(), database.stat().st_ino, database.parent.stat().st_ino)
    _replace_seal(database, seal)


def _replace_seal(database: Path, seal: Seal) -> None:
    path = database.with_name(FILE_NAME)
    unfinished = path.with_name(f"{FILE_NAME}.part")
    with unfinished.open("wb") as file:
        file.write(msgspec.json.encode(seal))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # the rename is on disk before the database takes the new token
    finally:
        os.close(directory)
