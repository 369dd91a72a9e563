"""Real far ends for tests: a broker, the reference platform as a process, and a link over a memory outbox."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from config.vault import Broker, Platform, Vault
from edge.platform.client import PlatformLink
from edge.platform.contract import Lane
from edge.state.events import LinkState, PlatformCommand
from simulator.control import ControlClient
from simulator.dies_with_parent import dies_with_parent
from simulator.platform.broker import BrokerProcess
from simulator.platform.signing import make_key
from simulator.ports import HeldPorts
from tests.platform.memory_outbox import MemoryOutbox

PATIENCE_S = 30.0
NODE_PATH = "c1/v1/edge-1"
ROOT = "v1/c1/v1/edge-1"
EMPTY = b'{"volumes":{},"devices":{},"alarms":{},"actuators":{}}'


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for it; fail with `what` after half a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.01)


class Site:
    """One broker, one platform, one link. Parts are started, killed and started again at will."""

    def __init__(self, directory: Path, kind: Literal["mosquitto", "amqtt"]) -> None:
        self.directory = directory
        self.ports = HeldPorts()
        self.broker = BrokerProcess(directory, self.ports.take(1)[0], kind=kind)
        self.key = make_key(directory / "key.pem")
        self.outbox = MemoryOutbox()
        self.events: list[LinkState | PlatformCommand] = []
        self.snapshot_body = EMPTY
        self.verdict = "accepted"
        self.link: PlatformLink | None = None
        self._task: asyncio.Task[None] | None = None
        self._platform: subprocess.Popen[bytes] | None = None

    # --- the platform -----------------------------------------------------------------------------------------------

    def start_platform(self, database: str = "p.db") -> None:
        command = [
            *(sys.executable, "-m", "simulator.platform", "--port", str(self.broker.port)),
            *("--db", str(self.directory / database), "--control", str(self.directory / "p.sock")),
            *("--centre", "c1", "--vault", "v1", "--node", "edge-1"),
            *("--key", str(self.directory / "key.pem"), "--mqtt", self.broker.mqtt),
        ]
        self._platform = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=dies_with_parent(),  # noqa: PLW1509  what runs there takes no lock
        )

    def kill_platform(self) -> None:
        if self._platform is not None:
            self._platform.kill()
            self._platform.wait()
            self._platform = None

    def stop_platform(self) -> int:
        assert self._platform is not None
        self._platform.terminate()
        code = self._platform.wait(PATIENCE_S)
        self._platform = None
        return code

    async def ask(self, op: str, **arguments: object) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                client = await ControlClient.connect(self.directory / "p.sock")
                break
            except OSError:
                assert time.monotonic() < deadline, "the platform's control socket never opened"
                await asyncio.sleep(0.05)
        try:
            return await client.ask(op, **arguments)
        finally:
            await client.close()

    async def status_when(self, holds: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status: dict[str, Any] = await self.ask("status")
            if holds(status):
                return status
            assert time.monotonic() < deadline, f"never happened: {what}; status {status}"
            await asyncio.sleep(0.05)

    # --- the edge ---------------------------------------------------------------------------------------------------

    def start_link(self, issuers: dict[str, str] | None = None) -> PlatformLink:
        vault = Vault(
            schema=1,
            centre="c1",
            vault="v1",
            node="edge-1",
            timezone="Asia/Shanghai",
            brokers={"platform": Broker(host="127.0.0.1", port=self.broker.port, keepalive_s=5)},
            platform=Platform(issuers={"platform": self.key} if issuers is None else issuers),
            zones=(),
            racks=(),
        )
        self.link = PlatformLink(
            vault,
            self.outbox,
            now=time.time_ns,
            emit=self._heard,
            snapshot=lambda: (self.outbox.committed(), lambda: self.snapshot_body),
            software="0.1.0",
            layout="00ff",
            devices=("reader-1", "th-1"),
        )
        self._task = asyncio.ensure_future(self.link.run())
        return self.link

    def _heard(self, event: LinkState | PlatformCommand) -> None:
        self.events.append(event)
        if isinstance(event, PlatformCommand):
            assert self.link is not None
            self.link.answer(event, event.refusal or self.verdict)

    async def stop_link(self) -> None:
        if self.link is not None and self._task is not None:
            self.link.stop()
            await self._task
            self.link = None

    def add(self, lane: Lane, count: int) -> None:
        self.outbox.fill(lane, count)
        if self.link is not None:
            self.link.committed()

    async def all_acknowledged(self) -> None:
        assert self.link is not None
        await until(self.link.is_drained, "every fact acknowledged")

    def confirmations_due(self) -> list[str]:
        """Commands whose PUBACK is not on its way yet."""
        assert self.link is not None
        return list(self.link._unconfirmed)

    def notes(self) -> list[str]:
        return [event.note for event in self.events if isinstance(event, LinkState) and event.note]

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """As somebody else on the same broker."""
        subprocess.run(
            [
                *("mosquitto_pub", "-p", str(self.broker.port), "-q", "1", "-t", f"{ROOT}/{topic}", "-s"),
                *(["-r"] if retain else []),
            ],
            input=payload,
            check=True,
            timeout=PATIENCE_S,
        )


@asynccontextmanager
async def site(directory: Path, kind: Literal["mosquitto", "amqtt"]) -> AsyncIterator[Site]:
    """A broker that runs; everything is stopped at the end."""
    made = Site(directory, kind)
    made.broker.start()
    try:
        yield made
    finally:
        await made.stop_link()
        made.kill_platform()
        made.broker.stop()
        made.ports.close()
