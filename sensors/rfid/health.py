"""Which antennas read what stands before them as others do: weak, half dead, dead, swapped or not searching.

An antenna is held against all that are well, and a verdict is given only where the counts leave no doubt. What is
learnt reaches back hours; what it does now is told by its last rounds, against what it has been seen to do (`recent`).
One that fell silent a minute ago is known at once: it reads nothing at all any more, or, where no neighbour reads its
volumes, by how many of them nobody has read since.
"""

from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensors.rfid.evidence import Evidence
from sensors.rfid.neighbourhood import OFFSETS, REACH, Neighbourhood

Verdict = Literal["ok", "weak", "half_dead", "dead", "not_searching", "swapped", "unknown"]
Floats = NDArray[np.float64]

FEW = 5  # volumes: fewer before an antenna say too little of it
WEAK = 0.75  # share of the usual rate: between healthy antennas it differs by a tenth
HALF = 0.5
DEAD = 0.1
CLEAR = 3.0  # standard errors
_UNLIKE = 0.05  # two healthy antennas differ by so much of their rate, however long they are counted
_TRIALS = 100.0  # tag-rounds from which an antenna has a rate of its own
_CROSS_READS = 30.0  # expected of neighbours' volumes: an antenna that reads none of them either is dead
_ROUNDS = 20  # in which a volume that stands there would have been read
_SWAPPED = 0.7  # of the volumes of either segment stand in the other
_QUIET_DB, _QUIET_READS = -6.0, 200.0  # a quarter of the usual power: a connector, water in a cable
_LONG = 6  # rounds of silence; longer ones say no more, and may be of a volume that was taken away
_BY_CHANCE = 1e-4  # that so many volumes are silent at an antenna that is as it was
_ALONE = 0.8  # chance that no neighbour reads a volume, from which its silence is its own antenna's
_DUE = 60.0  # reads of the last rounds from which they tell more than the hours before them
_QUIET_ROUNDS, _QUIET_DUE = 6, 20.0  # rounds without a read, and reads that were due in them: e^-20
_TAKEN_SHARE, _TAKEN = 0.1, 2  # of the volumes there, those that may have been


class Counted(NamedTuple):
    """Of s antennas. hits, trials, level_sum, level_count (s, OFFSETS + 1) by where settled tags stand; rounds,
    standing, booked, believed, read, firm (s,): rounds completed; tags beyond doubt, with their book place there,
    believed there, of those read by their own antenna at all, and in three rounds; silent (s, _LONG + 1) of the firm
    ones, by rounds since anybody read them, the last for all longer; moved (s,) segment where most tags of this
    book place stand, -1 none; rate (s, OFFSETS + 1) as learnt; recent_* and quiet (rounds) as in `Recent`."""

    hits: Floats
    trials: Floats
    level_sum: Floats
    level_count: Floats
    rounds: NDArray[np.int64]
    standing: NDArray[np.int64]
    booked: NDArray[np.int64]
    believed: NDArray[np.int64]
    read: NDArray[np.int64]
    firm: NDArray[np.int64]
    silent: NDArray[np.int64]
    moved: NDArray[np.int64]
    rate: NDArray[np.float32]
    recent_hits: Floats
    recent_trials: Floats
    recent_rounds: Floats
    quiet: NDArray[np.int64]


class Finding(msgspec.Struct, frozen=True):
    """Of one antenna. rate, usual_rate: share of its rounds in which a volume before it is read, and at antennas that
    are well; share: of the usual rate, `error` its standard error; level_db: against the usual. None: cannot be told.
    is_sudden: it is worse now than what was learnt of it. is_quiet: it has read nothing at all for
    some rounds. other: the segment it is swapped with, -1 none."""

    verdict: Verdict
    rounds: int
    standing: int
    rate: float | None = None
    usual_rate: float | None = None
    share: float | None = None
    error: float | None = None
    level_dbm: float | None = None
    level_db: float | None = None
    is_sudden: bool = False
    is_quiet: bool = False
    other: int = -1


class _Now(NamedTuple):
    """What an antenna does now. rate, error: by the volumes that nobody reads any more, NaN: no worse than learnt;
    lately, lately_error: reads of its last rounds as a share of those it used to make, NaN: too few to tell; is_quiet:
    it made none at all for so long that it is no chance."""

    rate: float
    error: float
    lately: float
    lately_error: float
    is_quiet: bool


class _Lately(NamedTuple):
    """By antenna, as in `_Now`."""

    share: Floats
    error: Floats
    is_quiet: NDArray[np.bool_]

    def of(self, s: int) -> tuple[float, float, bool]:
        return float(self.share[s]), float(self.error[s]), bool(self.is_quiet[s])


def counted(evidence: Evidence, rows: NDArray[np.int32]) -> Counted:
    """What the evidence holds, over the tags that volumes carry."""
    count = len(evidence.rounds_total)
    sums, prints = evidence.radio_sums(), evidence.prints(rows)
    book, believed = evidence.book[rows], evidence.believed[rows]
    is_firm = evidence.is_firm(rows) & (believed >= 0)
    silent = np.clip(evidence.silent_rounds(rows[is_firm]), 0, _LONG)
    cell = believed[is_firm].astype(np.int64) * (_LONG + 1) + silent
    return Counted(
        hits=sums["radio_hits"],
        trials=sums["radio_trials"],
        level_sum=sums["radio_level_sum"],
        level_count=sums["radio_level_count"],
        rounds=evidence.rounds_total,
        standing=evidence.standing,
        booked=_by_segment(book, count),
        believed=_by_segment(believed, count),
        read=_by_segment(believed[prints.age >= 2], count),
        firm=_by_segment(believed[is_firm], count),
        silent=np.bincount(cell, minlength=count * (_LONG + 1)).reshape(count, _LONG + 1),
        moved=moved(book[is_firm], believed[is_firm], count),
        rate=evidence.radio().rate,
        recent_hits=evidence.recent.hits,
        recent_trials=evidence.recent.trials,
        recent_rounds=evidence.recent.rounds,
        quiet=evidence.quiet_rounds,
    )


def moved(book: NDArray[np.int32], believed: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """(count,) segment other than its own where _SWAPPED of the tags with this book place stand, -1 where none is."""
    found = np.full(count, -1, np.int64)
    has_book = book >= 0
    book, believed = book[has_book], believed[has_book]
    total = np.bincount(book, minlength=count)
    away = book != believed
    pairs, times = np.unique(book[away].astype(np.int64) * count + believed[away], return_counts=True)
    home, place = np.divmod(pairs, max(count, 1))
    most = (times >= FEW) & (times >= _SWAPPED * total[home])
    found[home[most]] = place[most]
    return found


def findings(seen: Counted, beside: Neighbourhood, has_antenna: NDArray[np.bool_]) -> list[Finding]:
    """A verdict on each of s antennas; has_antenna (s,): its reader answers and has a port for it. The finding of a
    segment without one is `not_searching`."""
    usual, usual_level = _usual(seen)
    now, error_now = _now(seen, beside, has_antenna)
    lately = _lately(seen)
    return [
        _finding(seen, s, usual, usual_level, _Now(float(now[s]), float(error_now[s]), *lately.of(s)), has_antenna)
        for s in range(len(now))
    ]


def _finding(
    seen: Counted,
    s: int,
    usual: Floats,
    usual_level: float,
    now: _Now,
    has_antenna: NDArray[np.bool_],
) -> Finding:
    rounds, standing = int(seen.rounds[s]), int(seen.standing[s])
    if not rounds or not has_antenna[s]:
        return Finding("not_searching", rounds, standing)
    other = int(seen.moved[s])
    if other >= 0 and seen.moved[other] == s:
        return Finding("swapped", rounds, standing, other=other)
    if now.is_quiet:
        return Finding("dead", rounds, standing, rate=0.0, share=0.0, is_sudden=True, is_quiet=True)
    trials, reads = seen.trials[s, REACH], seen.level_count[s, REACH]
    level = float(seen.level_sum[s, REACH] / reads) if reads else None
    level_db = level - usual_level if level is not None else None
    if trials < _TRIALS or not usual[REACH]:
        return Finding(_without_rate(seen, s, usual), rounds, standing, level_dbm=level, level_db=level_db)
    rate, normal = float(seen.hits[s, REACH] / trials), float(usual[REACH])
    spread = np.sqrt(normal * (1.0 - normal) / trials) / normal
    share, error, is_sudden = rate / normal, float(np.hypot(spread, _UNLIKE)), False
    if not np.isnan(now.lately):  # of what it has been seen to do: worse, or better again
        is_sudden = now.lately + CLEAR * float(np.hypot(now.lately_error, _UNLIKE)) < 1.0
        error = float(np.hypot(now.lately_error * share, _UNLIKE))
        rate, share = now.lately * rate, now.lately * share
    if not np.isnan(now.rate) and now.rate / normal < share:
        rate, share, error, is_sudden = now.rate, now.rate / normal, now.error / normal, True
    is_quiet = level_db is not None and level_db <= _QUIET_DB and reads >= _QUIET_READS
    return Finding(
        _verdict(share, error, is_quiet=is_quiet),
        rounds,
        standing,
        rate=rate,
        usual_rate=normal,
        share=share,
        error=error,
        level_dbm=level,
        level_db=level_db,
        is_sudden=is_sudden,
    )


def _verdict(share: float, error: float, *, is_quiet: bool) -> Verdict:
    if share + CLEAR * error >= WEAK:
        return "weak" if is_quiet else "ok"
    if share < DEAD:
        return "dead"
    return "half_dead" if share < HALF else "weak"


def _without_rate(seen: Counted, s: int, usual: Floats) -> Verdict:
    """Of an antenna before which too little is known to stand: it may be dead all the same."""
    around = np.delete(np.arange(OFFSETS), REACH)
    due = float(seen.trials[s, around] @ usual[around])
    reads_nothing_around = due >= _CROSS_READS and seen.hits[s, around].sum() < DEAD * due and seen.read[s] < FEW
    reads_nothing_here = seen.booked[s] >= FEW and not seen.read[s] and seen.rounds[s] >= _ROUNDS
    return "dead" if (reads_nothing_around or reads_nothing_here) else "unknown"


def _usual(seen: Counted) -> tuple[Floats, float]:
    """(OFFSETS,) rates pooled over the antennas that are well, both directions alike, and their level before them."""
    own_hits, own_trials = seen.hits[:, REACH], seen.trials[:, REACH]
    rate = own_hits.sum() / max(own_trials.sum(), 1.0)
    is_well = own_hits >= HALF * rate * own_trials
    total = np.zeros((2, OFFSETS))
    for i, column in enumerate((seen.hits, seen.trials)):
        pooled = column[is_well, :OFFSETS].sum(axis=0)
        total[i] = pooled + pooled[::-1]
    usual: Floats = total[0] / np.maximum(total[1], 1.0)
    reads = seen.level_count[is_well, REACH].sum()
    return usual, float(seen.level_sum[is_well, REACH].sum() / max(reads, 1.0))


def _now(seen: Counted, beside: Neighbourhood, has_antenna: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(s,) rate at which each antenna reads now and its standard error, NaN where it is no worse than what was learnt.

    A volume is silent for g rounds with chance a^g b^(g-1+x): a that its own antenna misses it, b that all others do,
    x between 0 and 1 by where in the cycle we look. That many silent at all tells that something is wrong, whatever x;
    how much goes on being silent gives a b, whatever x.
    """
    longest = seen.silent[:, _LONG]
    taken = np.minimum(longest, np.maximum(_TAKEN, (_TAKEN_SHARE * seen.firm).astype(np.int64)))
    n = seen.firm - taken
    silent = seen.silent[:, 1:].sum(axis=1) - taken
    trials = seen.trials[:, REACH]
    miss = np.clip(1.0 - seen.hits[:, REACH] / np.maximum(trials, 1.0), 0.005, 0.995)
    is_worse = _is_beyond_chance(silent, n, miss) & (n >= FEW) & (trials >= _TRIALS)
    more = seen.silent[:, 1:] @ np.arange(_LONG) - taken * (_LONG - 1)
    ended = silent - (longest - taken)
    goes_on = (more + 0.5) / (more + ended + 1.0)
    error = (1.0 - goes_on) * np.sqrt(goes_on / (ended + 0.5))
    others = _missed_by_others(seen, beside, has_antenna)
    is_worse &= others >= _ALONE
    others = np.maximum(others, _ALONE)
    # a shadow on a part of the shelf keeps those few silent: the others show what the antenna still reads
    now = np.clip(1.0 - np.minimum(goes_on, silent / np.maximum(n, 1)) / others, 0.0, 1.0)
    return np.where(is_worse, now, np.nan), np.where(is_worse, error / others, np.nan)


def _lately(seen: Counted) -> _Lately:
    """The last rounds of each antenna against its own learnt rates, over all volumes around whose place is beyond
    doubt: those before its neighbours stay so when it fails."""
    rate = seen.hits[:, :OFFSETS] / np.maximum(seen.trials[:, :OFFSETS], 1.0)
    due = (seen.recent_trials * rate).sum(axis=1)
    spread = (seen.recent_trials * rate * (1.0 - rate)).sum(axis=1)
    is_enough = due >= _DUE
    share = np.where(is_enough, seen.recent_hits.sum(axis=1) / np.maximum(due, 1.0), np.nan)
    a_round = due / np.maximum(seen.recent_rounds, 1.0)
    is_quiet = (seen.quiet >= _QUIET_ROUNDS) & (seen.quiet * a_round >= _QUIET_DUE)
    return _Lately(share, np.sqrt(spread) / np.maximum(due, 1.0), is_quiet)


def _is_beyond_chance(times: NDArray[np.int64], n: NDArray[np.int64], chance: Floats) -> NDArray[np.bool_]:
    """Whether so many of n are less likely than _BY_CHANCE, by Chernoff's bound."""
    share = np.clip(times / np.maximum(n, 1), 1e-9, 1.0 - 1e-9)
    apart = share * np.log(share / chance) + (1.0 - share) * np.log((1.0 - share) / (1.0 - chance))
    beyond: NDArray[np.bool_] = (share > chance) & (n * apart > -np.log(_BY_CHANCE))
    return beyond


def _missed_by_others(seen: Counted, beside: Neighbourhood, has_antenna: NDArray[np.bool_]) -> Floats:
    """(s,) chance that no antenna around reads a volume of each segment in a cycle."""
    count = len(seen.rounds)
    searches = np.append(has_antenna & (seen.rounds > 0), np.False_)
    rate = np.vstack([seen.rate, np.zeros((1, OFFSETS + 1), np.float32)])
    missed = np.ones(count)
    for column in range(OFFSETS):
        if column != REACH:
            antenna = beside.near[:count, column]
            missed *= 1.0 - searches[antenna] * rate[antenna, 2 * REACH - column]
    return missed


def _by_segment(segment: NDArray[Any], count: int) -> NDArray[np.int64]:
    return np.bincount(segment[segment >= 0], minlength=count).astype(np.int64)
