"""The step of the filter over some tags: weights before, what was read and not, weights after.

How often volumes move is itself learnt, from all tags together: one that seems to have moved is likelier to have done
so while many do, for people carry volumes by the trolley.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.rfid import carried
from sensors.rfid.belief import LEAST, spread
from sensors.rfid.locate import CANDIDATES, NEVER, Closed, Known, Reads, greatest, likelihood, normalised, spawn
from sensors.rfid.members import Members
from sensors.rfid.neighbourhood import REACH, Neighbourhood
from sensors.rfid.radio import Radio
from sensors.rfid.sites import AROUND, LEAST_ROUNDS, SITES, site_shares
from sensors.rfid.tags import Tags

Floats = NDArray[np.float32]

MOVING = 1e-4  # least share of volumes that move from one round to the next
MOST_MOVING = 0.4
FIRST_ELSEWHERE = 0.05  # of volumes never read: share that does not stand where the catalogue says
YOUNG = 5  # until its own antenna read a tag in four rounds ...
YOUNG_MOVING = 0.01  # ... that is how likely it stands elsewhere than it seemed
_CLEARLY = 2.0  # log odds by which a volume counts as moved in that
_CALM = 0.3  # what is left of a burst of moves after each antenna has searched once
_FEW = 20.0  # volumes: a burst among fewer is none
GONE_PRIOR = float(np.log(1e-4))  # log probability of being taken away since the last round
UNREAD_GONE = float(np.log(0.2))  # never read at all: the catalogue is not always right
SURE = float(np.log(0.999))  # log probability from which a place is beyond doubt ...
MOST_OF_IT = float(np.log(0.6))  # log probability of a place beside which none has as much
LOST = -45.0  # log likelihood of a silence: twice what makes a volume missing; it does not stand there any more
RECONSIDERED: NDArray[np.bool_] = np.isin(np.arange(256), (6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 254))  # by age
SETTLED_AGE = 4  # ... once its own antenna read it in three rounds; an age counts from 1
HARDLY = -0.08  # log likelihood of a silence that tells next to nothing: of an antenna three segments away and more
SLIGHT = -7.0  # log probability of a place that no silence matters to


class Thinking:
    """The one thing learnt of all tags together, and how many stand beyond doubt in each segment.

    standing (s + 1,) int64
    """

    def __init__(self, beside: Neighbourhood) -> None:
        self._beside = beside
        self._moving = MOVING
        self._has_searched = np.zeros(len(beside), np.bool_)
        self._strays: NDArray[np.int64] = np.zeros(0, np.int64)
        self.standing: NDArray[np.int64] = np.zeros(len(beside) + 1, np.int64)

    def restless(self, tags: Tags, at: Closed, members: Members) -> NDArray[np.int64]:
        """Rows whose place is not beyond doubt and of which the silence of these rounds would say something of a place
        where they may well stand, some perhaps twice."""
        rows = np.concatenate([members.of(self._beside.mates(at.antenna)), self._strays])
        rows = rows[~tags.is_settled.take(rows)]
        told = (at.silence < HARDLY).take(tags.segment.take(rows, axis=0))
        told &= tags.weight.take(rows, axis=0) > SLIGHT
        found: NDArray[np.int64] = rows[np.ascontiguousarray(told.T).any(axis=0)]
        return found

    def think(
        self,
        tags: Tags,
        rows: NDArray[np.int64],
        reads: Reads,
        at: Closed,
        radio: Radio,
        put_off: Floats,
        is_ill: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Carry the weights of some tags over the rounds that closed, and move those that were read elsewhere; returns
        which of them moved. put_off (m,) log likelihood of silence where each is believed, not thought over so far."""
        self._has_searched[at.antenna] = True
        part = len(at.antenna) / float(self._has_searched.sum())
        calm = MOVING + (self._moving - MOVING) * _CALM**part
        if not len(rows):
            self._moving = calm
            return np.zeros(0, np.int64)
        was_settled = tags.is_settled.take(rows)
        self._count(tags, rows, -1)
        segment, weight = tags.segment.take(rows, axis=0), tags.weight.take(rows, axis=0).astype(np.float32)
        believed = tags.believed.take(rows)
        weight += np.where(segment == believed[:, None], put_off[:, None], np.float32(0))
        spawn(segment, weight, believed, reads, at, self._beside)
        known = tags.known(rows)
        told = likelihood(segment, known, reads, at, self._beside, radio)
        is_read = np.zeros(len(rows), np.bool_)
        is_read[reads.tag] = True
        age = tags.age.take(rows)
        # where a tag stands that was never read the catalogue says, or it does not: before the first search already
        weight[(weight == NEVER) & (age == 0)[:, None]] = np.log(FIRST_ELSEWHERE / CANDIDATES)
        young = np.where(age < YOUNG, YOUNG_MOVING, 0.0)
        after = self._weighed(segment, weight, told, np.maximum(young, calm) * part)
        moving = _share_moved(segment, after, believed, is_read & was_settled)
        if moving > 2 * calm:
            calm = min(moving, MOST_MOVING)
            after = self._weighed(segment, weight, told, np.maximum(young, calm) * part)
        self._moving = calm
        held = tags.is_held.take(rows)
        gone = np.maximum(tags.gone.take(rows), np.float32(GONE_PRIOR))
        on_the_way = gone + carried.likelihood(reads, at, radio, known.bias_db) if held.any() else gone
        gone = np.where(is_read & ~held, greatest(after) + np.float32(NEVER), on_the_way)
        after, gone = normalised(after, gone)
        every = np.arange(len(rows))
        share = self._shares(tags, rows, known, was_settled, radio, is_ill)
        step = np.where(is_read & ~held, share.argmax(axis=1) - AROUND, 0)
        self._stood_beside(tags, rows, step, segment, after)
        believed, top = tags.believed.take(rows), after.argmax(axis=1)
        sure = after[every, top]
        place = np.where(held & (gone > sure), np.int32(-1), segment[every, top])
        tags.segment[rows], tags.gone[rows] = segment, gone
        tags.weight[rows] = np.maximum(after, np.float32(NEVER))
        moved = (is_read | (held & (place < 0))) & (place != believed)
        tags.believed[rows[moved]] = place[moved]
        tags.leave(rows[moved])
        tags.silence[rows[held & (place < 0)]] = 0.0  # of no shelf
        _age(tags, rows, reads, at)
        old = tags.age[rows] >= np.where(held, carried.STANDS_AGE, SETTLED_AGE)
        sure += np.log(share[every, step + AROUND])
        is_settled = old & (sure >= SURE) & (place == tags.believed[rows])
        # one that is not read for a while still tells, by that, how well its antenna searches
        still = was_settled & (tags.silence[rows] > LOST) & (tags.believed[rows] >= 0)
        tags.is_settled[rows] = np.where(is_read, is_settled, still)
        self._settle(tags, rows)
        return np.flatnonzero(moved | (step != 0))

    def _shares(
        self,
        tags: Tags,
        rows: NDArray[np.int64],
        known: Known,
        is_settled: NDArray[np.bool_],
        radio: Radio,
        is_ill: NDArray[np.bool_],
    ) -> Floats:
        """`site_shares` of tags (m,); those beyond doubt stand where they are believed, see `reconsider`."""
        share = np.zeros((len(rows), SITES), np.float32)
        share[:, AROUND] = 1.0
        nth = np.flatnonzero(~is_settled & (known.rounds >= LEAST_ROUNDS))
        if len(nth):
            some = Known(known.believed[nth], *(column[nth] for column in known[1:]))
            share[nth] = site_shares(some, tags.book[rows[nth]], self._beside, radio, is_ill)
        return share

    def _stood_beside(
        self,
        tags: Tags,
        rows: NDArray[np.int64],
        step: NDArray[np.int64],
        segment: NDArray[np.int32],
        after: Floats,
    ) -> None:
        """The pattern of tags (m,) says that they stood `step` beside where they were believed all along, 0 just there:
        what spoke for the one place speaks for the other."""
        nth = step.nonzero()[0]
        if not len(nth):
            return
        every = np.arange(len(nth))
        before = tags.believed.take(rows[nth])
        place = self._beside.near[before, REACH + step[nth]]
        stood = (segment[nth] == before[:, None]).argmax(axis=1)
        worth = np.where(segment[nth] == place[:, None], np.float32(np.inf), -after[nth])
        worth[every, stood] = -np.inf
        other = worth.argmax(axis=1)
        is_new = segment[nth, other] != place
        after[nth[is_new], other[is_new]] = 2 * NEVER
        segment[nth, other] = place
        after[nth, stood], after[nth, other] = after[nth, other], after[nth, stood]
        tags.shift(rows[nth], place, step[nth])

    def candidates(
        self, tags: Tags, rows: NDArray[np.integer[Any]], radio: Radio, is_ill: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int32], Floats]:
        """Segments (m, k) where tags may stand, -1 none, and the log probability of each: those beyond doubt, if they
        did not move, where they are believed, the others there or beside it as their pattern says."""
        segment, weight = tags.segment.take(rows, axis=0), tags.weight.take(rows, axis=0).astype(np.float32)
        nth = np.flatnonzero(~tags.is_settled.take(rows) & (tags.rounds_there.take(rows) >= LEAST_ROUNDS))
        if not len(nth):
            return segment, weight
        of = rows[nth]
        share = site_shares(tags.known(of), tags.book.take(of), self._beside, radio, is_ill)
        is_split = share[:, AROUND] < 1.0 - LEAST
        nth, of, share = nth[is_split], of[is_split], share[is_split]
        if not len(nth):
            return segment, weight
        believed = tags.believed.take(of)
        near = self._beside.near[believed, REACH - AROUND : REACH + AROUND + 1]
        near = np.where(near < len(self._beside), near, np.int32(-1))
        places, chances = spread(segment[nth], weight[nth], believed, near, share)
        segment = np.pad(segment, ((0, 0), (0, SITES)), constant_values=-1)
        weight = np.pad(weight, ((0, 0), (0, SITES)), constant_values=NEVER)
        segment[nth], weight[nth] = places, chances
        return segment, weight

    def is_likeliest(
        self, tags: Tags, rows: NDArray[np.integer[Any]], radio: Radio, is_ill: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """(m,) of which tags the `candidates` give the believed segment more than all others together, roundings
        included; of few others that is so."""
        own = tags.own_weight(rows)
        found: NDArray[np.bool_] = own > MOST_OF_IT
        nth = np.flatnonzero(found & ~tags.is_settled.take(rows) & (tags.rounds_there.take(rows) >= LEAST_ROUNDS))
        if len(nth):
            of = rows[nth]
            share = site_shares(tags.known(of), tags.book.take(of), self._beside, radio, is_ill)[:, AROUND]
            found[nth] = np.exp(own[nth]) * share > np.exp(MOST_OF_IT)
        return found

    def reconsider(self, tags: Tags, rows: NDArray[np.integer[Any]], radio: Radio, is_ill: NDArray[np.bool_]) -> None:
        """Of tags beyond doubt that were read as ever: now and then, ever more seldom, whether their pattern still says
        the same."""
        due = rows[RECONSIDERED[tags.age[rows]]]
        if len(due):
            share = site_shares(tags.known(due), tags.book.take(due), self._beside, radio, is_ill)
            self.forget_standing(tags, due[share[:, AROUND] < np.exp(SURE)])

    def forget_standing(self, tags: Tags, rows: NDArray[np.integer[Any]]) -> None:
        """These are about to change: they do not count as standing where they are believed."""
        self._count(tags, rows, -1)
        tags.is_settled[rows] = False
        self._look_for_strays(tags, rows)

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot."""
        return {"moving": np.where(self._has_searched, self._moving, 0.0)}

    def restore(self, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32], tags: Tags) -> None:
        """Take over from a snapshot. remap (old segments,) int32 old -> new, -1 gone."""
        self._moving = max(MOVING, float(columns["moving"].max(initial=0.0)))
        kept = remap >= 0
        self._has_searched[remap[kept]] = columns["moving"][kept] > 0
        self.standing[:] = 0
        self._settle(tags, np.arange(tags.count))

    def _weighed(self, segment: NDArray[np.int32], weight: Floats, told: Floats, moving: NDArray[np.float64]) -> Floats:
        """Before a round a volume may have moved to any of the candidates; then what the round tells."""
        anew = (moving / CANDIDATES).astype(np.float32)
        before = np.log(np.exp(weight) + anew[:, None])
        after: Floats = np.where(segment >= 0, before + told, np.float32(NEVER) * 10)
        return after

    def _settle(self, tags: Tags, rows: NDArray[np.integer[Any]]) -> None:
        """These are as they will be until they are thought over again."""
        self._count(tags, rows, 1)
        self._look_for_strays(tags, rows)

    def _look_for_strays(self, tags: Tags, rows: NDArray[np.integer[Any]]) -> None:
        """Of those not beyond doubt, which may stand on another line than where they are believed."""
        doubted = rows[~tags.is_settled[rows]]
        is_astray = self._beside.is_astray(tags.believed.take(doubted), tags.segment.take(doubted, axis=0))
        if len(self._strays) or is_astray.any():
            self._strays = np.union1d(np.setdiff1d(self._strays, rows), doubted[is_astray]).astype(np.int64)

    def _count(self, tags: Tags, rows: NDArray[np.integer[Any]], by: int) -> None:
        settled = rows[tags.is_settled[rows]]
        self.standing[:-1] += by * np.bincount(tags.believed[settled], minlength=len(self._beside))


def _age(tags: Tags, rows: NDArray[np.int64], reads: Reads, at: Closed) -> None:
    """A round older are those that the antenna of their place read."""
    own = np.zeros(len(rows), np.bool_)
    own[reads.tag[tags.believed[rows[reads.tag]] == at.antenna[reads.closing]]] = True
    tags.age[rows] += own & (tags.age.take(rows) < 255)


def _share_moved(
    segment: NDArray[np.int32], after: Floats, believed: NDArray[np.int32], is_read: NDArray[np.bool_]
) -> float:
    """Share of the tags read that clearly stand elsewhere than before; one alone is no burst, nor are tags that never
    came to rest."""
    segment, after, believed = segment[is_read], after[is_read], believed[is_read]
    stays = greatest(np.where(segment == believed[:, None], after, np.float32(10 * NEVER)))
    count = int((greatest(after) - stays > _CLEARLY).sum())
    return max(count - 1, 0) / (len(after) + _FEW)
