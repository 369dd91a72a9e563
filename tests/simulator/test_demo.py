"""The demo as a person runs it: the command, its processes, its last words."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from config.load import load
from simulator.catalogue import write_catalogue
from tests.simulator.test_site import CONFIG

KEYS = {
    "volumes", "located", "located_right", "displaced_right", "facts", "facts_acked", "mirror_equal", "reads",
    "reads_per_s", "rss_mb", "startup_s", "seconds", "moves",
}  # fmt: skip


async def demo(tmp_path: Path, *arguments: str, language: str = "en") -> Process:
    """`lantai-sim demo` of a vault of 80 volumes that reads each antenna every 50 ms."""
    site = tmp_path / "small.yaml"
    text = CONFIG.format(llrp=5084, modbus=502, serial="/dev/serial/by-id/none")
    prompt = "profile: leak-rope, zone: z1, period_s: 0.5, freshness_s: 5"
    assert "profile: leak-rope, zone: z1}" in text
    site.write_text(text.replace("profile: leak-rope, zone: z1", prompt))
    write_catalogue(load(site).vault, tmp_path / "small-volumes.csv")
    command = Path(sys.executable).parent / "lantai-sim"
    # a suite that runs in the background, or under nohup, hands its deafness to Ctrl-C and to a closed terminal down
    was = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        return await asyncio.create_subprocess_exec(
            str(command), "demo", "--config", str(site), "--state", str(tmp_path / "r"), "--json", *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, "LANTAI_LANG": language},
        )  # fmt: skip
    finally:
        for number, handler in was.items():
            signal.signal(number, handler)


async def until_it_runs(process: Process) -> list[str]:
    """What it says until the vault lives, line by line."""
    assert process.stderr is not None
    said: list[str] = []
    while not (said and said[-1].startswith("running, s ")):
        line = (await process.stderr.readline()).decode()
        assert line, said
        said.append(line)
    return said


async def pid_of_daemon(tmp_path: Path) -> int:
    """The daemon's process, once its local API is there."""
    async with asyncio.timeout(60):
        while not (tmp_path / "r" / "state" / "lantai.sock").is_socket():  # noqa: ASYNC110  another process makes it
            await asyncio.sleep(0.05)
    return int((tmp_path / "r" / "daemon.pid").read_text())


@pytest.mark.timeout(240)
async def test_a_run_of_some_seconds_ends_by_itself_and_its_last_words_are_one_json_object(tmp_path: Path) -> None:
    process = await demo(tmp_path, "--for", "21")
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    figures = json.loads(out.decode().splitlines()[-1])
    assert set(figures) >= KEYS
    assert figures["volumes"] == 80
    assert figures["located_right"] >= 0.9
    assert figures["facts"] == figures["facts_acked"] > 80
    assert figures["mirror_equal"] is True
    assert figures["startup_s"] > 0
    truth = (tmp_path / "r" / "truth.jsonl").read_text()
    assert "pipe of z1 burst" in truth
    happened = [line.split(" s  ")[1] for line in err.decode().splitlines() if " s  " in line]
    assert list(dict.fromkeys(line for line in happened if "valve" in line)) == [  # who is refused asks again
        "valve valve-1 is closed",
        "an operator asks for valve-1 to be opened",
        "valve valve-1 is open",
    ]
    assert not list((tmp_path / "r").glob("*.tty"))
    assert "\nrunning, s 0.0  stage running  " in err.decode()


@pytest.mark.timeout(240)
async def test_a_daemon_that_is_killed_ends_the_demo_with_its_name_and_the_tail_of_its_log(tmp_path: Path) -> None:
    process = await demo(tmp_path, "--for", "60")
    os.kill(await pid_of_daemon(tmp_path), signal.SIGKILL)
    out, err = await process.communicate()
    assert process.returncode == 1
    assert "daemon was killed by signal 9" in err.decode()
    assert "store: 80 volumes" in err.decode()  # the tail of its log
    assert out == b""


@pytest.mark.timeout(240)
async def test_ctrl_c_ends_a_run_cleanly_with_its_figures(tmp_path: Path) -> None:
    process = await demo(tmp_path)
    await until_it_runs(process)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert json.loads(out.decode().splitlines()[-1])["mirror_equal"] is True


def commands_of(pids: list[int]) -> list[str]:
    """What those of the processes that still run were started as. One nobody has waited for yet has no command."""
    commands = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            commands.append(Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " "))
    return [command for command in commands if command]


def children_of(parent: int) -> list[int]:
    """The processes that any thread of this one has started."""
    tasks = Path(f"/proc/{parent}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="prctl and /proc are of Linux")
@pytest.mark.timeout(240)
async def test_a_demo_that_is_killed_outright_leaves_no_process_behind(tmp_path: Path) -> None:
    process = await demo(tmp_path)
    await pid_of_daemon(tmp_path)
    pids = children_of(process.pid)
    assert len(commands_of(pids)) == 4  # broker, platform, site, daemon
    process.kill()
    await process.communicate()
    async with asyncio.timeout(40):
        while commands_of(pids):  # noqa: ASYNC110  processes of nobody: only /proc knows
            await asyncio.sleep(0.1)


@pytest.mark.timeout(240)
async def test_a_terminal_that_closes_ends_a_run_as_ctrl_c_does(tmp_path: Path) -> None:
    process = await demo(tmp_path)
    await until_it_runs(process)
    process.send_signal(signal.SIGHUP)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert json.loads(out.decode().splitlines()[-1])["mirror_equal"] is True


@pytest.mark.timeout(240)
async def test_the_command_that_a_run_prints_shows_its_vault(tmp_path: Path) -> None:
    process = await demo(tmp_path, "--for", "60")
    said = await until_it_runs(process)
    (look,) = [line.split(": ", 1)[1] for line in said if line.startswith("look in another shell: ")]
    asked = await asyncio.create_subprocess_exec(*shlex.split(look), "--json", stdout=asyncio.subprocess.PIPE)
    out, _ = await asked.communicate()
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert sum(json.loads(out)["volumes"].values()) == 80
    assert [line.split(":")[0] for line in said if "127.0.0.1" in line] == ["broker", "Modbus TCP", "1 LLRP readers"]
