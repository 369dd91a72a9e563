"""One event in, facts and commands out: absorb what was observed, decide, apply. No clock, no socket, no file."""

from drivers.command import CommandOutcome
from drivers.observation import Contact, DeviceNote, Measurement, RobotState, Searched, ShelvingState, TagReads
from edge.rules import (
    actions,
    cloned,
    contacts,
    custody,
    devices,
    forged,
    limits,
    order,
    passing,
    platform_command,
    presence,
    shelving,
    silence,
    sweeps,
    telemetry,
    together,
)
from edge.rules.decision import NOTHING, Decision
from edge.rules.linkages import close_valves
from edge.state.apply import apply
from edge.state.events import (
    ClockStep,
    CustodyChange,
    DeviceBack,
    DeviceLost,
    Dropped,
    Event,
    LinkState,
    OperatorAction,
    PlatformCommand,
    Quarantined,
    Started,
    StoreState,
    Tick,
)
from edge.state.facts import CommandEnded, Fact
from edge.state.state import Reading, State
from edge.state.weigh import weigh

OUTCOME_LIMIT_NS = 60_000_000_000  # a command whose runner gave no outcome for so long has an unknown one


def step(state: State, event: Event) -> Decision:
    """Carry the state over one event and say what follows. Deterministic: same state, same event, same bytes."""
    judged = absorb(state, event)
    told = presence.decide(state, event.at_ns, judged) if judged else NOTHING
    passed = passing.follow(state, event)
    # who is told to stand elsewhere by now is in no order; a holder's word is newer than what is told before it
    if passed is not None or isinstance(event, CustodyChange):
        _apply(state, told)
        ordered = order.decide(state, event.at_ns, passed) if passed is not None else NOTHING
        _apply(state, ordered)
        said = decide(state, event)
        _apply(state, said)
        return told + ordered + said
    decision = told + decide(state, event)
    _apply(state, decision)
    return decision


def _apply(state: State, decision: Decision) -> None:
    for fact in decision.facts:
        apply(state, fact)


def absorb(state: State, event: Event) -> presence.Judged | None:
    """Take an observation into the beliefs. Returns the volumes whose beliefs were judged, when they were."""
    state.now_ns = max(state.now_ns, event.at_ns)
    if not isinstance(event, TagReads | Searched):  # nothing else comes upon what is half digested
        weigh(state)
    match event:
        case TagReads():
            return presence.reads(state, event)
        case Searched():
            return presence.close_round(state, event)
        case Measurement():
            for point, value in zip(event.points, event.values, strict=True):
                state.readings[event.device, point] = Reading(value, event.at_ns)
            points = [state.plant.points.get((event.device, point)) for point in event.points]
            limits.absorb(state, event.at_ns, [spec for spec in points if spec is not None])
        case Contact():
            value = None if event.active is None else float(event.active)
            state.readings[event.device, event.point] = Reading(value, event.at_ns)
        case DeviceLost():
            for key in [key for key in state.readings if key[0] == event.device]:
                if key not in state.contacts:  # a floor that was wet stays wet until it is seen dry
                    state.readings[key] = Reading(None, state.readings[key].at_ns)
            limits.absorb(state, event.at_ns, state.plant.points_of(event.device))
        case Tick():
            cloned.forget_old(state, event.at_ns)
            return presence.think(state, is_due=state.heard.has_waited(event.at_ns, presence.WAIT_NS))
        # what was heard before it is of the catalogue, or the survey, before it
        case OperatorAction() if event.volumes or event.action in actions.OF_TAGS:
            return presence.think(state, is_due=True)
        case CustodyChange():  # what was heard before it is of before it
            return presence.think(state, is_due=True)
        case Started():
            state.boot, state.started_ns = event.boot, event.at_ns
        case _:
            pass
    return None


def decide(state: State, event: Event) -> Decision:
    """What follows from the event. Reads the state, changes nothing."""
    match event:
        case TagReads() | Searched() | RobotState():
            return NOTHING
        case Measurement():
            return telemetry.decide(state, event) + limits.decide(state, event.at_ns)
        case Contact():
            return contacts.decide(state, event)
        case Tick():
            return _tick(state, event)
        case DeviceLost():
            return devices.lost(state, event)
        case DeviceBack():
            return devices.back(state, event)
        case DeviceNote():
            return devices.note(state, event)
        case CommandOutcome():
            return devices.outcome(state, event)
        case OperatorAction():
            return actions.decide(state, event)
        case PlatformCommand():
            return platform_command.decide(state, event)
        case CustodyChange():
            return custody.decide(state, event)
        case ShelvingState():
            return shelving.decide(state, event)
        case LinkState():
            return devices.link(state, event)
        case StoreState():
            return devices.store(state, event)
        case Dropped():
            return devices.dropped(state, event)
        case Quarantined():
            return devices.quarantined(state, event)
        case ClockStep():
            return devices.clock(state, event)
        case Started():
            return devices.started(state, event)


def _tick(state: State, event: Tick) -> Decision:
    late: tuple[Fact, ...] = tuple(
        CommandEnded(
            at_ns=event.at_ns,
            command=intent.command.id,
            actuator=intent.actuator,
            result="unknown",
            reason="no_outcome",
        )
        for intent in state.intents.values()
        if intent.at_ns >= state.started_ns and event.at_ns - intent.at_ns > OUTCOME_LIMIT_NS
    )
    told = limits.decide(state, event.at_ns) + limits.unknowns(state, event.at_ns)
    told += silence.decide(state, event.at_ns) + together.decide(state, event.at_ns)
    told += forged.decide(state, event.at_ns) + cloned.decide(state, event.at_ns)
    told += sweeps.demand(state, event.at_ns) + order.over(state, event.at_ns)
    return Decision(late) + told + close_valves(state, event.at_ns)
