"""`lantai profile test`: what a technician sees of a device and its register map."""

import asyncio
import json
from pathlib import Path

import pytest

from edge.cli.app import tool
from simulator.devices.modbus_units import XyMd02
from tests.modbus.test_link_tcp import gateway

PROFILE = """\
id: room
source: a manual
points:
  - {id: temperature, quantity: temperature_degc, table: ir, address: 1, kind: int16, scale: 0.1}
  - {id: humidity, quantity: humidity_pct, table: ir, address: 2, kind: uint16, scale: 1, low: 0, high: 100}
"""


@pytest.fixture(autouse=True)
def _in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_LANG", "en")


async def shown(name: str, *words: str, rtu: bool = False) -> int:
    unit = XyMd02(temperature_degc=-20.5, humidity_pct=45.3)
    async with gateway({3: unit}, "rtu" if rtu else "mbap") as server:
        line = ["--host", server.host, "--port", str(server.port), "--unit", "3", *(["--rtu"] if rtu else [])]
        return await asyncio.to_thread(tool, ["profile", "test", name, *line, *words])


@pytest.mark.parametrize("rtu", [False, True])
async def test_a_packaged_profile_that_fits_shows_each_value_beside_what_came(
    capsys: pytest.CaptureFixture[str], rtu: bool
) -> None:
    assert await shown("xy-md02", rtu=rtu) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("xy-md02: XY-MD02 (SHT20/SHT40) register table")
    assert said[2].split() == ["temperature", "ir", "1", "0xFF33", "-20.5", "°C", "Read"]
    assert said[3].split() == ["humidity", "ir", "2", "0x01C5", "45.3", "%RH", "Read"]


async def test_a_wrong_scale_is_out_of_range_and_says_where_to_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "room.yaml").write_text(PROFILE)
    assert await shown(str(tmp_path / "room.yaml")) == 1
    said = capsys.readouterr().out
    assert "humidity     ir 2      0x01C5  453 %RH   Out of range" in said
    assert "ten or a hundred times off is the scale" in said


async def test_in_json_each_point_has_raw_value_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert await shown("xy-md02", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["profile"], said["unit"]) == ("xy-md02", 3)
    assert [(one["point"], one["raw"], one["value"], one["verdict"]) for one in said["points"]] == [
        ("temperature", [0xFF33], -20.5, "point_read"),
        ("humidity", [453], 45.3, "point_read"),
    ]


@pytest.mark.parametrize(
    ("rtu", "says"),
    [(False, "Check the unit's power, cable and address."), (True, "Check power, cable, unit address and baud rate.")],
)
async def test_a_unit_that_is_not_there_is_silent(capsys: pytest.CaptureFixture[str], rtu: bool, says: str) -> None:
    assert await shown("xy-md02", "--unit", "4", "--timeout", "0.05", rtu=rtu) == 1
    assert says in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["xy-md02"], "Give one of them"),
        (["xy-md02", "--host", "h", "--serial", "/dev/x"], "Give one of them"),
        (["xy-md02", "--serial", "/dev/x", "--baud", "9601"], "--baud 9600"),
        (["none.yaml", "--host", "127.0.0.1"], "none.yaml is not a profile file"),
        (["no-such-kind", "--host", "127.0.0.1"], "xy-md02"),
        (["xy-md02", "--host", "127.0.0.1", "--port", "1"], "127.0.0.1:1 cannot be opened"),
        (["xy-md02", "--serial", "/dev/none-of-the-kind"], "/dev/none-of-the-kind cannot be opened"),
    ],
)
def test_a_test_that_cannot_begin_says_what_to_do(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool(["profile", "test", *words]) == 2
    out, err = capsys.readouterr()
    assert says in out + err


def test_a_profile_with_a_mistake_is_shown_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "room.yaml").write_text(PROFILE.replace("kind: int16", "kind: int17"))
    assert tool(["profile", "test", str(tmp_path / "room.yaml"), "--host", "127.0.0.1"]) == 2
    assert "room.yaml:4" in capsys.readouterr().out
