"""Where a tag has stood all along: what its whole pattern says, weighed once.

What multipath makes of a spot does not average out: a tag that one antenna reads loudly in its place it reads loudly in
every round, and the hundredth such read says no more of the place than the tenth. The filter tells whether a tag moved;
of one that stays, its place is a question to the means over all its rounds, whose scatter from spot to spot remains
however many they are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    near = beside.near[known.believed[rows]]
    antenna = near[:, REACH - _APART]
    searches = antenna < len(beside)
    antenna = np.where(searches, antenna, 0)
    score = _of_rates(known, rows, antenna, searches & ~is_ill[antenna], radio)
    score += _of_levels(known, rows, antenna, searches, radio)
    site = near[:, REACH - AROUND : REACH + AROUND + 1]
    score += np.where(site == book[rows, None], np.float32(BOOKED), np.float32(0))
    score = np.where(site < len(beside), score, -np.inf)
    score = np.exp(score - score.max(axis=1, keepdims=True))
    share[rows] = score / score.sum(axis=1, keepdims=True)
    return share


def _of_rates(
    known: Known, rows: NDArray[np.int64], antenna: NDArray[np.int32], counts: NDArray[np.bool_], radio: Radio
) -> NDArray[Any]:
    """(m, SITES) log likelihood of how often each antenna read the tag."""
    rounds = known.rounds[rows, None]
    seen = _turn(np.minimum((known.hits[rows] + 0.375) / (rounds + 0.75), 1.0))
    usual = _turn(radio.rate[antenna[:, None, :], _COLUMNS])
    variance = 1.0 / (4.0 * rounds + 2.0) + _SITE_TURN2
    off = (usual - seen[:, None, :]) ** 2 / variance[:, :, None]
    score: NDArray[Any] = -0.5 * np.where(counts[:, None, :], off, 0.0).sum(axis=2)
    return score


def _of_levels(
    known: Known, rows: NDArray[np.int64], antenna: NDArray[np.int32], counts: NDArray[np.bool_], radio: Radio
) -> NDArray[Any]:
    """(m, SITES) log likelihood of how strongly, whatever the tag's own loudness."""
    count = known.level_count[rows]
    heard = counts & (count > 0)
    weight = np.where(heard, 1.0 / (radio.site_db2 + radio.noise_db2 / np.maximum(count, 1.0)), 0.0)[:, None, :]
    off = known.level_dbm[rows][:, None, :] - radio.level_dbm[antenna[:, None, :], _COLUMNS]
    off = np.where(heard[:, None, :], off, 0.0)
    pull = (weight * off).sum(axis=2)
    square = (weight * off**2).sum(axis=2) - pull**2 / (weight.sum(axis=2) + 1.0 / BIAS_DB2)
    score: NDArray[Any] = -0.5 * square
    return score


def _turn(rate: NDArray[Any]) -> NDArray[Any]:
    """The angle in which a share scatters alike, whatever it is."""
    turned: NDArray[Any] = np.arcsin(np.sqrt(rate))
    return turned
