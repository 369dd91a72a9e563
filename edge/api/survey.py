"""What a survey has shown so far: pure functions of the state and vault time, giving records."""

from collections.abc import Mapping

import numpy as np

from edge.api.answers import utc
from edge.api.rfid import ports_of
from edge.api.survey_records import Corrected, PortAnswer, SurveyAnswer
from edge.rules.presence import is_surveying
from edge.state.plant import Plant
from edge.state.state import State
from edge.state.volumes import NOWHERE
from sensors.rfid.survey import Counted, Finding, findings

_SEES_ANOTHER = frozenset({"swapped", "elsewhere", "wrong_region"})
Ports = list[tuple[str, int, int]]


def answer(state: State, now_ns: int) -> SurveyAnswer:
    """A verdict on every configured port, as far as there is one."""
    plant, began_ns = state.plant, state.survey_began_ns
    ports = ports_of(plant)
    found = findings(counted(state, ports), plant.places.segment_line)
    at = {s: f"{reader}/{port}" for reader, port, s in ports}
    return SurveyAnswer(
        began=utc(began_ns) if began_ns else None,
        is_counting=is_surveying(state, now_ns),
        references=len(state.references),
        ports=tuple(_port(plant, reader, port, s, found[s], at) for reader, port, s in ports),
        corrected=_corrected(plant, found),
        lost={
            reader: standing.reason
            for reader in plant.readers
            if (standing := state.devices.get(reader)) is not None and not standing.is_ok
        },
    )


def counted(state: State, ports: Ports) -> Counted:
    """What the tally holds, by segment; a reference in a segment that is gone counts for nothing."""
    index, count = state.plant.places.segment_index, len(state.plant.places.segment_ids)
    places = np.array([index.get(segment, NOWHERE) for segment in state.references.values()], np.int64)
    tally = state.survey
    place = places[tally.tag]
    is_known = place != NOWHERE
    has_reference, is_configured, searches = np.zeros((3, count), np.bool_)
    has_reference[places[places != NOWHERE]] = True
    for reader, port, s in ports:
        is_configured[s] = True
        searches[s] = _searches(state, reader, port)
    return Counted(
        antenna=tally.antenna[is_known],
        place=place[is_known],
        hits=tally.hits[is_known].astype(np.float64),
        level_dbm=tally.level_dbm[is_known].astype(np.float64),
        rounds=tally.rounds,
        others=tally.others,
        has_reference=has_reference,
        is_configured=is_configured,
        searches=searches,
    )


def _searches(state: State, reader: str, port: int) -> bool:
    """Its reader answers, and has not said that the port is empty."""
    standing = state.devices.get(reader)
    alarm = state.alarms.get(f"antenna_disconnected:{reader}/{port}")
    return (standing is None or standing.is_ok) and (alarm is None or not alarm.is_active)


def _port(plant: Plant, reader: str, port: int, s: int, found: Finding, at: Mapping[int, str]) -> PortAnswer:
    names = plant.places.segment_ids

    def name(segment: int) -> str | None:
        return None if segment == NOWHERE else names[segment]

    return PortAnswer(
        reader=reader,
        port=port,
        segment=names[s],
        verdict=found.verdict,
        rounds=found.rounds,
        sees=name(found.sees),
        sure=None if found.sure is None else round(found.sure, 4),
        hits=found.hits,
        level_dbm=None if found.level_dbm is None else round(found.level_dbm, 1),
        next_best=name(found.next_best),
        next_hits=found.next_hits,
        other=at.get(found.sees) if found.sees not in (NOWHERE, s) else None,
        more_rounds=found.more_rounds,
    )


def _corrected(plant: Plant, found: Mapping[int, Finding]) -> tuple[Corrected, ...]:
    """The lists of the readers that are wrong. A segment that several ports see is the surest one's; a port that was
    not found to see anything else keeps its own, unless another port was found to see that."""
    claims = sorted(
        (-(finding.sure or 0.0), s, finding.sees) for s, finding in found.items() if finding.verdict in _SEES_ANOTHER
    )
    sees: dict[int, int] = {}
    taken = {s for s, finding in found.items() if finding.verdict == "right"}
    for _, s, segment in claims:
        sees[s] = NOWHERE if segment in taken else segment
        taken.add(segment)
    names, made = plant.places.segment_ids, []
    for reader in plant.readers.values():
        before = plant.segments_of_ports(reader.id)[1:].tolist()
        after = [sees.get(s, s) for s in before]
        after = [
            NOWHERE if s not in sees and segment in sees.values() else segment
            for s, segment in zip(before, after, strict=True)
        ]
        if after != before:
            segments = tuple(None if segment == NOWHERE else names[segment] for segment in after)
            made.append(Corrected(reader.id, segments))
    return tuple(made)
