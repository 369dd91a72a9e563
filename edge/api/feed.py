"""Committed facts to whoever watches: each watcher has a bounded queue whose oldest facts give way, counted."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence

import msgspec

from edge.api.records import CommandAnswer
from edge.state.facts import CommandEnded, CommandIntended, Fact

WATCHER_FACTS = 4096  # a watcher four seconds behind at 1,000 facts a second
REMEMBERED_COMMANDS = 1000


class Subscription:
    """One watcher's queue."""

    def __init__(self, limit: int = WATCHER_FACTS) -> None:
        self._limit = limit
        self._waiting: deque[Fact] = deque()
        self._dropped = 0
        self._filled = asyncio.Event()

    def put(self, facts: Sequence[Fact]) -> None:
        """Add facts; the oldest give way and are counted."""
        self._waiting.extend(facts)
        while len(self._waiting) > self._limit:
            self._waiting.popleft()
            self._dropped += 1
        self._filled.set()

    async def take(self, most: int) -> tuple[list[Fact], int]:
        """Wait for facts: up to `most`, oldest first, and how many gave way before them."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        dropped, self._dropped = self._dropped, 0
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))], dropped


class Feed:
    """Hears every committed batch of facts. Event-loop thread only."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._commands: OrderedDict[str, CommandAnswer] = OrderedDict()

    def publish(self, facts: Sequence[Fact]) -> None:
        """The facts of one commit."""
        for fact in facts:
            if isinstance(fact, CommandIntended):
                self._remember(
                    CommandAnswer(fact.command.id, "open", actuator=fact.actuator, wanted=fact.wanted),
                )
            elif isinstance(fact, CommandEnded):
                known = self._commands.get(fact.command, CommandAnswer(fact.command, "ended", actuator=fact.actuator))
                self._remember(
                    msgspec.structs.replace(known, stage="ended", result=fact.result, reason=fact.reason),
                )
        for subscription in self._subscriptions:
            subscription.put(facts)

    def subscribe(self, limit: int = WATCHER_FACTS) -> Subscription:
        """A queue that hears everything from now on, until `unsubscribe`."""
        subscription = Subscription(limit)
        self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Nobody takes from it any more."""
        self._subscriptions.remove(subscription)

    def command(self, command: str) -> CommandAnswer:
        """What the committed facts since the start say of it."""
        return self._commands.get(command, CommandAnswer(command, "unknown"))

    def newest(self, actuator: str) -> str:
        """The newest command about an actuator, '' for none."""
        return next((known.command for known in reversed(self._commands.values()) if known.actuator == actuator), "")

    def _remember(self, answer: CommandAnswer) -> None:
        self._commands[answer.command] = answer
        if len(self._commands) > REMEMBERED_COMMANDS:
            self._commands.popitem(last=False)
