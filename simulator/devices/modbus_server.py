"""A Modbus gateway on TCP: any number of units behind one address, with its cable to pull."""

import asyncio
import struct
from collections.abc import Mapping
from socket import SO_LINGER, SOL_SOCKET
from typing import Literal

from simulator.devices.modbus_frames import Answer, MbapFrames, RtuFrames
from simulator.devices.modbus_units import Unit
from simulator.ports import HeldPorts

Framing = Literal["mbap", "rtu"]
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ModbusTcpServer:
    """Serves `units` (by unit number) as Modbus TCP, or as RTU frames over TCP, as cheap serial servers do.

    Port 0 takes a free one; `port` tells which, and it is kept over `unplug` and `plug`.
    """

    def __init__(
        self, units: Mapping[int, Unit], *, host: str = "127.0.0.1", port: int = 0, framing: Framing = "mbap"
    ) -> None:
        self.units = units
        self.host = host
        self.port = port
        self.connections = 0
        """How many were accepted so far."""
        self.framing: Framing = framing
        self._server: asyncio.Server | None = None
        self._held = HeldPorts()
        self._open: set[_Connection] = set()

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        if not self.port:
            (self.port,) = self._held.take(1)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, self.host, self.port, reuse_address=True)

    async def stop(self) -> None:
        """Close the listener and every connection; the port is anybody's."""
        await self.unplug()
        self._held.close()

    async def plug(self) -> None:
        """The cable is back: listen again on the same port."""
        await self.start()

    async def unplug(self) -> None:
        """The gateway is gone: connections reset, new ones refused."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self.reset()
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    def reset(self) -> None:
        """Reset every connection (RST); new ones are welcome."""
        for connection in list(self._open):
            connection.reset()

    def _accept(self) -> "_Connection":
        self.connections += 1
        frames = MbapFrames(self.units) if self.framing == "mbap" else RtuFrames(self.units)
        return _Connection(frames, self._open)


class _Connection(asyncio.Protocol):
    """One client. Answers that are due later leave later; those of other units do not wait for them."""

    def __init__(self, frames: MbapFrames | RtuFrames, siblings: "set[_Connection]") -> None:
        self._frames = frames
        self._siblings = siblings
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._siblings.discard(self)

    def data_received(self, data: bytes) -> None:
        for answer in self._frames.heard(data):
            if answer.late_s:
                asyncio.get_running_loop().call_later(answer.late_s, self._send, answer)
            else:
                self._send(answer)
        if isinstance(self._frames, MbapFrames) and self._frames.is_lost and self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        if self._transport is not None:
            self._transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, RESET_ON_CLOSE)
            self._transport.abort()

    def _send(self, answer: Answer) -> None:
        if self._transport is not None:
            self._transport.write(answer.frame)
