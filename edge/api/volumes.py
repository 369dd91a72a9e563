"""Where volumes are believed to be: one, with everything known of it, or all, page by page."""

from contextlib import suppress
from typing import Literal, get_args

import numpy as np

from edge.api import order
from edge.api.answers import utc
from edge.api.nearest import in_a_row, nearest
from edge.api.records import BeliefsAnswer, Candidate, CloneAnswer, CustodyAnswer, FindAnswer, TwiceAnswer
from edge.api.wire import Refused
from edge.rules.alarms import is_active
from edge.rules.forged import DUPLICATE
from edge.state.facts import Status
from edge.state.state import State
from edge.state.tids import CODE, key_of
from edge.state.volumes import IN_TRANSIT, MISPLACED, NOWHERE, PRESENT
from sensors.rfid.belief import Belief

RATHER = 0.5  # likelier than everything else together
_ON_A_SHELF = (PRESENT, MISPLACED)
PAGE = 1000  # volumes a page: 2 to 4 ms of the loop that also runs the step (demo vault)
_STATUSES = get_args(Status)


def find(state: State, volume: str, now_ns: int) -> FindAnswer:
    """One volume, by id or by the EPC on its tag. Raises Refused(unknown_volume)."""
    volumes = state.volumes
    row = row_of(state, volume)
    line = volumes.lines[row]
    places = state.plant.places
    place, book, tag = int(volumes.place[row]), int(volumes.book[row]), int(volumes.tag[row])
    belief = _belief(state, np.array([row]))
    top = [int(segment) for segment in belief.top[0]]
    shares = [round(float(share), 4) for share in belief.confidence[0]]
    last_seen_ns = int(state.evidence.last_seen_ns[tag])
    since_ns = int(state.suspects.since_ns(state.volumes.tag[row : row + 1])[0])
    confidence = shares[top.index(place)] if place != NOWHERE and place in top else 0.0
    best = shares[0] if place == top[0] else 0.0
    if volumes.status[row] == IN_TRANSIT:
        confidence = best = round(float(state.evidence.with_holder(np.array([tag]))[0]), 4)
    is_sure = best >= state.plant.vault.policy.presence.sure
    custody = _custody(state, line.volume)
    return FindAnswer(
        volume=line.volume,
        epc=line.epc,
        status=_STATUSES[int(volumes.status[row])],
        segment=_segment(state, place),
        zone=places.segment_zone[place] if place != NOWHERE else None,
        book_slot=line.slot,
        book_segment=_segment(state, book),
        thickness_mm=line.thickness_mm,
        confidence=confidence,
        age_s=round((now_ns - last_seen_ns) / 1e9, 3) if last_seen_ns else None,
        last_seen=utc(last_seen_ns) if last_seen_ns else None,
        holder=custody.holder if custody is not None and custody.is_held else None,
        candidates=()
        if is_sure
        else tuple(
            Candidate(places.segment_ids[segment], share)
            for segment, share in zip(top, shares, strict=True)
            if segment != NOWHERE
        ),
        awaited_s=round((now_ns - since_ns) / 1e9, 3) if since_ns else None,
        custody=custody,
        tid=state.tids.told(row),
        clone=clone_of(state, line.epc),
        twice=_twice(state, tag, line.epc),
        order=order.stands(state, row, now_ns),
        doubt="" if is_sure or volumes.status[row] not in _ON_A_SHELF else _doubt(place, top[0], shares[0]),
    )


def _doubt(place: int, likeliest: int, share: float) -> Literal["likely", "moving", "unclear"]:
    """Of a volume that was told to stand in `place` and is not surely there."""
    if share < RATHER:
        return "unclear"
    return "likely" if likeliest == place else "moving"


def clone_of(state: State, epc: str) -> CloneAnswer | None:
    """What is known of another tag with this EPC."""
    clone = state.tids.clones.get(key_of(epc))
    if clone is None:
        return None
    return CloneAnswer(clone.tid, clone.other_tid, clone.segment, utc(clone.since_ns), CODE)


def _twice(state: State, tag: int, epc: str) -> TwiceAnswer | None:
    """Where the EPC is read by turns, unless a chip tells which of the two is the volume's."""
    watched = state.evidence.doubles()
    found = np.flatnonzero((watched.row == tag) & (watched.turns > 1))
    if not len(found) or key_of(epc) in state.tids.clones:
        return None
    names, at = state.plant.places.segment_ids, int(found[0])
    is_told = is_active(state, DUPLICATE, epc)
    return TwiceAnswer(names[watched.one[at]], names[watched.other[at]], is_told, DUPLICATE)


def row_of(state: State, words: str) -> int:
    """The row of a volume by its id or the EPC on its tag; blanks around are ignored, and capitals where no id is
    written just so. Raises Refused(unknown_volume) with the ids that look like it."""
    volumes, wanted = state.volumes, words.strip()
    for name in (wanted, wanted.upper(), wanted.lower()):
        row = volumes.row.get(name)
        if row is not None:
            return row
    with suppress(ValueError):
        carrier = int(state.holders([bytes.fromhex(wanted)])[0])
        if carrier != NOWHERE:
            return carrier
    near = nearest(wanted, volumes.row)
    same = next((name for name in near if name.casefold() == wanted.casefold()), None)  # of mixed case
    if same is not None:
        return volumes.row[same]
    raise Refused("unknown_volume", volume=wanted, nearest=in_a_row(near))


def beliefs(state: State, after: str, limit: int) -> BeliefsAnswer:
    """Top candidates of up to `limit` volumes (at most PAGE) behind `after` in catalogue order, '' for the first page.
    Raises Refused(unknown_volume)."""
    volumes = state.volumes
    start = 0
    if after:
        if after not in volumes.row:
            raise Refused("unknown_volume", volume=after, nearest=in_a_row(nearest(after, volumes.row)))
        start = volumes.row[after] + 1
    rows = np.arange(start, min(start + max(1, min(limit, PAGE)), len(volumes)))
    if not len(rows):
        return BeliefsAnswer([], None)
    belief = _belief(state, rows)
    with_holder = volumes.status[rows] == IN_TRANSIT
    names = (*state.plant.places.segment_ids, None)  # NOWHERE is -1: the last
    columns = zip(
        rows.tolist(),
        np.where(with_holder, NOWHERE, belief.top[:, 0]).tolist(),
        np.where(with_holder, state.evidence.with_holder(volumes.tag[rows]), belief.confidence[:, 0]).tolist(),
        volumes.status[rows].tolist(),
        strict=True,
    )
    found: list[tuple[str, str | None, float, Status]] = [
        (volumes.lines[row].volume, names[segment], round(share, 4), _STATUSES[status])
        for row, segment, share, status in columns
    ]
    return BeliefsAnswer(found, found[-1][0] if int(rows[-1]) + 1 < len(volumes) else None)


def _belief(state: State, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Belief:
    return state.evidence.belief(state.volumes.tag[rows])


def _custody(state: State, volume: str) -> CustodyAnswer | None:
    known = state.custody.get(volume)
    if known is None:
        return None
    return CustodyAnswer(known.holder, known.kind, known.is_held, known.segment or None, utc(known.since_ns))


def _segment(state: State, index: int) -> str | None:
    return state.plant.places.segment_ids[index] if index != NOWHERE else None
