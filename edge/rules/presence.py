"""When a belief about a volume becomes a fact, and tags that nobody catalogued."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers.observation import Searched, TagReads
from edge.rules import alarms
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
from edge.state.volumes import MISPLACED, NOWHERE, PRESENT
from sensors.rfid.epc import is_foreign
from sensors.rfid.heard import Heard
from sensors.rfid.locate import Belief, locate
from sensors.rfid.presence import FOUND, IS_MISPLACED, IS_MISSING, MOVED, SEEN, verdicts

Rows = NDArray[np.int64]
DIGEST_AT = 4096  # reads: taken in and judged in a few milliseconds; a tick takes what is left
MOST_FOREIGN = 10_000
FOREIGN_AT_ONCE = 500  # a pallet of another sender's boxes must not flood the journal; the rest comes when read again


class Judged(NamedTuple):
    """What was taken in together: reads of tags that nobody catalogued, and what is believed of the tags concerned."""

    strange: Heard
    tags: Rows
    belief: Belief


def reads(state: State, event: TagReads) -> Judged | None:
    """Keep a batch of reads. They are taken in when enough has gathered."""
    segments = state.plant.segments_of_ports(event.device)
    segments = segments.take(event.antenna * (event.antenna < len(segments)))
    columns = (event.epc, event.epc_bits, segments, event.rssi_dbm, event.count, event.pc)
    if (segments == NOWHERE).any():  # a port without a configured antenna says nothing of any place
        is_known = segments != NOWHERE
        columns = tuple(column[is_known] for column in columns)
    state.heard.hear(*columns, event.at_ns)
    return digest(state, event.at_ns) if len(state.heard) >= DIGEST_AT else None


def close_round(state: State, event: Searched) -> Judged | None:
    """Keep the end of a search; its antenna's end before that is taken in first."""
    table = state.plant.segments_of_ports(event.device)
    segment = int(table[event.antenna]) if 0 < event.antenna < len(table) else NOWHERE
    if segment == NOWHERE:
        return None
    judged = digest(state, event.at_ns) if state.heard.has_closed(segment) else None
    state.heard.close(segment, event.rounds, event.at_ns)
    return judged


def digest(state: State, at_ns: int) -> Judged:
    """Take in everything that gathered and think it over: thousands of reads cost little more than a hundred."""
    heard = state.heard.take()
    strangers, changed = state.evidence.digest(heard)
    tags = changed[~_stands(state, changed)]
    belief = locate(state.evidence, tags, state.plant.beside, at_ns)
    state.evidence.believe(tags, belief.top[:, 0])
    return Judged(heard.only(strangers), tags, belief)


def decide(state: State, at_ns: int, judged: Judged) -> Decision:
    """Facts of the volumes that were judged, and of tags that no catalogue line names."""
    strange = _foreign(state, at_ns, judged.strange) if len(judged.strange.epc) else NOTHING
    return strange + _placed(state, at_ns, judged)


def _foreign(state: State, at_ns: int, strange: Heard) -> Decision:
    """Tags no catalogue line names, each once; a flood of them (a pallet, a tag emulator) is one alarm instead."""
    names = state.plant.places.segment_ids
    if len(state.foreign) >= MOST_FOREIGN:
        return Decision(alarms.noted(state, at_ns, "foreign_tags_flood", "warning", "", names[strange.segment[0]]))
    facts: list[Fact] = []
    reported: dict[str, None] = {}
    for i, bits in enumerate(strange.epc_bits.tolist()):
        epc = strange.epc[i, : (bits + 7) // 8].tobytes().hex()
        if epc in state.foreign or epc in reported:
            continue
        reported[epc] = None
        reason = "iso_afi" if is_foreign(int(strange.pc[i])) else "unknown_epc"
        facts.append(ForeignTagSeen(at_ns=at_ns, epc=epc, segment=names[strange.segment[i]], reason=reason))
        if len(facts) == FOREIGN_AT_ONCE:
            break
    return Decision(tuple(facts)) if facts else NOTHING


def _stands(state: State, tags: Rows) -> NDArray[np.bool_]:
    """Which of the tags need no thought: known to stand where they are believed, and read there in the newest round."""
    rows = state.volumes.of_tags(tags)
    status, place = state.volumes.status[rows], state.volumes.place[rows]
    is_settled = (rows != NOWHERE) & ((status == PRESENT) | (status == MISPLACED))
    stands: NDArray[np.bool_] = is_settled & (place == state.evidence.believed[tags])
    return stands & state.evidence.is_confirmed(tags)


def _placed(state: State, at_ns: int, judged: Judged) -> Decision:
    volumes = state.volumes
    rows = volumes.of_tags(judged.tags)
    carried = (rows != NOWHERE).nonzero()[0]
    if not len(carried):
        return NOTHING
    rows = rows[carried]
    belief = Belief(top=judged.belief.top[carried], confidence=judged.belief.confidence[carried])
    policy = state.plant.vault.policy.presence
    found = verdicts(
        volumes.status[rows],
        volumes.place[rows],
        volumes.book[rows],
        belief,
        state.evidence.silent_rounds(judged.tags[carried]),
        sure=policy.sure,
        missing_after_rounds=policy.missing_after_rounds,
    )
    confidence = belief.confidence[:, 0]
    facts = tuple(
        _fact(state, at_ns, int(rows[i]), int(found.kind[i]), int(found.segment[i]), float(confidence[i]))
        for i in np.flatnonzero(found.kind).tolist()
    )
    return Decision(facts)


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
