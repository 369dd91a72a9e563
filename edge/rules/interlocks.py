"""The last word before a command is sent, against the newest state. Unknown means no, and says what would prove it."""

import msgspec

from config.devices import Actuator
from drivers.command import Command, Switch
from edge.state.state import State


class Allow(msgspec.Struct, frozen=True):
    """Go."""


class Refuse(msgspec.Struct, frozen=True):
    """No: `code` is a text id, `subject` what it is about (a point whose fresh reading would prove otherwise)."""

    code: str
    subject: str


Verdict = Allow | Refuse


def may(state: State, command: Command) -> Verdict:
    """Whether this command may be sent now. One toward the safe side is never refused for unknown state; any other
    must be the newest that was asked of its actuator and still be wanted: a slow disk must not reorder a close and an
    open, nor bring back an order that was given up."""
    if not isinstance(command, Switch):
        return Allow()  # searching with an antenna moves nothing
    actuator = state.plant.commanded(command.device, command.point)
    if actuator is None:
        return Refuse("output_not_configured", f"{command.device}/{command.point}")
    if wanted_state(actuator, command.on) == actuator.safe:
        return Allow()
    if command.toward_safety:
        return Refuse("not_toward_safety", actuator.id)
    if command.id not in state.intents:
        return Refuse("intent_ended", actuator.id)
    if state.asked[actuator.id].command != command.id:
        return Refuse("superseded", actuator.id)
    return may_leave_safe(state, actuator)


def wanted_state(actuator: Actuator, on: bool) -> str:
    """The state the actuator takes when its output is on or off."""
    other = "open" if actuator.energised == "closed" else "closed"
    return actuator.energised if on else other


def may_leave_safe(state: State, actuator: Actuator) -> Verdict:
    """Water may flow where every leak sensor of every zone it serves answers and says dry, now."""
    if not _answers(state, actuator.board):
        return Refuse("board_lost", actuator.board)
    if not actuator.zones:
        return Refuse("no_zone", actuator.id)
    for zone in actuator.zones:
        leaks = state.plant.hazard_points(zone, "leak")
        if not leaks:
            return Refuse("no_leak_sensor", zone)
        for spec in (*leaks, *state.plant.hazard_points(zone, "cable_break")):
            value = state.fresh(spec.device, spec.point, spec.freshness_ns)
            where = f"{spec.device}/{spec.point}"
            if value is None or not _answers(state, spec.device):
                return Refuse("leak_unknown", where)
            if value:
                return Refuse("zone_wet" if spec.quantity == "leak" else "leak_cable_broken", where)
    return Allow()


def _answers(state: State, device: str) -> bool:
    """Known to answer: a device that was never heard of does not."""
    standing = state.devices.get(device)
    return standing is not None and standing.is_ok
