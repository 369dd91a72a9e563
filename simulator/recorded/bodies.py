"""Real LLRP message bodies of an Impinj Speedway and their decoded twins: framed again and served over TCP."""

import asyncio
import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import msgspec

from config.phrase import phrase
from simulator.trouble import BadFile

HEADER = struct.Struct("!HII")  # reserved 3 bits, version 3, type 10; length with header; message id
VERSION_1_0_1 = 1
TYPES = {
    "CloseConnectionResponse": 4,
    "GetAccessSpecsResponse": 54,
    "GetROSpecsResponse": 36,
    "GetReaderCapabilitiesResponse": 11,
    "GetReaderConfigResponse": 12,
    "ROAccessReport": 61,
    "ReaderEventNotification": 63,
}  # LLRP 1.0.1, 16.1


class Recorded(msgspec.Struct, frozen=True):
    """One recorded message: its file's name without suffix, its bytes with header, and its JSON twin."""

    name: str
    type: int
    frame: bytes
    twin: Any


def read_bodies(folder: Path) -> tuple[Recorded, ...]:
    """Every body of a folder in order of name, the message id counting from 1. Raises BadFile for an
    unknown name.
    """
    found = []
    for message_id, path in enumerate(sorted(folder.glob("*.bytes")), 1):
        kind = path.stem.rsplit("-", 1)[0]
        if kind not in TYPES:
            known = ", ".join(TYPES)
            raise BadFile(phrase("sim_no_such_body", file=path.name, kind=kind, known=known))
        body = path.read_bytes()
        header = HEADER.pack(VERSION_1_0_1 << 10 | TYPES[kind], HEADER.size + len(body), message_id)
        twin = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        found.append(Recorded(path.stem, TYPES[kind], header + body, twin))
    return tuple(found)


class BodyServer:
    """Sends every recorded message to whoever connects, in order, then closes; what the client says is read
    over.
    """

    def __init__(self, bodies: tuple[Recorded, ...]) -> None:
        self._bodies = bodies
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """The port it listens on (0 picks a free one)."""
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            for body in self._bodies:
                writer.write(body.frame)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
