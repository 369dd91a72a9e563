"""Frames by hand: what the contract says, not what our own client does."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def receive(self) -> dict[str, Any]:
        (length,) = struct.unpack(">I", await self.reader.readexactly(4))
        answer: dict[str, Any] = json.loads(await self.reader.readexactly(length))
        return answer

    async def ask(self, op: str, **args: object) -> dict[str, Any]:
        await self.send(frame({"v": 1, "id": 7, "op": op, "args": args}))
        return await self.receive()

    async def result(self, op: str, **args: object) -> Any:
        answer = await self.ask(op, **args)
        assert answer["ok"], answer
        return answer["result"]

    async def refusal(self, op: str, **args: object) -> str:
        answer = await self.ask(op, **args)
        assert not answer["ok"], answer
        return str(answer["error"]["code"])

    async def is_closed(self) -> bool:
        return await self.reader.read(1) == b""


def frame(message: object) -> bytes:
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()
