"""The one door into the step: bounded, in order, and nothing gives way silently.

Under pressure the newest measurement of a device's points replaces the older one of the same points in place; tag reads
give way together with the search they belong to, because a search without its reads would say that every volume was
absent. A contact that says again what the last one queued of its point says takes its place, with its newer time;
every change stays. Losses, outcomes, commands and people are never dropped.
"""

import asyncio
from collections import deque

from drivers.observation import Contact, Measurement, Searched, TagReads
from edge.state.events import DeviceBack, DeviceLost, Dropped, Event

_Points = tuple[str, tuple[str, ...]]
LIMIT = 20_000  # events; at full load of one vault about ten seconds of stall


class _Said:
    """A queued contact that an equal one may renew."""

    def __init__(self, contact: Contact) -> None:
        self.contact = contact


class Inbox:
    """Filled by links in the event loop, emptied by the step loop."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._queue: deque[Event | _Points | _Said] = deque()  # _Points stands for the newest Measurement of these
        self._newest: dict[_Points, Measurement] = {}
        self._said: dict[str, dict[str, _Said]] = {}  # device -> point -> the last one queued
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
            case Contact():
                self._put_contact(event, is_pressed=is_pressed)
            case TagReads() if is_pressed:
                self._count("tag_reads", len(event.antenna))
                for antenna in dict.fromkeys(event.antenna.tolist()):
                    self._blind[event.device, antenna] = None
            case Searched() if (event.device, event.antenna) in self._blind:
                self._blind.pop((event.device, event.antenna))
                self._count("searched", 1)
            case _:
                if isinstance(event, DeviceLost | DeviceBack):
                    self._said.pop(event.device, None)  # what is said after it must come after it
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
            if isinstance(item, tuple):
                events.append(self._newest.pop(item))
            elif isinstance(item, _Said):
                events.append(self._taken_contact(item))
            else:
                events.append(item)
        if self._dropped:
            at_ns = events[0].at_ns
            events[:0] = [Dropped(at_ns=at_ns, what=what, count=count) for what, count in self._dropped.items()]
            self._dropped.clear()
        self.taken += len(events)
        return events

    def _put_contact(self, contact: Contact, *, is_pressed: bool) -> None:
        points = self._said.setdefault(contact.device, {})
        last = points.get(contact.point)
        if is_pressed and last is not None and last.contact.active == contact.active:
            last.contact = contact
            return
        points[contact.point] = said = _Said(contact)
        self._queue.append(said)

    def _taken_contact(self, said: _Said) -> Contact:
        contact = said.contact
        points = self._said.get(contact.device, {})
        if points.get(contact.point) is said:
            del points[contact.point]
        return contact

    def _count(self, what: str, count: int) -> None:
        self._dropped[what] = self._dropped.get(what, 0) + count
