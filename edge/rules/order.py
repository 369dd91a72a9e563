"""Order within a segment: learnt from a pass, and only then; what it tells of each segment becomes a fact."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.rules import alarms, misfiled
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import Fact
from edge.state.order_facts import OrderLearnt, OrderUpheld
from edge.state.orders import ShelfOrder
from edge.state.state import Sorted, State
from edge.state.volumes import MISPLACED, NOWHERE, PRESENT
from sensors.rfid.order import Order

SURE = 0.95  # chance from which of two volumes one is said to stand before the other
STRETCH = 1000  # along and spread are told in thousandths


def decide(state: State, at_ns: int, told: Sorted) -> Decision:
    """What a pass that is sorted tells of each segment in which two of its volumes stand."""
    order, names = told.sorting.order(), state.plant.places.segment_ids
    volumes = [told.volumes[tag] for tag in order.tag.tolist()]
    place = _standing(state, volumes)
    by_phase = not np.isnan(told.sorting.reads.phase_rad).all()
    facts: tuple[Fact, ...] = ()
    for segment in np.unique(place[place != NOWHERE]).tolist():
        nth = np.flatnonzero(place == segment)
        if len(nth) >= 2:
            facts += _facts(state, at_ns, names[segment], [volumes[i] for i in nth], order, nth, by_phase=by_phase)
    return Decision(facts) if facts else NOTHING


def over(state: State, at_ns: int) -> Decision:
    """Ends the notice of misfiled volumes of racks in which none is any more."""
    active = [alarm.source for alarm in state.alarms.values() if alarm.is_active and alarm.code == misfiled.CODE]
    if not active:
        return NOTHING
    places = state.plant.places
    racks = {places.segment_rack[places.segment_index[segment]] for segment in state.orders.misfiled()}
    ended = [alarms.cleared(state, at_ns, misfiled.CODE, rack) for rack in active if rack not in racks]
    return Decision(tuple(fact for facts in ended for fact in facts))


def _facts(
    state: State,
    at_ns: int,
    segment: str,
    volumes: Sequence[str],
    order: Order,
    nth: NDArray[np.int64],
    *,
    by_phase: bool,
) -> tuple[Fact, ...]:
    along, spread = _in_stretch(order.along[nth], order.spread[nth])
    wrong = misfiled.found(state, segment, volumes, along, spread)
    now = ShelfOrder(at_ns, at_ns, "phase" if by_phase else "rssi", tuple(volumes), along, spread, wrong)
    known = state.orders.of(segment)
    if known is not None and is_the_same(known, now):
        return (OrderUpheld(at_ns=at_ns, segment=segment),)
    learnt = OrderLearnt(
        at_ns=at_ns,
        segment=segment,
        by=now.by,
        volumes=now.volumes,
        along=along,
        spread=spread,
        misfiled=wrong,
    )
    if not wrong:
        return (learnt,)
    index = state.plant.places.segment_index[segment]
    rack, zone = state.plant.places.segment_rack[index], state.plant.places.segment_zone[index]
    return (learnt, *alarms.raised(state, at_ns, misfiled.CODE, "warning", zone, rack))


def is_the_same(known: ShelfOrder, now: ShelfOrder) -> bool:
    """Whether a pass tells nothing that was not known: no volume more, no pair otherwise or newly sure."""
    place = {volume: nth for nth, volume in enumerate(now.volumes)}
    both = [place[volume] for volume in known.volumes if volume in place]
    if known.came or known.misfiled != now.misfiled or len(both) < len(now.volumes):
        return False
    kept = [nth for nth, volume in enumerate(known.volumes) if volume in place]
    old = misfiled.surely(np.array(known.along)[kept], np.array(known.spread)[kept], SURE)
    new = misfiled.surely(np.array(now.along)[both], np.array(now.spread)[both], SURE)
    turned = -1 if float((old * new).sum()) < 0 else 1  # it passed the other way round
    against, more = (old * new * turned < 0).any(), np.abs(new).sum() > 1.1 * np.abs(old).sum()
    return not (against or more)


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
