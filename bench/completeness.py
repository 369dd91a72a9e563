"""How many tags are there but were not read: from the reads of one walk alone, without the list of what should be
there.

How often each tag was read tells how many were read never. Three steps, with no number fitted to a place:

1. Strangers. A handheld reader also hears tags beyond the walked area, weakly and seldom, so they sit just where the
   estimate looks: among the tags read once or twice. Two normals of mean RSSI with one common spread, mixed in a
   share of its own for each number of reads, give each tag its chance of belonging; all belong where one normal
   explains the RSSI as well (BIC).
2. Low end: Chao's estimate f1 (f1 - 1) / (2 (f2 + 1)) from the tags read once and twice, a lower bound however much
   tags differ in how well they are read (Chao 1987, Biometrics 43).
3. High end: negative binomial counts (every tag has a rate of its own, gamma distributed), cut off at zero.

What the law of the counts is near zero no data can say (Link 2003, Biometrics 59), so neither is trusted with both
ends: the interval reaches from the low end of 2 to the high end of 3. Resampled tags carry the doubt of all three
steps.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

OFTEN = 6  # tags read so often or more share one share of strangers: there are hardly any
EM_STEPS = 200
EM_DONE_DB = 1e-3  # step of the strangers' mean RSSI
WEAK, USUAL = 0.05, 0.6  # quantiles of mean RSSI where the two normals start
LEAST_SHARE = 1e-9
SHAPES = 30  # negative binomial shapes tried, 0.3 (rates differ wildly) to 100 (nearly Poisson)
MEANS = 120  # and mean counts, as parts of the mean count of the tags that were read
EVEN_DRAWS = np.array([-1.593, -0.967, -0.589, -0.282, 0.0, 0.282, 0.589, 0.967, 1.593])
"""Standard normal at 1/18, 3/18 .. 17/18: nine equally likely outcomes in place of a random one."""


class Unread(NamedTuple):
    """The number present but unread: interval [low, high]; estimates of step 2 and step 3.

    read, strangers: tags read that belong, that do not. Expectations, not whole numbers.
    """

    low: int
    high: int
    chao: float
    negative_binomial: float
    read: float
    strangers: float


def unread(reads: Counts, rssi_dbm: Floats, resamples: Counts, *, level: float = 0.9) -> Unread:
    """Interval that holds the number of tags present but not read with chance `level`.

    reads (t,) how often each tag was read in the walk, all >= 1; rssi_dbm (t,) its mean; resamples (b, t) how often
    each tag is in each bootstrap sample (rows sum to t; 200 and more are steady). Raises ValueError when any of that
    does not hold, or with fewer than 2 tags.
    """
    _check(reads, rssi_dbm, resamples, level)
    has_strangers = hears_strangers(reads, rssi_dbm)
    law = _Law(reads)
    once = _estimates(reads, rssi_dbm, np.ones(reads.size), law, has_strangers=has_strangers)
    spread = np.array(
        [
            _estimates(reads, rssi_dbm, sample.astype(np.float64), law, has_strangers=has_strangers)[:2]
            for sample in resamples
        ]
    )
    # given how likely it is to be missed, how many are missed is left to chance too
    noise = np.sqrt(spread * (1 + spread / reads.size))
    possible = spread[:, :, None] + noise[:, :, None] * EVEN_DRAWS
    low = float(np.quantile(possible[:, 0], (1 - level) / 2))
    high = float(np.quantile(possible[:, 1], (1 + level) / 2))
    chao, smooth, belonging = once
    return Unread(
        low=max(int(np.floor(low)), 0),
        high=int(np.ceil(high)),
        chao=chao,
        negative_binomial=smooth,
        read=belonging,
        strangers=reads.size - belonging,
    )


def hears_strangers(reads: Counts, rssi_dbm: Floats) -> bool:
    """Whether two normals explain the tags' mean RSSI better than one, their parameters paid for (BIC)."""
    everyone = np.ones(reads.size)
    _, two = belonging(reads, rssi_dbm, everyone)
    variance = max(float(rssi_dbm.var()), LEAST_SHARE)
    one = -reads.size * (np.log(2 * np.pi * variance) + 1) / 2
    parameters = 1 + np.unique(np.minimum(reads, OFTEN)).size
    return bool(two - one > parameters * np.log(reads.size) / 2)


def belonging(reads: Counts, rssi_dbm: Floats, weight: Floats) -> tuple[Floats, float]:
    """Chance of each tag to belong to the walked area (t,), and the log likelihood of the weighted tags' RSSI."""
    cell = np.minimum(reads, OFTEN)
    in_cell = np.maximum(np.bincount(cell, weights=weight, minlength=OFTEN + 1), LEAST_SHARE)
    share = np.full(OFTEN + 1, 0.9)
    inside, outside = (float(np.quantile(rssi_dbm, part)) for part in (USUAL, WEAK))
    variance = max(float(rssi_dbm.var()), LEAST_SHARE)
    total = float(weight.sum())
    for _ in range(EM_STEPS):
        near = np.log(share[cell]) - (rssi_dbm - inside) ** 2 / (2 * variance)
        far = np.log1p(-share[cell]) - (rssi_dbm - outside) ** 2 / (2 * variance)
        both = np.logaddexp(near, far)
        belongs = np.exp(near - both)
        likelihood = float(weight @ both) - total * float(np.log(2 * np.pi * variance)) / 2
        share = np.bincount(cell, weights=weight * belongs, minlength=OFTEN + 1) / in_cell
        share = np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE)
        before = outside
        inside = float(np.average(rssi_dbm, weights=weight * belongs + LEAST_SHARE))
        outside = float(np.average(rssi_dbm, weights=weight * (1 - belongs) + LEAST_SHARE))
        squares = belongs * (rssi_dbm - inside) ** 2 + (1 - belongs) * (rssi_dbm - outside) ** 2
        variance = max(float(weight @ squares) / total, LEAST_SHARE)
        if abs(outside - before) < EM_DONE_DB:
            break
    return (belongs if outside < inside else 1 - belongs), likelihood


def chao_lower_bound(often: Floats) -> float:
    """Least number of tags never read; often[c] = how many tags were read c times, at least to c = 2."""
    return float(often[1] * max(often[1] - 1, 0.0) / (2 * (often[2] + 1)))


class _Law:
    """Negative binomial counts without the zeros: log chance of every count under every law tried."""

    def __init__(self, reads: Counts) -> None:
        count = np.arange(int(reads.max()) + 1)
        log_factorial = _running(np.log(count[1:]))
        mean = float(reads.mean()) * np.geomspace(0.02, 1.02, MEANS)[:, None]
        laws: list[Floats] = []
        for shape in np.geomspace(0.3, 100, SHAPES):
            ways = _running(np.log(shape + count[:-1])) - log_factorial
            laws.append(ways + shape * np.log(shape / (shape + mean)) + count * np.log(mean / (shape + mean)))
        every = np.concatenate(laws)
        self._zero: Floats = np.exp(every[:, 0])
        self._log_chance: Floats = every[:, 1:] - np.log1p(-self._zero)[:, None]

    def zeros(self, often: Floats) -> float:
        """Expected number of zeros beside these counts under the likeliest law."""
        size = self._log_chance.shape[1]
        best = int((self._log_chance @ often[1 : size + 1]).argmax())
        return float(often.sum() * self._zero[best] / (1 - self._zero[best]))


def _estimates(
    reads: Counts, rssi_dbm: Floats, weight: Floats, law: _Law, *, has_strangers: bool
) -> tuple[float, float, float]:
    """Chao's lower bound, the negative binomial's zeros, and how many of the weighted tags belong."""
    if has_strangers:
        weight = weight * belonging(reads, rssi_dbm, weight)[0]
    often: Floats = np.bincount(reads, weights=weight, minlength=3).astype(np.float64)
    return chao_lower_bound(often), law.zeros(often), float(often.sum())


def _running(steps: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(steps)])


def _check(reads: Counts, rssi_dbm: Floats, resamples: Counts, level: float) -> None:
    tags = reads.size
    if tags < 2 or int(reads.min()) < 1:
        raise ValueError(f"{tags} tags, the least read {reads.min(initial=0)} times: expected 2 tags, each read")
    if rssi_dbm.shape != (tags,) or not np.isfinite(rssi_dbm).all():
        raise ValueError(f"mean RSSI of shape {rssi_dbm.shape}: expected {tags} numbers, one for each tag")
    if resamples.ndim != 2 or resamples.shape[1] != tags or bool((resamples.sum(axis=1) != tags).any()):
        raise ValueError(f"resamples of shape {resamples.shape}: expected rows of {tags} that sum to {tags}")
    if not 0 < level < 1:
        raise ValueError(f"level {level}: expected a chance between 0 and 1")
