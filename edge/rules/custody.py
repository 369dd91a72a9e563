"""Who has a volume in hand: what holders say, and what the shelves say of it.

A holder's word counts at once. The shelves can prove it, when a volume was placed, or speak against it: a volume that
is read as one that stands on a shelf while somebody is said to hold it is told as doubt, and stays with its holder.
"""

import numpy as np
from numpy.typing import NDArray

from edge.rules.decision import NOTHING, Decision
from edge.state.custody_facts import CustodyDoubted, CustodyUpheld, PlacementConfirmed, VolumePlaced, VolumeTaken
from edge.state.events import CustodyChange
from edge.state.facts import Fact
from edge.state.state import State
from edge.state.volumes import HELD, IN_TRANSIT, NO_CUSTODY, NOWHERE, PLACED
from sensors.rfid.belief import Belief
from sensors.rfid.carried import STANDS_AGE

MOST_VOLUMES = 20  # of one event: 5 ms of the step; a fuller trolley is told in portions


def decide(state: State, event: CustodyChange) -> Decision:
    """A fact for each volume whose holder or place this changes; all of them, or none and the refusal as answer.

    What a holder did cannot be refused: a volume may be placed by somebody of whom no take was told, and taken by one
    while another is said to hold it. Only what is older than the newest word about it, or repeats it, is passed over.
    """
    refusal = _refusal(state, event)
    if refusal:
        return Decision(answer=refusal)
    fact_of = _taken if event.act == "taken" else _placed
    told = (fact_of(state, event, volume) for volume in dict.fromkeys(event.volumes))
    return Decision(tuple(fact for fact in told if fact is not None), (), "accepted")


def noticed(state: State, at_ns: int, tags: NDArray[np.int64], belief: Belief) -> Decision:
    """What the shelves say of volumes in custody, of the tags (m,) that were thought over."""
    rows = state.volumes.of_tags(tags)
    custody = _custody(state, rows)
    concerned = custody.nonzero()[0]
    if not len(concerned):
        return NOTHING
    evidence, sure = state.evidence, state.plant.vault.policy.presence.sure
    some = tags[concerned]
    firm = np.where(custody[concerned] == HELD, evidence.prints(some).age >= STANDS_AGE, evidence.is_firm(some))
    firm &= belief.confidence[concerned, 0] >= sure
    top = np.where(firm, belief.top[concerned, 0], NOWHERE)
    told = [
        (_of_placed if custody[i] == PLACED else _of_held)(
            state, at_ns, int(rows[i]), int(top[nth]), round(float(belief.confidence[i, 0]), 3)
        )
        for nth, i in enumerate(concerned.tolist())
    ]
    return Decision(tuple(fact for fact in told if fact is not None))


def is_held(state: State, rows: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(m,) whether somebody holds the volumes in these rows, NOWHERE for none."""
    held: NDArray[np.bool_] = _custody(state, rows) == HELD
    return held


def _custody(state: State, rows: NDArray[np.int32]) -> NDArray[np.uint8]:
    known = state.volumes.custody
    found: NDArray[np.uint8] = np.where(rows != NOWHERE, known.take(rows, mode="clip"), np.uint8(NO_CUSTODY))
    return found


def _refusal(state: State, event: CustodyChange) -> str:
    if len(event.volumes) > MOST_VOLUMES:
        return "too_many_volumes"
    if not event.volumes or not state.volumes.row.keys() >= set(event.volumes):
        return "unknown_volume"
    is_known = event.segment in state.plant.places.segment_index
    if not is_known and (event.segment or event.act == "placed"):
        return "unknown_segment"
    return "" if event.holder else "unknown_holder"


def _taken(state: State, event: CustodyChange, volume: str) -> VolumeTaken | None:
    known = state.custody.get(volume)
    if known is not None and event.happened_ns < known.since_ns:
        return None
    # where a shelf spoke against its holder, the holder's word is no repetition: it was taken once more
    is_carried = state.volumes.status[state.volumes.row[volume]] == IN_TRANSIT
    if known is not None and known.is_held and known.holder == event.holder and is_carried:
        return None
    return VolumeTaken(
        at_ns=event.at_ns,
        volume=volume,
        holder=event.holder,
        holder_kind=event.holder_kind,
        segment=event.segment,
        before=known.holder if known is not None and known.is_held else "",
        event_at_ns=min(event.happened_ns, event.at_ns),
    )


def _placed(state: State, event: CustodyChange, volume: str) -> VolumePlaced | None:
    known, volumes = state.custody.get(volume), state.volumes
    row = volumes.row[volume]
    # of a volume that stands there for all we know it is news too: its silence until now is explained
    is_repeated = known is not None and not known.is_held and known.segment == event.segment
    if known is not None and (is_repeated or event.happened_ns < known.since_ns):
        return None
    return VolumePlaced(
        at_ns=event.at_ns,
        volume=volume,
        holder=event.holder,
        holder_kind=event.holder_kind,
        segment=event.segment,
        book=_name(state, int(volumes.book[row])),
        event_at_ns=min(event.happened_ns, event.at_ns),
    )


def _of_held(state: State, at_ns: int, row: int, top: int, confidence: float) -> Fact | None:
    """top: where it is read firmly and surely, NOWHERE for nowhere."""
    volumes = state.volumes
    volume, place = volumes.lines[row].volume, int(volumes.place[row])
    holder = state.custody[volume].holder
    if top not in (NOWHERE, place):
        return CustodyDoubted(
            at_ns=at_ns,
            volume=volume,
            holder=holder,
            segment=_name(state, top),
            book=_name(state, int(volumes.book[row])),
            confidence=confidence,
        )
    believed = int(state.evidence.believed[volumes.tag[row]])
    if volumes.status[row] != IN_TRANSIT and believed == NOWHERE:
        return CustodyUpheld(at_ns=at_ns, volume=volume, holder=holder)
    return None


def _of_placed(state: State, at_ns: int, row: int, top: int, confidence: float) -> Fact | None:
    place = int(state.volumes.place[row])
    if top != place or place == NOWHERE:
        return None
    volume = state.volumes.lines[row].volume
    return PlacementConfirmed(at_ns=at_ns, volume=volume, segment=_name(state, place), confidence=confidence)


def _name(state: State, segment: int) -> str:
    return state.plant.places.segment_ids[segment] if segment != NOWHERE else ""
