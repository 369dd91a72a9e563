"""A BusLink on a real line, its events kept, and waiting for what must come."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import TypeVar

from config.devices import Board, Bus, Sensor
from config.profile_files import load_profile, profile_ids
from drivers.command import Command, CommandOutcome
from drivers.observation import Contact, Measurement
from edge.field.bus_link import BusLink
from edge.state.events import DeviceBack, DeviceLost, Event
from tests.unhurried import unhurried

PATIENCE_S = 8.0
Kind = TypeVar("Kind")


class Watched:
    """What a link said so far."""

    def __init__(self, bus: Bus, units: Sequence[Sensor | Board]) -> None:
        self.events: list[Event] = []
        self.may: Callable[[Command], str] = lambda _: ""
        self.link = BusLink(
            bus,
            units,
            {name: load_profile(name) for name in profile_ids()},
            may=self._asked,
            now=unhurried().monotonic_ns,
            emit=self.events.append,
            jitter=lambda: 0.5,
        )

    def _asked(self, command: Command) -> str:
        return self.may(command)

    def of(self, kind: type[Kind], device: str) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind) and getattr(event, "device", "") == device]

    def values(self, device: str) -> list[tuple[float | None, ...]]:
        return [each.values for each in self.of(Measurement, device)]

    def active(self, device: str, point: str) -> list[bool | None]:
        return [each.active for each in self.of(Contact, device) if each.point == point]

    def changes(self, device: str) -> list[str]:
        """'back', or the reason of the loss, in order."""
        said = (event for event in self.events if isinstance(event, DeviceBack | DeviceLost))
        return [e.reason if isinstance(e, DeviceLost) else "back" for e in said if e.device == device]

    def outcome(self, command: str) -> tuple[str, str] | None:
        """The final one."""
        ends = [e for e in self.events if isinstance(e, CommandOutcome) and e.command == command and e.result != "sent"]
        assert len(ends) <= 1
        return (ends[0].result, ends[0].reason) if ends else None

    async def until(self, condition: Callable[[], object], within_s: float = PATIENCE_S) -> None:
        """Wait until it holds; fails with the last events when it does not in time."""
        loop = unhurried()
        end_s = loop.time() + within_s
        while not condition():
            assert loop.time() < end_s, f"it did not happen; last events: {self.events[-8:]}"
            await asyncio.sleep(0.01)

    def largest_gap_s(self, device: str) -> float:
        at_ns = [each.at_ns for each in self.of(Measurement, device)]
        return max(after - before for before, after in pairwise(at_ns)) / 1e9


@asynccontextmanager
async def watched(bus: Bus, *units: Sensor | Board) -> AsyncIterator[Watched]:
    """The link runs inside the block and is cancelled at its end."""
    seen = Watched(bus, units)
    task = asyncio.create_task(seen.link.run())
    try:
        yield seen
    finally:
        task.cancel()
        done, _ = await asyncio.wait((task,))
        assert all(each.cancelled() for each in done), [each.exception() for each in done]


def sensor(name: str, unit: int, profile: str = "xy-md02", period_s: float = 0.2, freshness_s: float = 1.5) -> Sensor:
    return Sensor(id=name, bus="b", unit=unit, profile=profile, zone="z1", period_s=period_s, freshness_s=freshness_s)


def board(name: str, unit: int, period_s: float = 0.2) -> Board:
    return Board(id=name, bus="b", unit=unit, profile="relay-8", period_s=period_s, freshness_s=1.5)
