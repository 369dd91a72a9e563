"""The seeded world of the accuracy figures: segments in rows, tags read by their own antenna and by neighbours.

A tag is read by its own antenna with probability 1 - miss a cycle, by the k-th neighbour with stray * 2**-(k-1) of
that; RSSI falls 6 dB a segment, tag bias sd 4 dB, noise sd 3 dB. Antennas elsewhere read it with `far`.
"""

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.belief import Belief
from sensors.rfid.epc import encode_gdti96
from sensors.rfid.evidence import Evidence
from sensors.rfid.heard import Waiting
from sensors.rfid.neighbourhood import Neighbourhood

CYCLE_NS = 10_000_000_000
START_NS = 1_700_000_000_000_000_000
NOBODY = 99


class World:
    """Tags on shelves, and the evidence of a controller that hears them."""

    def __init__(
        self,
        seed: int,
        *,
        rows: int,
        per_row: int,
        tags: int,
        miss: float,
        stray: float = 0.3,
        displaced: float = 0.05,
        far: float = 0.0,
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.segments = rows * per_row
        self.line: NDArray[np.int32] = np.repeat(np.arange(rows, dtype=np.int32), per_row)
        self.position: NDArray[np.int32] = np.tile(np.arange(per_row, dtype=np.int32), rows)
        self.beside = Neighbourhood(self.line, self.position)
        self.own = 1.0 - miss
        self.stray = stray
        self.far = far
        self.book: NDArray[np.int32] = (np.arange(tags) * self.segments // tags).astype(np.int32)
        self.true = self.book.copy()
        self.is_displaced: NDArray[np.bool_] = self.random.random(tags) < displaced
        shift = self.random.integers(1, self.segments, int(self.is_displaced.sum()))
        self.true[self.is_displaced] = (self.true[self.is_displaced] + shift) % self.segments
        self.offset: NDArray[np.float64] = np.zeros(tags)  # segments towards the next one along the row
        self.is_there = np.ones(tags, dtype=bool)
        self.bias_db = self.random.normal(0, 4, tags)
        self.epcs = [encode_gdti96("6901234", "00001", serial) for serial in range(1, tags + 1)]
        self.epc: NDArray[np.uint8] = np.frombuffer(b"".join(self.epcs), dtype=np.uint8).reshape(-1, 12)
        self.evidence = Evidence(self.beside)
        self.rows = self.evidence.enroll(self.epcs, self.book)
        self.waiting = Waiting()
        self.now_ns = START_NS

    def reads_of(self, segment: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Tags that this antenna reads in one cycle, with RSSI."""
        apart = np.abs(self.position[self.true] + self.offset - self.position[segment])
        apart[self.line[self.true] != self.line[segment]] = NOBODY
        rate = self.own * np.where(apart < 1, self.stray**apart, self.stray * 0.5 ** (apart - 1.0))
        rate = np.where(apart == NOBODY, self.far, rate)
        read = np.flatnonzero((self.random.random(len(rate)) < rate) & self.is_there)
        fall = 6.0 * np.minimum(apart[read], 5)
        rssi = -55.0 - fall + self.bias_db[read] + self.random.normal(0, 3, len(read))
        return read, rssi.astype(np.float32)

    def hear(self, segment: int) -> None:
        """One antenna reports what it reads in one cycle."""
        self.report(segment, *self.reads_of(segment))

    def report(self, segment: int, read: NDArray[np.int64], rssi: NDArray[np.float32]) -> None:
        """One antenna reports these tags."""
        n = len(read)
        self.waiting.hear(
            self.epc[read],
            np.full(n, 96, dtype=np.uint16),
            np.full(n, segment, dtype=np.int32),
            rssi,
            np.ones(n, dtype=np.uint16),
            np.full(n, -1, dtype=np.int32),
            self.now_ns,
        )

    def close(self, segment: int) -> NDArray[np.int64]:
        """That antenna's round ends; rows that may have changed."""
        self.waiting.close(segment, 1, self.now_ns)
        strangers, changed = self.evidence.digest(self.waiting.take())
        assert not len(strangers)
        return changed

    def round(self, segment: int) -> tuple[NDArray[np.int64], Belief]:
        """One antenna searches once; what the controller then believes about the tags concerned."""
        self.hear(segment)
        self.now_ns += CYCLE_NS // self.segments
        rows = self.close(segment)
        return rows, self.evidence.belief(rows)

    def cycle(self, but: frozenset[int] = frozenset()) -> None:
        """Every antenna searches once, except those in `but`."""
        for segment in range(self.segments):
            if segment not in but:
                self.round(segment)

    def belief(self) -> Belief:
        return self.evidence.belief(np.arange(len(self.epcs)))

    def right(self) -> NDArray[np.bool_]:
        is_right: NDArray[np.bool_] = self.belief().top[:, 0] == self.true
        return is_right
