"""One daemon per state directory: an advisory lock that the kernel releases when its holder dies."""

import fcntl
import os
from pathlib import Path

from config.phrase import phrase
from edge.store.errors import StoreBusy


class StoreLock:
    """Holds `<state_dir>/lock` from construction to `release`. Raises StoreBusy, naming the holder, when taken."""

    def __init__(self, state_dir: Path) -> None:
        path = state_dir / "lock"
        # The file is never unlinked: a second process could then lock a new one while the first still holds the old.
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StoreBusy(
                "store_busy",
                phrase("store_in_use", state_dir=str(state_dir), holder=holder),
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next daemon in."""
        os.close(self._descriptor)
