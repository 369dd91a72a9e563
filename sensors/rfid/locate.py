"""From evidence to belief: one step of a recursive Bayesian filter over candidate segments per tag.

Each tag has the log weights of up to CANDIDATES segments and of being gone. A step adds what the rounds that closed
say: for every candidate the chance of the reads there were and, in one sum per segment, of those there were not. Before
it, every candidate is given the weight of a tag that has just moved there, so no belief is ever too old to change.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.cells import cell, cells
from sensors.rfid.neighbourhood import FAR, OFFSETS, REACH, Neighbourhood
from sensors.rfid.radio import FAR_VARIANCE_DB2, Radio

Floats = NDArray[np.float32]

CANDIDATES = 12
PRINT_REACH = 3  # segments: antennas further away read a tag too seldom to have a level of their own for it
PRINTS = 2 * PRINT_REACH + 1
NEVER = -60.0  # log weight of what is out of the question
BIAS_DB2 = 25.0  # variance of a tag's bias before it is read: how it is glued, what lies behind it
SPAWN = 3  # steps from an antenna that reads a tag: where it may stand
_LIKELIEST = np.array([5, 3, 1, 0, 2, 4, 6])  # by step from -SPAWN on: 0 the likeliest
RATES = (0.005, 0.98)  # of one tag at one antenna, however often it was read or not
_OF_OTHERS = 10.0  # rounds: what the antenna's usual rate counts beside a tag's own
_FRESH = 50.0  # above any log weight: a candidate that this step's reads point to is not the one that gives way


class Closed(NamedTuple):
    """The rounds that closed, k of them, and what reads and silence there are worth.

    silence (s + 1,) float32: log likelihood, against a far antenna's silence, that no antenna reads a tag in a segment
    rate (k, OFFSETS + 1) float32: chance of a read in one of these rounds, what shadows them taken off
    nth (s + 1,) int32: place among the k rounds of each segment's, -1 for none
    """

    antenna: NDArray[np.int32]
    rounds: NDArray[np.int64]
    silence: Floats
    rate: Floats
    nth: NDArray[np.int32]


class Reads(NamedTuple):
    """Pairs (p,) of a tag and an antenna that read it, by tag.

    tag (p,) place among the m tags; closing (p,) place among the k rounds; hits (p,) rounds it was read in; rssi_dbm
    (p,) NaN unknown
    """

    tag: NDArray[np.int64]
    closing: NDArray[np.int64]
    hits: Floats
    rssi_dbm: Floats


class Known(NamedTuple):
    """What is known of m tags.

    believed (m,) int32; bias_db (m,), bias_count (m,); level_dbm, level_count (m, PRINTS): mean level and number of
    reads by the antennas PRINT_REACH steps either side of the believed segment; rounds (m,), hits (m, PRINTS) rounds of
    its own antenna while it stood there, and in how many each of those antennas read it
    """

    believed: NDArray[np.int32]
    bias_db: Floats
    bias_count: Floats
    level_dbm: Floats
    level_count: Floats
    rounds: Floats
    hits: Floats


def closed(
    beside: Neighbourhood,
    radio: Radio,
    antenna: NDArray[np.int32],
    rounds: NDArray[np.int64],
    efficiency: Floats,
    nth: NDArray[np.int32],
) -> Closed:
    """What rounds of antennas (k,), none twice, are worth. efficiency (k,) in (0, 1]: of the reads that were due; nth
    (s + 1,) as in Closed."""
    rate = radio.rate[antenna] * efficiency[:, None]
    miss = np.log1p(-rate)
    silence = np.zeros(len(beside) + 1, np.float32)
    np.add.at(silence, beside.near[antenna], rounds[:, None] * (miss[:, :OFFSETS] - miss[:, FAR:]))
    silence[-1] = 0.0
    return Closed(antenna, rounds, silence, rate, nth)


def spawn(
    segment: NDArray[np.int32],
    weight: Floats,
    believed: NDArray[np.int32],
    reads: Reads,
    at: Closed,
    beside: Neighbourhood,
) -> None:
    """Make room among the candidates (m, CANDIDATES) for the segments that reads point to; new ones weigh NEVER.

    What gives way is the least likely of those that nothing points to now, and never the believed one.
    """
    if not len(reads.tag):
        return
    antenna = at.antenna[reads.closing]
    step = beside.column(antenna[:, None], segment.take(reads.tag, axis=0)) - REACH
    worth = np.where(segment < 0, np.float32(-2 * _FRESH), weight)
    lacks = beside.near[antenna][:, REACH - SPAWN : REACH + SPAWN + 1] < len(beside)
    for apart in range(SPAWN, -1, -1):  # the likeliest last: its word counts
        pair, column = (np.abs(step) == apart).nonzero()
        worth[reads.tag[pair], column] = _FRESH - apart
        lacks[pair, step[pair, column] + SPAWN] = False
    worth[(segment == believed[:, None]) & (segment >= 0)] = 2 * _FRESH
    pair, off = lacks.nonzero()
    tag, place = reads.tag[pair], beside.near[antenna[pair], REACH - SPAWN + off]
    nth = _LIKELIEST[off]
    order = np.lexsort((nth, place, tag))  # of the pairs that point to one segment, the likeliest first
    tag, place, nth = tag[order], place[order], nth[order]
    once = np.append(True, (tag[1:] != tag[:-1]) | (place[1:] != place[:-1])) if len(tag) else np.zeros(0, np.bool_)
    tag, place, nth = tag[once], place[once], nth[once]
    order = np.lexsort((nth, tag))
    tag, place, nth = tag[order], place[order], nth[order]
    turn = _rank(tag)
    gives_way = np.argsort(worth[tag], axis=1, kind="stable")
    has_turn = turn < CANDIDATES
    column = gives_way[np.arange(len(tag)), np.where(has_turn, turn, 0)]
    gives = has_turn & (worth[tag, column] < _FRESH - (nth + 1) // 2)
    segment[tag[gives], column[gives]], weight[tag[gives], column[gives]] = place[gives], NEVER


def likelihood(
    segment: NDArray[np.int32], known: Known, reads: Reads, at: Closed, beside: Neighbourhood, radio: Radio
) -> Floats:
    """(m, CANDIDATES) log likelihood of what was and was not read, were the tag in each of its candidates.

    The level of a tag is its own bias above the antenna's usual one; the bias is known as well as it was read, and what
    is not known of it is integrated out. Where the tag stands already, its own earlier levels and rates there are
    expected: a tag between two antennas is read by both, and that is no reason to think it moved.
    """
    total: Floats = at.silence.take(segment)  # -1 is none: the last
    usual = _own_rates(known, at, beside, radio, total, segment)
    if not len(reads.tag):
        return total
    antenna = at.antenna[reads.closing]
    place = segment.take(reads.tag, axis=0)
    column = beside.column(antenna[:, None], place)
    rate = cells(at.rate, reads.closing[:, None], column)
    noise = np.float32(radio.noise_db2) / np.minimum(np.maximum(reads.hits, 1.0), 4.0)[:, None]
    spread = np.where(column == FAR, np.float32(FAR_VARIANCE_DB2), np.float32(radio.site_db2))
    mean = cells(radio.level_dbm, antenna[:, None], column) + known.bias_db[reads.tag][:, None]
    # where it stands: the mean of its own earlier readings there, as far as there are any
    offset = column - REACH + PRINT_REACH
    stays = (place == known.believed[reads.tag][:, None]) & (offset >= 0) & (offset < PRINTS)
    offset = np.where(stays, offset, 0)
    learnt = cell(usual, reads.tag[:, None], offset)  # of three tables of one shape
    own_rate = usual.reshape(-1).take(learnt)
    rate = np.where(stays & (own_rate > 0), own_rate, rate)
    score = reads.hits[:, None] * (np.log(rate) - np.log1p(-rate))
    count = np.where(stays, known.level_count.reshape(-1).take(learnt), np.float32(0))
    own = known.level_dbm.reshape(-1).take(learnt)
    left = 1.0 / (1.0 / spread + count / np.float32(radio.noise_db2))
    mean = np.where(count > 0, left * (mean / spread + own * count / np.float32(radio.noise_db2)), mean)
    variance = noise + left
    is_told = ~np.isnan(reads.rssi_dbm)
    weight = np.where(is_told[:, None], 1.0 / variance, np.float32(0))
    off = np.where(is_told[:, None], reads.rssi_dbm[:, None] - mean, np.float32(0))
    score -= np.where(is_told[:, None], 0.5 * np.log(variance), np.float32(0))
    first = np.append(True, reads.tag[1:] != reads.tag[:-1]).nonzero()[0]
    tag = reads.tag[first]
    parts = np.empty((len(score), 4, CANDIDATES), np.float32)
    np.multiply(weight, off, out=parts[:, 2])
    np.multiply(parts[:, 2], off, out=parts[:, 3])
    parts[:, 0], parts[:, 1] = score, weight
    score_sum, weight_sum, pull_sum, square_sum = np.add.reduceat(parts, first, axis=0).transpose(1, 0, 2)
    bias = (1.0 / (1.0 / BIAS_DB2 + known.bias_count[tag] / radio.noise_db2)).astype(np.float32)[:, None]
    open_bias = 1.0 + weight_sum * bias
    total[tag] += score_sum - 0.5 * (square_sum - pull_sum**2 * bias / open_bias) - 0.5 * np.log(open_bias)
    return total


def _own_rates(
    known: Known, at: Closed, beside: Neighbourhood, radio: Radio, total: Floats, segment: NDArray[np.int32]
) -> Floats:
    """(m, PRINTS) chance that each antenna around the believed segment reads the tag in these rounds, by its own past,
    0 where it has none; puts the silence of that candidate in `total` right accordingly."""
    usual = np.zeros((len(known.believed), PRINTS), np.float32)
    mine = (known.rounds > 0).nonzero()[0]
    if not len(mine):
        return usual
    columns = np.arange(REACH - PRINT_REACH, REACH + PRINT_REACH + 1)
    antenna = beside.near[known.believed[mine]][:, columns[::-1]]  # from which the segment stands in that column
    nth = at.nth.take(antenna)
    searched = nth >= 0
    expected = cells(at.rate, np.where(searched, nth, 0), columns)
    of_all = cells(radio.rate, np.where(searched, antenna, 0), columns)
    learnt = (known.hits[mine] + _OF_OTHERS * of_all) / (known.rounds[mine, None] + _OF_OTHERS)
    own = np.where(searched, np.clip(learnt, *RATES) * (expected / of_all), np.float32(0.5)).astype(np.float32)
    rounds = np.where(searched, at.rounds[nth], 0)
    right = (rounds * np.where(searched, np.log1p(-own) - np.log1p(-expected), 0)).sum(axis=1)
    total[mine] += np.where(segment[mine] == known.believed[mine, None], right[:, None], 0).astype(np.float32)
    usual[mine] = own
    return usual


def normalised(weight: Floats, gone: Floats) -> tuple[Floats, Floats]:
    """Log weights of candidates (m, CANDIDATES) and of being gone (m,), made log probabilities."""
    most = np.maximum(greatest(weight), gone)
    total = most + np.log(np.exp(weight - most[:, None]) @ np.ones(weight.shape[1], np.float32) + np.exp(gone - most))
    return weight - total[:, None], gone - total


def greatest(weight: Floats) -> Floats:
    """(m,) of each row (m, k): with so few columns, turning them first takes a quarter of the time."""
    found: Floats = np.ascontiguousarray(weight.T).max(axis=0)
    return found


def _rank(tag: NDArray[np.int64]) -> NDArray[np.int64]:
    """(p,) how many pairs of the same tag stand before each; tags ascending."""
    every = np.arange(len(tag))
    first = np.append(True, tag[1:] != tag[:-1]) if len(tag) else np.zeros(0, np.bool_)
    rank: NDArray[np.int64] = every - np.maximum.accumulate(np.where(first, every, 0))
    return rank
