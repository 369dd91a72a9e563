"""The simulator's devices as mbpoll (libmodbus) sees them: a third, independent peer."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.devices.modbus_server import ModbusTcpServer
from simulator.devices.modbus_units import LeakRope, RelayBoard8, RsWsN01, Unit, XyMd02
from simulator.devices.pty_line import PtyLine

Require = Callable[[str, str], str]


async def mbpoll(program: str, *args: str) -> dict[int, str]:
    """Values by 0-based address, as printed."""
    process = await asyncio.create_subprocess_exec(
        program, "-1", "-0", "-o", "10", *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 40)
    text = printed.decode()
    assert process.returncode == 0, text
    return {int(at): value for at, value in re.findall(r"^\[(\d+)\]:\s*(\S+)", text, re.MULTILINE)}


def plant() -> dict[int, Unit]:
    return {
        1: XyMd02(temperature_degc=21.3, humidity_pct=47.6),
        2: RsWsN01(temperature_degc=19.9, humidity_pct=55.5),
        3: LeakRope(leak_at_m=12.0, leakage_ua=80),
        4: RelayBoard8(),
    }


async def test_mbpoll_reads_and_writes_the_gateway_over_tcp(require_tool: Require) -> None:
    program = require_tool("mbpoll", "mbpoll")
    units = plant()
    server = ModbusTcpServer(units)
    await server.start()
    try:
        tcp = ("-m", "tcp", "-p", str(server.port), server.host)
        assert await mbpoll(program, "-a", "1", "-t", "3", "-r", "1", "-c", "2", *tcp) == {1: "213", 2: "476"}
        assert await mbpoll(program, "-a", "2", "-t", "4", "-r", "0", "-c", "2", *tcp) == {0: "555", 1: "199"}
        assert await mbpoll(program, "-a", "3", "-t", "3", "-r", "0", "-c", "2", *tcp) == {0: "9", 1: "12"}
        await mbpoll(program, "-a", "4", "-t", "0", "-r", "2", *tcp, "1")
        assert await mbpoll(program, "-a", "4", "-t", "0", "-r", "0", "-c", "4", *tcp) == dict(enumerate("0010"))
    finally:
        await server.stop()


async def test_mbpoll_reads_and_writes_a_serial_line(require_tool: Require, tmp_path: Path) -> None:
    program = require_tool("mbpoll", "mbpoll")
    line = PtyLine(plant(), tmp_path / "adapter")
    line.plug()
    try:
        rtu = ("-m", "rtu", "-b", "9600", "-P", "none", str(line.path))
        assert await mbpoll(program, "-a", "1", "-t", "3", "-r", "1", "-c", "2", *rtu) == {1: "213", 2: "476"}
        assert await mbpoll(program, "-a", "2", "-t", "4", "-r", "0", "-c", "2", *rtu) == {0: "555", 1: "199"}
        await mbpoll(program, "-a", "4", "-t", "0", "-r", "0", *rtu, "1", "0", "1")
        assert await mbpoll(program, "-a", "4", "-t", "0", "-r", "0", "-c", "8", *rtu) == dict(enumerate("10100000"))
    finally:
        line.unplug()


@pytest.mark.parametrize(
    ("register", "meaning"), [("9", "Illegal data address"), ("1", "Slave device or server is busy")]
)
async def test_mbpoll_understands_our_refusals(require_tool: Require, register: str, meaning: str) -> None:
    program = require_tool("mbpoll", "mbpoll")
    unit = XyMd02()
    unit.faults.is_busy = register == "1"
    server = ModbusTcpServer({1: unit})
    await server.start()
    try:
        with pytest.raises(AssertionError, match=meaning):
            await mbpoll(program, "-t", "3", "-r", register, "-m", "tcp", "-p", str(server.port), server.host)
    finally:
        await server.stop()
