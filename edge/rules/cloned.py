"""Tags whose EPC is a volume's and whose chip is another: cloned. The chip of each volume is learnt from its reads.

A chip counts once it was heard twice: of a hundred thousand reads one gets past the check sum of the air with a bit
turned over. Reads of a chip that was told as a clone are no reads of the volume, which is looked for as ever.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.rules import alarms, rescans
from edge.rules.decision import NOTHING, Decision
from edge.state.chip_facts import ClonedTagSeen, IdentifiedTag, TagsIdentified
from edge.state.facts import Fact
from edge.state.state import State
from edge.state.tids import CODE, OtherChip, key_of
from edge.state.volumes import NOWHERE
from sensors.rfid.heard import Heard
from sensors.rfid.tids import Octets, agree, as_text, from_text

CONFIRMED = 2  # reads at different times
MANY = 8  # of one reader: nobody clones so many; it tells TIDs in another way, or a whole shelf got new tags
MOST = 4096  # of other chips that are kept; what is more is read again
QUIET_NS = 86_400_000_000_000  # not read for so long, it is gone: a slow sweep comes round three times in that


def sift(state: State, heard: Heard) -> tuple[Heard, NDArray[np.int32]]:
    """Learn chips from what was heard. What is left without the reads of clones that were told, and their rows."""
    rows = state.evidence.rows_of_reads(heard.epc, heard.epc_bits)
    volumes = np.where(rows >= 0, state.volumes.of_tags(np.maximum(rows, 0)), np.int32(NOWHERE))
    told = ((volumes != NOWHERE) & (heard.tid[:, 0] != 0)).nonzero()[0]
    mine, tid = volumes[told], heard.tid[told]
    known, is_told = state.tids.of(mine)
    same = agree(known, tid)
    if same.all() and is_told.all():
        return heard, rows
    is_new = known[:, 0] == 0
    state.tids.hear(mine[is_new], tid[is_new])
    state.tids.confirm(mine[same & ~is_told & ~is_new])
    other = (~same & ~is_new).nonzero()[0]
    if not len(other):
        return heard, rows
    is_clone = _others(state, heard, told[other], mine[other], tid[other])
    kept = np.ones(len(rows), np.bool_)
    kept[told[other[is_clone]]] = False
    return heard.only(kept), rows[kept]


def _others(
    state: State, heard: Heard, reads: NDArray[Any], volumes: NDArray[np.int32], tid: Octets
) -> NDArray[np.bool_]:
    """Remember reads of other chips; which of them are of clones that were told."""
    is_clone = np.zeros(len(reads), np.bool_)
    for i, (read, row) in enumerate(zip(reads.tolist(), volumes.tolist(), strict=True)):
        epc, text, at_ns = state.volumes.lines[row].epc, as_text(tid[i]), int(heard.at_ns[read])
        is_clone[i] = key_of(epc) in state.tids.clones
        before = state.tids.others.get((epc, text))
        if before is None and len(state.tids.others) >= MOST:
            continue
        segment, rssi_dbm = int(heard.segment[read]), float(heard.rssi_dbm[read])
        times = 1 if before is None else before.times + (at_ns > before.at_ns)
        if before is not None and before.rssi_dbm > rssi_dbm:  # a neighbour's antenna reads it too, and not so loud
            segment, rssi_dbm = before.segment, before.rssi_dbm
        state.tids.others[epc, text] = OtherChip(min(times, CONFIRMED), at_ns, segment, rssi_dbm)
    return is_clone


def forget_old(state: State, at_ns: int) -> None:
    """Other chips that were not read for a day."""
    for key in [key for key, other in state.tids.others.items() if at_ns - other.at_ns > QUIET_NS]:
        del state.tids.others[key]


def decide(state: State, at_ns: int) -> Decision:
    """Chips that are known from now on, clones that turned up, and those that are gone."""
    facts: tuple[Fact, ...] = ()
    learnt = {row: tid for row, tid in state.tids.ready() if not state.tids.is_told(row)}
    often = [(epc, tid, other) for (epc, tid), other in state.tids.others.items() if other.times >= CONFIRMED]
    rows = state.holders([bytes.fromhex(epc) for epc, *_ in often]).tolist()
    proven = [(row, *found) for row, found in zip(rows, often, strict=True) if row != NOWHERE]
    for row, _, tid, _ in proven:  # the one that was heard first was never heard again
        if not state.tids.is_told(row):
            learnt.setdefault(row, tid)
    if learnt:
        lines = state.volumes.lines
        tags = tuple(IdentifiedTag(lines[row].volume, lines[row].epc, tid) for row, tid in learnt.items())
        facts += (TagsIdentified(at_ns=at_ns, tags=tags),)
    news = [
        found for found in proven if _is_other(state, found[0], found[2]) and key_of(found[1]) not in state.tids.clones
    ]
    by_reader = Counter(state.plant.reader_of(other.segment) for *_, other in news)
    for row, epc, tid, other in {found[1]: found for found in reversed(news)}.values():
        reader = state.plant.reader_of(other.segment)
        if by_reader[reader] < MANY and not rescans.is_under_way(state, reader):  # where it is loudest is known then
            facts += _told(state, at_ns, row, epc, tid, other)
    for reader, count in sorted(by_reader.items()):
        if count >= MANY:
            facts += alarms.raised(state, at_ns, "tids_changed", "warning", "", reader)
    facts += _over(state, at_ns, by_reader)
    return Decision(facts) if facts else NOTHING


def _told(state: State, at_ns: int, row: int, epc: str, tid: str, other: OtherChip) -> tuple[Fact, ...]:
    names, volumes = state.plant.places.segment_ids, state.volumes
    place = int(volumes.place[row])
    seen = ClonedTagSeen(
        at_ns=at_ns,
        epc=epc,
        volume=volumes.lines[row].volume,
        tid=state.tids.told(row),
        segment=names[place] if place != NOWHERE else "",
        other_tid=tid,
        other=names[other.segment],
    )
    zone = state.plant.places.segment_zone[other.segment]
    return (seen, *alarms.raised(state, at_ns, CODE, "critical", zone, epc))


def _over(state: State, at_ns: int, by_reader: Counter[str]) -> tuple[Fact, ...]:
    """Alarms of clones that are read no more, or are none any more: the catalogue names another EPC or chip."""
    facts: tuple[Fact, ...] = ()
    for alarm in state.alarms.values():
        if not alarm.is_active:
            continue
        clone = state.tids.clones.get(alarm.alarm)
        if alarm.code == "tids_changed" and by_reader[alarm.source] < MANY // 2:
            facts += alarms.cleared(state, at_ns, alarm.code, alarm.source)
        if alarm.code != CODE or clone is None:
            continue
        row = state.volumes.row.get(clone.volume, NOWHERE)
        is_changed = row == NOWHERE or state.volumes.lines[row].epc != alarm.source
        is_changed = is_changed or state.tids.told(row) != clone.tid
        other = state.tids.others.get((alarm.source, clone.other_tid))
        read_ns = other.at_ns if other is not None else max(alarm.raised_ns, state.started_ns)
        if is_changed or at_ns - read_ns > QUIET_NS:
            facts += alarms.cleared(state, at_ns, CODE, alarm.source)
    return facts


def _is_other(state: State, row: int, tid: str) -> bool:
    """Whether this cannot be the chip that was told of the volume."""
    told = state.tids.told(row)
    return bool(told) and not agree(from_text(told)[None], from_text(tid)[None])[0]
