"""The tool's end of the local API: one blocking connection."""

import itertools
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from edge.api.wire import PREFIX, REPLY_BYTES, SOCKET_NAME, Reply, framed
from edge.cli.trouble import NO_DAEMON, Trouble

Answer = TypeVar("Answer")
CONNECT_S = 5.0
ANSWER_S = 8.0  # what only looks is answered in milliseconds; a person must not wait for a daemon that hangs
ACT_S = 60.0  # the daemon itself gives up on an action after 30 s; of an import several are under way
_ACTING = frozenset({"act", "import"})
_reply = msgspec.json.Decoder(Reply)


class Daemon:
    """A connection to the daemon whose state directory this is. Raises Trouble when there is none."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / SOCKET_NAME
        self._ids = itertools.count(1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_S)
        try:
            self._socket.connect(str(self._path))
        except PermissionError:
            self._socket.close()
            raise Trouble("socket_forbidden", NO_DAEMON, socket=str(self._path)) from None
        except OSError as error:  # absent, refused, path too long: nobody listens there
            self._socket.close()
            raise Trouble("no_daemon", NO_DAEMON, socket=str(self._path), seen=error.strerror or str(error)) from None
        self._patience_s = ANSWER_S

    def ask(self, op: str, answer: type[Answer], **args: object) -> Answer:
        """The result as a record. Raises Trouble with the daemon's refusal, or when it goes away."""
        return msgspec.json.decode(self.ask_raw(op, **args), type=answer)

    def ask_raw(self, op: str, **args: object) -> msgspec.Raw:
        """The result as it came."""
        self._send(op, args)
        return self._receive().result

    def ask_in_turn(self, op: str, answer: type[Answer], requests: Iterable[dict[str, object]]) -> Iterator[Answer]:
        """The results of many requests, in order; the next one is on its way while the daemon works on this one."""
        waiting = 0
        for args in requests:
            self._send(op, args)
            waiting += 1
            if waiting > 1:
                yield msgspec.json.decode(self._receive().result, type=answer)
                waiting -= 1
        for _ in range(waiting):
            yield msgspec.json.decode(self._receive().result, type=answer)

    def watch(self) -> Iterator[tuple[tuple[dict[str, Any], ...], int]]:
        """Committed facts as they come, with how many were dropped before them; for ever."""
        self._send("watch", {})
        self._receive()
        self._socket.settimeout(None)
        while True:
            portion = self._receive()
            yield portion.facts, portion.dropped

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, op: str, args: dict[str, object]) -> None:
        self._patience_s = ACT_S if op in _ACTING else ANSWER_S
        self._socket.settimeout(self._patience_s)
        try:
            self._socket.sendall(framed({"v": 1, "id": next(self._ids), "op": op, "args": args}))
        except TimeoutError:
            raise self._silent() from None
        except OSError:
            self._receive()  # a refusal that was said before hanging up tells more
            raise self._gone() from None

    def _receive(self) -> Reply:
        (length,) = PREFIX.unpack(self._exactly(PREFIX.size))
        if length > REPLY_BYTES:
            raise self._gone()
        reply = _reply.decode(self._exactly(length))
        if reply.error is not None:
            raise Trouble(reply.error.code, **reply.error.args)
        return reply

    def _exactly(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count:
            try:
                part = self._socket.recv(min(count, 1 << 20))
            except TimeoutError:
                raise self._silent() from None
            except OSError:
                raise self._gone() from None
            if not part:
                raise self._gone()
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _silent(self) -> Trouble:
        return Trouble("daemon_silent", NO_DAEMON, socket=str(self._path), seconds=f"{self._patience_s:g}")

    def _gone(self) -> Trouble:
        return Trouble("daemon_gone", NO_DAEMON, socket=str(self._path))
