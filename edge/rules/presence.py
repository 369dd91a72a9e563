"""When a belief about a volume becomes a fact, and tags that nobody catalogued."""

from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.observation import Searched, TagReads
from edge.rules import alarms, cloned, custody, rescans, shelving, silence
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import (
    Fact,
    ForeignTagSeen,
    VolumeFound,
    VolumeMisplaced,
    VolumeMissing,
    VolumeMoved,
    VolumeSeen,
)
from edge.state.state import State
from edge.state.volumes import MISPLACED, MISSING, NO_CUSTODY, NOWHERE, PRESENT
from edge.state.weigh import weigh
from sensors.rfid.belief import Belief
from sensors.rfid.epc import is_foreign
from sensors.rfid.heard import Heard
from sensors.rfid.presence import FOUND, IS_MISPLACED, IS_MISSING, MOVED, NONE, SEEN, is_missed, verdicts

Rows = NDArray[np.int64]
# What waits is taken in at the tick, once it has waited for two seconds, or when so much of it has gathered; what is to
# be thought over and told waits its turn after that, a portion an event, so that no event holds up the next one for
# more than a few milliseconds; and what reads made due is taken in by one event and weighed by the next.
WAIT_NS = 2_000_000_000  # a fifth of the ten seconds in which a reader goes round its antennas
READS_AT_ONCE = 4096
ROUNDS_AT_ONCE = 64
JUDGED_AT_ONCE = 512
STRANGERS_AT_ONCE = 250
SURVEY_NS = 3_600_000_000_000  # hundreds of rounds, and nobody need end it
MOST_FOREIGN = 10_000


class Judged(NamedTuple):
    """A portion of what was to be thought over: evidence rows, what is believed of each and which are gone; segments to
    be searched again; tags that nobody catalogued, and the reader of a tag that is one too many."""

    tags: Rows
    belief: Belief
    is_gone: NDArray[np.bool_]
    doubted: tuple[int, ...]
    strangers: tuple[ForeignTagSeen, ...]
    flooded: str


def reads(state: State, event: TagReads) -> Judged | None:
    """Keep a batch of reads."""
    segments = state.plant.segments_of_ports(event.device)
    segments = segments.take(event.antenna * (event.antenna < len(segments)))
    columns = (event.epc, event.epc_bits, segments, event.rssi_dbm, event.count, event.pc)
    if (segments == NOWHERE).any():  # a port without a configured antenna says nothing of any place
        is_known = segments != NOWHERE
        columns = tuple(column[is_known] for column in columns)
    tid = event.tid
    if tid is not None:
        state.tids.heard_ns[event.device] = event.at_ns
        tid = tid[segments != NOWHERE]
    state.heard.hear(*columns, event.at_ns, tid)
    return think(state, is_due=len(state.heard) >= READS_AT_ONCE, in_halves=True)


def close_round(state: State, event: Searched) -> Judged | None:
    """Keep the end of a search; the same antenna's search before that is taken in first."""
    table = state.plant.segments_of_ports(event.device)
    segment = int(table[event.antenna]) if 0 < event.antenna < len(table) else NOWHERE
    if segment == NOWHERE:
        return None
    is_due = state.heard.has_closed(segment) or state.heard.rounds >= ROUNDS_AT_ONCE
    judged = think(state, is_due=is_due, in_halves=True)
    is_void = shelving.is_void(state, segment, event)
    state.heard.close(segment, 0 if is_void else event.rounds, event.at_ns)
    if not is_void:
        state.suspects.close(segment, event.from_ns)
    return judged


def think(state: State, *, is_due: bool, in_halves: bool = False) -> Judged | None:
    """Take in what gathered, when it is due, and think over a portion of what that has changed; in halves, what was
    taken in now is weighed at the next event, and thought over then."""
    weigh(state)
    flooded = _take_in(state) if is_due else ""
    if not in_halves:
        weigh(state)
    if not (len(state.unjudged) or state.strangers or flooded):
        return None
    tags = state.unjudged.take(JUDGED_AT_ONCE if state.evidence.is_weighed else 0)
    tags = tags[~stands_as_told(state, tags)]
    if not (len(tags) or state.strangers or flooded):
        return None
    judged = judge(state, tags)
    told = [state.strangers.pop(epc) for epc in list(islice(state.strangers, STRANGERS_AT_ONCE))]
    return judged._replace(strangers=tuple(told), flooded=flooded)


def judge(state: State, tags: Rows) -> Judged:
    """What is believed of these tags, and which of them are gone."""
    tags, is_gone, doubted = _doubt(state, tags)
    return Judged(tags, state.evidence.belief(tags), is_gone, doubted, (), "")


def decide(state: State, at_ns: int, judged: Judged) -> Decision:
    """Facts of the volumes that were judged, and of tags that no catalogue line names."""
    facts: tuple[Fact, ...] = judged.strangers
    if judged.flooded:
        facts += alarms.noted(state, at_ns, "foreign_tags_flood", "warning", "", judged.flooded)
    placed = _placed(state, at_ns, judged) + custody.noticed(state, at_ns, judged.tags, judged.belief)
    return Decision(facts) + placed + rescans.demand(state, at_ns, judged.doubted)


def _take_in(state: State) -> str:
    """Thousands of reads cost little more than a hundred. The reader that reads more strangers than are kept, or ''."""
    if not (len(state.heard) or state.heard.rounds):
        return ""
    heard = state.heard.take()
    if is_surveying(state, state.now_ns):
        state.survey.digest(heard)
    rows = None
    if len(heard.tid):
        heard, rows = cloned.sift(state, heard)
    strangers = state.evidence.take(heard, rows)
    state.suspects.take_in()
    return _queue(state, heard.only(strangers)) if len(strangers) else ""


def _doubt(state: State, tags: Rows) -> tuple[Rows, NDArray[np.bool_], tuple[int, ...]]:
    """The tags of which something can be said now, and which of them are gone: silent for too long, and not found by a
    search that began after that was noticed. Of the others that are silent so long nothing is said before there was
    such a search; in which segments it is awaited from now on."""
    evidence = state.evidence
    rows, segment = state.volumes.of_tags(tags), evidence.believed[tags]
    after_rounds = state.plant.vault.policy.presence.missing_after_rounds
    is_silent = is_missed(evidence.silence(tags), evidence.silent_rounds(tags), after_rounds)
    is_silent &= ~custody.is_held(state, rows)
    may_be_missing = (rows != NOWHERE) & (state.volumes.status[rows] != MISSING) & (segment != NOWHERE)
    last_seen_ns = evidence.last_seen_ns[tags]
    weighed = state.suspects.weigh(tags, segment, is_silent & may_be_missing, last_seen_ns, state.now_ns)
    said = ~is_silent | weighed.is_gone
    return tags[said], weighed.is_gone[said], tuple(np.unique(segment[weighed.is_new]).tolist())


def is_surveying(state: State, at_ns: int) -> bool:
    """Whether it is counted which antenna reads which reference."""
    return bool(state.references) and 0 <= at_ns - state.survey_began_ns < SURVEY_NS


def _queue(state: State, strange: Heard) -> str:
    """Tags no catalogue line names, each once; past a number of them (a pallet, a tag emulator) one alarm instead."""
    names = state.plant.places.segment_ids
    for i, bits in enumerate(strange.epc_bits.tolist()):
        epc = strange.epc[i, : (bits + 7) // 8].tobytes().hex()
        if epc in state.foreign or epc in state.strangers or epc in state.references:
            continue
        segment = int(strange.segment[i])
        if len(state.foreign) + len(state.strangers) >= MOST_FOREIGN:
            return state.plant.reader_of(segment)
        reason = "iso_afi" if is_foreign(int(strange.pc[i])) else "unknown_epc"
        at_ns = int(strange.at_ns[i])
        state.strangers[epc] = ForeignTagSeen(at_ns=at_ns, epc=epc, segment=names[segment], reason=reason)
    return ""


def stands_as_told(state: State, tags: Rows) -> NDArray[np.bool_]:
    """Of which of the tags to `judge` them would say nothing and change nothing: likeliest where they were told to
    stand, and not silent for too long. Whatever else is said of a tag hangs on another place, on custody or on a
    suspicion."""
    volumes, evidence = state.volumes, state.evidence
    rows = volumes.of_tags(tags)
    place = volumes.place[rows]
    as_told = volumes.status[rows] == np.where(place == volumes.book[rows], PRESENT, MISPLACED)
    stands = as_told & (rows != NOWHERE) & (place == evidence.believed[tags]) & evidence.is_likeliest(tags)
    stands &= (volumes.custody[rows] == NO_CUSTODY) & (state.suspects.since_ns(tags) == 0)
    after_rounds = state.plant.vault.policy.presence.missing_after_rounds
    stands &= ~is_missed(evidence.silence(tags), evidence.silent_rounds(tags), after_rounds)
    found: NDArray[np.bool_] = stands
    return found


def _placed(state: State, at_ns: int, judged: Judged) -> Decision:
    volumes = state.volumes
    rows = volumes.of_tags(judged.tags)
    carried = ((rows != NOWHERE) & ~custody.is_held(state, rows)).nonzero()[0]
    if not len(carried):
        return NOTHING
    rows = rows[carried]
    belief = Belief(top=judged.belief.top[carried], confidence=judged.belief.confidence[carried])
    policy = state.plant.vault.policy.presence
    evidence, tags = state.evidence, judged.tags[carried]
    missed = judged.is_gone[carried]
    suspected, held = silence.held(state, at_ns, tags, missed)
    found = verdicts(
        volumes.status[rows],
        volumes.place[rows],
        volumes.book[rows],
        belief,
        missed,
        evidence.is_firm(tags),
        sure=policy.sure,
    )
    confidence = belief.confidence[:, 0]
    facts = tuple(
        _fact(state, at_ns, int(rows[i]), int(found.kind[i]), int(found.segment[i]), float(confidence[i]))
        for i in np.flatnonzero((found.kind != NONE) & ~(held & (found.kind == IS_MISSING))).tolist()
    )
    return Decision(facts + suspected)


def _fact(state: State, at_ns: int, row: int, kind: int, segment: int, sure: float) -> Fact:
    volumes = state.volumes
    confidence = round(sure, 3)
    volume = volumes.lines[row].volume
    here, before, book = (
        _name(state, segment),
        _name(state, int(volumes.place[row])),
        _name(state, int(volumes.book[row])),
    )
    if kind == SEEN:
        return VolumeSeen(at_ns=at_ns, volume=volume, segment=here, confidence=confidence)
    if kind == MOVED:
        return VolumeMoved(at_ns=at_ns, volume=volume, segment=here, before=before, confidence=confidence)
    if kind == IS_MISPLACED:
        return VolumeMisplaced(
            at_ns=at_ns, volume=volume, segment=here, before=before, book=book, confidence=confidence
        )
    if kind == FOUND:
        return VolumeFound(at_ns=at_ns, volume=volume, segment=here, book=book, confidence=confidence)
    assert kind == IS_MISSING
    tag = int(volumes.tag[row])
    return VolumeMissing(
        at_ns=at_ns,
        volume=volume,
        last_segment=before,
        last_seen_at_ns=int(state.evidence.last_seen_ns[tag]),
        silent_rounds=int(state.evidence.silent_rounds(np.array([tag]))[0]),
    )


def _name(state: State, segment: int) -> str:
    return state.plant.places.segment_ids[segment] if segment != NOWHERE else ""
