"""What must happen by itself: water seen, water off. Level, not edge: it is asked again until the valve is closed."""

from config.devices import Actuator
from drivers.command import Switch
from edge.rules import alarms
from edge.rules.decision import NOTHING, Decision
from edge.rules.interlocks import wanted_state
from edge.state.facts import CommandIntended
from edge.state.state import State

ASK_AGAIN_NS = 5_000_000_000  # a relay answers within 1 s; five leaves the slowest line two polls
ASK_LOST_AGAIN_NS = 60_000_000_000  # a board that does not answer is asked rarely, and at once when it is back


def close_valves(state: State, at_ns: int, *, is_urgent: bool = False) -> Decision:
    """Close every water valve of a wet zone that is not known to be closed. `is_urgent` skips the wait between tries:
    for the moment water is first seen or the board is back."""
    decision = NOTHING
    for actuator in state.plant.actuators.values():
        standing = state.actuators.get(actuator.id)
        decision += close_valve(state, actuator, standing.state if standing else None, at_ns, is_urgent=is_urgent)
    return decision


def close_valve(state: State, actuator: Actuator, now: str | None, at_ns: int, *, is_urgent: bool) -> Decision:
    """Close this one if it serves a wet zone; `now` is the state its read-back tells."""
    wet = next((source for zone in actuator.zones if (source := wet_point(state, zone))), "")
    if not wet or not _is_due(state, actuator, now, at_ns, is_urgent=is_urgent):
        return NOTHING
    return toward_safety(actuator, at_ns, cause=wet)


def wet_point(state: State, zone: str) -> str:
    """A leak point of the zone that was wet and not seen dry since, '' when none. Neither silence, a broken cable nor a
    restart dries a floor: the alarm is what remembers."""
    for spec in state.plant.hazard_points(zone, "leak"):
        reading = state.readings.get((spec.device, spec.point))
        source = f"{spec.device}/{spec.point}"
        if (reading is not None and reading.value) or alarms.is_active(state, "leak", source):
            return source
    return ""


def toward_safety(actuator: Actuator, at_ns: int, cause: str) -> Decision:
    """The command to the actuator's safe state, with its intent (committed after)."""
    command = Switch(
        id=f"{at_ns:x}-{actuator.id}",
        device=actuator.board,
        point=actuator.output,
        on=wanted_state(actuator, on=True) == actuator.safe,
        toward_safety=True,
    )
    intent = CommandIntended(at_ns=at_ns, command=command, actuator=actuator.id, wanted=actuator.safe, cause=cause)
    return Decision((intent,), (command,))


def _is_due(state: State, actuator: Actuator, now: str | None, at_ns: int, *, is_urgent: bool) -> bool:
    asked = state.asked.get(actuator.id)
    if now == actuator.safe and (asked is None or asked.wanted in {"", actuator.safe}):
        return False  # closed, and nothing is under way to open it
    if asked is None or asked.wanted != actuator.safe:
        return True
    is_under_way = asked.command in state.intents and at_ns - asked.at_ns < ASK_AGAIN_NS
    if is_under_way and asked.at_ns >= state.started_ns:
        return False  # a second leak while the first order runs
    if is_urgent:
        return True
    if asked.at_ns < state.started_ns:
        return True  # it may have died with the daemon before, and water does not wait
    board = state.devices.get(actuator.board)
    is_lost = board is not None and not board.is_ok
    return at_ns - asked.at_ns >= (ASK_LOST_AGAIN_NS if is_lost else ASK_AGAIN_NS)
