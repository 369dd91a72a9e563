"""Which segment each antenna really sees, by a reference tag in every bay: cables swapped, dead, in another room.

An antenna sees the bay whose reference it reads most often and loudest. How sure that is comes from the next best, the
configured one before all others: a cable is rarely wrong, and a tag may hang badly. Two antennas that each see the
other's bay are one mistake, so their evidence counts together.
"""

from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Verdict = Literal[
    "right", "swapped", "elsewhere", "wrong_region", "dead", "no_reference", "not_searching", "unsure", "doubtful"
]
Floats = NDArray[np.float64]
Index = NDArray[np.integer[Any]]

SURE = 0.95
FEWEST = 5  # rounds: fewer are chance
SILENT = 13  # rounds: a reference read in as few as three of ten is read in one of them, but for 1 % (0.7^13)
_APART, _TAG = 2.0, 1.0  # log odds of a read in a round: own bay against the next, and how much one tag differs
_APART_DB, _TAG_DB, _NOISE_DB = 6.0, 4.0, 3.0  # the same of levels: the reference world of the accuracy figures
_LEVEL_SHARE = 0.5  # a tag that is loud is read more often too: what its level says was half said already
_RARELY_WRONG = 3.0  # log odds that a cable is where the configuration says: twenty to one
_MORE = (5, 10, 20, 40, 80, 160)  # rounds; what they do not tell, more do not either


class Counted(NamedTuple):
    """What s antennas read of the references, each antenna named by the segment it is configured for.

    antenna, place (k,): a pair of an antenna and the segment of a reference it read, none twice; hits (k,) > 0 rounds;
    level_dbm (k,) mean, NaN unknown; rounds, others (s,): completed, and reads of any other tag; has_reference (s,);
    is_configured (s,): there is an antenna; searches (s,): its reader answers and the port is connected
    """

    antenna: Index
    place: Index
    hits: Floats
    level_dbm: Floats
    rounds: NDArray[np.int64]
    others: NDArray[np.int64]
    has_reference: NDArray[np.bool_]
    is_configured: NDArray[np.bool_]
    searches: NDArray[np.bool_]


class Finding(msgspec.Struct, frozen=True):
    """Of one antenna. sees: the segment, -1 none; sure: chance of that, None where nothing speaks for or against it;
    hits, level_dbm of its reference; next_best: the segment that is likeliest otherwise, -1 none, with its hits;
    more_rounds: that would tell, 0 where nothing is to be waited for."""

    verdict: Verdict
    rounds: int
    sees: int = -1
    sure: float | None = None
    hits: int = 0
    level_dbm: float | None = None
    next_best: int = -1
    next_hits: int = 0
    more_rounds: int = 0


class _Likeliest(NamedTuple):
    """Of s antennas: the pair that is best and the likeliest other (k for none), and the chance of the best."""

    best: NDArray[np.int64]
    other: NDArray[np.int64]
    sure: Floats


def findings(seen: Counted, region: Index) -> dict[int, Finding]:
    """A verdict on every configured antenna, by its segment. region (s,): equal for segments of one row and face."""
    pairs = _with_configured(seen)
    found = _likeliest(pairs)
    more = _more_rounds(pairs, found)
    sees = np.append(pairs.place, -1)[found.best]
    is_sure = (found.sure >= SURE) & (pairs.rounds >= FEWEST)
    place = np.arange(len(pairs.rounds))
    is_right = is_sure & (sees == place)
    is_swapped = is_sure & (sees != place) & (sees >= 0) & (sees[sees] == place) & is_sure[sees]
    is_taken = (sees != place) & (sees >= 0) & is_right[sees]
    result = {}
    for a in np.flatnonzero(seen.is_configured).tolist():
        verdict, wait = _verdict(
            pairs,
            a,
            int(sees[a]),
            region,
            more=int(more[a]),
            is_sure=bool(is_sure[a]),
            is_swapped=bool(is_swapped[a]),
            is_taken=bool(is_taken[a]),
        )
        result[a] = _finding(pairs, found, a, verdict, wait)
    return result


def _verdict(
    pairs: Counted, a: int, sees: int, region: Index, *, more: int, is_sure: bool, is_swapped: bool, is_taken: bool
) -> tuple[Verdict, int]:
    """And how many more rounds would tell."""
    rounds = int(pairs.rounds[a])
    if not pairs.searches[a]:
        return "not_searching", 0
    if sees < 0:
        if rounds < SILENT:
            return "unsure", SILENT - rounds
        return ("no_reference" if pairs.others[a] or not pairs.has_reference[a] else "dead"), 0
    if rounds < FEWEST:
        return "unsure", FEWEST - rounds
    is_near = sees != a and region[sees] == region[a]
    if is_taken or (is_near and not pairs.has_reference[a]):  # its own is missing, rather than its cable elsewhere
        return ("unsure", SILENT - rounds) if rounds < SILENT else ("no_reference", 0)
    if not is_sure:
        return ("unsure", more) if more else ("doubtful", 0)
    if sees == a:
        return "right", 0
    if is_swapped:
        return "swapped", 0
    return ("elsewhere" if is_near else "wrong_region"), 0


def _finding(pairs: Counted, found: _Likeliest, a: int, verdict: Verdict, wait: int) -> Finding:
    rounds, best, other = int(pairs.rounds[a]), int(found.best[a]), int(found.other[a])
    if best == len(pairs.place):
        sure = 1.0 - 0.7**rounds if verdict == "dead" else None
        return Finding(verdict, rounds, sure=sure, more_rounds=wait)
    has_other = other < len(pairs.place)
    level = float(pairs.level_dbm[best])
    return Finding(
        verdict,
        rounds,
        sees=int(pairs.place[best]),
        sure=float(found.sure[a]),
        hits=int(pairs.hits[best]),
        level_dbm=None if np.isnan(level) else level,
        next_best=int(pairs.place[other]) if has_other else -1,
        next_hits=int(pairs.hits[other]) if has_other else 0,
        more_rounds=wait,
    )


def _with_configured(seen: Counted) -> Counted:
    """The pairs sorted by antenna, and among them those of an antenna that reads others, but not the reference of the
    segment it is configured for."""
    count = len(seen.rounds)
    is_known = seen.is_configured[seen.antenna] & (seen.rounds[seen.antenna] > 0)
    antenna, place = seen.antenna[is_known].astype(np.int64), seen.place[is_known].astype(np.int64)
    reads_any, reads_own = np.zeros((2, count), np.bool_)
    reads_any[antenna] = True
    reads_own[antenna[antenna == place]] = True
    unread = np.flatnonzero(reads_any & ~reads_own & seen.has_reference)
    antenna, place = np.append(antenna, unread), np.append(place, unread)
    # whatever a round had several of, a reference is in it once
    hits = np.append(np.minimum(seen.hits[is_known], seen.rounds[seen.antenna[is_known]]), np.zeros(len(unread)))
    level = np.append(seen.level_dbm[is_known], np.full(len(unread), np.nan))
    order = np.lexsort((place, antenna))
    return seen._replace(antenna=antenna[order], place=place[order], hits=hits[order], level_dbm=level[order])


def _likeliest(pairs: Counted, more: int = 0) -> _Likeliest:
    """As if `more` rounds went on as those before."""
    count, k = len(pairs.rounds), len(pairs.antenna)
    antenna = pairs.antenna
    before = pairs.rounds[antenna].astype(np.float64)
    rounds = before + more
    chance = (pairs.hits * rounds / np.maximum(before, 1.0) + 0.5) / (rounds + 1.0)
    odds, spread = np.log(chance / (1.0 - chance)), 1.0 / ((rounds + 1.0) * chance * (1.0 - chance))
    loud = np.where(np.isnan(pairs.level_dbm), -np.inf, pairs.level_dbm)
    best = _first_of(antenna, np.lexsort((loud, chance))[::-1], count, k)
    top = best[antenna]  # of each pair's antenna
    apart = 2.0 * _APART * (odds[top] - odds) / (2.0 * _TAG**2 + spread[top] + spread)
    noise = 2.0 * _TAG_DB**2 + _NOISE_DB**2 * (1.0 / np.maximum(pairs.hits[top], 1) + 1.0 / np.maximum(pairs.hits, 1))
    louder = 2.0 * _APART_DB * (pairs.level_dbm[top] - pairs.level_dbm) / noise
    against = apart + _LEVEL_SHARE * np.where(np.isnan(louder), 0.0, louder)
    is_own, is_top = pairs.place == antenna, np.arange(k) == top
    best_is_own = (np.append(pairs.place, -1)[best] == np.arange(count))[antenna]
    against = np.where(is_own, against - _RARELY_WRONG, against + _RARELY_WRONG * best_is_own)
    against = _together(pairs, best, against)
    against[is_top] = np.inf
    doubt = np.zeros(count)
    np.add.at(doubt, antenna, np.exp(-np.clip(against, -50.0, 50.0)) * ~is_top)
    other = _first_of(antenna, np.lexsort((pairs.place, against)), count, k, but=best)
    return _Likeliest(best, other, np.where(best < k, 1.0 / (1.0 + doubt), 0.0))


def _together(pairs: Counted, best: NDArray[np.int64], against: Floats) -> Floats:
    """Where two antennas see each other's bays: one mistake or none, and the evidence of both speaks of it."""
    count, k = len(pairs.rounds), len(pairs.antenna)
    sees = np.append(pairs.place, -1)[best]
    place = np.arange(count)
    mutual = np.flatnonzero((sees >= 0) & (sees != place) & (sees[sees] == place))
    own = np.full(count, k)
    is_own = pairs.place == pairs.antenna
    own[pairs.antenna[is_own]] = np.flatnonzero(is_own)
    mutual = mutual[(own[mutual] < k) & (own[sees[mutual]] < k)]
    both = against.copy()
    both[own[mutual]] += against[own[sees[mutual]]] + _RARELY_WRONG  # it was taken off twice, and is one mistake
    return both


def _first_of(
    antenna: Index, order: NDArray[np.int64], count: int, none: int, but: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """(count,) the first pair of each antenna in this order, leaving out `but`; `none` where there is none."""
    if but is not None:
        order = order[but[antenna[order]] != order]
    found = np.full(count, none, np.int64)
    found[antenna[order[::-1]]] = order[::-1]
    return found


def _more_rounds(pairs: Counted, now: _Likeliest) -> NDArray[np.int64]:
    """(s,) the fewest rounds after which the same shares would be sure; 0 where they are, or never will be."""
    needed: NDArray[np.int64] = np.zeros(len(pairs.rounds), np.int64)
    open_ones = now.sure < SURE
    for more in _MORE:
        tells = open_ones & (_likeliest(pairs, more).sure >= SURE)
        needed[tells] = more
        open_ones &= ~tells
    return needed
