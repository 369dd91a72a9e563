"""What any estimator could do at best in the reference world: Bayes' rule with everything given except the place.

Given are the read rates, how RSSI falls, its noise, every tag's own bias and how tags move. `told` is the bound for the
figure in question: it is told at the moment of a re-placement which tags were moved, and starts for those from every
other segment alike. No rule of any kind finds more of the moved tags. `Notified` is told the moment and how many, not
which: no rule is right about more of all the tags, and only one that is wrong about more of those at rest finds more of
the moved ones. An online filter is not told: it must expect
changes at any time, here of `change` a cycle and tag, which is the truth on the average, and so it believes fewer of
the moved ones at first and fewer false moves of all the others. No filter is given anything of the harder world.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.locate.peers import Floats, Indices
from bench.locate.worlds import LEVEL_DBM, Terms, read_rates, steps

TINY = 1e-30  # keeps a segment that was excluded within reach


class Bound:
    """A hidden-Markov filter a tag, over all segments; probabilities (tags, segments)."""

    def __init__(self, terms: Terms, start: Indices, bias_db: Floats, change: float) -> None:
        self._terms = terms
        self._bias_db: NDArray[np.float64] = bias_db.astype(np.float64)
        self._change = change
        self._share: NDArray[np.float64] = np.full((len(start), terms.segments), TINY)
        self._share[np.arange(len(start)), start] = 1.0
        away = steps(terms.segments)
        rate: NDArray[np.float64] = read_rates(terms)[away]  # by antenna and then the segment where the tag stands
        self._silence: NDArray[np.float64] = np.log1p(-rate).sum(axis=0)
        self._odds: NDArray[np.floating[Any]] = np.log(rate) - np.log1p(-rate)
        self._level_dbm: NDArray[np.floating[Any]] = LEVEL_DBM - terms.fall_db * away

    def told(self, tags: NDArray[np.int64]) -> None:
        """These were moved just now, to any other segment alike."""
        left = 1.0 - self._share[tags]
        self._share[tags] = np.maximum(left / left.sum(axis=1, keepdims=True), TINY)

    def cycle(self, tag: Indices, antenna: Indices, rssi_dbm: Floats, at_s: float) -> None:  # noqa: ARG002
        others = self._terms.segments - 1
        share = self._share * (1 - self._change) + (1 - self._share) * (self._change / others)
        order = tag.argsort(kind="stable")
        tag, antenna, rssi_dbm = tag[order], antenna[order], rssi_dbm[order]
        off_db = (rssi_dbm - self._bias_db[tag])[:, None] - self._level_dbm[antenna]
        likely = self._odds[antenna] - off_db**2 / (2 * self._terms.noise_sd_db**2)
        score = np.log(np.maximum(share, TINY)) + self._silence
        is_first = np.append(True, tag[1:] != tag[:-1])[: len(tag)]
        if len(tag):
            score[tag[is_first]] += np.add.reduceat(likely, is_first.nonzero()[0], axis=0)
        share = np.exp(score - score.max(axis=1, keepdims=True))
        self._share = share / share.sum(axis=1, keepdims=True)

    def segment(self) -> Indices:
        found: Indices = self._share.argmax(axis=1).astype(np.int32)
        return found

    def confidence(self) -> Floats:
        """(tags,) probability of that segment."""
        stated: Floats = self._share.max(axis=1).astype(np.float32)
        return stated


class Notified(Bound):
    """One that is told when a share of all tags is moved, not which."""

    def told(self, tags: NDArray[np.int64]) -> None:
        share = len(tags) / len(self._share)
        elsewhere = (1.0 - self._share) / (self._terms.segments - 1)
        self._share = np.maximum((1.0 - share) * self._share + share * elsewhere, TINY)
