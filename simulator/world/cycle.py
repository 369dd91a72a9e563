"""What all antennas of a reader read in whole cycles, drawn as arrays at once.

A cycle is every antenna of the reader once. The chances are those of `rf.draw_round`; several cycles are drawn as one:
the number of rounds in which an antenna read a tag is binomial, its further reads add up, its strength is the mean.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.world.rf import Radio, Reach
from simulator.world.vault_world import VaultWorld

MOST_ROUNDS = 1000  # counts are 16 bits wide
_MOST_COUNT = 65_535


class Cycles(NamedTuple):
    """What was read, by antenna: port (n,) uint16; tag (n,) row in the world; rssi_dbm (n,) mean; times (n,) read."""

    port: NDArray[np.uint16]
    tag: NDArray[np.intp]
    rssi_dbm: NDArray[np.float32]
    times: NDArray[np.uint16]


class CycleField:
    """The antennas of one reader, with their own stream of chance."""

    def __init__(self, world: VaultWorld, segments: Sequence[str | None], rng: np.random.Generator) -> None:
        """segments: by antenna port, None for a port without an antenna."""
        self._world = world
        self._rng = rng
        index = world.places.segment_index
        self._segment_of = {port: index[name] for port, name in enumerate(segments, 1) if name is not None}
        self._reaches: tuple[Reach, ...] = ()
        self._port = np.zeros(0, np.uint16)
        self._all = Reach(np.zeros(0, np.intp), np.zeros(0, np.float64), np.zeros(0, np.float32))

    @property
    def ports(self) -> tuple[int, ...]:
        """Those with an antenna, in the order of their turns."""
        return tuple(self._segment_of)

    def draw(self, rounds: int) -> Cycles:
        """Reads of `rounds` cycles in a row, 1 to MOST_ROUNDS, in which nothing in the world changes."""
        self._follow()
        hit, rssi_dbm, count = draw_rounds(self._world.radio, self._all, rounds, self._rng)
        return Cycles(self._port[hit], self._all.tag[hit], rssi_dbm, count)

    def _follow(self) -> None:
        """Lay the reaches of all antennas end to end, when one of them is another than before."""
        now = tuple(self._world.reach(segment) for segment in self._segment_of.values())
        if len(now) == len(self._reaches) and all(a is b for a, b in zip(now, self._reaches, strict=True)):
            return
        self._reaches = now
        if now:
            sizes = [one.tag.size for one in now]
            self._port = np.repeat(np.array(self.ports, np.uint16), sizes)
            columns = zip(*((one.tag, one.rate, one.mean_dbm) for one in now), strict=True)
            self._all = Reach(*(np.concatenate(column) for column in columns))


def draw_rounds(
    radio: Radio, tags: Reach, rounds: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.uint16]]:
    """Draw `rounds` >= 1 rounds over the tags in reach: index of each that was read, mean strength, reads in all."""
    if rounds == 1:
        hit = (rng.random(tags.tag.size) < tags.rate).nonzero()[0]
        hits = np.ones(hit.size, np.int64)
    else:
        drawn = rng.binomial(rounds, tags.rate)
        hit = drawn.nonzero()[0]
        hits = drawn[hit]
    noise_db = rng.standard_normal(hit.size, np.float32) * np.float32(radio.noise_sd_db) / np.sqrt(hits)
    count = np.minimum(hits + rng.poisson(radio.extra_reads * hits), _MOST_COUNT)
    return hit, (tags.mean_dbm[hit] + noise_db).astype(np.float32), count.astype(np.uint16)
