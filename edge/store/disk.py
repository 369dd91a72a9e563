"""How the disk stands: our own cap, the space that is left, and the reserve kept for what must never be lost."""

import contextlib
import errno
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Literal, NamedTuple

Level = Literal["ok", "capped", "reserve", "failed"]
MB = 1 << 20
RESERVE_FILE = "reserve"
THIN_TO = 0.95  # of the cap: thinning stops here
CALM_BELOW = 0.80  # of the cap: from here on the store is no longer called capped
REFILL_EVERY_S = 10.0
PROBE_BYTES = 256 * 1024  # a store that waited for the disk opens with less: its index, a few pages, the epoch's file
OUT_OF_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})


class Room(NamedTuple):
    """Space on the disk: `needed_mb` must be free before the level `reserve` is left."""

    free_mb: float
    needed_mb: float


class Disk:
    """Owned by the writer thread; other threads read `level` and `refuses_bulk`.

    The reserve is a preallocated file: deleting it is the one way of making space that needs none.
    """

    def __init__(self, state_dir: Path, cap_bytes: int, reserve_bytes: int) -> None:
        self._state_dir = state_dir
        self._cap_bytes = cap_bytes
        self._reserve_bytes = reserve_bytes
        self._reserve = state_dir / RESERVE_FILE
        self._has_reserve = self._reserve.is_file()  # whatever its size: it can be given up
        self._is_short = False
        self._is_capped = False
        self._refilled_s = -REFILL_EVERY_S
        self.is_thinning = False
        self.nothing_to_thin = False
        self.fault = ""
        self.level: Level = "ok"
        self.refuses_bulk = False
        self._free_bytes = 0

    @property
    def room(self) -> Room | None:
        """While the level is `reserve`: what was free when last looked at, and what must be; else None."""
        if self.level != "reserve":
            return None
        needed = self._reserve_bytes if self._has_reserve else 2 * self._reserve_bytes
        return Room(self._free_bytes / MB, needed / MB)

    def assess(self, connection: sqlite3.Connection) -> None:
        """Look at what we use and what is left. A few microseconds."""
        pages, free_pages, page_bytes = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        used = (pages - free_pages) * page_bytes
        self._free_bytes = free = shutil.disk_usage(self._state_dir).free
        self._refill(free)
        self._is_short = free < (self._reserve_bytes if self._is_short else self._reserve_bytes // 2)
        self.is_thinning = used > (THIN_TO if self.is_thinning else 1.0) * self._cap_bytes
        self._is_capped = self.is_thinning or (self._is_capped and used > CALM_BELOW * self._cap_bytes)
        if not self.is_thinning:
            self.nothing_to_thin = False
        self._settle()

    def release_reserve(self) -> bool:
        """Give the reserve's space to the next write; False when it was given already."""
        if not self._has_reserve:
            return False
        self._has_reserve = False
        self._refilled_s = time.monotonic()
        self._settle()  # told before there is room, so that no reading takes it
        try:
            self._reserve.unlink(missing_ok=True)
        except OSError:  # a disk that became read-only
            return False
        return True

    def failed(self, fault: str) -> None:
        """Not even the reserve could be written."""
        self.fault = fault
        self._settle()

    def works(self) -> None:
        """A transaction was committed."""
        if self.fault:
            self.fault = ""
            self._settle()

    def _refill(self, free: int) -> None:
        """Take the reserve when there is room for it twice over, so that it does not flap."""
        now_s = time.monotonic()
        if self._has_reserve and self._size_now() == self._reserve_bytes:
            return
        self._has_reserve = False
        if now_s - self._refilled_s < REFILL_EVERY_S or free < 2 * self._reserve_bytes:
            return
        self._refilled_s = now_s
        descriptor = os.open(self._reserve, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.posix_fallocate(descriptor, 0, self._reserve_bytes)
            self._has_reserve = True
        except OSError:  # whatever the reason, there is no reserve: the level says so until there is
            self._reserve.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def _size_now(self) -> int:
        try:
            return self._reserve.stat().st_size
        except FileNotFoundError:
            return 0

    def _settle(self) -> None:
        if self.fault:
            self.level = "failed"
        elif self._is_short or not self._has_reserve:
            self.level = "reserve"
        elif self._is_capped:
            self.level = "capped"
        else:
            self.level = "ok"
        self.refuses_bulk = self.level in {"reserve", "failed"} or (self.is_thinning and self.nothing_to_thin)


def is_out_of_space(error: Exception) -> bool:
    """Whether giving up the reserve can help: SQLite reports a full disk as FULL, or as IOERR where a sync, a
    truncation or its index met it."""
    if isinstance(error, OSError):
        return error.errno in OUT_OF_SPACE
    code = getattr(error, "sqlite_errorcode", None) or 0
    return (code & 0xFF) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


def is_trouble(error: Exception, state_dir: Path) -> bool:
    """Whether the disk is why a store did not open. SQLite says `cannot open` and `read-only` both where a file could
    not be made for want of space and where somebody else's mistake must be told: a probe tells them apart."""
    if is_out_of_space(error):
        return True
    code = getattr(error, "sqlite_errorcode", None) or 0
    if (code & 0xFF) not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
        return False
    try:
        probe(state_dir)
    except OSError as refused:
        return is_out_of_space(refused)
    return False


def probe(state_dir: Path) -> None:
    """Whether the disk takes anything at all. Raises OSError where it does not."""
    path = state_dir / "probe"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.posix_fallocate(descriptor, 0, PROBE_BYTES)
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            path.unlink()
