"""What was and what was told, as pure records: which stays nobody was told of, which were told twice.

A *stay* is a subject (a volume, a floor, a valve, a device, a limit) in one state from `begin_s` to `end_s`, as the
world's truth journal has it. A *telling* is a fact of the platform that says so. All times are UTC seconds.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

FOREVER_S = float("inf")
EARLY_S = 0.05
"""A fact may be stamped so much before the truth journal's line: two processes read the clock one after the other."""
LATE_S = 3.0
"""A fact may come so long after its stay has ended: evidence of ten rounds, read before it ended."""


class Stay(NamedTuple):
    """`subject` was in `state` from `begin_s` until `end_s`."""

    subject: str
    state: str
    begin_s: float
    end_s: float


class Telling(NamedTuple):
    """Fact `fact` says at `at_s` that `subject` is in `state`; None: that it cannot be told."""

    subject: str
    state: str | None
    at_s: float
    fact: str


class Life(NamedTuple):
    """A life of the daemon: first poll sent and API answering at `up_s`, killed or stopped at `end_s`."""

    up_s: float
    end_s: float


def watched_s(stay: Stay, lives: Iterable[Life]) -> float:
    """The longest stretch of a stay within one life of the daemon."""
    return max((min(stay.end_s, life.end_s) - max(stay.begin_s, life.up_s) for life in lives), default=0.0)


def untold(stay: Stay, told: Sequence[Telling], unsaid: str | None, late_s: float = LATE_S) -> bool:
    """True when at no moment of the stay, nor `late_s` after, what was told of its subject last was its state.

    told: the subject's tellings in order; `unsaid` is the state taken for granted before the first.
    """
    from_s, until_s = stay.begin_s - EARLY_S, stay.end_s + late_s
    stood: list[tuple[float, str | None]] = [(-FOREVER_S, unsaid), *((one.at_s, one.state) for one in told)]
    stood.append((FOREVER_S, None))
    return not any(
        state == stay.state and begin_s <= until_s and end_s >= from_s
        for (begin_s, state), (end_s, _) in pairwise(stood)
    )


class Doubts(NamedTuple):
    """Tellings that should not be: `twice` repeat a stay that was told before, `untrue` match no stay at all."""

    twice: list[Telling]
    untrue: list[Telling]


def doubts(told: Sequence[Telling], stays: Sequence[Stay], unsaid: str | None) -> Doubts:
    """Judge the tellings of one subject, in order, by its stays, in order.

    Every telling needs a stay of its own, unless what was told in between is that nothing can be told.
    """
    found = Doubts([], [])
    used: set[Stay] = set()
    known = unsaid
    for one in told:
        if one.state is None:
            used.clear()
        elif one.state == known:
            found.twice.append(one)
        else:
            stay = _stay_of(one, stays)
            if stay is None:
                found.untrue.append(one)
            elif stay in used:
                found.twice.append(one)
            else:
                used.add(stay)
        known = one.state
    return found


def repeated(told: Sequence[Telling], unsaid: str | None) -> list[Telling]:
    """Tellings that say again what was told last: for subjects whose truth nobody wrote down."""
    known = unsaid
    found: list[Telling] = []
    for one in told:
        if one.state is not None and one.state == known:
            found.append(one)
        known = one.state
    return found


def blind_writes(writes: Sequence[float], intents: Sequence[float]) -> int:
    """Writes beyond one for each intent, and writes before any: both in UTC seconds, ascending.

    A write belongs to the newest intent before it; an intent has one write at most.
    """
    counts: dict[float | None, int] = {}
    for at_s in writes:
        intent = max((one for one in intents if one <= at_s + EARLY_S), default=None)
        counts[intent] = counts.get(intent, 0) + 1
    return sum(count if intent is None else count - 1 for intent, count in counts.items())


def _stay_of(one: Telling, stays: Sequence[Stay]) -> Stay | None:
    """The newest stay in that state that had begun when it was told and was not over for long."""
    fitting = (
        stay for stay in stays if stay.state == one.state and stay.begin_s - EARLY_S <= one.at_s <= stay.end_s + LATE_S
    )
    return max(fitting, key=lambda stay: stay.begin_s, default=None)
