"""Tags that are not what they say: one EPC on two tags, far apart. Where many are, two antennas look at one shelf."""

from collections import Counter

from edge.rules import alarms
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import DuplicateEpcSeen, Fact
from edge.state.state import State
from edge.state.tids import CODE, key_of
from edge.state.volumes import NOWHERE
from sensors.rfid.doubles import TURNS

MANY = 8  # volumes read in the same two places: nobody forges so many
SETTLED_NS = 600_000_000_000  # after a start what is watched is learnt anew: nothing is over before
DUPLICATE = "epc_duplicate"
OF_TAGS = frozenset({DUPLICATE, CODE})
"""Alarms whose source is an EPC."""
_CODES = frozenset({DUPLICATE, "antennas_overlap"})


def decide(state: State, at_ns: int) -> Decision:
    """EPCs that turned out to be on two tags, and those that were not read in two places for some rounds."""
    watched = state.evidence.doubles()
    active = [alarm for alarm in state.alarms.values() if alarm.is_active and alarm.code in _CODES]
    if not len(watched.row) and not active:
        return NOTHING
    facts: tuple[Fact, ...] = ()
    pairs = list(zip(watched.one.tolist(), watched.other.tolist(), strict=True))
    # they do not all show it in the same round: a few are not told before it is known whether there are many
    often = Counter(tuple(sorted(pair)) for pair, turns in zip(pairs, watched.turns.tolist(), strict=True) if turns > 1)
    names, zones = state.plant.places.segment_ids, state.plant.places.segment_zone
    for (one, other), count in sorted(often.items()):
        if count >= MANY:
            facts += alarms.raised(state, at_ns, "antennas_overlap", "warning", zones[one], _both(state, one, other))
    here = {_both(state, one, other) for (one, other), count in often.items() if 2 * count >= MANY}
    rows = state.volumes.of_tags(watched.row)
    for row, (one, other), turns in zip(rows.tolist(), pairs, watched.turns.tolist(), strict=True):
        if row == NOWHERE:
            continue
        line = state.volumes.lines[row]
        here.add(line.epc)
        # of a clone that was told it is known which of the two is the volume's
        is_cloned = key_of(line.epc) in state.tids.clones
        if turns >= TURNS and not is_cloned and often[min(one, other), max(one, other)] < MANY:
            raised = alarms.raised(state, at_ns, DUPLICATE, "critical", zones[one], line.epc)
            if raised:
                seen = DuplicateEpcSeen(
                    at_ns=at_ns, epc=line.epc, volume=line.volume, segment=names[one], other=names[other]
                )
                facts += (seen, *raised)
    for alarm in active:
        if alarm.source not in here and at_ns - max(alarm.raised_ns, state.started_ns) >= SETTLED_NS:
            facts += alarms.cleared(state, at_ns, alarm.code, alarm.source)
    return Decision(facts) if facts else NOTHING


def _both(state: State, one: int, other: int) -> str:
    return "+".join(state.plant.antenna_name(segment) for segment in (one, other))
