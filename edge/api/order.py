"""What is known of the order in which volumes stand within a segment: pure functions of the state and vault time."""

import numpy as np

from edge.api.answers import utc
from edge.api.nearest import in_a_row, nearest
from edge.api.order_records import OrderAnswer, OrderedVolume, StandsAnswer
from edge.api.wire import Refused
from edge.rules.order import SURE
from edge.state.orders import ShelfOrder
from edge.state.state import State
from edge.state.volumes import MISPLACED, NOWHERE, PRESENT
from sensors.rfid.order import before


def stands(state: State, row: int, now_ns: int) -> StandsAnswer | None:
    """Between which volumes one stands, where a pass told it and nothing happened to it since; else None."""
    volume, place = state.volumes.lines[row].volume, int(state.volumes.place[row])
    if int(state.volumes.status[row]) not in (PRESENT, MISPLACED) or place == NOWHERE:
        return None
    known = state.orders.of(state.plant.places.segment_ids[place])
    if known is None or volume not in known.volumes:
        return None
    mine = known.volumes.index(volume)
    beside = [nth for nth, one in enumerate(known.volumes) if nth != mine and _may_be_beside(state, row, one)]
    sure = {nth: _before(known, min(nth, mine), max(nth, mine)) for nth in beside}
    left = max((nth for nth in beside if nth < mine and sure[nth] >= SURE), default=-1)
    right = min((nth for nth in beside if nth > mine and sure[nth] >= SURE), default=len(known.volumes))
    ends = [nth for nth in (left, right) if nth in sure]
    if not ends:
        return None
    return StandsAnswer(
        after=known.volumes[left] if left in sure else None,
        before=known.volumes[right] if right in sure else None,
        confidence=round(1.0 - sum(1.0 - sure[nth] for nth in ends), 4),  # at least, however the two hang together
        untold=tuple(known.volumes[nth] for nth in beside if left < nth < right),
        came=known.came,
        by=known.by,
        learnt=utc(known.learnt_ns),
        age_s=round((now_ns - known.seen_ns) / 1e9, 3),
        is_misfiled=volume in known.misfiled,
    )


def of_segment(state: State, segment: str, now_ns: int) -> OrderAnswer:
    """The whole order of a segment. Raises Refused(unknown_segment)."""
    index, volumes = state.plant.places.segment_index, state.volumes
    name = next((one for one in (segment.strip(), segment.strip().upper()) if one in index), None)
    if name is None:
        raise Refused("unknown_segment", segment=segment.strip(), nearest=in_a_row(nearest(segment, index)))
    is_there = (volumes.place == index[name]) & np.isin(volumes.status, (PRESENT, MISPLACED))
    standing = int(is_there.sum())
    known = state.orders.of(name)
    if known is None:
        return OrderAnswer(name, standing, None, None, None, 0, ())
    told = tuple(
        OrderedVolume(
            volume=volume,
            book_slot=volumes.lines[volumes.row[volume]].slot,
            before_next=round(_before(known, nth, nth + 1), 4) if nth + 1 < len(known.volumes) else None,
            is_misfiled=volume in known.misfiled,
        )
        for nth, volume in enumerate(known.volumes)
    )
    age_s = round((now_ns - known.seen_ns) / 1e9, 3)
    return OrderAnswer(name, standing, known.by, utc(known.learnt_ns), age_s, known.came, told)


def _before(known: ShelfOrder, one: int, other: int) -> float:
    return before(known.along[one], known.spread[one], known.along[other], known.spread[other])


def _may_be_beside(state: State, row: int, other: str) -> bool:
    """Not where both are at home on different shelves of the segment: they passed one above the other."""
    volumes, places = state.volumes, state.plant.places
    beside = volumes.row[other]
    segment = int(volumes.place[row])
    if int(volumes.book[row]) != segment:
        return True
    if int(volumes.book[beside]) != segment:
        return False
    shelves = [places.address(volumes.lines[one].slot).shelf for one in (row, beside)]
    return places.segment_ids[segment] == places.segment_rack[segment] or shelves[0] == shelves[1]
