"""The site: real device servers around a world, steered over its control socket."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from config.load import load
from simulator.catalogue import write_catalogue
from simulator.control import ControlClient, ControlError, ControlServer
from simulator.ports import HeldPorts
from simulator.site import serial_path

CONFIG = """\
schema: 1
centre: c1
vault: v1
node: n1
timezone: Asia/Shanghai
brokers:
  platform: {{host: 127.0.0.1, port: 1883}}
platform: {{broker: platform}}
zones: [{{id: z1}}]
racks:
  - {{id: A, kind: open_rack, zone: z1, faces: [L], sections: 4, shelves: 2, slots_per_shelf: 10}}
readers:
  - {{id: r1, host: 127.0.0.1, port: {llrp}, dwell_ms: 50, segments: [A-01L-01, A-01L-02, A-01L-03, A-01L-04]}}
buses:
  - {{id: b1, transport: tcp, host: 127.0.0.1, port: {modbus}}}
  - {{id: b2, transport: rtu, serial: {serial}}}
sensors:
  - {{id: th-1, bus: b1, unit: 1, profile: xy-md02, zone: z1}}
  - {{id: th-2, bus: b1, unit: 2, profile: rs-ws-n01, zone: z1}}
  - {{id: leak-1, bus: b2, unit: 11, profile: leak-rope, zone: z1}}
boards:
  - {{id: io-1, bus: b2, unit: 21, profile: relay-8}}
actuators:
  - {{id: valve-1, board: io-1, output: relay-3, kind: water_valve, zones: [z1], energised: open}}
"""


class Running:
    """A site process with its control connection."""

    def __init__(self, run: Path, control: ControlClient, modbus_port: int) -> None:
        self.run = run
        self.control = control
        self.modbus_port = modbus_port


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Running]:
    held = HeldPorts()
    llrp, modbus = held.take(2)
    config = tmp_path / "site.yaml"
    config.write_text(CONFIG.format(llrp=llrp, modbus=modbus, serial=tmp_path / "b2.tty"))
    write_catalogue(load(config).vault, tmp_path / "volumes.csv")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator.site", str(config), "--volumes", str(tmp_path / "volumes.csv"),
        "--control", str(tmp_path / "c.sock"), "--truth", str(tmp_path / "truth.jsonl"), "--seed", "3",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    told = await process.stderr.readline()
    assert told == b"site: every device answers\n", (told + await process.stderr.read()).decode()
    control = await ControlClient.connect(tmp_path / "c.sock")
    yield Running(tmp_path, control, modbus)
    await control.close()
    process.terminate()
    assert await process.wait() == 0
    held.close()
    assert not (tmp_path / "b2.tty").is_symlink()


async def test_the_truth_names_every_volume_and_follows_a_move(site: Running) -> None:
    before = await site.control.ask("truth")
    assert len(before["volumes"]) == len(before["segments"]) == 80
    await site.control.ask("move", volume="V000001", segment="A-01L-04")
    await site.control.ask("remove", volume="V000002")
    after = dict(zip(*[(await site.control.ask("truth"))[key] for key in ("volumes", "segments")], strict=True))
    assert after["V000001"] == "A-01L-04"
    assert after["V000002"] == ""
    assert '"volume":"V000002"' in (site.run / "truth.jsonl").read_text()


async def test_a_tag_is_copied_and_the_copy_taken_away_again(site: Running) -> None:
    await site.control.ask("clone", volume="V000001", segment="A-01L-04")
    await site.control.ask("clone", volume="V000001", segment="")
    truth = (site.run / "truth.jsonl").read_text()
    assert "a tag with the EPC of V000001 in A-01L-04" in truth
    assert "no other tag with the EPC of V000001" in truth
    with pytest.raises(ControlError, match="no volume 'V9'"):
        await site.control.ask("clone", volume="V9", segment="A-01L-04")


async def test_what_cannot_be_done_is_refused_by_name(site: Running) -> None:
    with pytest.raises(ControlError, match="A-09L-01"):
        await site.control.ask("move", volume="V000001", segment="A-09L-01")
    with pytest.raises(ControlError, match="no op 'dance'"):
        await site.control.ask("dance")
    with pytest.raises(ControlError, match="silent"):
        await site.control.ask("fault", device="th-1", kind="sulking")


async def test_sensors_answer_over_modbus_tcp_and_the_first_request_is_timed(site: Running) -> None:
    assert (await site.control.ask("glance"))["first_request_s"] is None
    client = AsyncModbusTcpClient("127.0.0.1", port=site.modbus_port, timeout=20)
    await client.connect()
    temperature = (await client.read_input_registers(1, count=1, device_id=1)).registers[0] / 10
    client.close()
    assert 14 <= temperature <= 24
    assert (await site.control.ask("glance"))["first_request_s"] is not None


async def test_a_leak_wets_the_rope_until_the_relay_closes_the_valve(site: Running) -> None:
    client = AsyncModbusSerialClient(str(site.run / "b2.tty"), baudrate=9600, timeout=20)
    await client.connect()
    await site.control.ask("leak", zone="z1", on=True)
    assert (await client.read_input_registers(0, count=1, device_id=11)).registers[0] & 1
    assert (await site.control.ask("glance"))["closed_valves"] == []
    await client.write_coil(2, False, device_id=21)  # relay-3 de-energised: closed
    assert (await site.control.ask("glance"))["closed_valves"] == ["valve-1"]
    async with asyncio.timeout(40):
        while (await site.control.ask("glance"))["wet"]:  # noqa: ASYNC110  another process dries it
            await asyncio.sleep(0.1)
    assert (await client.read_input_registers(0, count=1, device_id=11)).registers[0] & 1 == 0
    client.close()


async def test_a_silent_unit_says_nothing_and_its_neighbour_still_answers(site: Running) -> None:
    await site.control.ask("fault", device="th-1", kind="silent")
    client = AsyncModbusTcpClient("127.0.0.1", port=site.modbus_port, timeout=20)
    await client.connect()
    answer = await client.read_holding_registers(0, count=2, device_id=2)
    assert 30 <= answer.registers[0] / 10 <= 75
    client.close()


def test_a_serial_path_outside_the_run_directory_is_never_replaced(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not in the run directory"):
        serial_path("/dev/serial/by-id/usb-1", tmp_path)
    (tmp_path / "real.tty").write_text("not a link")
    with pytest.raises(ValueError, match="is no link"):
        serial_path(str(tmp_path / "real.tty"), tmp_path)


async def test_a_control_line_that_is_no_json_is_answered_with_an_error(tmp_path: Path) -> None:
    async def answer(op: str, args: dict[str, object]) -> object:
        return [op, args]

    server = ControlServer(tmp_path / "c.sock", answer)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "c.sock"))
    writer.write(b'nonsense\n{"op": "sum", "of": [1, 2]}\n')
    assert b'"ok":false' in await reader.readline()
    assert await reader.readline() == b'{"ok":true,"result":["sum",{"of":[1,2]}]}\n'
    writer.close()
    await writer.wait_closed()
    await server.close()
