"""A small client of the daemon's local API, from the contract alone: length-prefixed JSON over its unix
socket.
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from config.messages import Texts

PREFIX = struct.Struct("!I")
LONGEST_REPLY = 64 * 1024 * 1024
VERSION = 1
PAGE = 5000


class ApiRefused(Exception):  # noqa: N818  it is an answer, not a failure
    """The daemon answered ok: false; `error` has the code, a text id, and its arguments."""

    def __init__(self, error: Any) -> None:
        super().__init__(error)
        self.error: dict[str, Any] = error if isinstance(error, dict) else {"code": str(error)}

    def told(self, texts: Texts) -> str:
        """Why, in words."""
        return texts.code(self.error.get("code", ""), self.error.get("args")).title

    def __str__(self) -> str:
        return str(self.error)


class Portion(msgspec.Struct, frozen=True):
    """Facts of a watch stream, oldest first; `dropped`: how many gave way before them."""

    facts: list[dict[str, Any]]
    dropped: int


class DaemonClient:
    """One connection to `DIR/lantai.sock`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._id = 0

    @classmethod
    async def connect(cls, path: Path) -> "DaemonClient":
        return cls(*await asyncio.open_unix_connection(str(path)))

    async def ask(self, op: str, **args: object) -> Any:
        """The result. Raises ApiRefused, or ConnectionError when the daemon is gone or breaks the framing."""
        self._id += 1
        body = msgspec.json.encode({"v": VERSION, "id": self._id, "op": op, "args": args})
        self._writer.write(PREFIX.pack(len(body)) + body)
        await self._writer.drain()
        reply = await self._frame()
        if not reply.get("ok"):
            raise ApiRefused(reply.get("error", reply))
        return reply["result"]

    async def watch(self) -> AsyncIterator[Portion]:
        """Committed facts as they come, for ever; the first portion is empty and says that watching began.

        The connection serves nothing else from then on.
        """
        await self.ask("watch")
        yield Portion([], 0)
        while True:
            frame = await self._frame()
            yield Portion(frame.get("facts", []), frame.get("dropped", 0))

    async def beliefs(self) -> list[tuple[str, str | None, float, str]]:
        """Every volume's top candidate: (volume, segment or None, confidence, status)."""
        found: list[tuple[str, str | None, float, str]] = []
        after: str | None = ""
        while after is not None:
            page = await self.ask("beliefs", after=after, limit=PAGE)
            found += [(volume, segment, conf, status) for volume, segment, conf, status in page["volumes"]]
            after = page["next"]
        return found

    async def _frame(self) -> Any:
        try:
            (length,) = PREFIX.unpack(await self._reader.readexactly(PREFIX.size))
            if length > LONGEST_REPLY:
                raise ConnectionError(f"reply of {length} bytes announced; at most {LONGEST_REPLY} is taken")
            return msgspec.json.decode(await self._reader.readexactly(length))
        except asyncio.IncompleteReadError as error:
            raise ConnectionError("the daemon closed its local API") from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
