"""A UHF reader that speaks LLRP 1.0.1 over TCP, and the ways in which real ones fail."""

import asyncio
import random
from collections.abc import Callable

from drivers.llrp.codec import header
from simulator.devices.llrp_connection import ANTENNA_EVENT, Box, Connection, Field
from simulator.ports import HERE, HeldPorts

CLIENT_HOLDS, ANOTHER_ATTEMPT = 2, 4  # ConnectionAttemptEvent
RO_ACCESS_REPORT = 61


class SimulatedReader:
    """One reader on loopback; it serves one client at a time and keeps nothing when that client goes."""

    def __init__(
        self,
        field: Field,
        *,
        antennas: int,
        utc_us: Callable[[], int],
        noise: random.Random,
        tags_a_message: int = 200,
        temperature_degc: Callable[[], int] | None = None,
    ) -> None:
        self._box = Box(field, antennas, utc_us, tags_a_message, temperature_degc=temperature_degc)
        self.port = 0
        self.connections = 0
        self._noise = noise
        self._server: asyncio.Server | None = None
        self._held = HeldPorts()
        self._client: Connection | None = None
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def is_held(self) -> bool:
        return self._client is not None

    async def start(self, port: int = 0) -> int:
        """Listen on loopback; the port taken, a free one for 0, kept over `unplug` and `plug`."""
        self.port = port or self._held.take(1)[0]
        self._server = await asyncio.start_server(self._serve, HERE, self.port)
        return self.port

    async def stop(self) -> None:
        """Close everything and wait for it; the port is anybody's."""
        await self._shut()
        self._held.close()

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        handlers = tuple(self._handlers)
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)

    # --- how readers fail -----------------------------------------------------------------------------------------

    def silence(self) -> None:
        """Say nothing more, but keep the socket open and accept new ones: a half-open link."""
        self._box.is_silent = True

    def speak(self) -> None:
        """End of silence()."""
        self._box.is_silent = False

    def refuse(self, *kinds: int) -> None:
        """Messages of these types are refused from now on; an ADD_ROSPEC only where it asks for more than usual."""
        self._box.refuses = set(kinds)

    def ignore(self, *kinds: int) -> None:
        """Messages of these types are never answered from now on."""
        self._box.ignores = set(kinds)

    def reset(self) -> None:
        """The connection is reset (RST); the reader listens on."""
        if self._client is not None:
            self._client.reset()

    def garbage(self, octets: int = 64) -> None:
        """Bytes that are no LLRP."""
        self.send(b"\xff" + self._noise.randbytes(octets - 1))

    def half_message(self) -> None:
        """The first half of a report, then silence."""
        self.send(header(RO_ACCESS_REPORT, 1, 400) + bytes(195))
        self.silence()

    def say(self, kind: int, body: bytes) -> None:
        """A message with this very body, e.g. a recorded one."""
        self.send(header(kind, 1, len(body)) + body)

    async def unplug(self) -> None:
        """The network cable is out: connections break, new ones are refused."""
        self.reset()
        await self._shut()

    async def plug(self) -> None:
        """The network cable is back, on the same port."""
        await self.start(self.port)

    async def restart(self, off_s: float) -> None:
        """Power off and on."""
        await self.unplug()
        await asyncio.sleep(off_s)
        self.speak()
        await self.plug()

    def unplug_antenna(self, antenna: int) -> None:
        """An antenna cable comes off."""
        self._box.unplugged.add(antenna)
        self._tell_antenna(antenna, 0)

    def plug_antenna(self, antenna: int) -> None:
        """An antenna cable is put back."""
        self._box.unplugged.discard(antenna)
        self._tell_antenna(antenna, 1)

    def _tell_antenna(self, antenna: int, state: int) -> None:
        if self._client is not None:
            self._client.event(ANTENNA_EVENT, AntennaEvent={"Event": state, "AntennaID": antenna})

    def send(self, data: bytes) -> None:
        """These very bytes, to whoever is connected."""
        if self._client is not None:
            self._client.write(data)

    # --- clients --------------------------------------------------------------------------------------------------

    async def _serve(self, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        client = Connection(self._box, outgoing)
        self.connections += 1
        try:
            if self._client is not None:
                client.greet(CLIENT_HOLDS)
                self._client.event(None, ConnectionAttemptEvent=ANOTHER_ATTEMPT)
                return
            self._client = client
            client.greet(0)
            await client.listen(incoming)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            await client.close()
            if self._client is client:
                self._client = None
            self._handlers.discard(task)
