"""Two kinds of failure. Weather is the links' own business; bugs end here, and nowhere else is every exception caught.

In field, platform and view a task that fails is started again, at most 3 times in 5 minutes, ever later; in the step
at once: actuators to their safe state, exit non-zero, the service manager restarts.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from edge.state.events import Event, Started, Tick, encoder

log = logging.getLogger(__name__)
RESTART_PAUSES_S = (1.0, 5.0, 20.0)  # wire time; one per restart, so their number is the most there may be
RESTART_WINDOW_S = 300.0
CRASHES_TO_QUARANTINE = 2
TIMES = frozenset({"at_ns", "from_ns", "to_ns", "first_utc_ns", "last_utc_ns"})
"""Fields of events that only say when: the same reads a minute later are the same event."""
Result = TypeVar("Result")


class BugError(Exception):
    """The daemon must stop: what failed is in the message, what it was doing in __cause__."""


async def keep(name: str, task: Callable[[], Coroutine[Any, Any, None]], pauses_s: Sequence[float]) -> None:
    """Run a task for ever, after a failure again with these pauses. Raises BugError when it failed once more than there
    are pauses in 5 minutes, or ended by itself."""
    loop = asyncio.get_running_loop()
    failures: list[float] = []
    while True:
        try:
            await task()
        except BugError:  # the step's: at once, whatever the count
            raise
        except Exception as error:
            now = loop.time()
            failures = [at for at in failures if now - at < RESTART_WINDOW_S] + [now]
            if len(failures) > len(pauses_s):
                raise BugError(
                    f"{name}: failed {len(failures)} times in {RESTART_WINDOW_S:.0f} s: {error!r}"
                ) from error
            pause_s = pauses_s[len(failures) - 1]
            log.exception("%s: bug, started again in %g s (%d of %d)", name, pause_s, len(failures), len(pauses_s))
            await asyncio.sleep(pause_s)
        else:
            raise BugError(f"{name}: ended by itself; it should run until it is stopped")


class StepGuard:
    """Runs the step; a failure is written down with its event before it goes up as a BugError. An event that was in the
    step at two successive crashes of the same software is passed over until a polite stop; but time and the start
    itself never are: a daemon that skips them is deaf, so one that cannot take them stays down in the safe state."""

    def __init__(self, state_dir: Path, software: str) -> None:
        self._path = state_dir / "crash"
        self._software = hashlib.blake2b(software.encode(), digest_size=8).hexdigest()
        self._crashes: dict[str, int] = {}
        with contextlib.suppress(OSError, ValueError):
            digest, count, of = self._path.read_text().split()
            if of == self._software:  # another version may have no such bug: it hears everything again
                self._crashes[digest] = int(count)

    def is_quarantined(self, event: Event) -> bool:
        """True for an event that ended the daemon twice in a row. Costs nothing while there was no crash."""
        if not self._crashes or isinstance(event, Tick | Started):
            return False
        return self._crashes.get(_digest(event), 0) >= CRASHES_TO_QUARANTINE

    def forget(self) -> None:
        """A polite stop: the crashes before it are not successive to any after it."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def run(self, step: Callable[[], Result], event: Event) -> Result:
        """step(), or BugError."""
        try:
            return step()
        except Exception as error:
            digest = _digest(event)
            with contextlib.suppress(OSError):  # a full disk must not turn this into a failure that is tried again
                self._path.write_text(f"{digest} {self._crashes.get(digest, 0) + 1} {self._software}\n")
            raise BugError(f"step: {type(event).__name__} could not be taken: {error!r}") from error


def _digest(event: Event) -> str:
    """Names an event regardless of when it came."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__ if name not in TIMES}
    return hashlib.blake2b(encoder.encode((type(event).__name__, fields)), digest_size=16).hexdigest()


def notify(state: str) -> None:
    """Tell the service manager (sd_notify): READY=1, WATCHDOG=1, STOPPING=1. Nothing where there is none."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
        sender.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
