"""The real daemon in this process, its committed facts kept, and waiting for what must come."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from config.load import Loaded
from edge.daemon.run import Daemon
from edge.state.events import Event
from edge.state.facts import AlarmCleared, AlarmRaised, Fact
from edge.state.state import State
from edge.state.volumes import STATUSES
from edge.store.journal import Store
from tests.api.client import Client, connected
from tests.daemon.small_site import VOLUMES, catalogue
from tests.unhurried import unhurried

PATIENCE_S = 20.0  # a loaded machine; what has a bound of its own says so
Kind = TypeVar("Kind")


async def until(holds: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> float:
    """Wait for it; how long it took in seconds of the loop's clock."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    while not holds():
        assert loop.time() - started_s < within_s, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.005)
    return loop.time() - started_s


class Live:
    """One run of the daemon."""

    def __init__(self, daemon: Daemon, state_dir: Path) -> None:
        self.daemon = daemon
        self.state_dir = state_dir
        self.facts: list[Fact] = []
        daemon.house.on_facts.append(self.facts.extend)
        self.run: asyncio.Task[int] = asyncio.create_task(daemon.run(), name="daemon")

    @property
    def state(self) -> State:
        return self.daemon.house.state

    @property
    def store(self) -> Store:
        return self.daemon.house.store

    def put(self, event: Event) -> None:
        """Into the inbox, as a link does."""
        self.daemon._inbox.put(event)

    def now(self) -> int:
        return self.daemon.house.now()

    def of(self, kind: type[Kind], **fields: object) -> list[Kind]:
        """Committed facts of a type whose fields are these, in order."""
        return [
            fact
            for fact in self.facts
            if isinstance(fact, kind) and all(getattr(fact, name) == value for name, value in fields.items())
        ]

    def raised(self, alarm: str) -> int:
        return len(self.of(AlarmRaised, alarm=alarm))

    def cleared(self, alarm: str) -> int:
        return len(self.of(AlarmCleared, alarm=alarm))

    async def until(self, holds: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> float:
        def holds_or_dead() -> object:
            assert not self.run.done(), f"the daemon ended while we waited: {what}"
            return holds()

        return await until(holds_or_dead, what, within_s)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A person at the local API."""
        path = self.state_dir / "lantai.sock"
        await until(path.exists, "the local API")
        async with connected(path) as client:
            yield client

    async def import_volumes(self) -> None:
        """The archivist's file; returns when every volume was seen on its shelf."""
        async with self.client() as client:
            await client.result("import", lines=catalogue())
        await self.until(lambda: self.statuses() == {"present": len(VOLUMES)}, "every volume seen")

    def statuses(self) -> dict[str, int]:
        return dict(Counter(STATUSES[status] for status in self.state.volumes.status.tolist()))

    def is_ok(self, device: str) -> bool:
        standing = self.state.devices.get(device)
        return standing is not None and standing.is_ok

    async def all_ok(self, *devices: str) -> None:
        await self.until(lambda: all(map(self.is_ok, devices)), f"{devices} answer")

    async def stop(self) -> int:
        self.daemon.stop()
        return await self.run


@asynccontextmanager
async def running(
    loaded: Loaded, state_dir: Path, **wires: Callable[[Daemon], Coroutine[Any, Any, None]]
) -> AsyncIterator[Live]:
    """The daemon runs inside the block and is stopped in order at its end, unless it ended before. `wires`: links made
    by hand, run and supervised like the others."""
    loop = unhurried()
    daemon = Daemon(loaded, state_dir, wall_ns=loop.wall_ns, monotonic_ns=loop.monotonic_ns)
    for name, wire in wires.items():
        daemon._wires[name] = lambda wire=wire: wire(daemon)  # type: ignore[misc]
    live = Live(daemon, state_dir)
    try:
        yield live
    finally:
        if not live.run.done():
            await live.stop()


def bury(live: Live) -> None:
    """What the end of a process does to a store that was not closed: no row, no mark of an orderly stop is added."""
    store = live.daemon._store
    store._writer.close()
    store._journal.close()
    store._connection.close()
    store._lock.release()


@contextmanager
def opened_store(state_dir: Path, loaded: Loaded) -> Iterator[Store]:
    """The store of a daemon that is stopped."""
    vault = loaded.vault
    store = Store.open(
        state_dir,
        vault=f"{vault.centre}/{vault.vault}",
        cap_mb=vault.store.cap_mb,
        reserve_mb=vault.store.reserve_mb,
        retention=vault.policy.retention,
    )
    try:
        yield store
    finally:
        store.close()


def journal(state_dir: Path, loaded: Loaded) -> list[Fact]:
    """Every fact in the store of a daemon that is stopped."""
    with opened_store(state_dir, loaded) as store:
        return [fact for _, fact in store.facts(0)]
