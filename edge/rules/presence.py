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
from sensors.rfid.locate import Belief, locate
from sensors.rfid.presence import FOUND, IS_MISPLACED, IS_MISSING, MOVED, SEEN, verdicts

Rows = NDArray[np.int64]
JUDGE_AT = 1024  # rows: judged in about 2 ms; a tick judges what is left
MOST_FOREIGN = 10_000
FOREIGN_A_BATCH = 50  # a pallet of another sender's boxes must not flood the journal; the rest comes with later batches


def segments_of(state: State, event: TagReads) -> NDArray[np.int32]:
    """Segment index per read, NOWHERE for a port without a configured antenna."""
    table = state.plant.segments_of_ports(event.device)
    return table.take(event.antenna * (event.antenna < len(table)))


def foreign(state: State, event: TagReads, strangers: Rows) -> Decision:
    """Tags no catalogue line names, each once; a flood of them (a pallet, a tag emulator) is one alarm instead."""
    if len(state.foreign) >= MOST_FOREIGN:
        return Decision(alarms.noted(state, event.at_ns, "foreign_tags_flood", "warning", "", event.device))
    segments = segments_of(state, event)
    facts: list[Fact] = []
    reported: dict[str, None] = {}
    for i in strangers.tolist():
        bits = int(event.epc_bits[i])
        epc = event.epc[i, : (bits + 7) // 8].tobytes().hex()
        if epc in state.foreign or epc in reported or segments[i] == NOWHERE:
            continue
        reported[epc] = None
        reason = "iso_afi" if is_foreign(int(event.pc[i])) else "unknown_epc"
        segment = state.plant.places.segment_ids[segments[i]]
        facts.append(ForeignTagSeen(at_ns=event.at_ns, epc=epc, segment=segment, reason=reason))
        if len(facts) == FOREIGN_A_BATCH:
            break
    return Decision(tuple(facts)) if facts else NOTHING


class Judged(NamedTuple):
    """Evidence rows that were thought over together, and what is believed of each now."""

    tags: Rows
    belief: Belief


def reads(state: State, event: TagReads) -> Rows:
    """Take a batch of reads into the evidence; returns the indices of those nobody catalogued."""
    segments = segments_of(state, event)
    known = (segments != NOWHERE).nonzero()[0]
    epc, bits, rssi, count = event.epc, event.epc_bits, event.rssi_dbm, event.count
    if len(known) < len(segments):
        segments, epc, bits, rssi, count = segments[known], epc[known], bits[known], rssi[known], count[known]
    strangers = state.evidence.observe(epc, bits, segments, rssi, count, event.at_ns)
    unknown: Rows = known[strangers]
    return unknown


def close_round(state: State, event: Searched) -> Judged | None:
    """Take the end of a search into the evidence. What it may have changed is judged when enough has gathered."""
    table = state.plant.segments_of_ports(event.device)
    segment = int(table[event.antenna]) if 0 < event.antenna < len(table) else NOWHERE
    if segment == NOWHERE:
        return None
    tags = state.evidence.searched(segment, event.rounds, event.at_ns)
    state.unjudged = np.concatenate([state.unjudged, tags[~_stands(state, tags)]])
    return judge(state, event.at_ns) if len(state.unjudged) >= JUDGE_AT else None


def judge(state: State, at_ns: int) -> Judged | None:
    """Think over everything that gathered: an array of a thousand costs little more than one of ten."""
    if not len(state.unjudged):
        return None
    tags = np.unique(state.unjudged)
    state.unjudged = np.zeros(0, np.int64)
    belief = locate(state.evidence, tags, state.plant.beside, at_ns)
    state.evidence.believe(tags, belief.top[:, 0])
    return Judged(tags, belief)


def _stands(state: State, tags: Rows) -> NDArray[np.bool_]:
    """Which of the tags need no thought: known to stand where they are believed, and read there in the newest round."""
    rows = state.volumes.of_tags(tags)
    status, place = state.volumes.status[rows], state.volumes.place[rows]
    is_settled = (rows != NOWHERE) & ((status == PRESENT) | (status == MISPLACED))
    stands: NDArray[np.bool_] = is_settled & (place == state.evidence.believed[tags])
    return stands & state.evidence.is_confirmed(tags)


def decide(state: State, at_ns: int, heard: Judged) -> Decision:
    """Facts of the volumes that were judged."""
    volumes = state.volumes
    rows = volumes.of_tags(heard.tags)
    carried = (rows != NOWHERE).nonzero()[0]
    if not len(carried):
        return NOTHING
    rows = rows[carried]
    belief = Belief(top=heard.belief.top[carried], confidence=heard.belief.confidence[carried])
    policy = state.plant.vault.policy.presence
    found = verdicts(
        volumes.status[rows],
        volumes.place[rows],
        volumes.book[rows],
        belief,
        state.evidence.silent_rounds(heard.tags[carried]),
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
