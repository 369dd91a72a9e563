"""What an antenna reads in one round of inventory: misses, strays, signal strength. Pure draws from a given
generator.

The model of the accuracy figures: a tag is read by its own antenna with probability 1 - misses, by the
antenna of the k-th neighbouring segment along the same row face with strays x 2^-(k-1) of that. Signal falls
with each segment; every tag has a bias of its own (how it is glued, what is behind it) and every reading its
noise.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

EPC_BYTES = 12


class Radio(msgspec.Struct, frozen=True, kw_only=True):
    """The vault's radio weather."""

    misses: float = 0.10
    """Share of rounds in which a tag's own antenna does not read it."""
    strays: float = 0.30
    """What the next antenna reads of what the own one does; halved with each further segment."""
    near_dbm: float = -52.0
    """Mean strength in the tag's own segment."""
    fall_db: float = 6.0
    """Loss for each segment further away."""
    tag_bias_sd_db: float = 4.0
    noise_sd_db: float = 3.0
    extra_reads: float = 0.6
    """Mean of the further reads within one dwell of a tag that is read at all (Poisson)."""

    def __post_init__(self) -> None:
        if not (0 <= self.misses <= 1 and 0 <= self.strays <= 1):
            raise ValueError(f"misses {self.misses} and strays {self.strays} are shares: expected 0 to 1")


class Round(msgspec.Struct, frozen=True):
    """What one antenna read in one dwell: the tag's row in the world, its peak strength, how often."""

    tag: NDArray[np.intp]
    rssi_dbm: NDArray[np.float32]
    count: NDArray[np.uint16]


def read_rate(radio: Radio, distance: NDArray[np.int32]) -> NDArray[np.float64]:
    """Probability that a tag `distance` segments away is read in one round; 0 is the own segment."""
    own = 1.0 - radio.misses
    stray = own * radio.strays * np.exp2(1.0 - distance)
    return np.where(distance == 0, own, stray)


class Reach(msgspec.Struct, frozen=True):
    """The tags that one antenna can read: their rows in the world, the chance of each, its mean strength."""

    tag: NDArray[np.intp]
    rate: NDArray[np.float64]
    mean_dbm: NDArray[np.float32]


def reach(radio: Radio, tag: NDArray[np.intp], distance: NDArray[np.int32], bias_db: NDArray[np.float32]) -> Reach:
    """What an antenna can read of tags `distance` >= 0 segments away; columns of equal length."""
    mean = radio.near_dbm - radio.fall_db * distance + bias_db
    return Reach(tag, read_rate(radio, distance), mean.astype(np.float32))


def draw_round(radio: Radio, tags: Reach, rng: np.random.Generator) -> Round:
    """Draw one round over the tags in reach."""
    hit = (rng.random(tags.tag.size) < tags.rate).nonzero()[0]
    noise = rng.standard_normal(hit.size, np.float32) * np.float32(radio.noise_sd_db)
    count = 1 + rng.poisson(radio.extra_reads, hit.size)
    return Round(tags.tag[hit], tags.mean_dbm[hit] + noise, count.astype(np.uint16))
