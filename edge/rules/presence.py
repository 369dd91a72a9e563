"""When a belief about a volume becomes a fact, and tags that nobody catalogued."""

import numpy as np
from numpy.typing import NDArray

from drivers.observation import Searched, TagReads
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
from edge.state.volumes import NOWHERE
from sensors.rfid.epc import is_iso
from sensors.rfid.locate import locate
from sensors.rfid.presence import FOUND, MISPLACED_NOW, MISSING_NOW, MOVED, SEEN, verdicts

Rows = NDArray[np.int64]
FOREIGN_A_BATCH = 50  # a pallet of another sender's boxes must not flood the journal; the rest comes with later batches


def segments_of(state: State, event: TagReads) -> NDArray[np.int32]:
    """Segment index per read, NOWHERE for a port without a configured antenna."""
    ports = state.plant.segment_of_port(event.device)
    index = state.plant.places.segment_index
    table = np.full(len(ports) + 1, NOWHERE, np.int32)
    for port, segment in enumerate(ports, start=1):
        if segment is not None:
            table[port] = index[segment]
    known = np.where(event.antenna <= len(ports), event.antenna, 0)
    return table[known]


def foreign(state: State, event: TagReads, strangers: Rows) -> Decision:
    """Tags no catalogue line names, each once."""
    segments = segments_of(state, event)
    facts: list[Fact] = []
    reported: dict[str, None] = {}
    for i in strangers.tolist():
        bits = int(event.epc_bits[i])
        epc = event.epc[i, : (bits + 7) // 8].tobytes().hex()
        if epc in state.foreign or epc in reported or segments[i] == NOWHERE:
            continue
        reported[epc] = None
        reason = "iso_afi" if is_iso(int(event.pc[i])) else "unknown_epc"
        segment = state.plant.places.segment_ids[segments[i]]
        facts.append(ForeignTagSeen(at_ns=event.at_ns, epc=epc, segment=segment, reason=reason))
        if len(facts) == FOREIGN_A_BATCH:
            break
    return Decision(tuple(facts)) if facts else NOTHING


def decide(state: State, event: Searched, rows: Rows) -> Decision:
    """Facts of the volumes whose belief may have changed with this round."""
    if not len(rows):
        return NOTHING
    policy = state.plant.vault.policy.presence
    belief = locate(state.evidence, rows)
    volumes = state.volumes
    found = verdicts(
        volumes.status[rows],
        volumes.place[rows],
        volumes.book[rows],
        belief,
        state.evidence.silent_rounds(rows),
        sure=policy.sure,
        missing_after_rounds=policy.missing_after_rounds,
    )
    facts = tuple(
        _fact(
            state,
            event.at_ns,
            int(rows[i]),
            int(found.change[i]),
            int(found.segment[i]),
            round(float(belief.confidence[i, 0]), 3),
        )
        for i in np.flatnonzero(found.change).tolist()
    )
    return Decision(facts)


def _fact(state: State, at_ns: int, row: int, change: int, segment: int, confidence: float) -> Fact:
    volumes = state.volumes
    volume = volumes.lines[row].volume
    here, before, book = (
        _name(state, segment),
        _name(state, int(volumes.place[row])),
        _name(state, int(volumes.book[row])),
    )
    if change == SEEN:
        return VolumeSeen(at_ns=at_ns, volume=volume, segment=here, confidence=confidence)
    if change == MOVED:
        return VolumeMoved(at_ns=at_ns, volume=volume, segment=here, before=before, confidence=confidence)
    if change == MISPLACED_NOW:
        return VolumeMisplaced(
            at_ns=at_ns, volume=volume, segment=here, before=before, book=book, confidence=confidence
        )
    if change == FOUND:
        return VolumeFound(at_ns=at_ns, volume=volume, segment=here, book=book, confidence=confidence)
    assert change == MISSING_NOW
    evidence_row = np.array([row])
    return VolumeMissing(
        at_ns=at_ns,
        volume=volume,
        last_segment=before,
        last_seen_at_ns=int(state.evidence.last_seen_ns[row]),
        silent_rounds=int(state.evidence.silent_rounds(evidence_row)[0]),
    )


def _name(state: State, segment: int) -> str:
    return state.plant.places.segment_ids[segment] if segment != NOWHERE else ""
