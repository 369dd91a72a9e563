"""A control socket: one JSON object a line in, one a line out, in order. For the site, and whoever steers it.

Request {"op": NAME, ...arguments}; reply {"ok": true, "result": ...} or {"ok": false, "error": TEXT}.
"""

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

Answer = Callable[[str, dict[str, Any]], object]
"""(op, arguments) -> result, or an awaitable of it. Raises KeyError or ValueError with a sentence for who asked."""

LONGEST_LINE = 64 * 1024 * 1024  # the truth of 1,600,000 volumes fits
SOCKET_PATH_BYTES = 107  # sun_path of unix(7), less the closing zero


class ControlServer:
    """Serves a unix socket until closed."""

    def __init__(self, path: Path, answer: Answer) -> None:
        if len(str(path).encode()) > SOCKET_PATH_BYTES:
            raise ValueError(f"{path} is too long for a unix socket; give a run directory nearer to the root")
        self._path = path
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=LONGEST_LINE)

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for client in tuple(self._clients):
            client.close()
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self._reply(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, asyncio.LimitOverrunError, ValueError):
            pass  # the asker is gone, or sends no lines: nothing to answer
        finally:
            self._clients.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _reply(self, line: bytes) -> dict[str, object]:
        try:
            request = msgspec.json.decode(line, type=dict[str, Any])
            result = self._answer(str(request.pop("op")), request)
            return {"ok": True, "result": await result if inspect.isawaitable(result) else result}
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            return {"ok": False, "error": str(error.args[0]) if error.args else type(error).__name__}


class ControlError(Exception):
    """The far end of a control socket refused: the message says why."""


class ControlClient:
    """One connection to a control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, path: Path) -> "ControlClient":
        return cls(*await asyncio.open_unix_connection(str(path), limit=LONGEST_LINE))

    async def ask(self, op: str, **arguments: object) -> Any:
        """Raises ControlError when refused, ConnectionError when the far end is gone."""
        self._writer.write(msgspec.json.encode({"op": op, **arguments}) + b"\n")
        await self._writer.drain()
        line = await self._reader.readline()
        if not line:
            raise ConnectionError("the control socket was closed by the far end")
        reply = msgspec.json.decode(line)
        if not reply["ok"]:
            raise ControlError(reply["error"])
        return reply["result"]

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
