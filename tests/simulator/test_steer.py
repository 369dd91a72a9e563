"""Steering a demo: every example and every fault of the manual does what it says, on a site with the demo's devices."""

import asyncio
import json
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.load import load
from config.messages import Unusable
from simulator.demo import DEMO
from simulator.faults import BOARD_KINDS, LINE_KINDS, READER_KINDS, UNIT_KINDS
from simulator.overlay import overlay, write_overlay
from simulator.ports import HeldPorts
from simulator.steer import steer

ROOT = Path(__file__).resolve().parents[2]
MANUAL = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SECTION = MANUAL.partition("## Steering the virtual vault")[2].partition("\n## ")[0]
EXAMPLES = [shlex.split(line, comments=True)[3] for line in SECTION.splitlines() if line.startswith("lantai-sim steer")]
ROWS = re.findall(r"^\| (reader|bus|sensor, board) \| (.+) \|$", SECTION, re.MULTILINE)
DEVICES = {"reader": ("reader-7",), "bus": ("bus-climate", "bus-rtu"), "sensor, board": ("th-01", "leak-1", "board-1")}


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Path]:
    """The run directory of a site with the demo's devices."""
    held = HeldPorts()
    config, vault = tmp_path / "site.yaml", load(DEMO).vault
    write_overlay(config, overlay(vault, DEMO, tmp_path, 1883, {}, held))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator.site", str(config), "--volumes", str(DEMO.with_name("demo-volumes.csv")),
        "--control", str(tmp_path / "site.sock"), "--truth", str(tmp_path / "truth.jsonl"), "--seed", "3",
        stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stderr is not None
    told = await process.stderr.readline()
    assert told == b"site: every device answers\n", (told + await process.stderr.read()).decode()
    yield tmp_path
    process.terminate()
    await process.wait()
    held.close()


async def steered(run: Path, **request: object) -> object:
    return await asyncio.to_thread(steer, run, json.dumps(request))


async def test_every_example_of_the_manual_is_carried_out(run: Path) -> None:
    truth = None
    for example in EXAMPLES:
        answer = await asyncio.to_thread(steer, run, example)
        if json.loads(example)["op"] == "truth":
            truth = answer
    assert truth is not None
    where = dict(zip(truth["volumes"], truth["segments"], strict=True))
    assert (where["V000123"], where["V000124"]) == ("A-03L-02", "")
    assert (await steered(run, op="glance"))["wet"] == ["z1"]  # type: ignore[index]


async def test_the_manual_names_every_op_and_no_other(run: Path) -> None:
    with pytest.raises(Unusable, match="there are ") as refused:
        await steered(run, op="dance")
    known = set(str(refused.value).partition("there are ")[2].split(", "))
    assert {json.loads(example)["op"] for example in EXAMPLES} == known


async def test_every_fault_of_the_manual_is_one_of_the_device_and_none_is_left_out(run: Path) -> None:
    told = {kind: re.findall(r"`(\w+)`", text) for kind, text in ROWS}
    assert set(told["reader"]) == set(READER_KINDS)
    assert set(told["bus"]) == set(LINE_KINDS)
    assert set(told["sensor, board"]) == set(BOARD_KINDS) > set(UNIT_KINDS)
    for kind, devices in DEVICES.items():
        for device in devices:
            for fault in told[kind]:
                if fault == "stuck" and device != "board-1":
                    with pytest.raises(Unusable, match="a unit has no fault 'stuck'"):
                        await steered(run, op="fault", device=device, kind=fault)
                else:
                    assert await steered(run, op="fault", device=device, kind=fault) is None


async def test_the_command_prints_the_answer_as_json(run: Path) -> None:
    main = [sys.executable, "-c", "from simulator.cli import main; raise SystemExit(main())", "steer", str(run)]
    done = await asyncio.to_thread(
        subprocess.run, [*main, '{"op": "people", "on": false}'], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "null\n"
    done = await asyncio.to_thread(
        subprocess.run, [*main, '{"op": "log"}'], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "people" in json.loads(done.stdout)[0]


def test_what_cannot_be_asked_is_told_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="not a JSON object with `op`"):
        steer(tmp_path, "leak z1")
    with pytest.raises(Unusable, match="not a JSON object with `op`"):
        steer(tmp_path, '{"zone": "z1"}')
    with pytest.raises(Unusable, match="no demo runs here"):
        steer(tmp_path, '{"op": "glance"}')
