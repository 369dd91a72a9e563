"""A simulated reader, a link to it, and what the link emits."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from config.devices import Reader
from drivers.llrp.device import LlrpSession
from drivers.observation import Searched
from edge.field.reader_link import ReaderLink
from edge.state.events import Event
from simulator.devices.llrp_reader import SimulatedReader
from tests.unhurried import unhurried

TAGS_AN_ANTENNA = 25


def two_shelves(antenna: int, dwell_s: float) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Antenna k sees 25 tags that start with k, the i-th ends with i, at -40 - i dBm, i + 1 times."""
    assert dwell_s > 0
    epc = np.zeros((TAGS_AN_ANTENNA, 12), np.uint8)
    epc[:, 0] = antenna
    epc[:, 11] = np.arange(TAGS_AN_ANTENNA)
    rssi = (-40 - np.arange(TAGS_AN_ANTENNA)).astype(np.float32)
    return epc, rssi, np.arange(1, TAGS_AN_ANTENNA + 1).astype(np.uint16)


@pytest.fixture
async def simulated() -> AsyncIterator[SimulatedReader]:
    wall_ns = unhurried().wall_ns
    reader = SimulatedReader(
        two_shelves,
        antennas=4,
        utc_us=lambda: wall_ns() // 1000,
        noise=random.Random(1),
        tags_a_message=10,
    )
    await reader.start()
    yield reader
    await reader.stop()


@dataclass
class Seen:
    """A running link and everything it emitted, in order."""

    link: ReaderLink
    events: list[Event] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, is_so: Callable[[], bool], within_s: float = 5.0) -> float:
        """Wait until `is_so`; how long it took in seconds of the loop's clock."""
        loop = unhurried()
        started_s = loop.time()
        while not is_so():
            assert loop.time() - started_s < within_s, f"not within {within_s} s; last: {self.events[-5:]}"
            await asyncio.sleep(0.01)
        return loop.time() - started_s

    async def until_count(self, kind: type, count: int, within_s: float = 5.0) -> float:
        return await self.until(lambda: len(self.of(kind)) >= count, within_s)


def config_of(simulated: SimulatedReader, **changed: Any) -> Reader:
    settings: dict[str, Any] = {
        "id": "reader-1",
        "host": "127.0.0.1",
        "port": simulated.port,
        "segments": ("s1", "s2"),
        "dwell_ms": 20,
        "keepalive_s": 0.1,
    }
    return Reader(**(settings | changed))


@pytest.fixture
async def seen(simulated: SimulatedReader) -> AsyncIterator[Seen]:
    """A link that runs against the simulated reader with 0.1 s keepalives; stopped politely afterwards."""
    events: list[Event] = []
    link = ReaderLink(config_of(simulated), now=unhurried().monotonic_ns, emit=events.append, jitter=random.Random(2))
    task = asyncio.create_task(link.run())
    yield Seen(link, events)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def conversation(simulated: SimulatedReader) -> list[tuple[bool, bytes]]:
    """(from the reader?, bytes) of one of our sessions, from greeting to goodbye."""
    said: list[tuple[bool, bytes]] = []
    incoming, outgoing = await asyncio.open_connection("127.0.0.1", simulated.port)
    session = LlrpSession(config_of(simulated))
    turn = session.opened(unhurried().monotonic_ns())
    searched = 0
    while searched < 2:
        data = await incoming.read(65536)
        said.append((True, data))
        turn = session.received(data, unhurried().monotonic_ns())
        searched += sum(isinstance(record, Searched) for record in turn.records)
        for request in turn.send:
            said.append((False, request))
            outgoing.write(request)
    for request in session.closing(unhurried().monotonic_ns()).send:
        said.append((False, request))
        outgoing.write(request)
    while data := await incoming.read(65536):
        said.append((True, data))
    outgoing.close()
    await outgoing.wait_closed()
    return said
