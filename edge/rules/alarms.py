"""Raising and clearing: an alarm is named by its condition, so it is raised once however often it is seen."""

from edge.state.facts import AlarmCleared, AlarmRaised, Fact, Severity
from edge.state.state import State


def raised(state: State, at_ns: int, code: str, severity: Severity, zone: str, source: str) -> tuple[AlarmRaised, ...]:
    """The fact that raises it, or nothing while it is active. `source` is the device or point it comes from."""
    key = f"{code}:{source}"
    known = state.alarms.get(key)
    if known and known.is_active:
        return ()
    return (AlarmRaised(at_ns=at_ns, alarm=key, code=code, severity=severity, zone=zone, source=source),)


def cleared(state: State, at_ns: int, code: str, source: str) -> tuple[AlarmCleared, ...]:
    """The fact that clears it, or nothing when it is not active."""
    key = f"{code}:{source}"
    known = state.alarms.get(key)
    return (AlarmCleared(at_ns=at_ns, alarm=key),) if known and known.is_active else ()


def noted(state: State, at_ns: int, code: str, severity: Severity, zone: str, source: str) -> tuple[Fact, ...]:
    """Something that happened and is over: raised and cleared at once, so that it stays listed until a person has seen
    it; nothing while it is listed, however often it happens."""
    key = f"{code}:{source}"
    if key in state.alarms:
        return ()
    return (
        AlarmRaised(at_ns=at_ns, alarm=key, code=code, severity=severity, zone=zone, source=source),
        AlarmCleared(at_ns=at_ns, alarm=key),
    )


def is_active(state: State, code: str, source: str) -> bool:
    """Whether it was raised and not cleared since."""
    known = state.alarms.get(f"{code}:{source}")
    return known is not None and known.is_active
