"""BusLink against the simulated gateway over real sockets."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

import pytest

from config.devices import Bus
from drivers.command import Switch
from simulator.devices.modbus_server import Framing, ModbusTcpServer
from simulator.devices.modbus_units import LeakRope, RelayBoard8, RsWsN01, Unit, XyMd02
from tests.modbus.watched import board, sensor, watched


@asynccontextmanager
async def gateway(units: Mapping[int, Unit], framing: Framing = "mbap") -> AsyncIterator[ModbusTcpServer]:
    server = ModbusTcpServer(units, framing=framing)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def bus_to(server: ModbusTcpServer) -> Bus:
    transport: Literal["tcp", "rtu_over_tcp"] = "tcp" if server.framing == "mbap" else "rtu_over_tcp"
    return Bus(id="b", transport=transport, host=server.host, port=server.port)


def open_valve(name: str, *, on: bool = True, toward_safety: bool = False) -> Switch:
    return Switch(name, "board", "relay-3", on=on, toward_safety=toward_safety)


@pytest.mark.parametrize("framing", ["mbap", "rtu"])
async def test_four_kinds_of_devices_behind_one_address_are_read_in_their_units(framing: Framing) -> None:
    units: dict[int, Unit] = {
        1: XyMd02(temperature_degc=-20.5, humidity_pct=45.3),
        2: RsWsN01(temperature_degc=21.4, humidity_pct=52.0),
        3: LeakRope(leak_at_m=12.0, leakage_ua=80),
        4: RelayBoard8(),
    }
    async with (
        gateway(units, framing) as server,
        watched(
            bus_to(server), sensor("a", 1), sensor("b", 2, "rs-ws-n01"), sensor("c", 3, "leak-rope"), board("d", 4)
        ) as seen,
    ):
        await seen.until(lambda: seen.active("d", "relay-8") and seen.active("c", "leak"))
        assert seen.values("a")[0] == (-20.5, 45.3)
        assert seen.values("b")[0] == (52.0, 21.4)
        assert seen.values("c")[0] == (12.0, 0.0, 80.0, 30.0)
        assert seen.active("c", "leak")[0] is True
        assert seen.active("d", "relay-1")[0] is False
        assert [seen.changes(name) for name in "abcd"] == [["back"]] * 4


async def test_one_silent_unit_is_lost_once_asked_rarely_and_does_not_slow_the_nine_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="edge.field")
    units: dict[int, Unit] = {number: XyMd02(temperature_degc=10 + number) for number in range(1, 11)}
    units[5].faults.is_silent = True
    names = [f"th-{number}" for number in range(1, 11)]
    specs = [sensor(name, number, period_s=0.5) for number, name in enumerate(names, 1)]
    async with gateway(units) as server, watched(bus_to(server), *specs) as seen:
        await asyncio.sleep(5.0)
        assert seen.changes("th-5") == ["silent"]
        assert server.connections == 1
        for number, name in enumerate(names, 1):
            if number != 5:
                assert seen.changes(name) == ["back"]
                assert seen.largest_gap_s(name) <= 1.5 * 0.5 + 0.15  # the machine's own hiccups
                assert set(seen.values(name)) == {(10.0 + number, 50.0)}
    tries = [record.levelno for record in caplog.records if "th-5 (unit 5): timeout" in record.getMessage()]
    assert 3 <= len(tries) <= 6  # at 0, 0.5 and 1 s, then after 0.75, 1.5 and 3 s more; unbroken it would be ten
    assert tries[0] == logging.WARNING
    assert set(tries[1:]) == {logging.DEBUG}


async def test_a_unit_that_speaks_again_is_back_with_its_values() -> None:
    unit = XyMd02()
    unit.faults.is_silent = True
    async with (
        gateway({1: unit, 2: XyMd02()}) as server,
        watched(bus_to(server), sensor("a", 1), sensor("b", 2)) as seen,
    ):
        await seen.until(lambda: seen.changes("a") == ["silent"])
        assert seen.values("a") == []
        unit.faults.is_silent = False
        await seen.until(lambda: seen.values("a"))
        assert seen.changes("a") == ["silent", "back"]


async def test_a_late_answer_is_never_taken_for_the_next_one() -> None:
    """Asked at 0 and, in vain, again at 0.3 s; the answer of 0.45 s carries the first one's transaction number."""
    late = XyMd02(temperature_degc=11.0)
    late.faults.late_s = 0.45
    async with gateway({1: late}) as server, watched(bus_to(server), sensor("a", 1, period_s=0.1)) as seen:
        await asyncio.sleep(0.2)
        late.temperature_degc = 22.0  # the answer to what was asked before still says 11.0
        await asyncio.sleep(0.32)
        late.faults.late_s = 0.0
        await seen.until(lambda: len(seen.values("a")) >= 3)
        assert {values[0] for values in seen.values("a")} == {22.0}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("wrong_unit", "answers_of_another_unit"), ("corrupt", "corrupt_answers"), ("busy", "device_busy")],
)
@pytest.mark.parametrize("framing", ["mbap", "rtu"])
async def test_wrong_answers_become_no_values_and_then_a_loss_that_says_why(
    framing: Framing, fault: str, reason: str
) -> None:
    bad = XyMd02()
    bad.faults.answers_as = 2 if fault == "wrong_unit" else None
    bad.faults.is_corrupt = fault == "corrupt"
    bad.faults.is_busy = fault == "busy"
    units = {1: bad, 2: XyMd02(temperature_degc=30.0)}
    async with gateway(units, framing) as server, watched(bus_to(server), sensor("a", 1), sensor("b", 2)) as seen:
        await seen.until(lambda: seen.changes("a"))
        assert seen.changes("a") == [reason]
        assert seen.values("a") == []
        assert {values[0] for values in seen.values("b")} == {30.0}
        assert seen.changes("b") == ["back"]


async def test_a_device_that_is_busy_for_a_moment_is_neither_zero_nor_lost() -> None:
    unit = XyMd02(temperature_degc=19.0)
    async with gateway({1: unit}) as server, watched(bus_to(server), sensor("a", 1)) as seen:
        await seen.until(lambda: seen.values("a"))
        unit.faults.is_busy = True
        await asyncio.sleep(0.8)
        unit.faults.is_busy = False
        known = len(seen.values("a"))
        await seen.until(lambda: len(seen.values("a")) > known)
        assert set(seen.values("a")) == {(19.0, 50.0)}
        assert seen.changes("a") == ["back"]


async def test_a_unit_the_gateway_cannot_reach_is_silent_and_not_alive() -> None:
    """The gateway's exception 11 is its own word, not the unit's."""
    async with gateway({2: XyMd02()}) as server, watched(bus_to(server), sensor("a", 1), sensor("b", 2)) as seen:
        await seen.until(lambda: seen.changes("a") == ["silent"])
        assert seen.values("a") == []


async def test_a_reset_connection_is_opened_again_before_anybody_is_lost() -> None:
    async with gateway({1: XyMd02()}) as server, watched(bus_to(server), sensor("a", 1)) as seen:
        await seen.until(lambda: seen.values("a"))
        server.reset()
        known = len(seen.values("a"))
        await seen.until(lambda: len(seen.values("a")) >= known + 2, within_s=2.0)
        assert server.connections == 2
        assert seen.changes("a") == ["back"]


async def test_an_unplugged_gateway_loses_its_units_once_and_gives_them_back_within_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    units = {1: XyMd02(), 2: XyMd02()}
    async with gateway(units) as server, watched(bus_to(server), sensor("a", 1), sensor("b", 2)) as seen:
        await seen.until(lambda: seen.values("a") and seen.values("b"))
        await server.unplug()
        await seen.until(lambda: len(seen.changes("a")) == 2 and len(seen.changes("b")) == 2)
        assert seen.changes("a") == seen.changes("b") == ["back", "line_down"]
        await server.plug()
        await seen.until(lambda: len(seen.changes("a")) == 3 and len(seen.changes("b")) == 3, within_s=3.0)
        assert seen.changes("a") == ["back", "line_down", "back"]
    warned = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert sum("cannot be opened" in record.getMessage() for record in warned) == 1
    assert not [record for record in warned if record.name.startswith("pymodbus")]


async def test_a_server_that_throws_everybody_out_is_not_hammered() -> None:
    thrown = 0

    async def throw_out(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal thrown
        thrown += 1
        writer.close()

    server = await asyncio.start_server(throw_out, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        bus = Bus(id="b", transport="tcp", host="127.0.0.1", port=port)
        async with watched(bus, sensor("a", 1)) as seen:
            await seen.until(lambda: seen.changes("a") == ["line_down"])
            assert thrown <= 8


async def test_an_order_is_carried_out_and_read_back() -> None:
    relays = RelayBoard8()
    async with gateway({4: relays}) as server, watched(bus_to(server), board("board", 4)) as seen:
        await seen.until(lambda: seen.active("board", "relay-3"))
        seen.link.submit(open_valve("c1"))
        await seen.until(lambda: seen.outcome("c1"))
        assert seen.outcome("c1") == ("done", "")
        assert relays.relays == [False, False, True, False, False, False, False, False]
        assert seen.active("board", "relay-3")[-1] is True


async def test_an_order_that_may_not_go_is_refused_and_does_not_end_the_one_under_way() -> None:
    relays = RelayBoard8()
    async with gateway({4: relays}) as server, watched(bus_to(server), board("board", 4)) as seen:
        await seen.until(lambda: seen.active("board", "relay-3"))
        seen.may = lambda _: "zone_wet"
        seen.link.submit(open_valve("close", on=True, toward_safety=True))
        seen.link.submit(open_valve("open", on=False))
        await seen.until(lambda: seen.outcome("close") and seen.outcome("open"))
        assert seen.outcome("open") == ("refused", "zone_wet")
        assert seen.outcome("close") == ("done", "")
        assert relays.writes == 1


async def test_the_interlock_is_asked_again_right_before_the_write() -> None:
    """It said yes when the order was taken, and no when its turn on the line had come."""
    relays = RelayBoard8()
    async with gateway({4: relays}) as server, watched(bus_to(server), board("board", 4)) as seen:
        await seen.until(lambda: seen.active("board", "relay-3"))
        verdicts = ["", "zone_wet"]
        seen.may = lambda _: verdicts.pop(0)
        seen.link.submit(open_valve("c1"))
        await seen.until(lambda: seen.outcome("c1"))
        assert seen.outcome("c1") == ("refused", "zone_wet")
        assert (verdicts, relays.writes) == ([], 0)


async def test_an_order_that_was_overtaken_before_its_turn_is_never_written() -> None:
    relays = RelayBoard8()
    async with gateway({4: relays}) as server, watched(bus_to(server), board("board", 4)) as seen:
        await seen.until(lambda: seen.active("board", "relay-3"))
        seen.link.submit(open_valve("open"))
        seen.link.submit(open_valve("close", on=False, toward_safety=True))
        await seen.until(lambda: seen.outcome("close"))
        assert seen.outcome("open") == ("failed", "superseded")
        assert seen.outcome("close") == ("done", "")
        assert relays.writes == 1


async def test_a_stuck_relay_fails_the_order_because_the_read_back_disagrees() -> None:
    relays = RelayBoard8(stuck={2})
    async with gateway({4: relays}) as server, watched(bus_to(server), board("board", 4)) as seen:
        await seen.until(lambda: seen.active("board", "relay-3"))
        seen.link.submit(open_valve("c1"))
        await seen.until(lambda: seen.outcome("c1"))
        assert seen.outcome("c1") == ("failed", "read_back_differs")
        assert relays.writes == 1
        assert set(seen.active("board", "relay-3")) == {False}


async def test_orders_to_a_silent_board_an_unknown_one_and_a_dead_line_end_with_their_reason() -> None:
    relays = RelayBoard8()
    relays.faults.is_silent = True
    async with gateway({4: relays}) as server, watched(bus_to(server), board("board", 4)) as seen:
        seen.link.submit(open_valve("silent", toward_safety=True))
        seen.link.submit(Switch("stranger", "nobody", "relay-1", on=True, toward_safety=False))
        await seen.until(lambda: seen.outcome("silent") and seen.outcome("stranger"))
        assert seen.outcome("silent") == ("timed_out", "no_answer")
        assert seen.outcome("stranger") == ("refused", "no_such_device")
        await server.unplug()
        await seen.until(lambda: seen.changes("board"))
        await asyncio.sleep(0.5)
        seen.link.submit(open_valve("cut"))
        await seen.until(lambda: seen.outcome("cut"), within_s=1.0)
        assert seen.outcome("cut") == ("failed", "line_down")


async def test_an_order_goes_before_the_polls_that_wait() -> None:
    """Nine silent units have their polls queued; the order still goes with the next request."""
    relays = RelayBoard8()
    units: dict[int, Unit] = {4: relays, **{number: XyMd02() for number in range(10, 19)}}
    for number in range(10, 19):
        units[number].faults.is_silent = True
    specs = [sensor(f"th-{number}", number, period_s=5.0) for number in range(10, 19)]
    async with gateway(units) as server, watched(bus_to(server), board("board", 4), *specs) as seen:
        await seen.until(lambda: seen.active("board", "relay-3"))
        seen.link.submit(open_valve("c1"))
        await seen.until(lambda: seen.outcome("c1"), within_s=0.8)
        assert seen.outcome("c1") == ("done", "")


async def test_a_leak_is_reported_within_two_polls() -> None:
    rope = LeakRope()
    async with gateway({3: rope}) as server, watched(bus_to(server), sensor("leak", 3, "leak-rope")) as seen:
        await seen.until(lambda: seen.active("leak", "leak"))
        rope.leak_at_m = 7.0
        await seen.until(lambda: seen.active("leak", "leak")[-1], within_s=0.5)
        rope.is_broken = True
        await seen.until(lambda: seen.active("leak", "leak")[-1] is None, within_s=0.5)
        assert seen.active("leak", "cable_break")[-1] is True
