"""The processes of the bench: each can be killed and is started again at once; how long the daemon then takes."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from bench.crashes.ledger import FOREVER_S, Life
from bench.crashes.vault import write_vault
from config.load import load
from edge.store.schema import FILE_NAME
from simulator.catalogue import write_catalogue
from simulator.control import ControlClient, ControlError
from simulator.daemon_client import ApiRefused, DaemonClient
from simulator.ensemble import Ensemble, lantai
from simulator.platform.broker import BrokerProcess
from simulator.platform.signing import make_key
from simulator.processes import Child, ProcessDied

Target = Literal["daemon", "broker", "platform"]
TARGETS: tuple[Target, ...] = ("daemon", "broker", "platform")
ISSUER = "platform"
UP_WITHIN_S = 30.0
LOOK_EVERY_S = 0.02
GONE = (OSError, ConnectionError, ControlError, ApiRefused)
"""What asking a process that was just killed may raise."""


class Start:
    """One start of the daemon. `poll_s`, `api_s`: from just before its exec to its first request to a device and to
    its first answer on the local API; None where it was killed before."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.poll_s: float | None = None
        self.api_s: float | None = None
        self.up_utc_s: float | None = None
        self.end_utc_s = FOREVER_S
        self.lived_s = 0.0

    def took_s(self) -> float | None:
        """Until both were there; None where it did not live so long."""
        return None if self.poll_s is None or self.api_s is None else max(self.poll_s, self.api_s)


class Stage:
    """Broker, platform, site and daemon of one run in `run`; enter it to bring them up."""

    def __init__(self, run: Path, seed: int, *, is_broker_persistent: bool) -> None:
        self.run = run
        self.state = run / "state"
        self.starts: list[Start] = []
        self.kills: dict[Target, int] = dict.fromkeys(TARGETS, 0)
        self._seed = seed
        self._ensemble = Ensemble(run)
        (port,) = self._ensemble.ports.take(1)
        self._broker = BrokerProcess(run, port, is_persistent=is_broker_persistent)
        self._config = write_vault(run, port, {ISSUER: make_key(run / "platform.pem")}, self._ensemble.ports)
        self._vault = load(self._config).vault
        self._platform: Child | None = None
        self._watches: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._locks = {target: asyncio.Lock() for target in TARGETS}
        self._site: ControlClient
        self._site_lock = asyncio.Lock()
        self.volumes: dict[str, str] = {}
        """volume -> the segment of its book place."""

    async def __aenter__(self) -> Self:
        try:
            await self._set_up()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _set_up(self) -> None:
        await asyncio.to_thread(self._broker.start)
        self._start_platform()
        catalogue = self.run / "volumes.csv"
        write_catalogue(self._vault, catalogue)
        control = self.run / "site.sock"
        site = self._ensemble.module(
            "site", "simulator.site", str(self._config), "--volumes", str(catalogue), "--control", str(control),
            "--truth", str(self.truth), "--seed", str(self._seed), "--act-every", "0.3", "--strays", "0.1",
        )  # fmt: skip
        self._site = await self._ensemble.control(control, site)
        stand = await self.ask_site("truth")
        self.volumes = dict(zip(stand["volumes"], stand["books"], strict=True))
        self.state.mkdir(mode=0o700)
        await self._ensemble.import_volumes(catalogue, self._config, self.state)
        self._start_daemon()
        await self.up()

    async def close(self) -> None:
        """Stop everything, politely, in order."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        if self.starts:
            await asyncio.to_thread(self.starts[-1].child.stop)
        async with self._ensemble:
            pass
        if self._platform is not None:
            await asyncio.to_thread(self._platform.stop)
        await asyncio.to_thread(self._broker.stop)

    @property
    def truth(self) -> Path:
        return self.run / "truth.jsonl"

    @property
    def journal(self) -> Path:
        """The daemon's database."""
        return self.state / FILE_NAME

    @property
    def database(self) -> Path:
        """The platform's."""
        return self.run / "platform.db"

    def check(self) -> None:
        """Raises ProcessDied when a process ended that nobody killed, or what a watch failed of."""
        for failure in self._failures:
            raise failure
        self._ensemble.check()
        self.starts[-1].child.check()
        if self._platform is not None:
            self._platform.check()

    async def kill(self, target: Target) -> None:
        """SIGKILL, and start it again at once. The daemon and the platform may be killed while they start."""
        async with self._locks[target]:
            self.check()
            self.kills[target] += 1
            if target == "daemon":
                start = self.starts[-1]
                _kill(start.child)
                start.end_utc_s = time.time()
                start.lived_s = time.monotonic() - start.child.began_s
                await self.ask_site("reads")  # whatever the dead one still had on a wire was heard by now
                self._start_daemon()
            elif target == "platform" and self._platform is not None:
                _kill(self._platform)
                self._start_platform()
            else:
                await asyncio.to_thread(self._broker.kill)
                await asyncio.to_thread(self._broker.start)

    async def up(self) -> Start:
        """Wait for the newest daemon to be up. Raises ProcessDied when it does not come."""
        until_s = time.monotonic() + UP_WITHIN_S
        while (start := self.starts[-1]).up_utc_s is None:
            self.check()
            if time.monotonic() > until_s:
                raise ProcessDied(f"the daemon was not up within {UP_WITHIN_S:.0f} s; see {start.child.log}")
            await asyncio.sleep(LOOK_EVERY_S)
        return start

    async def daemon_is_old(self, age_s: float, within_s: float) -> None:
        """Until some daemon has answered for so long since its API first did, or the time is over."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            start = self.starts[-1]
            if start.api_s is not None and time.monotonic() >= start.child.began_s + start.api_s + age_s:
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def lives(self) -> list[Life]:
        """Every life of the daemon that got as far as being up."""
        return [Life(start.up_utc_s, start.end_utc_s) for start in self.starts if start.up_utc_s is not None]

    async def ask_site(self, op: str, **args: object) -> Any:
        """One request on the one connection to the site, which nobody kills. Who is cancelled meanwhile leaves no reply
        behind for the next to take."""
        return await asyncio.shield(asyncio.ensure_future(self._ask_site(op, args)))

    async def _ask_site(self, op: str, args: dict[str, object]) -> Any:
        async with self._site_lock:
            return await self._site.ask(op, **args)

    async def ask_daemon(self, op: str, **args: object) -> Any:
        """One request on a connection of its own. Raises one of GONE when the daemon is not there or dies meanwhile."""
        client = await DaemonClient.connect(self.state / "lantai.sock")
        try:
            return await client.ask(op, **args)
        finally:
            await client.close()

    async def ask_platform(self, op: str, **args: object) -> Any:
        """The same of the platform's control socket."""
        client = await ControlClient.connect(self.run / "platform.sock")
        try:
            return await client.ask(op, **args)
        finally:
            await client.close()

    def _start_daemon(self) -> None:
        command = (lantai(), "run", str(self._config), "--state", str(self.state))
        start = Start(Child("daemon", command, self.run / "daemon.log"))
        self.starts.append(start)
        watch = asyncio.create_task(self._watch(start))
        self._watches.add(watch)
        watch.add_done_callback(self._watched)

    def _watched(self, watch: asyncio.Task[None]) -> None:
        self._watches.discard(watch)
        if not watch.cancelled() and (error := watch.exception()) is not None:
            self._failures.append(error)

    def _start_platform(self) -> None:
        vault = self._vault
        self._platform = Child(
            "platform",
            _module("simulator.platform", "--port", str(self._broker.port), "--db", str(self.database),
                    "--centre", vault.centre, "--vault", vault.vault, "--node", vault.node,
                    "--control", str(self.run / "platform.sock"), "--key", str(self.run / "platform.pem"),
                    "--issuer", ISSUER, "--mqtt", self._broker.mqtt),
            self.run / "platform.log",
        )  # fmt: skip

    async def _watch(self, start: Start) -> None:
        """Note when this start polled first and answered first."""
        began_s = start.child.began_s
        while start.took_s() is None and start.child.is_running():
            if start.poll_s is None:
                first_s = await self.ask_site("request_after", monotonic_s=began_s)
                start.poll_s = None if first_s is None else first_s - began_s
            if start.api_s is None:
                with contextlib.suppress(*GONE):
                    await self.ask_daemon("status")
                    start.api_s = time.monotonic() - began_s
            await asyncio.sleep(LOOK_EVERY_S)
        if start.took_s() is not None and start is self.starts[-1]:
            start.up_utc_s = time.time()


def _kill(child: Child) -> None:
    os.kill(child.pid, signal.SIGKILL)
    child.wait(UP_WITHIN_S)


def _module(module: str, *arguments: str) -> Sequence[str]:
    return (sys.executable, "-m", module, *arguments)
