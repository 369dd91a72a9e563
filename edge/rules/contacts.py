"""Binary points: hazards become alarms, read-backs tell what actuators really do."""

from config.devices import Actuator
from drivers.observation import Contact
from edge.rules import alarms
from edge.rules.decision import NOTHING, Decision
from edge.rules.interlocks import wanted_state
from edge.rules.linkages import close_valve, close_valves
from edge.state.facts import ActuatorChanged, CommandEnded, ContactChanged, Fact, Severity
from edge.state.plant import PointSpec
from edge.state.state import State

HAZARDS: dict[str, tuple[str, Severity]] = {
    "leak": ("leak", "critical"),
    "cable_break": ("leak_cable_broken", "warning"),
    "contamination": ("leak_cable_dirty", "warning"),
    "smoke": ("smoke", "life_safety"),
    "tamper": ("tampered", "critical"),
    "alarm_input": ("alarm_input", "critical"),
    "device_fault": ("device_fault", "warning"),
    "service_due": ("service_due", "warning"),
}
"""Quantity of a contact -> alarm code and severity."""


def decide(state: State, event: Contact) -> Decision:
    """Facts of one binary point; water closes the valves at once."""
    spec = state.plant.points.get((event.device, event.point))
    if spec is not None:
        return _sensor(state, event, spec)
    actuator = state.plant.read_backs.get((event.device, event.point))
    return _read_back(state, event, actuator) if actuator is not None else NOTHING


def _sensor(state: State, event: Contact, spec: PointSpec) -> Decision:
    key = (event.device, event.point)
    facts: tuple[Fact, ...] = ()
    if key not in state.contacts or state.contacts[key] != event.active:
        facts += (ContactChanged(at_ns=event.at_ns, device=event.device, point=event.point, active=event.active),)
    code, severity = HAZARDS.get(spec.quantity, ("", "warning"))
    source = f"{event.device}/{event.point}"
    if code and event.active is None:  # it answers and cannot tell: nobody watches, and that is never silent
        facts += alarms.raised(state, event.at_ns, "hazard_unknown", "critical", spec.zone, source)
    elif code:
        facts += alarms.cleared(state, event.at_ns, "hazard_unknown", source)
        if event.active:
            facts += alarms.raised(state, event.at_ns, code, severity, spec.zone, source)
        else:
            facts += alarms.cleared(state, event.at_ns, code, source)
    is_news = any(isinstance(fact, ContactChanged) for fact in facts)
    if spec.quantity == "leak" and event.active and is_news:
        return Decision(facts) + close_valves(state, event.at_ns, is_urgent=True)
    return Decision(facts) if facts else NOTHING


def _read_back(state: State, event: Contact, actuator: Actuator) -> Decision:
    now = None if event.active is None else wanted_state(actuator, event.active)
    known = state.actuators.get(actuator.id)
    facts: tuple[Fact, ...] = ()
    if known is None or known.state != now:
        facts += (ActuatorChanged(at_ns=event.at_ns, actuator=actuator.id, state=now),)
        facts += _unasked(state, event.at_ns, actuator, now, was_known=known is not None and known.state is not None)
    if now is not None:
        facts += _left_open(state, event.at_ns, actuator, now)
    is_open_over_water = now is not None and now != actuator.safe
    closing = close_valve(state, actuator, now, event.at_ns, is_urgent=False) if is_open_over_water else NOTHING
    return Decision(facts) + closing


def _unasked(state: State, at_ns: int, actuator: Actuator, now: str | None, *, was_known: bool) -> tuple[Fact, ...]:
    """An actuator that changes without having been told to is an alarm: somebody or something moved it.

    Found in its safe state right after a start it may have been the daemon before, which was killed between sending a
    command toward the safe side and committing its intent. A command the other way is never without its intent.
    """
    asked = state.asked.get(actuator.id)
    if now is None:
        return ()
    since_start_ns = at_ns - state.started_ns
    may_be_ours = now == actuator.safe and since_start_ns <= state.plant.board_freshness_ns[actuator.board]
    if was_known and not may_be_ours and (asked is None or asked.wanted != now):
        return alarms.raised(state, at_ns, "actuator_moved_unasked", "critical", actuator.zones[0], actuator.id)
    return alarms.cleared(state, at_ns, "actuator_moved_unasked", actuator.id)


def _left_open(state: State, at_ns: int, actuator: Actuator, now: str) -> tuple[Fact, ...]:
    """Intents from before the restart end here: the device's state was read first, nothing is sent twice blindly."""
    ended: tuple[Fact, ...] = ()
    for intent in state.intents.values():
        if intent.actuator != actuator.id or intent.at_ns >= state.started_ns:
            continue
        is_done = intent.wanted == now
        ended += (
            CommandEnded(
                at_ns=at_ns,
                command=intent.command.id,
                actuator=actuator.id,
                result="done" if is_done else "failed",
                reason="found_done_after_restart" if is_done else "not_done_before_restart",
            ),
        )
    return ended
