"""How soon a tag that was taken away is declared missing, and how often one that is still there.

Tags are taken away singly, a few a cycle, so that no row of them goes at once. Delay: rounds of its antenna (one a
cycle) from then until `missing()` says so.

False alarms. A tag that nobody happens to read for D cycles and one that was taken away look the same to a controller.
So where reads are independent, every tag taken away shows the silence D, counted from its last read, at which an alarm
is raised, and the alarms of tags that are there come to (1 - q) * q**D a cycle and tag, with q the world's own
probability that nobody reads this tag in a cycle. That reaches rates which no simulation of this length could count.
In the harder world, where shadows make silence last, they are counted.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.locate.score import Believer
from bench.locate.worlds import CYCLE_S, World

WARM_UP = 60
TAKEN_A_CYCLE = 4
TAKING = 60  # cycles
WAITED = 60  # cycles after the last was taken
DAY_CYCLES = 86_400 / CYCLE_S
CITY = 160_000  # tags for which alarms are stated


class Vanished(NamedTuple):
    """delay_rounds (k,) by tag taken, infinite when never declared; alarms_a_day for 160,000 tags: expected from the
    silences, counted on tags that were there."""

    delay_rounds: NDArray[np.float64]
    expected_a_day: float
    counted_a_day: float


def vanish(world: World, ours: Believer, seed: int) -> Vanished:
    """Warm up, take away, wait."""
    random = np.random.default_rng(seed)
    tags = len(world.segment)
    taken_at = np.full(tags, np.inf)
    declared_at = np.full(tags, np.inf)
    last_read = np.zeros(tags)
    unread = np.zeros(tags)
    was_missing = ours.missing().copy()
    alarms = watched = 0
    for cycle in range(1, WARM_UP + TAKING + WAITED + 1):
        if WARM_UP < cycle <= WARM_UP + TAKING:
            may_go = (world.segment >= 0) & ~was_missing
            taken = random.choice(may_go.nonzero()[0], TAKEN_A_CYCLE, replace=False)
            unread[taken] = np.prod(1 - world.rate[taken], axis=1)
            taken_at[taken] = cycle - 1
            world.take_away(taken)
        reads = world.cycle()
        ours.cycle(reads.tag, reads.antenna, reads.rssi_dbm, cycle * CYCLE_S)
        last_read[reads.tag] = cycle
        is_missing = ours.missing()
        is_new = is_missing & ~was_missing
        was_missing = is_missing.copy()
        is_there = np.isinf(taken_at)
        declared_at[is_new & ~is_there & np.isinf(declared_at)] = cycle
        if cycle > WARM_UP:
            alarms += int((is_new & is_there).sum())
            watched += int(is_there.sum())
    gone = np.isfinite(taken_at)
    silence = declared_at[gone] - last_read[gone]
    q = unread[gone]
    expected = ((1 - q) * q**silence).mean()
    a_day = DAY_CYCLES * CITY
    return Vanished(declared_at[gone] - taken_at[gone], float(expected * a_day), alarms / watched * a_day)
