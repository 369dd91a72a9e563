"""What goes on while processes are killed: water, operators, hot air, pulled plugs, snapshots asked for.

People move volumes by themselves: that is the site's. Every task here goes on until it is cancelled, and leaves the
world as it is; `calm` sets it right.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, NamedTuple

from bench.crashes.stage import GONE, Stage
from bench.crashes.vault import VALVES, YARD, YARD_BUS, ZONES

Moment = Literal["open", "leak"]
HOT_K = 9.0  # 19.5 +- 2 degrees and the limit at 24: well beyond it
ASK_AGAIN_S = 0.3
PATIENCE_S = 5.0
PLUGS = ((YARD[0], "silent", "none"), (YARD_BUS, "unplug", "plug"))
BURST_AGAIN = 0.25  # share of reopenings right after which the pipe bursts again: the interlock and the linkage race


class Request(NamedTuple):
    """An operator's request to open; `answer` is '' where the daemon died before it answered."""

    valve: str
    asked_s: float
    answer: str


class Compared(NamedTuple):
    """The platform held its mirror against a snapshot."""

    snapshot: str
    is_equal: bool
    differences: Sequence[str]


class Load:
    """Runs from `start` to `stop`. `requests`: what operators asked; `compared`: what the platform found."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.requests: list[Request] = []
        self.compared: list[Compared] = []
        self._stage = stage
        self._seed = seed
        self._moments: dict[Moment, asyncio.Event] = {"open": asyncio.Event(), "leak": asyncio.Event()}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin all of it."""
        tasks: dict[str, Callable[[random.Random], Awaitable[None]]] = {
            **{f"water {valve}": lambda rng, valve=valve: self._water(valve, rng) for valve in VALVES},  # type: ignore[misc]
            **{f"air {zone}": lambda rng, zone=zone: self._air(zone, rng) for zone in ZONES},  # type: ignore[misc]
            "plugs": self._plugs,
            "snapshots": self._snapshots,
            "compared": self._watch_comparing,
        }
        self._tasks = [
            asyncio.ensure_future(task(random.Random(f"{self._seed} {name}"))) for name, task in tasks.items()
        ]

    def check(self) -> None:
        """Raises what a task of the load died of."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def stop(self) -> None:
        """End every task, wherever it is."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def calm(self) -> None:
        """Pipes whole, air as usual, plugs in, people out: what is true now stays true."""
        await self._ask("people", on=False)
        for zone in ZONES:
            await self._ask("leak", zone=zone, on=False)
            await self._ask("air", zone=zone, degc=0.0, pct=0.0)
        for device in YARD:
            await self._ask("fault", device=device, kind="none")
        await self._ask("fault", device=YARD_BUS, kind="plug")

    async def next(self, moment: Moment, within_s: float) -> None:
        """Until an operator next asks to open over a dry floor, or a pipe next bursts."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._moments[moment].wait(), within_s)

    def _now_is(self, moment: Moment) -> None:
        self._moments[moment].set()
        self._moments[moment] = asyncio.Event()

    async def _ask(self, op: str, **args: object) -> Any:
        return await self._stage.ask_site(op, **args)

    async def _water(self, valve: str, rng: random.Random) -> None:
        """A pipe bursts, the valve is to close, the pipe is repaired, an operator opens as soon as it is dry."""
        zone = VALVES[valve]
        while True:
            await asyncio.sleep(rng.uniform(2, 6))
            self._now_is("leak")
            await self._ask("leak", zone=zone, on=True)
            await self._until(lambda seen: valve in seen["closed_valves"], 15)
            await asyncio.sleep(rng.uniform(0.2, 2))
            await self._ask("leak", zone=zone, on=False)
            while not await self._until(lambda seen: valve not in seen["closed_valves"], 0):
                await self._open(valve)
                await self._until(lambda seen: valve not in seen["closed_valves"], ASK_AGAIN_S)
            if rng.random() < BURST_AGAIN:
                self._now_is("leak")
                await self._ask("leak", zone=zone, on=True)

    async def _open(self, valve: str) -> None:
        """One request of an operator; an accepted one is given time."""
        if VALVES[valve] not in (await self._ask("glance"))["wet"]:
            self._now_is("open")
        asked_s, answer = time.time(), ""
        with contextlib.suppress(*GONE):
            reply = await self._stage.ask_daemon(
                "act", action="actuator.set", args={"actuator": valve, "state": "open"}, role="technician"
            )
            answer = str(reply["answer"])
        self.requests.append(Request(valve, asked_s, answer))
        if answer == "accepted":
            await self._until(lambda seen: valve not in seen["closed_valves"], PATIENCE_S)

    async def _until(self, holds: Callable[[dict[str, Any]], bool], within_s: float) -> bool:
        until_s = time.monotonic() + within_s
        while not holds(await self._ask("glance")):
            if time.monotonic() >= until_s:
                return False
            await asyncio.sleep(0.05)
        return True

    async def _air(self, zone: str, rng: random.Random) -> None:
        while True:
            await asyncio.sleep(rng.uniform(4, 12))
            await self._ask("air", zone=zone, degc=HOT_K, pct=0.0)
            await asyncio.sleep(rng.uniform(3, 12))
            await self._ask("air", zone=zone, degc=0.0, pct=0.0)

    async def _plugs(self, rng: random.Random) -> None:
        """A sensor falls silent, or its whole line is pulled; both come back before the breaker waits long."""
        while True:
            await asyncio.sleep(rng.uniform(4, 10))
            device, pulled, put_back = rng.choice(PLUGS)
            await self._ask("fault", device=device, kind=pulled)
            await asyncio.sleep(rng.uniform(3, 7))
            await self._ask("fault", device=device, kind=put_back)

    async def _snapshots(self, rng: random.Random) -> None:
        while True:
            await asyncio.sleep(rng.uniform(4, 10))
            with contextlib.suppress(*GONE):
                await self._stage.ask_platform("snapshot")

    async def _watch_comparing(self, _rng: random.Random) -> None:
        while True:
            await asyncio.sleep(0.5)
            with contextlib.suppress(*GONE):
                self.note_comparing(await self._stage.ask_platform("status"))

    def note_comparing(self, status: dict[str, Any]) -> None:
        """Remember what the platform found of its newest snapshot, once."""
        name = status["mirror_snapshot"]
        if name and not any(one.snapshot == name for one in self.compared):
            self.compared.append(Compared(name, bool(status["mirror_equal"]), tuple(status["differences"])))
