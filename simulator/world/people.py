"""People: now and then somebody takes a volume out, brings one back, or puts one in the wrong place."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.world.truth import Cause

OUTSIDE = -1
HANDS = 12  # volumes outside at most: about a third of a day's 37 loose items are out at a time
RETURNED_WRONG = 0.15  # share of returned volumes that do not go to their book place
TAKE, RETURN = 0.4, 0.4  # shares of acts; the rest is shifting a volume within the vault


class Act(msgspec.Struct, frozen=True):
    """One volume changes place; segment OUTSIDE (-1) is out of the vault."""

    tag: int
    segment: int
    cause: Cause


class People:
    """Acts at random moments, on the average one every `every_s` world seconds; 0 means nobody ever comes."""

    def __init__(self, every_s: float, rng: np.random.Generator) -> None:
        self._every_s = every_s
        self._rng = rng
        self._wait_s = self._next_s()
        self._out: list[int] = []

    def advance(
        self,
        seconds: float,
        stands: NDArray[np.int32],
        book: NDArray[np.int32],
        seen: NDArray[np.int32],
    ) -> list[Act]:
        """The acts of the next `seconds`.

        stands, book (n,) segment index of each volume now and by the catalogue; seen (m,) the segments to
        which a volume may be put in the wrong. A volume acts at most once a call.
        """
        self._wait_s -= seconds
        acts: dict[int, Act] = {}
        while self._wait_s <= 0:
            self._wait_s += self._next_s()
            act = self._act(stands, book, seen)
            if act is not None:
                acts.setdefault(act.tag, act)
        for act in acts.values():
            if act.cause == "taken":
                self._out.append(act.tag)
            elif act.cause == "returned":
                self._out.remove(act.tag)
        return list(acts.values())

    def _next_s(self) -> float:
        return float(self._rng.exponential(self._every_s)) if self._every_s > 0 else float("inf")

    def _act(self, stands: NDArray[np.int32], book: NDArray[np.int32], seen: NDArray[np.int32]) -> Act | None:
        roll = float(self._rng.random())
        if self._out and (roll < RETURN or len(self._out) >= HANDS):
            tag = self._out[int(self._rng.integers(len(self._out)))]
            if stands[tag] != OUTSIDE:  # somebody else (the control socket) brought it back
                self._out.remove(tag)
                return None
            wrong = self._rng.random() < RETURNED_WRONG and seen.size > 1
            return Act(tag, _other(seen, int(book[tag]), self._rng) if wrong else int(book[tag]), "returned")
        tag = int(self._rng.integers(stands.size))
        if stands[tag] == OUTSIDE:
            return None
        if roll < RETURN + TAKE or seen.size < 2:
            return Act(tag, OUTSIDE, "taken")
        return Act(tag, _other(seen, int(stands[tag]), self._rng), "shifted")


def _other(seen: NDArray[np.int32], not_this: int, rng: np.random.Generator) -> int:
    choices = seen[seen != not_this]
    return int(choices[int(rng.integers(choices.size))])
