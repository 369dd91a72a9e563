"""What the API needs of the daemon."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from edge.api.feed import Feed
from edge.api.records import StoreStanding
from edge.state.events import OperatorAction
from edge.state.facts import Fact
from edge.state.state import State


class House(Protocol):
    """The running daemon. State is read between two steps, in the event loop, and never changed."""

    @property
    def state(self) -> State: ...

    @property
    def feed(self) -> Feed:
        """Hears every committed batch of facts, after the commit."""

    def now(self) -> int:
        """Vault time."""

    async def act(self, action: OperatorAction) -> str:
        """'accepted' or a text id, once the audit fact is committed."""

    async def trace(self, volume: str, limit: int) -> Sequence[Fact]:
        """The newest facts about a volume, oldest first."""

    async def history(self, device: str, point: str, since_ns: int, limit: int) -> Sequence[tuple[int, float | None]]:
        """(at_ns, value) of what was reported of a point, oldest first; the newest `limit` of them."""

    def store_standing(self) -> StoreStanding:
        """How the journal stands."""

    def measured(self) -> Mapping[str, int | float]:
        """What the daemon counts of itself: reads, events, step lag, first_poll_s."""
