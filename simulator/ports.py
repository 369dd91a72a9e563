"""TCP ports of this machine that nobody else is given while they are held.

A port that was free a moment ago may be anybody's by the time a server listens there, and again while a broker or a
gateway is down: the system gives it to the next connection that wants one. A socket that is bound and never listens
keeps it. Whoever asks with SO_REUSEADDR, as all servers do here, may listen beside it; who connects meanwhile is
refused, as where nobody listens.
"""

import socket
from contextlib import ExitStack
from typing import Self

HERE = "127.0.0.1"


class HeldPorts:
    """Use as a context, or `close` it."""

    def __init__(self) -> None:
        self._held = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, count: int) -> list[int]:
        """So many free ports more, all different."""
        return [self._bound() for _ in range(count)]

    def close(self) -> None:
        """Let go of them."""
        self._held.close()

    def _bound(self) -> int:
        bound = self._held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HERE, 0))
        return int(bound.getsockname()[1])
