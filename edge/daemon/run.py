"""`lantai run`: open the store, recover, join links, step, platform and local API; stop in order."""

import asyncio
import contextlib
import hashlib
import logging
import os
import random
import signal
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from config.devices import Board, Sensor
from config.load import Loaded
from config.secrets import read_secret
from drivers.command import Command
from edge.api.server import ApiServer
from edge.clock import VaultClock
from edge.daemon import tasks
from edge.daemon.house import House
from edge.daemon.logbook import Logbook
from edge.daemon.recover import recover
from edge.field.bus_link import BusLink
from edge.field.inbox import Inbox
from edge.field.reader_link import ReaderLink
from edge.field.runner import CommandRunner, Link
from edge.platform.client import PlatformLink
from edge.rules.interlocks import Refuse, may
from edge.rules.linkages import toward_safety
from edge.state.events import LinkState, Started
from edge.state.facts import ClockVouched, Fact, Lane
from edge.state.mirror import mirror
from edge.state.plant import Plant
from edge.state.snapshot import encode, freeze
from edge.state.state import State
from edge.store.errors import StoreError, StoreFull
from edge.store.input_log import InputLog
from edge.store.journal import Store
from edge.supervise import RESTART_PAUSES_S, StepGuard, keep, notify

log = logging.getLogger(__name__)
SOFTWARE = f"lantai-edge {version('lantai-edge')}"
SOCKET = "lantai.sock"
BUG = 70  # EX_SOFTWARE: the service manager restarts
POLITE_S = 6.0  # longest wait for links and platform to say goodbye
FLUSH_S = 2.0  # after a bug: a disk that takes nothing must not hold up the restart
SAFE_S = 1.5  # after a bug: time for the safe-side commands to reach their boards


class Daemon:
    """One running vault. Made and run inside the event loop. Vault time is made of `wall_ns` and `monotonic_ns`."""

    def __init__(
        self, loaded: Loaded, state_dir: Path, *, wall_ns: Callable[[], int], monotonic_ns: Callable[[], int]
    ) -> None:
        vault = loaded.vault
        self._vault = vault
        self._loaded = loaded
        self._state_dir = state_dir
        self._stop = asyncio.Event()
        plant = Plant(vault, loaded.profiles)
        self._store = Store.open(
            state_dir,
            vault=f"{vault.centre}/{vault.vault}",
            cap_mb=vault.store.cap_mb,
            reserve_mb=vault.store.reserve_mb,
            retention=vault.policy.retention,
            may_wait=True,
        )
        self.restart_pauses_s: Sequence[float] = RESTART_PAUSES_S
        state = self._recovered(plant)
        self._clock = VaultClock(wall_ns, monotonic_ns, not_before_ns=state.now_ns)
        self._inbox = Inbox()
        self._links: dict[str, Link] = {}
        self._wires: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        self._join_devices()
        runner = CommandRunner(
            self._links, may=lambda command: may(state, command), emit=self._inbox.put, now=self._clock.now
        )
        self._runner = runner
        self._guard = StepGuard(state_dir, SOFTWARE)
        self.house = House(
            state,
            self._store,
            self._guard,
            now=self._clock.now,
            emit=self._inbox.put,
            submit=runner.submit,
        )
        self._logbook = Logbook(vault.language, asyncio.get_running_loop().call_later)
        self.house.on_facts += [self._logbook.hear, self._vouched]
        self._platform = self._join_platform()
        self._api = ApiServer(self.house, state_dir / SOCKET)
        self._input_log = self._open_log() if vault.store.input_log_mb else None

    def _vouched(self, facts: Sequence[Fact]) -> None:
        if any(isinstance(fact, ClockVouched) for fact in facts):
            self._clock.vouched()

    def stop(self) -> None:
        """End `run` in order, as SIGTERM does."""
        self._stop.set()

    async def run(self) -> int:
        """Until `stop`, SIGTERM or SIGINT (0) or a bug (70)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        self._inbox.put(self._started())
        if self._store.is_held:
            unknown = LinkState(link="store", at_ns=self._clock.now(), is_up=False, note="store_history_incomplete")
            self._inbox.put(unknown)
        await self._api.start()
        running = [
            asyncio.create_task(keep(name, make, self.restart_pauses_s), name=name)
            for name, make in self._everything().items()
        ]
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        log.info("%s: vault %s/%s runs", SOFTWARE, self._vault.centre, self._vault.vault)
        notify("READY=1")
        done, _ = await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        bugs = [error for task in done if task is not stopping and (error := task.exception()) is not None]
        notify("STOPPING=1")
        if bugs:
            log.critical("stopping: %s", bugs[0], exc_info=bugs[0])
            # what is stored or deleted from here on would come of a state that was stepped through by half
            await _cancelled([task for task in running if task.get_name() in {"snapshots", "retention"}])
            await self._to_safe_state()
        else:
            await self._leave(running)
        async with self.house.turn:  # not amid a batch: what the input log holds was stepped through
            await _cancelled(running)
        await self._api.close()
        if self._input_log is not None:
            self._input_log.close()
        self._logbook.say_catalogued()
        if bugs:
            with contextlib.suppress(StoreFull):  # it is the writer itself that died
                self._store.flush(FLUSH_S)  # not closed: the next start shall know that this stop was no orderly one
            return BUG
        await tasks.save_snapshot(self.house)
        self._store.close()
        self._guard.forget()
        log.info("%s: vault %s/%s stopped in order", SOFTWARE, self._vault.centre, self._vault.vault)
        return 0

    def _started(self) -> Started:
        return Started(
            at_ns=self._clock.now(),
            boot=self._store.boot,
            software=SOFTWARE,
            layout=self.house.state.plant.layout,
            clean=self._store.was_clean,
        )

    def _recovered(self, plant: Plant) -> State:
        """The state as the store has it; where that can no longer be known, an empty one that never reaches it: the
        valves are watched all the same."""
        try:
            state = recover(self._store, plant)
        except (StoreError, sqlite3.DatabaseError) as error:
            self._store.hold(error.said if isinstance(error, StoreError) else str(error))
            state = State(plant)
        if self._store.is_held:
            log.critical("store: %s; water is watched, nothing is recorded", self._store.fault())
        return state

    def _open_log(self) -> InputLog | None:
        try:
            return self._opened_log()
        except OSError as error:
            log.warning("input log: %s; nothing is logged until the next start", error)
            return None

    def _opened_log(self) -> InputLog:
        config = hashlib.blake2b(msgspec.json.encode(self._vault, order="deterministic"), digest_size=16).hexdigest()
        opened = InputLog(
            self._state_dir / "input",
            self._vault.store.input_log_mb,
            boot=self._store.boot,
            software=SOFTWARE,
            layout=self.house.state.plant.layout,
            config=config,
        )
        opened.begin(partial(encode, freeze(self.house.state)), self._store.n)
        return opened

    def _everything(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """Every task of the daemon; docs/architecture.md gives the reason of each."""
        house, emit = self.house, self._inbox.put
        named = {
            "step": lambda: tasks.run_steps(self._inbox, house, self._input_log),
            **self._wires,
            "tick": lambda: tasks.run_ticks(self._clock, house, emit, self._input_log),
            "snapshots": lambda: tasks.run_snapshots(house),
            "retention": lambda: tasks.run_retention(house),
        }
        if self._platform is not None and not self._store.is_held:  # else it would take our empty state for the vault's
            named["platform"] = self._platform.run
        return named

    def _join_devices(self) -> None:
        vault, now, emit = self._vault, self._clock.now, self._inbox.put
        for bus in vault.buses:
            every: tuple[Sensor | Board, ...] = (*vault.sensors, *vault.boards)
            units = [unit for unit in every if unit.bus == bus.id]
            link = BusLink(
                bus, units, self._loaded.profiles, may=self._refusal, now=now, emit=emit, jitter=random.random
            )
            self._wires[f"bus {bus.id}"] = link.run
            self._links |= {unit.id: link for unit in units}
        for reader in vault.readers:
            reader_link = ReaderLink(reader, now=now, emit=emit, jitter=random.Random())  # noqa: S311 spreads retries
            self._wires[f"reader {reader.id}"] = reader_link.run
            self._links[reader.id] = reader_link

    def _refusal(self, command: Command) -> str:
        """The interlock's last word against the newest state: '' to send it, else why not."""
        verdict = may(self.house.state, command)
        return verdict.code if isinstance(verdict, Refuse) else ""

    def _join_platform(self) -> PlatformLink | None:
        vault = self._vault
        if vault.platform is None:
            return None
        secret = vault.brokers[vault.platform.broker].password
        platform = PlatformLink(
            vault,
            self._store,
            now=self._clock.now,
            emit=self._inbox.put,
            snapshot=self._mirror,
            software=SOFTWARE,
            layout=self.house.state.plant.layout,
            devices=tuple(self.house.state.plant.devices()),
            password=read_secret(secret, environ=os.environ, state_dir=self._state_dir) if secret else "",
        )

        def committed(_: Sequence[Fact]) -> None:
            platform.committed()

        self.house.on_facts.append(committed)
        self.house.on_platform_command.append(platform.answer)
        return platform

    def _mirror(self) -> tuple[dict[Lane, int], Callable[[], bytes]]:
        marks = {lane: head.seq for lane, head in self._store.heads().items()}
        return marks, partial(mirror, freeze(self.house.state).folded, self.house.state.plant.places.segment_ids)

    async def _to_safe_state(self) -> None:
        """Bugs end in the safe state: every actuator is told to take its own, and nothing else is sent any more. Also
        one that is known to be safe: an order to leave it may be on its way."""
        self._runner.close()
        for actuator in self.house.state.plant.actuators.values():
            decision = toward_safety(actuator, self._clock.now(), cause="bug")
            for command in decision.commands:
                self._runner.submit(command)
            with contextlib.suppress(StoreFull):  # the next start finds the intent and ends it by what it reads
                self._store.append(decision.facts, urgent=True, done=None)
        await asyncio.sleep(SAFE_S)

    async def _leave(self, running: Sequence[asyncio.Task[None]]) -> None:
        """Nobody asks any more, no device is heard any more; what was heard reaches the platform."""
        await self._api.close()
        await _cancelled([task for task in running if task.get_name() not in {"step", "platform"}])
        platform = [task for task in running if task.get_name() == "platform"]
        if self._platform is not None and platform:
            self._platform.stop()
            await asyncio.wait(platform, timeout=POLITE_S)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), POLITE_S)
