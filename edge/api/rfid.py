"""What the state says of antennas and tags: pure functions of the state and vault time, giving records."""

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from config.devices import Reader
from drivers.command import Scan
from edge.api.answers import utc
from edge.api.nearest import in_a_row, nearest
from edge.api.readers import readers
from edge.api.records import Candidate
from edge.api.rfid_records import (
    AntennaAnswer,
    AntennaFigures,
    AntennasAnswer,
    Blindness,
    BlindSpot,
    CoverageAnswer,
    HeardByAnswer,
    OffsetAnswer,
    Silence,
    TagAnswer,
)
from edge.api.volumes import clone_of, row_of
from edge.api.wire import Refused
from edge.state.facts import Status
from edge.state.plant import Plant
from edge.state.state import State
from edge.state.volumes import HELD, NOWHERE
from sensors.rfid.evidence import PATIENCE
from sensors.rfid.health import Finding, counted, findings
from sensors.rfid.locate import PRINT_REACH
from sensors.rfid.neighbourhood import FAR, OFFSETS, REACH
from sensors.rfid.presence import MISSED

_STATUSES = get_args(Status)
_LATE_NS, _LATE_CYCLES = 60_000_000_000, 5  # whichever is longer


def health(state: State, now_ns: int) -> AntennasAnswer:
    """A verdict on every configured antenna."""
    found = _findings(state, now_ns)
    return AntennasAnswer(
        tuple(_antenna(state, reader, port, s, found[s], now_ns) for reader, port, s in ports_of(state.plant)),
        readers(state, now_ns),
    )


def antenna(state: State, segment: str, now_ns: int) -> AntennaFigures:
    """All figures of the antenna that sees a segment. Raises Refused(unknown_segment), Refused(segment_unseen)."""
    plant = state.plant
    index = plant.places.segment_index
    wanted = next((name for name in (segment.strip(), segment.strip().upper()) if name in index), None)
    if wanted is None:
        raise Refused("unknown_segment", segment=segment.strip(), nearest=in_a_row(nearest(segment, index)))
    s = index[wanted]
    seen_by = next(((reader, port) for reader, port, seen in ports_of(plant) if seen == s), None)
    if seen_by is None:
        raise Refused("segment_unseen", segment=wanted)
    sums = {name: column[s].tolist() for name, column in state.evidence.radio_sums().items() if column.ndim > 1}
    rows = []
    for column in range(OFFSETS + 1):
        there = int(plant.beside.near[s, column]) if column != FAR else len(index)
        if column == FAR or there < len(index):
            trials, reads = sums["radio_trials"][column], sums["radio_level_count"][column]
            rows.append(
                OffsetAnswer(
                    offset=None if column == FAR else column - REACH,
                    segment=None if column == FAR else plant.places.segment_ids[there],
                    rate=round(sums["radio_hits"][column] / trials, 4) if trials else None,
                    level_dbm=round(sums["radio_level_sum"][column] / reads, 1) if reads else None,
                    tag_rounds=int(trials),
                )
            )
    return AntennaFigures(_antenna(state, *seen_by, s, _findings(state, now_ns)[s], now_ns), tuple(rows))


def coverage(state: State, now_ns: int) -> CoverageAnswer:
    """What no antenna watches."""
    plant, volumes = state.plant, state.volumes
    places, count = plant.places, len(plant.places.segment_ids)
    found, has_antenna = _findings(state, now_ns), np.zeros(count, np.bool_)
    has_antenna[[s for _, _, s in ports_of(plant)]] = True
    place = state.evidence.believed[volumes.tag]
    standing = np.bincount(place[place != NOWHERE], minlength=count)
    reasons = [_blindness(finding, has_antenna=bool(has_antenna[s])) for s, finding in enumerate(found)]
    spots = tuple(
        BlindSpot(places.segment_ids[s], places.segment_zone[s], reason, int(standing[s]))
        for s, reason in enumerate(reasons)
        if reason is not None
    )
    in_hand = int(((place == NOWHERE) & (volumes.custody == HELD)).sum())  # watched by whoever holds them
    total = len(volumes)
    unwatched = total - in_hand - int(standing.sum()) + sum(spot.volumes for spot in spots)
    unread = int((state.evidence.last_seen_ns[volumes.tag] == 0).sum())
    return CoverageAnswer(
        segments=count,
        volumes=total,
        watched=round(1.0 - unwatched / total, 6) if total else None,
        never_read=round(unread / total, 6) if total else None,
        blind_spots=spots,
    )


def tag(state: State, volume: str, now_ns: int) -> TagAnswer:
    """What is known of the tag of a volume, by id or EPC. Raises Refused(unknown_volume)."""
    volumes, evidence = state.volumes, state.evidence
    row = row_of(state, volume)
    line = volumes.lines[row]
    rows = volumes.tag[row : row + 1]
    names = state.plant.places.segment_ids
    belief, prints = evidence.belief(rows), evidence.prints(rows)
    rounds, last_seen_ns = int(prints.rounds[0]), int(evidence.last_seen_ns[rows[0]])
    silence = float(evidence.silence(rows)[0])
    place, since_ns = int(evidence.believed[rows[0]]), int(state.suspects.since_ns(rows)[0])
    custody = state.custody.get(line.volume)
    is_blind = place != NOWHERE and _findings(state, now_ns)[place].verdict in ("dead", "not_searching")
    return TagAnswer(
        volume=line.volume,
        epc=line.epc,
        status=_STATUSES[int(volumes.status[row])],
        candidates=tuple(
            Candidate(names[segment], round(share, 4))
            for segment, share in zip(belief.top[0].tolist(), belief.confidence[0].tolist(), strict=True)
            if segment != NOWHERE
        ),
        read_rate=round(min(1.0, int(prints.hits[0, PRINT_REACH]) / rounds), 4) if rounds else None,
        rounds=rounds,
        loudness_db=round(float(evidence.bias_db[rows[0]]), 1),
        silent_rounds=int(evidence.silent_rounds(rows)[0]),
        silence="blind" if is_blind else _silence(silence),
        log_likelihood=round(silence, 2),
        age_s=round((now_ns - last_seen_ns) / 1e9, 3) if last_seen_ns else None,
        last_seen=utc(last_seen_ns) if last_seen_ns else None,
        heard_by=_heard_by(state, rows),
        holder=custody.holder if custody is not None and custody.is_held else None,
        with_holder=round(float(evidence.with_holder(rows)[0]), 4),
        tid=state.tids.told(row),
        clone=clone_of(state, line.epc),
        awaited_s=round((now_ns - since_ns) / 1e9, 3) if since_ns else None,
        asked_s=_asked_s(state, place, since_ns, now_ns),
    )


def _asked_s(state: State, place: int, since_ns: int, now_ns: int) -> float | None:
    """Since when the reader of a segment is asked for the second look that is awaited from `since_ns` on."""
    reader, port = state.plant.antenna_of(place) if place != NOWHERE and since_ns else ("", 0)
    for intent in state.intents.values():
        scan = intent.command
        if isinstance(scan, Scan) and scan.device == reader and port in scan.antennas and intent.at_ns >= since_ns:
            return round((now_ns - intent.at_ns) / 1e9, 3)
    return None


def _silence(log_likelihood: float) -> Silence:
    if log_likelihood >= 0.0:
        return "none"
    if log_likelihood > PATIENCE:
        return "usual"
    return "unlikely" if log_likelihood > MISSED else "absent"


def _heard_by(state: State, rows: NDArray[np.int32]) -> tuple[HeardByAnswer, ...]:
    """The antennas around one tag, in the order of the line."""
    place, prints = int(state.evidence.believed[rows[0]]), state.evidence.prints(rows)
    if place == NOWHERE:
        return ()
    names, around = state.plant.places.segment_ids, state.plant.beside.near[place]
    found = []
    for offset, (reads, counted_levels) in enumerate(
        zip(prints.hits[0].tolist(), prints.level_count[0].tolist(), strict=True)
    ):
        segment = int(around[offset - PRINT_REACH + REACH])
        if segment < len(names):
            level_dbm = round(float(prints.level_dbm[0, offset]), 1) if counted_levels else None
            found.append(HeardByAnswer(names[segment], reads, level_dbm))
    return tuple(found)


def _findings(state: State, now_ns: int) -> list[Finding]:
    plant, search_ns = state.plant, state.evidence.recent.search_ns
    searches = np.zeros(len(plant.places.segment_ids), np.bool_)
    for reader, _, s in ports_of(plant):
        standing = state.devices.get(reader)
        is_there = standing is None or standing.is_ok  # one never heard of has no rounds
        # a snapshot from before the times were kept has none
        is_late = search_ns[s] > 0 and now_ns - search_ns[s] > _longest_ns(plant.readers[reader])
        searches[s] |= is_there and not is_late
    return findings(counted(state.evidence, state.volumes.tag), plant.beside, searches)


def _longest_ns(reader: Reader) -> int:
    """After so long without a search an antenna no longer searches."""
    cycle_ms = reader.dwell_ms * sum(name is not None for name in reader.segments)
    return max(_LATE_NS, _LATE_CYCLES * cycle_ms * 1_000_000)


def ports_of(plant: Plant) -> list[tuple[str, int, int]]:
    """(reader, port, segment) of every configured antenna."""
    return [
        (reader, port, int(s))
        for reader in plant.readers
        for port, s in enumerate(plant.segments_of_ports(reader))
        if s != NOWHERE
    ]


def _blindness(finding: Finding, *, has_antenna: bool) -> Blindness | None:
    if not has_antenna:
        return "no_antenna"
    match finding.verdict:
        case "dead":
            return "dead"
        case "not_searching":
            return "not_searching"
    return None


def _antenna(state: State, reader: str, port: int, s: int, finding: Finding, now_ns: int) -> AntennaAnswer:
    names, recent = state.plant.places.segment_ids, state.evidence.recent
    search_ns, read_ns = int(recent.search_ns[s]), int(recent.read_ns[s])
    return AntennaAnswer(
        segment=names[s],
        reader=reader,
        port=port,
        verdict=finding.verdict,
        rounds=finding.rounds,
        standing=finding.standing,
        rate=_rounded(finding.rate, 4),
        usual_rate=_rounded(finding.usual_rate, 4),
        share=_rounded(finding.share, 4),
        error=_rounded(finding.error, 4),
        level_dbm=_rounded(finding.level_dbm, 1),
        level_db=_rounded(finding.level_db, 1),
        is_sudden=finding.is_sudden,
        other=names[finding.other] if finding.other != NOWHERE else None,
        searched_age_s=round((now_ns - search_ns) / 1e9, 3) if search_ns else None,
        silent_since=utc(read_ns) if finding.is_quiet and read_ns else None,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
