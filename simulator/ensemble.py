"""The processes of a run and the lines to them: started in order of dependence, watched, stopped in reverse."""

import asyncio
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from config.phrase import Said, phrase
from simulator.control import ControlClient
from simulator.daemon_client import DaemonClient
from simulator.ports import HeldPorts
from simulator.processes import Child, ProcessDied

Line = TypeVar("Line")
UP_WITHIN_S = 30.0
IMPORT_WITHIN_S = 120.0
ASK_AGAIN_S = 0.05


class Member(Protocol):
    """A process of the run."""

    def check(self) -> None:
        """Raises ProcessDied when it ended by itself."""

    def stop(self) -> Said:
        """End it and wait; '' or what was not as it should be."""


class Ensemble:
    """Use as `async with`: whatever happens inside, every process is stopped and every line closed on leaving.

    `ports` are held until then; `untidy`: after leaving, what did not end well.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self.members: list[Member] = []
        self.untidy: list[Said] = []
        self.ports = HeldPorts()
        self._lines = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._lines.aclose()
        for member in reversed(self.members):
            self.untidy += filter(None, [await asyncio.to_thread(member.stop)])
        self.ports.close()

    def start(self, name: str, command: Sequence[str]) -> Child:
        """Start a process that is to run until the end; its log is NAME.log."""
        child = Child(name, command, self.run / f"{name}.log")
        self.members.append(child)
        return child

    def module(self, name: str, module: str, *arguments: str) -> Child:
        """Start a module of ours with this interpreter."""
        return self.start(name, (sys.executable, "-m", module, *arguments))

    def check(self) -> None:
        """Raises ProcessDied when one of them ended by itself."""
        for member in self.members:
            member.check()

    async def check_for(self, seconds: float) -> None:
        """The same, and again and again for so long."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self.check()
            await asyncio.sleep(ASK_AGAIN_S)

    async def control(self, path: Path, child: Child) -> ControlClient:
        """The control socket of a process, once it listens."""
        client = await self._once_up(child, path, ControlClient.connect)
        self._lines.push_async_callback(client.close)
        return client

    async def daemon(self, config: Path, state: Path) -> tuple[Child, DaemonClient]:
        """`lantai run`, and its local API."""
        child = self.start("daemon", (lantai(), "run", str(config), "--state", str(state)))
        client = await self._once_up(child, state / "lantai.sock", DaemonClient.connect)
        self._lines.push_async_callback(client.close)
        return child, client

    async def import_volumes(self, catalogue: Path, config: Path, state: Path) -> None:
        """`lantai import`, to its end. Raises ProcessDied when it does not end well."""
        command = (lantai(), "import", str(catalogue), "--config", str(config), "--state", str(state))
        child = Child("import", command, self.run / "import.log")
        if await asyncio.to_thread(child.wait, IMPORT_WITHIN_S) != 0:
            child.check()

    async def _once_up(self, child: Child, path: Path, connect: Callable[[Path], Awaitable[Line]]) -> Line:
        until_s = time.monotonic() + UP_WITHIN_S
        while True:
            self.check()
            try:
                return await connect(path)
            except (FileNotFoundError, ConnectionError):
                if time.monotonic() > until_s:
                    slow = phrase("sim_no_answer", name=child.name, seconds=UP_WITHIN_S, log=str(child.log))
                    raise ProcessDied(slow) from None
                await asyncio.sleep(ASK_AGAIN_S)


def lantai() -> str:
    """The `lantai` command of this installation. Raises ProcessDied when it is not installed."""
    beside = Path(sys.executable).parent / "lantai"
    found = str(beside) if beside.exists() else shutil.which("lantai")
    if found is None:
        raise ProcessDied(phrase("sim_no_lantai", beside=sys.executable))
    return found
