"""Climate limits: the voted value of a zone, with delay and deadband, crossed and restored."""

from collections.abc import Iterable

from config.policy import Limit
from edge.rules import alarms
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import Fact, LimitCrossed, LimitRestored
from edge.state.plant import PointSpec
from edge.state.state import Pending, State
from sensors.climate.stuck import followed, is_stuck
from sensors.climate.vote import Vote, vote

Side = str
HEARD_AFTER_NS = 60_000_000_000  # the slowest sensor has been polled and re-tried by then
TOLERANCE = {"temperature_degc": 2.0, "humidity_pct": 8.0}  # sensor accuracy plus what differs within one room
STUCK_AFTER_S = 6 * 3600.0  # a quarter of the daily swing
STUCK_WHILE_MOVED = {"temperature_degc": 1.0, "humidity_pct": 4.0}  # the room moved by more than any sensor's noise


def absorb(state: State, at_ns: int, specs: Iterable[PointSpec]) -> None:
    """Take new or lost values of these points: since when a zone's value has stood on the other side of its limit."""
    for spec in specs:
        key = (spec.zone, spec.quantity)
        limit = state.plant.limits.get(key)
        if limit is None or not spec.is_inside:
            continue
        value = voted(state, *key).value
        _follow(state, at_ns, spec, value)
        if value is None:
            state.pending.pop(key, None)  # unknown: neither crossed nor restored, and the delay starts again
            continue
        side = _side(limit, value, state.crossed.get(key, ""))
        if side == state.crossed.get(key, ""):
            state.pending.pop(key, None)
        elif key not in state.pending or state.pending[key].side != side:
            state.pending[key] = Pending(side, at_ns)


def unknowns(state: State, at_ns: int) -> Decision:
    """Alarms of zones whose value is not known: too few sensors say anything, or they contradict each other."""
    facts = tuple(fact for zone, quantity in state.plant.limits for fact in _unknown(state, at_ns, zone, quantity))
    return Decision(facts) if facts else NOTHING


def decide(state: State, at_ns: int) -> Decision:
    """Crossings and restorations whose delay is over."""
    facts: tuple[Fact, ...] = ()
    for (zone, quantity), pending in state.pending.items():
        if pending.side == state.crossed.get((zone, quantity), ""):
            continue  # told already: it goes at the zone's next measurement
        limit = state.plant.limits.get((zone, quantity))
        if limit is None:
            continue  # of a snapshot whose configuration had one here
        delay_s = limit.on_delay_s if pending.side else limit.off_delay_s
        if at_ns - pending.since_ns >= delay_s * 1e9:
            facts += _change(state, at_ns, zone, quantity, pending.side, limit)
    return Decision(facts) if facts else NOTHING


def voted(state: State, zone: str, quantity: str) -> Vote:
    """The zone's value by vote of its inside sensors, frozen ones left out. A lone sensor is no vote, but its word is
    enough to raise an alarm."""
    points = state.plant.voters.get((zone, quantity), ())
    readings = [state.fresh(spec.device, spec.point, spec.freshness_ns) for spec in points]
    alone = [value for value in readings if value is not None]
    if len(alone) == 1:
        return Vote(alone[0], "none")
    found = vote(readings, tolerance=TOLERANCE[quantity])
    stuck = [_is_stuck(state, spec, found.value) for spec in points]
    return vote(readings, tolerance=TOLERANCE[quantity], stuck=stuck) if any(stuck) else found


def _is_stuck(state: State, spec: PointSpec, value: float | None) -> bool:
    still = state.still.get((spec.device, spec.point))
    moved_by = STUCK_WHILE_MOVED[spec.quantity]
    return still is not None and is_stuck(still, value, state.now_ns, after_s=STUCK_AFTER_S, moved_by=moved_by)


def _follow(state: State, at_ns: int, spec: PointSpec, value: float | None) -> None:
    reading = state.fresh(spec.device, spec.point, spec.freshness_ns)
    if reading is not None:
        at = (spec.device, spec.point)
        state.still[at] = followed(state.still.get(at), reading, value, at_ns)


def _unknown(state: State, at_ns: int, zone: str, quantity: str) -> tuple[Fact, ...]:
    """A value that is not known is never silent; after a start the sensors have their time to be heard first."""
    source = f"{zone}/{quantity}"
    found = voted(state, zone, quantity)
    facts: tuple[Fact, ...] = ()
    if found.reason != "sensors_disagree":
        facts += alarms.cleared(state, at_ns, "sensors_disagree", source) if found.value is not None else ()
    else:
        facts += alarms.raised(state, at_ns, "sensors_disagree", "warning", zone, source)
    if found.value is not None:
        facts += alarms.cleared(state, at_ns, "too_few_sensors", source)
    elif found.reason == "too_few_sensors" and at_ns - state.started_ns > HEARD_AFTER_NS:
        facts += alarms.raised(state, at_ns, "too_few_sensors", "warning", zone, source)
    return facts


def _side(limit: Limit, value: float, crossed: Side) -> Side:
    if value < limit.low:
        return "low"
    if value > limit.high:
        return "high"
    still_low = crossed == "low" and value < limit.low + limit.deadband
    still_high = crossed == "high" and value > limit.high - limit.deadband
    return crossed if still_low or still_high else ""


def _change(state: State, at_ns: int, zone: str, quantity: str, side: Side, limit: Limit) -> tuple[Fact, ...]:
    value = voted(state, zone, quantity).value
    if value is None:
        return ()
    facts: tuple[Fact, ...] = ()
    before = state.crossed.get((zone, quantity), "")
    source = f"{zone}/{quantity}"
    if before:
        facts += (
            LimitRestored(
                at_ns=at_ns,
                zone=zone,
                quantity=quantity,
                side="low" if before == "low" else "high",
                value=round(value, 3),
            ),
        )
        facts += alarms.cleared(state, at_ns, f"{quantity}_{before}", source)
    if side:
        facts += (
            LimitCrossed(
                at_ns=at_ns,
                zone=zone,
                quantity=quantity,
                side="low" if side == "low" else "high",
                value=round(value, 3),
                limit=limit.low if side == "low" else limit.high,
            ),
        )
        facts += alarms.raised(state, at_ns, f"{quantity}_{side}", "warning", zone, source)
    return facts
