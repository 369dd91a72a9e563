"""Two persons for one action: one asks, the other asks for the same within the time, each over their own login."""

from collections.abc import Mapping

import msgspec

from edge.api.people import Caller

HOLD_S = 60  # contracts.md 4
_HOLD_NS = HOLD_S * 1_000_000_000
_MOST = 64


class Held(msgspec.Struct, frozen=True):
    """A first person's request."""

    first: Caller
    role: str
    at_ns: int


class Pairs:
    """Requests that wait for their second person. Nothing here survives a restart: both ask again."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, tuple[tuple[str, str], ...]], Held] = {}

    def hold(self, who: Caller, role: str, action: str, args: Mapping[str, str], at_ns: int) -> None:
        """The first person asked; asking again starts the time anew."""
        self._held = {key: held for key, held in self._held.items() if at_ns - held.at_ns <= _HOLD_NS}
        if len(self._held) < _MOST:
            self._held[_key(action, args)] = Held(who, role, at_ns)

    def first_of(self, who: Caller, action: str, args: Mapping[str, str], at_ns: int) -> Held | None:
        """The other person who asked for the same within the time, taken out; None when there is none."""
        held = self._held.get(_key(action, args))
        if held is None or at_ns - held.at_ns > _HOLD_NS:
            return None
        if held.first.person == who.person or held.first.uid == who.uid:
            return None
        return self._held.pop(_key(action, args))


def _key(action: str, args: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    return action, tuple(sorted(args.items()))
