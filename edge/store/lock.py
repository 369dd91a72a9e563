"""One daemon per state directory: an advisory lock that the kernel releases when its holder dies."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from config.phrase import os_reason, phrase
from edge.store.errors import StoreBusy, StoreError


class StoreLock:
    """Holds `<state_dir>/lock` from construction to `release`. Raises StoreBusy, naming the holder, when taken,
    StoreError where the directory takes no files from this login, or is read-only and has no lock yet."""

    def __init__(self, state_dir: Path) -> None:
        path = state_dir / "lock"
        # The file is never unlinked: a second process could then lock a new one while the first still holds the old.
        self._descriptor = _opened(path)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StoreBusy(
                "store_busy",
                phrase("store_in_use", state_dir=str(state_dir), holder=holder),
            ) from None
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same, its holder has no name
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next daemon in."""
        os.close(self._descriptor)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except PermissionError as error:
        said = phrase("store_not_ours_to_write", path=str(path), fault=os_reason(error))
        raise StoreError("store_no_permission", said) from None
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        if not path.exists():
            said = phrase("store_on_read_only_disk", path=str(path), fault=os_reason(error))
            raise StoreError("store_read_only", said) from None
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a disk the system gave up is locked as well as any
