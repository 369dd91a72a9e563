"""From evidence to belief: a posterior over candidate segments, with honest room for 'somewhere else' and 'gone'.

A first honest locator: the read rates are the constants below, the same for every antenna and tag. Learning them per
antenna comes later; nothing here is tuned to one tag.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensors.rfid.evidence import Candidates, Evidence, Index

Floats = NDArray[np.float32]

# Read rates per inventory round: the reference world of the accuracy figures, between its easy and its hard end.
OWN_READ_RATE = 0.85  # a tag in front of its own antenna (misses 5-30 %)
STRAY_READ_RATE = 0.3  # of that, by the antenna of the next segment along the face; halves with each further one
FAR_READ_RATE = 0.01  # by any other antenna: reflections, the other side of the aisle
REACH = 5  # neighbours further than this read no more than a far antenna does: 0.85 * 0.3 / 2**5 < 0.01

# RSSI: only differences between the antennas of one tag count, so the tag's own bias (sd 4 dB) cancels.
RSSI_STEP_DB = 6.0  # fall per segment along the face
RSSI_NOISE_DB = 3.0  # sd of one read
RSSI_SITE_DB = 2.0  # sd of what does not average out: antenna gain, multipath of the slot
RSSI_FAR_STEPS = 4.0  # a far antenna hears a tag as if so many segments away ...
RSSI_FAR_DB = 8.0  # ... give or take this

# Priors. A volume is where the catalogue says unless something shows otherwise: ten times likelier than in any one
# other segment, which two in-field reads outweigh.
BOOK_WEIGHT = 10.0
GONE_PRIOR = 0.001  # taken away since its last read
UNREAD_GONE_PRIOR = 0.5  # never read at all: as likely absent as present
DOUBT = 0.0005  # kept back from every belief: no model is certain
LEAST = 1e-6  # and no candidate is impossible

TOP = 3


class Belief(msgspec.Struct, frozen=True, eq=False):
    """Where each tag stands, likeliest first. Rows sum to less than 1; the rest is elsewhere or gone.

    top (n, 3) int32 segments, -1 where there are fewer; confidence (n, 3) float32 in (0, 1), 0 beside a -1
    """

    top: NDArray[np.int32]
    confidence: Floats


class Neighbourhood:
    """Which segments stand beside which: built once per layout from `config.places`."""

    def __init__(self, line: NDArray[np.int32], position: NDArray[np.int32]) -> None:
        count = len(line)
        stretch = int(position.max(initial=0)) + REACH + 2
        # one coordinate for all lines, with gaps between them that nothing reaches across
        self._coordinate: NDArray[np.int64] = line.astype(np.int64) * stretch + position
        self.near: NDArray[np.int32] = np.full((count, 2 * REACH), count, dtype=np.int32)
        order = np.argsort(self._coordinate, kind="stable")
        for step in range(1, min(REACH + 1, count)):
            left, right = order[:-step], order[step:]
            beside = self._coordinate[right] - self._coordinate[left] == step
            self.near[left[beside], 2 * step - 2] = right[beside]
            self.near[right[beside], 2 * step - 1] = left[beside]

    def steps(self, one: Index, other: Index) -> NDArray[np.int64]:
        """Segments from one to the other along a face, REACH + 1 for anything further or on another line."""
        apart: NDArray[np.int64] = np.minimum(
            np.abs(self._coordinate.take(one) - self._coordinate.take(other)), REACH + 1
        )
        return apart


def locate(evidence: Evidence, rows: Index, beside: Neighbourhood, at_ns: int) -> Belief:
    """Belief about `rows` from everything known at `at_ns`."""
    return posterior(evidence.candidates(rows, at_ns), evidence.rounds(at_ns), beside)


def posterior(read: Candidates, rounds: Floats, beside: Neighbourhood) -> Belief:
    """Binomial likelihood of hits over rounds and of RSSI differences, times a weak prior to the book place.

    Hypotheses are the segments whose antenna read the tag, its book place, where it was last believed, and all the
    others as one; rounds (segments,) as in Evidence.rounds. Written as log odds: what an antenna did *not* read is one
    sum per segment, so only hits are looked at per tag. Antennas lie along the first axis: sums over it are fast.
    """
    used = int(np.flatnonzero((read.hits > 0).any(axis=0)).max(initial=0)) + 1
    antenna = np.ascontiguousarray(read.segment[:, :used].T)
    hits = np.ascontiguousarray(read.hits[:, :used].T)
    rssi = np.ascontiguousarray(read.rssi_dbm[:, :used].T)
    place = _hypotheses(antenna, read.book, read.believed)
    in_vain = _silence(rounds, beside)
    prior = np.where(place == read.book[:, None], np.float32(np.log(BOOK_WEIGHT)), np.float32(0)) + in_vain[place]
    prior[:, -1] = _rest(in_vain, place)
    # a tag has few of the hypotheses it has room for: from here on only those, one after the other
    is_meant = place >= 0
    is_meant[:, -1] = True
    tag, column = is_meant.nonzero()
    steps = beside.steps(antenna.take(tag, axis=1), place[tag, column])
    steps[:, column == place.shape[1] - 1] = REACH + 1  # elsewhere: every hit was a far stray
    score = np.full(place.shape, -np.inf, dtype=np.float32)
    score[is_meant] = (
        prior[is_meant]
        + (_LOG_ODDS.take(steps) * hits.take(tag, axis=1)).sum(axis=0)
        + _rssi_score(steps, hits, rssi, tag)
    )
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    present = (1.0 - DOUBT) * (1.0 - _gone(read))
    share = weight * (present / weight.sum(axis=1))[:, None]
    share = np.where(place >= 0, np.maximum(share, np.float32(LEAST)), np.float32(0))
    return _best(place, share)


def _hypotheses(antenna: NDArray[np.int32], book: NDArray[np.int32], believed: NDArray[np.int32]) -> NDArray[np.int32]:
    """(m, antennas + 3) segments, each once, -1 for none; the last column, always -1, stands for elsewhere."""
    none = np.int32(-1)
    only_book = np.where((antenna == book).any(axis=0), none, book)
    only_believed = np.where((antenna == believed).any(axis=0) | (believed == book), none, believed)
    return np.stack([*antenna, only_book, only_believed, np.full_like(book, none)], axis=1)


def _rates() -> Floats:
    """Read rate by steps from the antenna's own segment, 0 to REACH, then far."""
    stray = [OWN_READ_RATE * STRAY_READ_RATE / 2 ** (step - 1) for step in range(1, REACH + 1)]
    return np.array([OWN_READ_RATE, *stray, FAR_READ_RATE], dtype=np.float32)


_RATES = _rates()
_LOG_ODDS: Floats = np.log(_RATES / (1 - _RATES))
_LOG_SILENCE: Floats = np.log1p(-_RATES) - np.log1p(-_RATES[-1])  # against a far antenna's silence, which all share
_RSSI_DROP: Floats = np.array([RSSI_STEP_DB * step for step in (*range(REACH + 1), RSSI_FAR_STEPS)], dtype=np.float32)


def _silence(rounds: Floats, beside: Neighbourhood) -> Floats:
    """(segments,) log likelihood that no antenna around a segment reads the tag that stands there."""
    padded = np.append(rounds, np.float32(0))
    silence: Floats = rounds * _LOG_SILENCE[0]
    for step in range(1, REACH + 1):
        silence += padded[beside.near[:, 2 * step - 2 : 2 * step]].sum(axis=1) * _LOG_SILENCE[step]
    return silence


def _rssi_score(steps: NDArray[np.int64], hits: Floats, rssi: Floats, tag: Index) -> Floats:
    """(p,) log likelihood of each tag's RSSI pattern, its unknown level integrated out; one antenna says nothing.

    steps (antennas, p); hits, rssi (antennas, m); tag (p,) which of the m.
    """
    is_told = (hits > 0) & ~np.isnan(rssi)
    noise = RSSI_NOISE_DB**2 / np.maximum(hits, np.float32(0.1)) + RSSI_SITE_DB**2
    near_weight = np.where(is_told, 1 / noise, np.float32(0))
    # how much less a far antenna's RSSI weighs; the near ones' share is the same for every hypothesis of a tag
    less = noise / (noise + RSSI_FAR_DB**2)
    told = np.where(is_told, rssi, np.float32(0))
    told = told - told.sum(axis=0) / np.maximum(is_told.sum(axis=0), 1).astype(np.float32)  # keeps squares small
    is_far = steps > REACH
    weight = near_weight.take(tag, axis=1) * np.where(is_far, less.take(tag, axis=1), np.float32(1))
    log_less = np.where(is_told, np.log(less), np.float32(0))
    total = np.maximum(weight.sum(axis=0), np.float32(1e-9))
    level = told.take(tag, axis=1) + _RSSI_DROP.take(steps)
    pull = weight * level
    spread = (pull * level).sum(axis=0) - pull.sum(axis=0) ** 2 / total
    score: Floats = ((is_far * log_less.take(tag, axis=1)).sum(axis=0) - np.log(total) - spread) / 2
    return score


def _rest(in_vain: Floats, place: NDArray[np.int32]) -> Floats:
    """(m,) log weight of all segments that are no hypothesis, before any hit is looked at."""
    reference = in_vain.max(initial=-np.inf)
    silent = np.exp(in_vain - reference)
    named = np.where(place >= 0, silent[place], np.float32(0)).sum(axis=1)
    whole = silent.sum()
    # the difference of nearly equal sums is only good to a part in a million
    rest: Floats = np.log(np.maximum(whole - named, np.float32(LEAST) * whole)) + reference
    return rest


def _gone(read: Candidates) -> Floats:
    """(m,) probability that it was taken away since its last read, by the rounds it should have been read in since."""
    prior = np.where(read.is_read, GONE_PRIOR, UNREAD_GONE_PRIOR)
    missed = (1 - OWN_READ_RATE) ** read.silent_rounds.astype(np.float32)
    gone = prior / (prior + (1 - prior) * missed)
    just_read = read.is_read & (read.silent_rounds <= 0)
    result: Floats = np.where(just_read, 0.0, gone).astype(np.float32)
    return result


def _best(place: NDArray[np.int32], share: Floats) -> Belief:
    if place.shape[1] < TOP:
        missing = ((0, 0), (0, TOP - place.shape[1]))
        place = np.pad(place, missing, constant_values=-1)
        share = np.pad(share, missing)
    order = np.argsort(-share, axis=1, kind="stable")[:, :TOP]
    top = np.take_along_axis(place, order, axis=1)
    return Belief(top=top, confidence=np.take_along_axis(share, order, axis=1))
