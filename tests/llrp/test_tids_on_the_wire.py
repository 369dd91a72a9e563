"""TIDs over a real socket: with every read of an Impinj reader, when they are asked for of a plain one."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from numpy.typing import NDArray

from drivers.command import CommandOutcome, Scan
from drivers.observation import DeviceNote, Searched, TagReads
from edge.field.reader_link import ReaderLink
from edge.state.events import DeviceLost, Event
from simulator.devices.llrp_reader import SimulatedReader
from tests.llrp.conftest import TAGS_AN_ANTENNA, Seen, config_of, two_shelves

ADD_ROSPEC, ADD_ACCESSSPEC, ENABLE_ACCESSSPEC = 20, 40, 42
SWEEP = Scan("c1", "reader-1", (2,), with_tids=True)


def with_chips(antenna: int, dwell_s: float) -> tuple[NDArray[np.uint8], ...]:
    """The two shelves; the i-th tag of antenna k has the chip k, i, and the last does not answer a read of it."""
    epc, rssi, count = two_shelves(antenna, dwell_s)
    tid = np.zeros((len(epc), 12), np.uint8)
    tid[:-1, :4] = np.frombuffer(bytes.fromhex("e2801191"), np.uint8)
    tid[:-1, 10], tid[:-1, 11] = antenna, np.arange(1, len(epc))
    return epc, rssi, count, tid


@asynccontextmanager
async def talking(*, is_impinj: bool, refuses: int = 0, ignores: int = 0) -> AsyncIterator[Seen]:
    """A link to a simulated reader of one make or the other."""
    reader = SimulatedReader(
        with_chips,
        antennas=4,
        utc_us=lambda: time.time_ns() // 1000,
        noise=random.Random(1),
        temperature_degc=(lambda: 40) if is_impinj else None,
    )
    reader.refuse(refuses)
    reader.ignore(ignores)
    await reader.start()
    events: list[Event] = []
    link = ReaderLink(config_of(reader), now=time.monotonic_ns, emit=events.append, jitter=random.Random(2))
    task = asyncio.create_task(link.run())
    try:
        yield Seen(link, events)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reader.stop()


def chips(reads: list[TagReads], antenna: int) -> set[str]:
    """TIDs told of the tags before an antenna."""
    told = [row for batch in reads if batch.tid is not None for row in batch.tid[batch.antenna == antenna]]
    return {row.tobytes().hex() for row in told if row.any()}


def expected(antenna: int) -> set[str]:
    return {f"e2801191000000000000{antenna:02x}{serial:02x}" for serial in range(1, TAGS_AN_ANTENNA)}


async def test_an_impinj_reader_tells_tid_phase_and_fine_rssi_with_every_read() -> None:
    async with talking(is_impinj=True) as seen:
        await seen.until_count(Searched, 4)
        reads = seen.of(TagReads)
        assert chips(reads, 1) == expected(1)
        assert all(batch.phase_rad is not None and batch.channel is not None for batch in reads)
        assert all(batch.crc is not None for batch in reads)
        assert sum(len(batch.epc) for batch in reads if (batch.antenna == 1).all()) % TAGS_AN_ANTENNA == 0
        assert seen.of(DeviceNote) == []


async def test_a_plain_reader_tells_tids_when_it_is_asked_and_only_then() -> None:
    async with talking(is_impinj=False) as seen:
        await seen.until_count(Searched, 4)
        assert all(batch.tid is None for batch in seen.of(TagReads))
        seen.link.submit(SWEEP)
        await seen.until_count(CommandOutcome, 2)
        assert [outcome.result for outcome in seen.of(CommandOutcome)] == ["sent", "done"]
        assert chips(seen.of(TagReads), 2) == expected(2)
        assert chips(seen.of(TagReads), 1) == set()
        later = len(seen.events)
        await seen.until_count(Searched, len(seen.of(Searched)) + 4)
        assert all(batch.tid is None for batch in seen.events[later:] if isinstance(batch, TagReads))
        assert seen.of(DeviceNote) == []


async def test_an_impinj_reader_that_refuses_the_selector_gets_the_plain_search_and_reads_tids_when_asked() -> None:
    async with talking(is_impinj=True, refuses=ADD_ROSPEC) as seen:
        await seen.until_count(Searched, 2)
        assert [note.code for note in seen.of(DeviceNote)] == ["llrp_content_refused"]
        assert all(batch.phase_rad is None for batch in seen.of(TagReads))
        seen.link.submit(SWEEP)
        await seen.until_count(CommandOutcome, 2)
        assert chips(seen.of(TagReads), 2) == expected(2)
        assert seen.of(DeviceLost) == []


async def test_a_reader_that_refuses_the_accessspec_searches_on() -> None:
    await fails_and_searches_on(refuses=ADD_ACCESSSPEC)


async def test_a_reader_that_never_answers_the_accessspec_searches_on() -> None:
    await fails_and_searches_on(ignores=ENABLE_ACCESSSPEC)


async def fails_and_searches_on(refuses: int = 0, ignores: int = 0) -> None:
    async with talking(is_impinj=False, refuses=refuses, ignores=ignores) as seen:
        await seen.until_count(Searched, 2)
        seen.link.submit(SWEEP)
        await seen.until_count(CommandOutcome, 1)
        (outcome,) = seen.of(CommandOutcome)
        assert (outcome.result, outcome.reason) == ("failed", "llrp_no_tids")
        await seen.until_count(Searched, len(seen.of(Searched)) + 4)
        assert [note.code for note in seen.of(DeviceNote)] == ["llrp_no_tids"]
        assert seen.of(DeviceLost) == []
