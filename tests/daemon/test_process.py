"""`lantai run` as a process: one owner of a store, an orderly end, and what is known again after the other kind."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import connected
from tests.daemon.live import journal
from tests.daemon.small_site import PATIENT, VOLUMES, catalogue, site_in

LANTAI = (sys.executable, "-c", "import sys; from edge.cli import main; sys.exit(main())")
WATCHED = "v23"
PATIENCE_S = 20.0


class Process:
    """A `lantai run` and its local API."""

    def __init__(self, process: asyncio.subprocess.Process, state_dir: Path) -> None:
        self._process = process
        self._socket = state_dir / "lantai.sock"

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, op: str, **args: object) -> Any:
        async with connected(self._socket) as client:
            return await client.result(op, **args)

    async def until(self, op: str, **wanted: object) -> dict[str, Any]:
        """Ask until every wanted field of the answer is so."""
        args = {"volume": WATCHED} if op == "find" else {}
        answer: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                assert self._process.returncode is None, "the daemon ended"
                try:
                    answer = await self.ask(op, **args)
                except (ConnectionError, FileNotFoundError):
                    answer = {}
                if answer and all(answer[name] == value for name, value in wanted.items()):
                    return answer
                await asyncio.sleep(0.02)

    async def ends(self, number: signal.Signals) -> int:
        self._process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            return await self._process.wait()


async def started(config: Path, state_dir: Path) -> asyncio.subprocess.Process:
    environ = {**os.environ, "LANTAI_LANG": "en"}
    command = (*LANTAI, "run", str(config), "--state", str(state_dir))
    return await asyncio.create_subprocess_exec(*command, env=environ, stderr=asyncio.subprocess.PIPE)


@asynccontextmanager
async def lantai(config: Path, state_dir: Path) -> AsyncIterator[Process]:
    """The daemon as a process, killed at the end of the block where it still runs."""
    process = await started(config, state_dir)
    assert process.stderr is not None
    drained = asyncio.create_task(process.stderr.read())
    try:
        yield Process(process, state_dir)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await drained


async def volumes_on_their_shelves(daemon: Process) -> None:
    await daemon.until("status")
    await daemon.ask("import", lines=catalogue())
    await daemon.until(
        "status", volumes={"unseen": 0, "present": len(VOLUMES), "misplaced": 0, "missing": 0, "in_transit": 0}
    )


async def on_record(daemon: Process) -> None:
    """What is asked of the journal is committed; what is asked of the state is so a moment later."""
    facts: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        while "volume_seen" not in facts:
            facts = [fact["type"] for fact in (await daemon.ask("trace", volume=WATCHED))["facts"]]


async def test_a_second_daemon_on_the_same_store_is_refused_with_2_and_told_what_to_do_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    async with site_in(tmp_path) as site:
        site.limits = PATIENT
        config = site.write()
        async with lantai(config, site.state_dir) as first:
            before = await first.until("status", devices_lost=0)
            second = await started(config, site.state_dir)
            _, said = await asyncio.wait_for(second.communicate(), PATIENCE_S)
            assert second.returncode == 2
            text = said.decode()
            assert f"in use by process {first.pid}; stop it" in text
            assert "systemctl stop lantai" in text
            assert "Traceback" not in text
            after = await first.until("status")
            assert after["boot"] == before["boot"]
            assert await first.ends(signal.SIGTERM) == 0
        async with lantai(config, site.state_dir) as third:
            assert (await third.until("status"))["boot"] != before["boot"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)]
)
async def test_after_a_stop_of_any_kind_a_volume_is_where_it_was_and_known_for_longer(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """The reader is gone before the daemon ends and stays gone, so nothing but memory can tell."""
    async with site_in(tmp_path) as site:
        site.limits = PATIENT
        config = site.write()
        async with lantai(config, site.state_dir) as daemon:
            await volumes_on_their_shelves(daemon)
            await site.reader.unplug()
            await daemon.until("status", devices_lost=1)
            await on_record(daemon)
            before = await daemon.ask("find", volume=WATCHED)
            assert await daemon.ends(number) == code
        async with lantai(config, site.state_dir) as daemon:
            after = await daemon.until("find")
        same = ("status", "segment", "book_slot", "epc", "zone")
        assert {name: after[name] for name in same} == {name: before[name] for name in same}
        assert (before["status"], before["segment"]) == ("present", "A-01L-02")
        assert after["age_s"] > before["age_s"] > 0


async def test_the_start_after_a_kill_is_on_record_as_one(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        site.limits = PATIENT
        config = site.write()
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGTERM):
            async with lantai(config, site.state_dir) as daemon:
                await daemon.until("status", devices_unheard=0)
                await daemon.ends(number)
        facts = journal(site.state_dir, site.loaded())
    assert [fact.clean for fact in facts if hasattr(fact, "clean")] == [True, False, True]
