"""What of the measurements goes on record: what moved, and everything once in a while."""

from drivers.observation import Measurement
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import Measured
from edge.state.state import State


def decide(state: State, event: Measurement) -> Decision:
    """The whole reading when any of its points moved past its deadband, became (un)known, or is due."""
    last = state.reported.get(event.device)
    values = tuple(None if value is None else round(value, 3) for value in event.values)
    if last is not None and not _is_due(state, event, last) and not _moved(state, event, last, values):
        return NOTHING
    return Decision((Measured(at_ns=event.at_ns, device=event.device, points=event.points, values=values),))


def _is_due(state: State, event: Measurement, last: Measured) -> bool:
    return event.at_ns - last.at_ns >= state.plant.vault.policy.telemetry_every_s * 1e9


def _moved(state: State, event: Measurement, last: Measured, values: tuple[float | None, ...]) -> bool:
    before = dict(zip(last.points, last.values, strict=True))
    for point, value in zip(event.points, values, strict=True):
        if point not in before:
            return True
        was = before[point]
        if was is None or value is None:
            if was is not value:
                return True
            continue
        spec = state.plant.points.get((event.device, point))
        if abs(value - was) > (spec.report_deadband if spec is not None else 0.0):
            return True
    return False
