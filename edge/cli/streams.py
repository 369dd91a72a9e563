"""stdout and stderr of a command: what they do not take never ends it, and no character of it can."""

import errno
import io
import os
import select
import sys
from typing import Any, TextIO


class Outlet(io.FileIO):
    """A descriptor whose writer meets no error. `fault`: why it took something no more; an answer then ends there, as
    one with a hole in it would be read as whole, while messages go on as soon as there is room again."""

    def __init__(self, descriptor: int, *, is_answer: bool, fault: OSError | None) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._is_answer = is_answer
        self.fault = fault

    def write(self, some: Any, /) -> int:
        """As much as the system took, or all of it where it refuses."""
        if self.fault is None or not self._is_answer:
            try:
                while True:
                    taken = super().write(some)
                    if taken is not None:
                        return taken
                    select.select((), (self,), ())  # another program made the descriptor non-blocking
            except OSError as error:
                self.fault = error
        return memoryview(some).nbytes


def own_streams() -> None:
    """Put an Outlet below sys.stdout and sys.stderr. A descriptor that came closed is held by /dev/null, so that no
    socket or database gets its number."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is None:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
    closed = OSError(errno.EBADF, os.strerror(errno.EBADF))
    sys.stdout = _over(sys.stdout, Outlet(1, is_answer=True, fault=None if sys.stdout else closed), "replace")
    sys.stderr = _over(sys.stderr, Outlet(2, is_answer=False, fault=None), "backslashreplace")


def fault_of_stdout() -> OSError | None:
    """Why the answer could not be written to its end; None where it was."""
    sys.stdout.flush()
    below = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return below.fault if isinstance(below, Outlet) else None


def _over(stream: TextIO | None, outlet: Outlet, errors: str) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=stream.encoding if stream else "utf-8",
        errors=errors,
        line_buffering=outlet.fileno() == 2 or outlet.isatty(),
    )
