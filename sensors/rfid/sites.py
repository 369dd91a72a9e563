"""Where a tag has stood all along: what its whole pattern says, weighed once.

What multipath makes of a spot does not average out: a tag that one antenna reads loudly in its place it reads loudly in
every round, and the hundredth such read says no more of the place than the tenth. The filter tells whether a tag moved;
of one that stays, its place is a question to the means over all its rounds, whose scatter from spot to spot remains
however many they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.cells import cell
from sensors.rfid.locate import BIAS_DB2, PRINT_REACH, Known
from sensors.rfid.neighbourhood import REACH, Neighbourhood
from sensors.rfid.radio import Radio

Floats = NDArray[np.float32]

AROUND = 2  # segments either side that are weighed: one further away would have shown in the first reads
SITES = 2 * AROUND + 1
LEAST_ROUNDS = 3  # before, the filter knows more than the pattern
BOOKED = float(np.log(20.0))  # log odds of standing where the catalogue says against any one place beside it
_SITE_TURN2 = 0.0225  # variance from spot to spot of the angle whose squared sine is the read rate
_APART = np.arange(-PRINT_REACH, PRINT_REACH + 1)  # of the believed segment, from each antenna of a print
_COLUMNS = REACH + np.arange(-AROUND, AROUND + 1)[:, None] + _APART  # (SITES, PRINTS) of each site, from each of them


def site_shares(
    known: Known, book: NDArray[np.int32], beside: Neighbourhood, radio: Radio, is_ill: NDArray[np.bool_]
) -> Floats:
    """(m, SITES) probability that a tag that stays stands in the believed segment and the AROUND either side of it, in
    order along the line; the believed one's is 1 where there are too few rounds to tell.

    book (m,) segment of the book place, -1 none; is_ill (s + 1,) antennas that read less than usual: how often they
    read a tag says nothing now
    """
    share = np.zeros((len(known.believed), SITES), np.float32)
    share[:, AROUND] = 1.0
    rows = ((known.rounds >= LEAST_ROUNDS) & (known.believed >= 0)).nonzero()[0]
    if not len(rows):
        return share
    if len(rows) < len(share):
        known, book = Known(known.believed[rows], *(column[rows] for column in known[1:])), book[rows]
    # by column, so that what is worked out of many tags at once lies side by side
    near = np.ascontiguousarray(beside.near[known.believed].T)
    antenna = near[REACH - _APART]
    searches = antenna < len(beside)
    antenna = np.where(searches, antenna, 0)
    at = cell(radio.rate, antenna, _COLUMNS[:, :, None])
    score = _of_rates(known, at, searches & ~is_ill[antenna], radio)
    score += _of_levels(known, at, searches, radio)
    site = near[REACH - AROUND : REACH + AROUND + 1]
    score += np.where(site == book, np.float32(BOOKED), np.float32(0))
    score = np.where(site < len(beside), score, -np.inf)
    score = np.exp(score - score.max(axis=0))
    share[rows] = (score / score.sum(axis=0)).T
    return share


def _of_rates(known: Known, at: NDArray[np.int64], counts: NDArray[np.bool_], radio: Radio) -> NDArray[Any]:
    """(SITES, m) log likelihood of how often each antenna read the tag. at (SITES, PRINTS, m) cells of radio's tables;
    counts (PRINTS, m)"""
    rounds = known.rounds
    seen = _turn(np.minimum((known.hits.T + 0.375) / (rounds + 0.75), 1.0))
    rate = radio.rate.reshape(-1)
    usual = _turn(rate).take(at) if at.size > rate.size else _turn(rate.take(at))
    variance = 1.0 / (4.0 * rounds + 2.0) + _SITE_TURN2
    off = (usual - seen) ** 2 / variance
    score: NDArray[Any] = -0.5 * np.where(counts, off, 0.0).sum(axis=1)
    return score


def _of_levels(known: Known, at: NDArray[np.int64], counts: NDArray[np.bool_], radio: Radio) -> NDArray[Any]:
    """(SITES, m) log likelihood of how strongly, whatever the tag's own loudness. at, counts as for `_of_rates`"""
    count = np.ascontiguousarray(known.level_count.T)
    heard = counts & (count > 0)
    weight = np.where(heard, 1.0 / (radio.site_db2 + radio.noise_db2 / np.maximum(count, 1.0)), 0.0)
    off = known.level_dbm.T - radio.level_dbm.reshape(-1).take(at)
    off = np.where(heard, off, 0.0)
    pull = (weight * off).sum(axis=1)
    square = (weight * off**2).sum(axis=1) - pull**2 / (weight.sum(axis=0) + 1.0 / BIAS_DB2)
    score: NDArray[Any] = -0.5 * square
    return score


def _turn(rate: NDArray[Any]) -> NDArray[Any]:
    """The angle in which a share scatters alike, whatever it is."""
    turned: NDArray[Any] = np.arcsin(np.sqrt(rate))
    return turned
