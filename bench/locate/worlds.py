"""The worlds in which locators are compared: what a row of antennas reads of the tags on its shelves, cycle by cycle.

One cycle = every antenna searches once, the antennas in a random order. Reads come as columns in order of arrival, each
pair of tag and antenna at most once a cycle.

Reference (measures.md): a row of segments, one antenna each; a tag is read by its own antenna with probability
1 - miss, by the k-th neighbour with stray * 2**-(k-1) of that; RSSI falls 6 dB a segment, tag bias sd 4 dB, noise sd
3 dB; every read is independent.

Harder and truer (`Hardness`): shadows, antennas of unequal gain and one in twenty half dead, multipath: every place on
the shelf has its own offset to every antenna, which stays as long as the tag stays and is drawn anew when it moves.

No estimator is given any of this; `bench.locate.bayes` alone is, to bound what any could do.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.int32]

CYCLE_S = 10.0
LEVEL_DBM = -55.0  # of a tag without bias at its own antenna
NOWHERE = -1


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The reference world."""

    miss: float
    stray: float = 0.3
    segments: int = 20
    tags: int = 2000
    fall_db: float = 6.0  # a segment
    bias_sd_db: float = 4.0
    noise_sd_db: float = 3.0


class Hardness(msgspec.Struct, frozen=True, kw_only=True):
    """What the harder world adds. Sizes in segments, times in cycles; sd_db are of what does not average out.

    gain_sd_db and multipath_sd_db together make the antenna with the strongest mean the nearest one at 78 % of the
    places (rfid-locate: 28 of 36), and RSSI at one place repeats within 0.73 dB (the same recordings).
    """

    noise_sd_db: float = 0.73
    multipath_sd_db: float = 3.2
    gain_sd_db: float = 2.0
    odds_per_db: float = 0.2  # what a dB of gain or multipath adds to the log odds of a read
    half_dead: float = 0.05  # share of the antennas, rounded up
    half_dead_reads: float = 0.5  # of what it should read
    half_dead_db: float = -6.0
    shadowed: float = 0.03  # share of the shelf at any time
    shadow_least: float = 0.1  # what casts a shadow is no thinner
    shadow_length: float = 0.3  # mean; what exceeds the least is exponential
    shadow_cycles: float = 6.0  # mean, geometric
    shadow_dark: float = 0.5  # share of the shadows in which nobody reads anything; in the others ...
    shadow_reads: float = 0.3  # ... this of what is read outside


class Reads(msgspec.Struct, frozen=True, eq=False):
    """One cycle, m reads in order of arrival: tag, antenna (m,) int32; rssi_dbm (m,) float32. Tags >= n are foreign."""

    tag: Indices
    antenna: Indices
    rssi_dbm: Floats


class Shadow(msgspec.Struct):
    """A stretch of the shelf that is read less for a while."""

    start: float
    end: float
    reads: float
    cycles_left: int


class World:
    """Tags on one row of segments; the truth is `segment` (n,) int32, NOWHERE for a tag that was taken away."""

    def __init__(self, seed: int, terms: Terms, hardness: Hardness | None) -> None:
        self.terms = terms
        self.hardness = hardness
        self._random = np.random.default_rng(seed)
        self.segment: Indices = (np.arange(terms.tags) * terms.segments // terms.tags).astype(np.int32)
        self.bias_db: Floats = self._normal(terms.bias_sd_db, terms.tags)
        self._position: Floats = np.zeros(terms.tags, np.float32)  # along the row, in segments
        self._rate: Floats = np.zeros((terms.tags, terms.segments), np.float32)
        self._level: Floats = np.zeros((terms.tags, terms.segments), np.float32)
        self._gain_db: Floats = np.zeros(terms.segments, np.float32)
        self._antenna_reads: Floats = np.ones(terms.segments, np.float32)
        self._shadows: list[Shadow] = []
        if hardness is not None:
            self._gain_db = self._normal(hardness.gain_sd_db, terms.segments)
            weak = self._random.permutation(terms.segments)[: int(np.ceil(hardness.half_dead * terms.segments))]
            self._antenna_reads[weak] = hardness.half_dead_reads
            self._gain_db[weak] += np.float32(hardness.half_dead_db)
            for _ in range(self._random.poisson(self._shadows_at_once(hardness))):
                self._cast_shadow(hardness)
        self._settle(np.arange(terms.tags))
        self._position = (np.arange(terms.tags) * terms.segments / terms.tags).astype(np.float32)  # in order at first

    @property
    def rate(self) -> Floats:
        """(n, antennas) probability of a read in a cycle outside every shadow, 0 for tags that were taken away."""
        return self._rate

    @property
    def level_dbm(self) -> Floats:
        """(n, antennas) mean RSSI of each tag where it stands."""
        return self._level

    @property
    def shade(self) -> Floats:
        """(n,) what shadows leave of the read rates now, 1 where there is none."""
        left = np.ones(len(self.segment), np.float32)
        for shadow in self._shadows:
            under = (self._position >= shadow.start) & (self._position < shadow.end)
            left[under] *= np.float32(shadow.reads)
        return left

    def cycle(self) -> Reads:
        """Every antenna searches once."""
        if self.hardness is not None:
            self._move_shadows(self.hardness)
        rate = self._rate * self.shade[:, None] if self._shadows else self._rate
        tag, antenna = (self._random.random(rate.shape, dtype=np.float32) < rate).nonzero()
        arrival = self._random.permutation(self.terms.segments)
        order = arrival.take(antenna).argsort(kind="stable")
        tag, antenna = tag[order], antenna[order]
        sd = self.terms.noise_sd_db if self.hardness is None else self.hardness.noise_sd_db
        rssi = self._level[tag, antenna] + self._normal(sd, len(tag))
        return Reads(tag.astype(np.int32), antenna.astype(np.int32), rssi)

    def replace(self, share: float) -> NDArray[np.int64]:
        """Put that share of the tags into another segment, each alike; which ones."""
        standing = (self.segment >= 0).nonzero()[0]
        moved = self._random.choice(standing, round(share * len(standing)), replace=False)
        away = self._random.integers(1, self.terms.segments, len(moved))
        self.segment[moved] = (self.segment[moved] + away) % self.terms.segments
        self._settle(moved)
        return moved

    def take_away(self, tags: NDArray[np.int64]) -> None:
        """They are read no more."""
        self.segment[tags] = NOWHERE
        self._rate[tags] = 0

    def put_back(self, tags: NDArray[np.int64], segment: Indices) -> None:
        """Tags that were taken away stand here now."""
        self.segment[tags] = segment
        self._settle(tags)

    def bring(self, segment: Indices) -> NDArray[np.int64]:
        """Put foreign tags there, one each; their numbers, which no estimator has enrolled."""
        first, count = len(self.segment), len(segment)
        self.segment = np.append(self.segment, segment)
        self.bias_db = np.append(self.bias_db, self._normal(self.terms.bias_sd_db, count))
        self._position = np.append(self._position, np.zeros(count, np.float32))
        blank = np.zeros((count, self.terms.segments), np.float32)
        self._rate, self._level = np.concatenate([self._rate, blank]), np.concatenate([self._level, blank])
        brought = np.arange(first, first + count)
        self._settle(brought)
        return brought

    def _settle(self, tags: NDArray[np.int64]) -> None:
        """Draw what belongs to the places where these tags now stand."""
        segment = self.segment[tags]
        self._position[tags] = segment + self._random.random(len(tags), dtype=np.float32)
        away = steps(self.terms.segments)[segment]
        rate = read_rates(self.terms)[away]
        level = LEVEL_DBM - self.terms.fall_db * away + self.bias_db[tags, None]
        if self.hardness is not None:
            offset = self._gain_db + self._normal(self.hardness.multipath_sd_db, away.size).reshape(away.shape)
            odds = rate / (1 - rate) * np.exp(self.hardness.odds_per_db * offset)
            rate = odds / (1 + odds) * self._antenna_reads
            level = level + offset
        self._rate[tags], self._level[tags] = rate, level

    def _move_shadows(self, hardness: Hardness) -> None:
        for shadow in self._shadows:
            shadow.cycles_left -= 1
        self._shadows = [shadow for shadow in self._shadows if shadow.cycles_left > 0]
        for _ in range(self._random.poisson(self._shadows_at_once(hardness) / hardness.shadow_cycles)):
            self._cast_shadow(hardness)

    def _shadows_at_once(self, hardness: Hardness) -> float:
        return hardness.shadowed * self.terms.segments / hardness.shadow_length

    def _cast_shadow(self, hardness: Hardness) -> None:
        length = hardness.shadow_least + self._random.exponential(hardness.shadow_length - hardness.shadow_least)
        start = self._random.uniform(-length, self.terms.segments)  # so that the ends of the row are no safer
        reads = 0.0 if self._random.random() < hardness.shadow_dark else hardness.shadow_reads
        self._shadows.append(
            Shadow(start, start + length, reads, int(self._random.geometric(1 / hardness.shadow_cycles)))
        )

    def _normal(self, sd: float, count: int) -> Floats:
        return self._random.standard_normal(count, dtype=np.float32) * np.float32(sd)


def steps(segments: int) -> NDArray[np.int64]:
    """(segments, segments) segments from one to the other."""
    along = np.arange(segments)
    apart: NDArray[np.int64] = np.abs(along[:, None] - along)
    return apart


def read_rates(terms: Terms) -> NDArray[np.float64]:
    """Reference read rate by steps from the tag's segment."""
    away = np.arange(terms.segments)
    rates: NDArray[np.float64] = (1 - terms.miss) * np.where(away == 0, 1.0, terms.stray * 0.5 ** (away - 1.0))
    return rates
