"""The one door into the step: bounded, in order, and nothing gives way silently.

Under pressure the newest measurement of a device's points replaces the older one of the same points in place; tag reads
give way together with the search they belong to, because a search without its reads would say that every volume was
absent. Contacts, losses, outcomes, commands and people are never dropped.
"""

import asyncio
from collections import deque

from drivers.observation import Measurement, Searched, TagReads
from edge.state.events import Dropped, Event

_Points = tuple[str, tuple[str, ...]]
LIMIT = 20_000  # events; at full load of one vault about ten seconds of stall


class Inbox:
    """Filled by links in the event loop, emptied by the step loop."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._queue: deque[Event | _Points] = deque()  # _Points stands for the newest Measurement of these
        self._newest: dict[_Points, Measurement] = {}
        self._blind: dict[tuple[str, int], None] = {}
        self._dropped: dict[str, int] = {}
        self._filled = asyncio.Event()
        self.taken = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, event: Event) -> None:
        """Add an event. Event-loop thread only."""
        is_pressed = len(self._queue) >= self._limit
        match event:
            case Measurement() if is_pressed or self._newest:
                key = (event.device, event.points)
                if key in self._newest:
                    self._count("measurement", 1)
                else:
                    self._queue.append(key)
                self._newest[key] = event
            case TagReads() if is_pressed:
                self._count("tag_reads", len(event.antenna))
                for antenna in dict.fromkeys(event.antenna.tolist()):
                    self._blind[event.device, antenna] = None
            case Searched() if (event.device, event.antenna) in self._blind:
                self._blind.pop((event.device, event.antenna))
                self._count("searched", 1)
            case _:
                self._queue.append(event)
        self._filled.set()

    async def take(self, most: int) -> list[Event]:
        """Wait for events and take up to `most`, oldest first; what was dropped since comes first, as Dropped."""
        while not self._queue:
            self._filled.clear()
            await self._filled.wait()
        events: list[Event] = []
        while self._queue and len(events) < most:
            item = self._queue.popleft()
            events.append(self._newest.pop(item) if isinstance(item, tuple) else item)
        if self._dropped:
            at_ns = events[0].at_ns
            events[:0] = [Dropped(at_ns=at_ns, what=what, count=count) for what, count in self._dropped.items()]
            self._dropped.clear()
        self.taken += len(events)
        return events

    def _count(self, what: str, count: int) -> None:
        self._dropped[what] = self._dropped.get(what, 0) + count
