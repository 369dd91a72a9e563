"""Order within a segment: learnt from a pass, and only then; what it tells of each segment becomes a fact."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.rules import alarms, misfiled
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import Fact
from edge.state.order_facts import OrderLearnt, OrderUpheld
from edge.state.orders import By, ShelfOrder
from edge.state.state import PassSorting, State
from edge.state.volumes import MISPLACED, NOWHERE, PRESENT

SURE = 0.95  # chance from which of two volumes one is said to stand before the other
STRETCH = 1000  # along and spread are told in thousandths


def decide(state: State, at_ns: int, told: PassSorting) -> Decision:
    """What a pass that is sorted tells of each segment in which two of its volumes stand."""
    order, places = told.sorting.order(), state.plant.places
    volumes = [told.volumes[tag] for tag in order.tag.tolist()]
    place = _standing(state, volumes)
    place[[volume in told.moved for volume in volumes]] = NOWHERE
    came = Counter(_standing(state, sorted(told.moved & state.volumes.row.keys())).tolist())
    by: By = "rssi" if np.isnan(told.sorting.reads.phase_rad).all() else "phase"
    known_wrong = state.orders.misfiled()
    facts: list[Fact] = []
    racks: dict[str, str] = {}
    for segment in np.unique(place[place != NOWHERE]).tolist():
        nth = np.flatnonzero(place == segment)
        if len(nth) < 2:
            continue
        along, spread = _in_stretch(order.along[nth], order.spread[nth])
        passed = tuple(volumes[i] for i in nth)
        wrong = misfiled.found(state, places.segment_ids[segment], passed, along, spread)
        now = ShelfOrder(told.ended_ns, told.ended_ns, by, passed, along, spread, wrong, came[segment])
        fact = _learnt(state, at_ns, places.segment_ids[segment], now)
        facts.append(fact)
        if fact.misfiled if isinstance(fact, OrderLearnt) else fact.segment in known_wrong:
            racks[places.segment_rack[segment]] = places.segment_zone[segment]
    for rack, zone in racks.items():
        facts += alarms.raised(state, at_ns, misfiled.CODE, "warning", zone, rack)
    return Decision(tuple(facts)) if facts else NOTHING


def over(state: State, at_ns: int) -> Decision:
    """Ends the notice of misfiled volumes of racks in which none is any more."""
    active = [alarm.source for alarm in state.alarms.values() if alarm.is_active and alarm.code == misfiled.CODE]
    if not active:
        return NOTHING
    places = state.plant.places
    racks = {places.segment_rack[places.segment_index[segment]] for segment in state.orders.misfiled()}
    ended = [alarms.cleared(state, at_ns, misfiled.CODE, rack) for rack in active if rack not in racks]
    return Decision(tuple(fact for facts in ended for fact in facts))


def _learnt(state: State, at_ns: int, segment: str, now: ShelfOrder) -> OrderLearnt | OrderUpheld:
    known = state.orders.of(segment)
    if known is not None and is_known(known, now):
        return OrderUpheld(at_ns=at_ns, segment=segment, passed_at_ns=now.seen_ns)
    return OrderLearnt(
        at_ns=at_ns,
        segment=segment,
        by=now.by,
        volumes=now.volumes,
        along=now.along,
        spread=now.spread,
        misfiled=now.misfiled,
        passed_at_ns=now.seen_ns,
        came=now.came,
    )


def is_known(known: ShelfOrder, now: ShelfOrder) -> bool:
    """Whether a pass tells nothing against what is known, and not more: news of a volume, or of one out of place,
    counts where it tells at least as many pairs."""
    place = {volume: nth for nth, volume in enumerate(now.volumes)}
    both = [place[volume] for volume in known.volumes if volume in place]
    kept = [nth for nth, volume in enumerate(known.volumes) if volume in place]
    before = misfiled.surely(np.array(known.along), np.array(known.spread), SURE)
    after = misfiled.surely(np.array(now.along), np.array(now.spread), SURE)
    of_both = before[np.ix_(kept, kept)] * after[np.ix_(both, both)]
    turned = -1 if float(of_both.sum()) < 0 else 1  # it passed the other way round
    if (of_both * turned < 0).any():
        return False
    pairs, known_pairs = float(np.abs(after).sum()), float(np.abs(before).sum())
    is_news = bool(known.came) or set(known.misfiled) != set(now.misfiled) or len(both) < len(now.volumes)
    return pairs < known_pairs if is_news else pairs <= 1.1 * known_pairs


def _standing(state: State, volumes: Sequence[str]) -> NDArray[np.int32]:
    """(n,) segment in which each stands, NOWHERE for one that is elsewhere by now."""
    rows = np.array([state.volumes.row[volume] for volume in volumes], np.int64)
    is_there = np.isin(state.volumes.status[rows], (PRESENT, MISPLACED))
    return np.where(is_there, state.volumes.place[rows], np.int32(NOWHERE))


def _in_stretch(along: NDArray[np.float64], spread: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """In thousandths of the stretch from the first to the last; a spread is never none."""
    stretch = max(float(np.ptp(along)), float(np.finfo(np.float64).tiny))
    places = np.rint((along - along[0]) / stretch * STRETCH).astype(int)
    spreads = np.clip(np.ceil(spread / stretch * STRETCH), 1, 100 * STRETCH).astype(int)
    return tuple(places.tolist()), tuple(spreads.tolist())
