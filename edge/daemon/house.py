"""The daemon's state and its door: events through the step, facts to the store, commands to the runner.

Intent before act: what is not toward the safe side waits for the commit of its intent. Commands toward the safe side
go at once and are committed after. While the journal cannot be written only these happen.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from drivers.command import Command, CommandOutcome, Switch
from drivers.observation import TagReads
from edge.api.feed import Feed
from edge.api.records import StoreStanding
from edge.state.events import Event, OperatorAction, PlatformCommand, Quarantined
from edge.state.facts import LANE_OF, ContactChanged, Fact, Measured
from edge.state.state import State
from edge.step import step
from edge.store.errors import StoreFull
from edge.store.journal import Store
from edge.supervise import BugError, StepGuard

log = logging.getLogger(__name__)
SLICE_S = 0.005  # nothing in the loop takes longer before others are let in
HOLD_S = 0.25  # longest wait for a queue that is full of a disk that works: water is not kept waiting longer
HOLD_STEP_S = 0.01
STORE_FAILED = "store_failed"


class After(NamedTuple):
    """What waits for a commit: `fire` once it is there, `refuse` when the disk fails first."""

    fire: Callable[[], None]
    refuse: Callable[[], None]


class Counters(msgspec.Struct):
    """What the daemon counts of itself, since its start."""

    events: int = 0
    reads: int = 0
    facts: int = 0
    commands: int = 0
    quarantined: int = 0
    longest_step_ms: float = 0.0
    step_lag_ms: float = 0.0


class House:
    """Owned by the step loop. `submit` carries a command out, `taken` hears of committed platform commands, `on_facts`
    of every committed batch of facts."""

    def __init__(
        self,
        state: State,
        store: Store,
        guard: StepGuard,
        *,
        now: Callable[[], int],
        emit: Callable[[Event], None],
        submit: Callable[[Command], None],
    ) -> None:
        self.state = state
        self.store = store
        self.counters = Counters()
        self.turn = asyncio.Lock()
        """Held while a batch is logged and stepped through: whoever stops the step takes it first."""
        self.now = now
        self._guard = guard
        self._emit = emit
        self._submit = submit
        self._loop = asyncio.get_running_loop()
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._waiting: dict[int, list[After]] = {}
        self._commits = 0
        self.has_lost_facts = False
        """Facts are in the state that the journal has no place for: a snapshot must carry them."""
        self.feed = Feed()
        self.on_facts: list[Callable[[Sequence[Fact]], None]] = [self.feed.publish]
        self.on_platform_command: list[Callable[[PlatformCommand, str], None]] = []

    def screened(self, events: Sequence[Event]) -> list[Event]:
        """The events as the step will be given them: Quarantined in place of one that ended the daemon twice."""
        return [_quarantined(event) if self._guard.is_quarantined(event) else event for event in events]

    async def take(self, came: Sequence[Event], events: Sequence[Event]) -> None:
        """Step through the events that came, as `screened`, in order; lets others in whenever a slice of time is used
        up. Raises BugError; what was decided before it is on its way to the journal then."""
        await self._hold()
        begun = time.perf_counter()
        facts: list[Fact] = []
        after: list[After] = []
        for asked, event in zip(came, events, strict=True):
            try:
                self._one(asked, event, facts, after)
            except BugError:
                self._commit(facts, [])  # it is in the state, so it has happened; but nothing may leave safety now
                raise
            if time.perf_counter() - begun > SLICE_S:
                self._commit(facts, after)
                facts, after = [], []
                await asyncio.sleep(0)
                await self._hold()
                begun = time.perf_counter()
        self._commit(facts, after)

    async def act(self, action: OperatorAction) -> str:
        """Put an operator's action through the step; returns its answer once the audit fact is committed."""
        answer: asyncio.Future[str] = self._loop.create_future()
        self._answers[action.id] = answer
        self._emit(action)
        try:
            return await answer
        finally:
            self._answers.pop(action.id, None)

    async def trace(self, volume: str, limit: int) -> Sequence[Fact]:
        """The newest facts about a volume, oldest first."""
        entries = await asyncio.to_thread(self.store.trace, volume)
        return [entry.fact for entry in entries[-limit:]]

    async def history(self, device: str, point: str, since_ns: int, limit: int) -> Sequence[tuple[int, float | None]]:
        """(at_ns, value) of what was reported of a point, oldest first; contacts count as 1 and 0."""
        entries = await asyncio.to_thread(self.store.history, device, since_ns, limit, point)
        return [found for entry in entries if (found := _value(entry.fact, point)) is not None]

    def store_standing(self) -> StoreStanding:
        """How the journal stands."""
        committed = self.store.committed()
        acked = {lane: self.store.acked(lane) for lane in committed}
        waiting = sum(committed.values()) - sum(acked.values())
        room = self.store.room()
        return StoreStanding(
            committed=committed,
            acked=acked,
            backlog=waiting,
            level=self.store.level(),
            free_mb=room.free_mb if room else None,
            needed_mb=room.needed_mb if room else None,
        )

    def measured(self) -> Mapping[str, int | float]:
        """What the daemon counts of itself."""
        return msgspec.structs.asdict(self.counters)

    def refuse_waiting(self) -> None:
        """The disk fails: what waits for its commit is refused now and does not happen later, when nobody expects it
        any more."""
        waiting, self._waiting = self._waiting, {}
        for after in waiting.values():
            for one in after:
                one.refuse()

    async def _hold(self) -> None:
        """Let the disk catch up: the bounded queue behind it is full."""
        until_s = self._loop.time() + HOLD_S
        store = self.store
        while store.backlog().is_full and store.level() != "failed" and self._loop.time() < until_s:  # noqa: ASYNC110 another thread's
            await asyncio.sleep(HOLD_STEP_S)

    def _one(self, asked: Event, event: Event, facts: list[Fact], after: list[After]) -> None:
        counters = self.counters
        counters.events += 1
        if isinstance(event, TagReads):
            counters.reads += len(event.antenna)
        if isinstance(event, Quarantined):
            counters.quarantined += 1
        started = time.perf_counter()
        decision = self._guard.run(lambda: step(self.state, event), event)
        counters.longest_step_ms = max(counters.longest_step_ms, (time.perf_counter() - started) * 1e3)
        counters.step_lag_ms = (self.now() - event.at_ns) / 1e6
        facts += decision.facts
        is_done = bool(decision.commands)
        for command in decision.commands:
            counters.commands += 1
            if isinstance(command, Switch) and command.toward_safety:
                self._submit(command)
            else:
                is_done = False
                after.append(After(partial(self._submit, command), partial(self._refuse, command)))
        if decision.answer:
            answer = self._answering(asked, decision.answer)
            # what went toward the safe side has happened, on record or not
            after.append(After(answer, answer if is_done else self._answering(asked, STORE_FAILED)))

    def _refuse(self, command: Command) -> None:
        outcome = CommandOutcome(
            command=command.id, device=command.device, at_ns=self.now(), result="refused", reason=STORE_FAILED
        )
        self._emit(outcome)

    def _answering(self, event: Event, result: str) -> Callable[[], None]:
        def answer() -> None:
            if isinstance(event, OperatorAction):
                future = self._answers.get(event.id)
                if future is not None and not future.done():
                    future.set_result(result)
            elif isinstance(event, PlatformCommand):
                for hear in self.on_platform_command:
                    hear(event, result)

        return answer

    def _commit(self, facts: list[Fact], after: list[After]) -> None:
        if not facts and not after:  # an answer without facts of its own still waits for those before it
            return
        self.counters.facts += len(facts)
        is_urgent = bool(after) or any(LANE_OF[type(fact)] == "alarm" for fact in facts)
        self._commits += 1
        number = self._commits

        def committed() -> None:
            for one in self._waiting.pop(number, ()):
                one.fire()
            for hear in self.on_facts if facts else ():
                hear(facts)

        def from_writer() -> None:
            self._loop.call_soon_threadsafe(committed)

        if after:
            self._waiting[number] = after
        try:
            self.store.append(facts, urgent=is_urgent, done=from_writer)
        except StoreFull as error:
            if not self.has_lost_facts:
                log.critical("store: %s; only what is toward the safe side is carried out", error)
            self.has_lost_facts = True
            self.refuse_waiting()


def _quarantined(event: Event) -> Quarantined:
    what = str(event.__struct_config__.tag)
    return Quarantined(at_ns=event.at_ns, what=what, device=getattr(event, "device", ""))


def _value(fact: Fact, point: str) -> tuple[int, float | None] | None:
    if isinstance(fact, Measured) and point in fact.points:
        return fact.at_ns, fact.values[fact.points.index(point)]
    if isinstance(fact, ContactChanged) and fact.point == point:
        return fact.at_ns, None if fact.active is None else float(fact.active)
    return None
