"""BusLink over real pseudo-terminals: framing, noise, late answers, an adapter that is pulled."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.devices import Bus
from drivers.command import Switch
from simulator.devices.modbus_units import LeakRope, RelayBoard8, RsWsN01, Unit, XyMd02
from simulator.devices.pty_line import PtyLine
from tests.modbus.watched import board, sensor, watched


@asynccontextmanager
async def line(units: Mapping[int, Unit], folder: Path) -> AsyncIterator[PtyLine]:
    serial = PtyLine(units, folder / "adapter")
    serial.plug()
    try:
        yield serial
    finally:
        serial.unplug()


def bus_on(serial: PtyLine) -> Bus:
    return Bus(id="b", transport="rtu", serial=str(serial.path), baud=9600)


async def test_devices_on_a_serial_line_are_read_and_switched(tmp_path: Path) -> None:
    relays = RelayBoard8()
    units: dict[int, Unit] = {
        1: XyMd02(temperature_degc=-20.5),
        2: RsWsN01(humidity_pct=61.0),
        3: LeakRope(),
        4: relays,
    }
    specs = sensor("a", 1), sensor("b", 2, "rs-ws-n01"), sensor("c", 3, "leak-rope"), board("d", 4)
    async with line(units, tmp_path) as serial, watched(bus_on(serial), *specs) as seen:
        await seen.until(lambda: seen.active("d", "relay-3") and seen.active("c", "leak"))
        assert seen.values("a")[0] == (-20.5, 50.0)
        assert seen.values("b")[0] == (61.0, 20.0)
        assert seen.active("c", "leak")[0] is False
        seen.link.submit(Switch("c1", "d", "relay-3", on=True, toward_safety=False))
        await seen.until(lambda: seen.outcome("c1"))
        assert seen.outcome("c1") == ("done", "")
        assert relays.relays[2]


async def test_a_late_answer_is_drained_and_not_taken_for_the_next_one(tmp_path: Path) -> None:
    """Asked at 0, given up at 0.3 s; the answer of 0.45 s would fall into the next request if the line did not rest."""
    late = XyMd02(temperature_degc=11.0)
    late.faults.late_s = 0.45
    async with line({1: late}, tmp_path) as serial, watched(bus_on(serial), sensor("a", 1, period_s=0.05)) as seen:
        await asyncio.sleep(0.2)
        late.temperature_degc = 22.0  # the answer to what was asked before still says 11.0
        await asyncio.sleep(0.32)
        late.faults.late_s = 0.0
        await seen.until(lambda: len(seen.values("a")) >= 3)
        assert {values[0] for values in seen.values("a")} == {22.0}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("silent", "silent"), ("other unit", "answers_of_another_unit"), ("corrupt", "corrupt_answers")],
)
async def test_a_bad_unit_is_lost_with_its_reason_and_the_others_keep_their_values(
    tmp_path: Path, fault: str, reason: str
) -> None:
    bad = XyMd02()
    bad.faults.is_silent = fault == "silent"
    bad.faults.is_corrupt = fault == "corrupt"
    bad.faults.answers_as = 2 if fault == "other unit" else None
    units = {1: bad, 2: XyMd02(temperature_degc=30.0), 3: XyMd02(temperature_degc=31.0)}
    specs = sensor("a", 1), sensor("b", 2, freshness_s=5.0), sensor("c", 3, freshness_s=5.0)
    async with line(units, tmp_path) as serial, watched(bus_on(serial), *specs) as seen:
        await seen.until(lambda: seen.changes("a"))
        assert seen.changes("a") == [reason]
        assert seen.values("a") == []
        assert {values[0] for values in seen.values("b")} == {30.0}
        assert {values[0] for values in seen.values("c")} == {31.0}
        assert seen.changes("b") == seen.changes("c") == ["back"]


async def test_noise_between_answers_harms_nothing(tmp_path: Path) -> None:
    """XY-MD02 with its ASCII reports left on talks unasked."""
    unit, spec = XyMd02(temperature_degc=18.0), sensor("a", 1, period_s=0.1)
    async with line({1: unit}, tmp_path) as serial, watched(bus_on(serial), spec) as seen:
        for _ in range(20):
            serial.noise(b"18.0C,50.0%\r\n")
            await asyncio.sleep(0.05)
        await seen.until(lambda: len(seen.values("a")) >= 5)
        assert set(seen.values("a")) == {(18.0, 50.0)}
        assert seen.changes("a") == ["back"]


async def test_a_pulled_adapter_loses_the_unit_and_gives_it_back_under_the_same_path(tmp_path: Path) -> None:
    async with line({1: XyMd02()}, tmp_path) as serial, watched(bus_on(serial), sensor("a", 1)) as seen:
        await seen.until(lambda: seen.values("a"))
        serial.unplug()
        await seen.until(lambda: len(seen.changes("a")) == 2)
        assert seen.changes("a") == ["back", "line_down"]
        serial.plug()
        await seen.until(lambda: len(seen.changes("a")) == 3, within_s=4.0)


async def test_an_order_reaches_the_board_although_a_dead_unit_shares_the_line(tmp_path: Path) -> None:
    relays, dead = RelayBoard8(), XyMd02()
    dead.faults.is_silent = True
    specs = board("d", 4), sensor("a", 1)
    async with line({1: dead, 4: relays}, tmp_path) as serial, watched(bus_on(serial), *specs) as seen:
        await seen.until(lambda: seen.active("d", "relay-1"))
        seen.link.submit(Switch("c1", "d", "relay-1", on=True, toward_safety=True))
        await seen.until(lambda: seen.outcome("c1"), within_s=1.5)
        assert seen.outcome("c1") == ("done", "")


async def test_an_order_that_waited_out_the_silence_after_a_timeout_is_judged_by_what_is_so_then(
    tmp_path: Path,
) -> None:
    """A dead unit's poll and the silence after it keep the line for over half a second; the zone gets wet in it."""
    relays, dead = RelayBoard8(), XyMd02()
    dead.faults.is_silent = True
    specs = board("d", 4), sensor("a", 1, period_s=0.1)
    async with line({1: dead, 4: relays}, tmp_path) as serial, watched(bus_on(serial), *specs) as seen:
        await seen.until(lambda: seen.active("d", "relay-1"))
        seen.link.submit(Switch("c1", "d", "relay-1", on=True, toward_safety=False))
        seen.may = lambda _: "zone_wet"
        await seen.until(lambda: seen.outcome("c1"))
        assert seen.outcome("c1") == ("refused", "zone_wet")
        assert relays.writes == 0
