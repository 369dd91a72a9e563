"""The daemon's own tasks: the step loop, the tick, snapshots, retention, the watch over clock and disk."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from edge.clock import VaultClock
from edge.daemon.house import House
from edge.field.inbox import Inbox
from edge.state.events import ClockStep, Dropped, Event, StoreState, Tick
from edge.state.snapshot import encode, freeze
from edge.store.input_log import InputLog
from edge.supervise import BugError, notify

log = logging.getLogger(__name__)
BATCH = 256  # events a turn of the step loop; the slice of time is what really bounds it
TICK_S = 1.0
FIRST_SNAPSHOT_S = 10.0  # so that a daemon that is killed again and again still starts from ever newer beliefs
GAP_S = 60.0  # while space is short: what gave way is told once a minute, for telling it takes of the reserve
SNAPSHOT_S = 60.0
PRUNE_S = 3600.0
ROOMY = frozenset({"ok", "capped"})


async def run_steps(inbox: Inbox, house: House, input_log: InputLog | None) -> None:
    """Take from the inbox, log what came in, step. Feeds the service manager's watchdog: a stuck step is a restart."""
    while True:
        came = await inbox.take(BATCH)
        async with house.turn:
            events = house.screened(came)
            if input_log is not None:
                if input_log.wants_begin:  # between two batches: the state is exactly what the next file starts from
                    input_log.begin(partial(encode, freeze(house.state)), house.store.n)
                input_log.write(events)
            await house.take(came, events)
        notify("WATCHDOG=1")


async def run_ticks(
    clock: VaultClock, house: House, emit: Callable[[Event], None], input_log: InputLog | None = None
) -> None:
    """Once a second: time passes, and the wall clock and the disk are looked at. Raises BugError when a thread
    that writes is dead."""
    level = ""
    told_s = 0.0
    loop = asyncio.get_running_loop()
    while True:
        moved_s = clock.step_s()
        if moved_s:
            log.warning(
                "clock: the wall clock moved by %.1f s; vault time goes on, commands wait for a voucher", moved_s
            )
            emit(ClockStep(at_ns=clock.now(), step_s=moved_s))
        if not house.store.is_alive:
            raise BugError("store: the thread that writes it is dead")
        if input_log is not None and not input_log.is_alive:
            raise BugError("input log: the thread that writes it is dead")
        now_level = house.store.level()
        if now_level == "failed":
            house.refuse_waiting()
        if now_level != level:
            if now_level != "ok":
                log.warning("store: level %s %s", now_level, house.store.fault())
            emit(StoreState(at_ns=clock.now(), level=now_level))
            level = now_level
        if level in ROOMY or (level == "reserve" and loop.time() - told_s >= GAP_S):
            told_s = loop.time()
            for what, count in house.store.take_refused().items():
                emit(Dropped(at_ns=clock.now(), what=what, count=count))
        emit(Tick(at_ns=clock.now()))
        await asyncio.sleep(TICK_S)


async def run_snapshots(house: House) -> None:
    """A snapshot now and then bounds how long a start takes and how old beliefs are after a crash. One more as soon as
    the disk is back after facts were lost: it alone says what became of them. None eats of the reserve."""
    loop = asyncio.get_running_loop()
    due_s = loop.time() + FIRST_SNAPSHOT_S
    while True:
        await asyncio.sleep(TICK_S)
        if (house.has_lost_facts or loop.time() >= due_s) and house.store.level() in ROOMY:
            house.has_lost_facts = False
            await save_snapshot(house)
            due_s = loop.time() + SNAPSHOT_S


async def run_retention(house: House) -> None:
    """Let go of what was acknowledged and is older than its retention; while the clock is unsure nothing is old."""
    while True:
        if house.state.clock_is_sure:
            house.store.prune(house.now())
        await asyncio.sleep(PRUNE_S)


async def save_snapshot(house: House) -> None:
    """Copy here, encode in a thread, write behind everything appended so far."""
    frozen = freeze(house.state)
    n = house.store.n
    marks = {lane: head.seq for lane, head in house.store.heads().items()}
    body = await asyncio.to_thread(encode, frozen)
    house.store.save_snapshot(body, n, house.state.plant.layout, marks)
