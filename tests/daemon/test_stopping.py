"""The daemon stops in order and in no time, whatever is under way."""

import asyncio
from pathlib import Path

from config.devices import Bus
from edge.field.bus_link import BusLink
from edge.state.facts import AlarmRaised, DaemonStarted, DeviceWasLost
from simulator.devices.modbus_server import ModbusTcpServer
from simulator.devices.modbus_units import XyMd02
from tests.daemon.live import journal, running, until
from tests.daemon.small_site import site_in
from tests.modbus.watched import Watched, sensor
from tests.unhurried import unhurried


async def test_a_polite_stop_takes_no_time_leaves_no_alarm_and_the_next_start_knows_that_it_was_orderly(
    tmp_path: Path,
) -> None:
    async with site_in(tmp_path) as site:
        loaded = site.loaded()
        for _ in range(2):
            async with running(loaded, site.state_dir) as live:
                await live.all_ok("reader-1", "th-1", "th-2", "th-3", "leak-1", "board-1")
                started_s = unhurried().time()
                assert await live.stop() == 0
                assert unhurried().time() - started_s < 3.0  # far from POLITE_S: nothing had to be left behind
        assert not (site.state_dir / "lantai.sock").exists()
        await until(lambda: not site.reader.is_held, "the reader is free for others")
        facts = journal(site.state_dir, loaded)
    assert [fact.clean for fact in facts if isinstance(fact, DaemonStarted)] == [True, True]
    assert not [fact for fact in facts if isinstance(fact, DeviceWasLost | AlarmRaised)]


async def test_a_bus_that_is_stopped_in_the_moment_of_an_answer_stops() -> None:
    server = ModbusTcpServer({1: XyMd02()})
    await server.start()
    seen = Watched(Bus(id="b", transport="tcp", host=server.host, port=server.port), [sensor("th-1", 1)])
    link: BusLink = seen.link
    task = asyncio.create_task(link.run())
    await seen.until(lambda: seen.values("th-1"))
    assert link._line._client is not None
    hear = link._line._on_packet

    def hear_and_stop(sending: bool, packet: bytes) -> bytes:
        if not sending:
            asyncio.get_running_loop().call_soon(task.cancel)
        return hear(sending, packet)

    link._line._client.ctx.trace_packet = hear_and_stop
    done, _ = await asyncio.wait({task}, timeout=20.0)
    await server.stop()
    assert done == {task}
    assert task.cancelled()
