"""What people and antennas do in a simulated month: drawn from one seed, told as changes at their time.

For every 10,667 volumes a working day brings 37 loans (a third of a percent; back after two and a half days in the
mean, one in ten into a wrong segment, one in fifty never), six volumes put in a wrong segment, half of them next to
their own, and a trolley of 5 to 15 volumes to another segment. What stands wrong is put right after two days in the
mean. Every second day an antenna goes dead for hours or for days, or, one in three, hears only 30 % of what it did.
"""

import heapq
from typing import NamedTuple

import numpy as np

from simulator.world.vault_world import VaultWorld

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
LIKE_VOLUMES = 10_667
LIKE_ANTENNAS = 97
LOANS, MISTAKES, TROLLEYS = 37.0, 6.0, 1.0  # a day
LOAN_DAYS, WRONG_DAYS = 2.5, 2.0  # mean
RETURNED_WRONG, NEVER_BACK = 0.1, 0.02
FAULTS = 0.5  # a day
FAULT_HOURS, FAULT_DAYS = 6.0, 2.0  # mean of the short and of the long ones
WEAK, WEAK_HEARS = 1 / 3, 0.3
OPEN_H, CLOSE_H = 8.0, 18.0
OUTSIDE = -1


class Happening(NamedTuple):
    """A volume is put in `segment` (OUTSIDE: out of the vault), or, tag < 0, an antenna hears `hearing`."""

    at_s: float
    order: int
    what: str
    tag: int
    segment: int
    hearing: float = 1.0


class Month:
    """What is to happen, earliest first; what follows from a happening is drawn when it happens."""

    def __init__(self, world: VaultWorld, days: float, seed: int) -> None:
        self._world = world
        self._rng = np.random.default_rng([seed, 30])
        self._queue: list[Happening] = []
        self._order = 0
        volumes = len(world.stands) / LIKE_VOLUMES
        for day in range(int(np.ceil(days))):
            for what, rate in (("loan", LOANS), ("mistake", MISTAKES), ("trolley", TROLLEYS)):
                for _ in range(self._rng.poisson(rate * volumes)):
                    at_s = day * DAY_S + self._rng.uniform(OPEN_H, CLOSE_H) * HOUR_S
                    self._plan(at_s, what, 0, OUTSIDE)
            for _ in range(self._rng.poisson(FAULTS * len(world.seen) / LIKE_ANTENNAS)):
                self._plan(day * DAY_S + self._rng.uniform(0, DAY_S), "fault", -1, OUTSIDE)

    def due(self, until_s: float) -> list[Happening]:
        """What happens up to then, in order; its changes are not yet made."""
        made: list[Happening] = []
        while self._queue and self._queue[0].at_s <= until_s:
            made += self._happen(heapq.heappop(self._queue))
        return made

    def _plan(self, at_s: float, what: str, tag: int, segment: int, hearing: float = 1.0) -> None:
        self._order += 1
        heapq.heappush(self._queue, Happening(at_s, self._order, what, tag, segment, hearing))

    def _happen(self, plan: Happening) -> list[Happening]:
        rng, stands, book = self._rng, self._world.stands, self._world.volumes.book
        if plan.what in {"returned", "put right", "antenna mended"}:
            return [plan]
        if plan.what == "returned wrong":
            self._plan(plan.at_s + rng.exponential(WRONG_DAYS * DAY_S), "put right", plan.tag, int(book[plan.tag]))
            return [plan]
        if plan.what == "fault":
            segment = int(rng.choice(self._world.seen))
            mean_s = FAULT_HOURS * HOUR_S if rng.random() < 0.5 else FAULT_DAYS * DAY_S
            self._plan(plan.at_s + rng.exponential(mean_s), "antenna mended", -1, segment)
            is_weak = rng.random() < WEAK
            hearing = WEAK_HEARS if is_weak else 0.0
            return [plan._replace(what="antenna weak" if is_weak else "antenna dead", segment=segment, hearing=hearing)]
        at_book = np.flatnonzero(stands == book)
        if not at_book.size:
            return []
        tag = int(rng.choice(at_book))
        if plan.what == "loan":
            back_s = plan.at_s + max(2 * HOUR_S, rng.exponential(LOAN_DAYS * DAY_S))
            if rng.random() < RETURNED_WRONG:
                self._plan(back_s, "returned wrong", tag, self._elsewhere(int(book[tag])))
            elif rng.random() >= NEVER_BACK:
                self._plan(back_s, "returned", tag, int(book[tag]))
            return [plan._replace(what="taken", tag=tag)]
        if plan.what == "mistake":
            self._plan(plan.at_s + rng.exponential(WRONG_DAYS * DAY_S), "put right", tag, int(book[tag]))
            return [plan._replace(what="put wrong", tag=tag, segment=self._elsewhere(int(book[tag])))]
        beside = at_book[book[at_book] == book[tag]]
        to = self._elsewhere(int(book[tag]))
        load = rng.choice(beside, min(beside.size, int(rng.integers(5, 16))), replace=False)
        back_s = plan.at_s + rng.exponential(WRONG_DAYS * DAY_S)
        for one in load.tolist():
            self._plan(back_s, "put right", one, int(book[one]))
        return [plan._replace(what="trolley", tag=one, segment=to) for one in load.tolist()]

    def _elsewhere(self, book: int) -> int:
        """Another segment with an antenna: every second time one beside it, where there is one."""
        places, seen = self._world.places, self._world.seen
        other = seen[seen != book]
        is_beside = (places.segment_line[other] == places.segment_line[book]) & (
            np.abs(places.segment_position[other] - places.segment_position[book]) == 1
        )
        near = other[is_beside]
        return int(self._rng.choice(near if near.size and self._rng.random() < 0.5 else other))
