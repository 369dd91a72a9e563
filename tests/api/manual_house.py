"""A house whose clock stands still: the real state and step, a journal in memory, and a socket to ask it over."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from edge.api.feed import Feed
from edge.api.records import StoreStanding
from edge.api.server import ApiServer, Patience
from edge.api.wire import SOCKET_NAME
from edge.rules.decision import Decision
from edge.state.events import Event, OperatorAction
from edge.state.facts import LANE_OF, LANES, Fact, Lane, Measured, VolumesCatalogued
from edge.state.state import State
from tests.stories.small_vault import VAULT, Story

Roles = tuple[str, ...]
TECHNICIAN: Roles = ("archivist", "technician")


def people(roles: Roles, **others: Mapping[str, object]) -> dict[str, object]:
    """A policy in which whoever runs the test is `wang`."""
    policy = VAULT["policy"]
    assert isinstance(policy, dict)
    return {"policy": {**policy, "people": {"wang": {"uid": os.getuid(), "roles": roles}, **others}}}


class ManualHouse:
    """Fulfils edge.api.house.House. `story` moves time and tells events; every fact counts as committed at once."""

    def __init__(self, roles: Roles = TECHNICIAN, **others: Mapping[str, object]) -> None:
        self.feed = Feed()
        self.story: Story = _Published(self.feed, people(roles, **others))
        self.level = "ok"
        self.room: tuple[float, float] | tuple[None, None] = (None, None)
        """What is free of the disk and what must be, in MB, while the journal is on its reserve."""
        self.actions: list[OperatorAction] = []

    @property
    def state(self) -> State:
        return self.story.state

    def now(self) -> int:
        return self.story.at_ns

    async def act(self, action: OperatorAction) -> str:
        self.actions.append(action)
        return self.story.tell(action).answer

    async def trace(self, volume: str, limit: int) -> Sequence[Fact]:
        found = [
            fact
            for fact in self.story.facts
            if getattr(fact, "volume", getattr(fact, "target", "")) == volume
            or (isinstance(fact, VolumesCatalogued) and any(line.volume == volume for line in fact.volumes))
        ]
        return found[-limit:]

    async def history(self, device: str, point: str, since_ns: int, limit: int) -> Sequence[tuple[int, float | None]]:
        found = [
            (fact.at_ns, fact.values[fact.points.index(point)])
            for fact in self.story.of(Measured)
            if fact.device == device and fact.at_ns >= since_ns
        ]
        return found[-limit:]

    def store_standing(self) -> StoreStanding:
        committed: dict[Lane, int] = dict.fromkeys(LANES, 0)
        for fact in self.story.facts:
            committed[LANE_OF[type(fact)]] += 1
        return StoreStanding(committed, dict.fromkeys(LANES, 0), sum(committed.values()), self.level, *self.room)

    def measured(self) -> Mapping[str, int | float]:
        return {"events": len(self.story.events), "step_lag_ms": 0.5}


class _Published(Story):
    """A story whose facts reach the feed."""

    def __init__(self, feed: Feed, changes: Mapping[str, object]) -> None:
        self._feed = feed
        super().__init__(changes=changes)

    def tell(self, event: Event) -> Decision:
        decision = super().tell(event)
        self._feed.publish(decision.facts)
        return decision


@asynccontextmanager
async def served(house: ManualHouse, state_dir: Path, patience: Patience | None = None) -> AsyncIterator[ApiServer]:
    """The house behind its socket."""
    server = ApiServer(house, state_dir / SOCKET_NAME, patience)
    await server.start()
    try:
        yield server
    finally:
        await server.close()
