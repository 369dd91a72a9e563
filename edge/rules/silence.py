"""Many volumes that fall silent together before one antenna: the antenna is suspected before the volumes.

The alarm says so at once. While it stands those volumes are not told as missing, for an hour from then at the
most: they are unsure, and their age says since when.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.rules import alarms
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import Fact, VolumesTogether
from edge.state.state import Cause, State
from edge.state.volumes import MISPLACED, NOWHERE, PRESENT

MANY = 8  # volumes
SHARE = 0.2  # of those that stand there: a shelf of five
OVER = 0.5  # of these two: when fewer are left, the cause is over
TOGETHER = -4.0  # log likelihood of a silence: one volume in fifty is so silent by chance
DEAF_ROUNDS = 6  # in which an antenna read none of the MANY volumes before it
SUSPECT_ROUNDS = 3  # and so many before nothing is told missing there
SEVERAL = 3  # antennas: what is wrong with so many is wrong with their reader
HELD_NS = 3_600_000_000_000  # an hour is enough for somebody to go and look; then each volume is told
CODES = frozenset({"antenna_silent", "volumes_silent", "reader_silent"})


class Silent(NamedTuple):
    """Of the volumes that are thought to stand in a segment: how many, and how many are silent."""

    standing: int
    volumes: int

    def is_many(self, part: float = 1.0) -> bool:
        return self.volumes >= part * max(MANY, SHARE * self.standing)


def held(
    state: State, at_ns: int, tags: NDArray[np.integer], missed: NDArray[np.bool_]
) -> tuple[tuple[Fact, ...], NDArray[np.bool_]]:
    """Which of the missed are not told yet, (n,); and the alarms that say why. tags (n,) evidence rows."""
    evidence = state.evidence
    where = evidence.believed[tags]
    may_wait = missed & (where != NOWHERE)
    waits = np.zeros(len(tags), np.bool_)
    facts: tuple[Fact, ...] = ()
    if not may_wait.any():
        return facts, waits
    since_ns = _since_ns(state)
    last_seen_ns = evidence.last_seen_ns[tags]
    for segment in np.unique(where[may_wait]).tolist():
        is_deaf = evidence.quiet_rounds[segment] >= SUSPECT_ROUNDS and evidence.standing[segment] >= MANY
        mine = may_wait & (where == segment)
        if segment in since_ns:  # an hour that nobody could search in, or nobody knew of it, is none
            mine &= at_ns - np.maximum(last_seen_ns, since_ns[segment]) < HELD_NS
        elif not is_deaf:
            silent = _silent(state, segment)
            if not silent.is_many():
                continue
            facts += _raised(state, at_ns, "volumes_silent", state.plant.antenna_name(segment), {segment: silent})
        waits |= mine
    return facts, waits


def decide(state: State, at_ns: int) -> Decision:
    """What is over, and the antennas that read nothing any more: several of one reader are its reader's."""
    evidence, plant = state.evidence, state.plant
    facts: tuple[Fact, ...] = ()
    standing: dict[str, Cause] = {}
    for alarm, cause in state.causes.items():
        if cause.code in CODES and _is_over(state, cause):
            facts += alarms.cleared(state, at_ns, cause.code, alarm.partition(":")[2])
        elif cause.code in CODES:
            standing[alarm] = cause
    covered, watched = _covered(state, standing), evidence.standing >= MANY
    deaf = set((watched & (evidence.quiet_rounds >= DEAF_ROUNDS)).nonzero()[0].tolist()) - covered
    # what its neighbours on the same reader will show in the rest of this cycle is seen now
    nearly = set((watched & (evidence.quiet_rounds >= DEAF_ROUNDS - 1)).nonzero()[0].tolist()) - covered if deaf else ()
    of_readers: defaultdict[str, dict[str, Cause]] = defaultdict(dict)
    for alarm, cause in standing.items():
        for reader in {plant.reader_of(segment) for segment in _segments(state, cause)}:
            of_readers[reader][alarm] = cause
    for reader in sorted({plant.reader_of(segment) for segment in deaf} | of_readers.keys()):
        mine = sorted(segment for segment in nearly if plant.reader_of(segment) == reader)
        if len(mine) < SEVERAL:
            mine = [segment for segment in mine if segment in deaf]
        facts += _of_reader(state, at_ns, reader, mine, of_readers[reader])
    return Decision(facts) if facts else NOTHING


def _of_reader(
    state: State, at_ns: int, reader: str, new: list[int], standing: Mapping[str, Cause]
) -> tuple[Fact, ...]:
    """Alarms of one reader's antennas: each its own, or one for them all."""
    plant, evidence = state.plant, state.evidence
    whole = standing.get(f"reader_silent:{reader}")
    single = {alarm: cause for alarm, cause in standing.items() if cause is not whole}
    ill = {*new, *_covered(state, single)}
    watched = {int(s) for s in plant.segments_of_ports(reader)[1:] if s != NOWHERE and evidence.standing[s] >= MANY}
    if whole is None and len(ill) < SEVERAL and not (len(ill) > 1 and watched <= ill):
        return tuple(
            fact
            for s in new
            for fact in _raised(state, at_ns, "antenna_silent", plant.antenna_name(s), {s: _deaf(state, s)})
        )
    if not ill:
        return ()
    every = sorted(ill | (_covered(state, {"": whole}) if whole else set()))
    facts = _raised(state, at_ns, "reader_silent", reader, {s: _deaf(state, s) for s in every})
    for alarm, cause in single.items():
        facts += alarms.cleared(state, at_ns, cause.code, alarm.partition(":")[2])
    return facts


def _raised(state: State, at_ns: int, code: str, source: str, silent: Mapping[int, Silent]) -> tuple[Fact, ...]:
    """The alarm, when it is not active yet, and what it is of."""
    places = state.plant.places
    zone = places.segment_zone[min(silent)]
    of = VolumesTogether(
        at_ns=at_ns,
        alarm=f"{code}:{source}",
        code=code,
        segments=tuple(places.segment_ids[segment] for segment in silent),
        others=("",) * len(silent),
        volumes=sum(one.volumes for one in silent.values()),
        standing=sum(one.standing for one in silent.values()),
    )
    return (*alarms.raised(state, at_ns, code, "critical", zone, source), of)


def _is_over(state: State, cause: Cause) -> bool:
    """Its antennas read their volumes again, every one; or none is expected there any more."""
    return not any(_is_ill(state, segment) for segment in _segments(state, cause))


def _is_ill(state: State, segment: int) -> bool:
    if state.evidence.quiet_rounds[segment]:
        return bool(state.volumes.tally(len(state.plant.places.segment_ids)).known[segment])
    return _silent(state, segment).is_many(OVER)


def _silent(state: State, segment: int) -> Silent:
    """Of those whose place its own antenna made firm, and that were not told as missing yet."""
    evidence, volumes = state.evidence, state.volumes
    tags = evidence.believed_in(segment)
    tags = tags[evidence.is_firm(tags)]
    rows = volumes.of_tags(tags)
    tags, status = tags[rows != NOWHERE], volumes.status[rows[rows != NOWHERE]]
    tags = tags[(status == PRESENT) | (status == MISPLACED)]
    return Silent(len(tags), int((evidence.silence(tags) <= TOGETHER).sum()))


def _deaf(state: State, segment: int) -> Silent:
    """An antenna that reads nothing: all that stand there are silent."""
    standing = _silent(state, segment).standing
    return Silent(standing, standing)


def _since_ns(state: State) -> dict[int, int]:
    """Since when each segment is under an alarm of silence."""
    since_ns: dict[int, int] = {}
    for alarm, cause in state.causes.items():
        if cause.code in CODES and alarm in state.alarms:
            for segment in _segments(state, cause):
                raised_ns = state.alarms[alarm].raised_ns
                since_ns[segment] = min(raised_ns, since_ns.get(segment, raised_ns))
    return since_ns


def _covered(state: State, causes: Mapping[str, Cause]) -> set[int]:
    return {segment for cause in causes.values() if cause.code in CODES for segment in _segments(state, cause)}


def _segments(state: State, cause: Cause) -> Iterable[int]:
    index = state.plant.places.segment_index
    return dict.fromkeys(index[name] for name, _ in cause.pairs if name in index)
