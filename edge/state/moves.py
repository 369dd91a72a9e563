"""Volumes that were told in a wrong place a short while ago, by where they came from and where they stand now."""

from collections.abc import Iterable, Mapping

import msgspec

WINDOW_NS = 300_000_000_000  # thirty cycles of a reader: what moves within it may have one cause
MOST = 4096  # volumes; a burst is one long before that


class Move(msgspec.Struct, frozen=True):
    """Where a volume stood at first, where it stands now, and since when."""

    before: str
    segment: str
    at_ns: int


class Moves:
    """Each volume once, the latest last; those older than WINDOW_NS are forgotten as others come."""

    def __init__(self, moves: Mapping[str, Move] | None = None) -> None:
        self._of: dict[str, Move] = dict(moves or {})
        self.count: dict[tuple[str, str], int] = {}
        """How many volumes of one segment stand in another; never 0. Read only."""
        for move in self._of.values():
            self._add_to((move.before, move.segment), 1)

    def add(self, volume: str, before: str, segment: str, at_ns: int) -> None:
        """A volume was found in a wrong place; where it stood before the window counts, not a stop on the way."""
        known = self._of.get(volume)
        begun = known.before if known is not None and at_ns - known.at_ns <= WINDOW_NS else before
        self.forget(volume)
        while self._of:
            oldest, move = next(iter(self._of.items()))
            if len(self._of) < MOST and at_ns - move.at_ns <= WINDOW_NS:
                break
            self.forget(oldest)
        if begun != segment:
            self._of[volume] = Move(begun, segment, at_ns)
            self._add_to((begun, segment), 1)

    def forget(self, volume: str) -> None:
        """It is where it belongs, or nowhere."""
        move = self._of.pop(volume, None)
        if move is not None:
            self._add_to((move.before, move.segment), -1)

    @property
    def newest_ns(self) -> int:
        """When the last of them was told, 0 for none."""
        return next(reversed(self._of.values())).at_ns if self._of else 0

    def explain(self, pairs: Iterable[tuple[str, str]]) -> None:
        """The moves between these segments have been told as one."""
        told = set(pairs) & self.count.keys()
        if told:
            self._of = {volume: move for volume, move in self._of.items() if (move.before, move.segment) not in told}
            self.count = {pair: count for pair, count in self.count.items() if pair not in told}

    def between_ns(self, pairs: Iterable[tuple[str, str]]) -> tuple[int, int]:
        """When the first and the last of the moves between these segments were told. Raises ValueError for none."""
        asked = frozenset(pairs)
        times = [move.at_ns for move in self._of.values() if (move.before, move.segment) in asked]
        return min(times), max(times)

    def copied(self) -> dict[str, Move]:
        """For a snapshot."""
        return dict(self._of)

    def _add_to(self, pair: tuple[str, str], by: int) -> None:
        count = self.count.get(pair, 0) + by
        if count:
            self.count[pair] = count
        else:
            self.count.pop(pair, None)
