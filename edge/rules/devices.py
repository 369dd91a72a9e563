"""Silence is an event: devices, links, the store and the clock."""

from drivers.command import CommandOutcome
from drivers.observation import DeviceNote
from edge.rules import alarms
from edge.rules.contacts import HAZARDS
from edge.rules.decision import NOTHING, Decision
from edge.rules.forged import OF_TAGS
from edge.rules.linkages import close_valves
from edge.state.events import (
    ClockStep,
    DeviceBack,
    DeviceLost,
    Dropped,
    LinkState,
    Quarantined,
    Started,
    StoreState,
)
from edge.state.facts import (
    ActuatorChanged,
    ClockJumped,
    CommandEnded,
    ContactChanged,
    DaemonStarted,
    DataGap,
    DeviceCameBack,
    DeviceWasLost,
    Fact,
    LimitRestored,
    PlaceGone,
    Severity,
)
from edge.state.state import State
from edge.state.volumes import MISPLACED, NOWHERE, PRESENT

ANTENNA_ALARMS = frozenset({"llrp_antenna_disconnected", "llrp_antenna_connected"})
LOST_READS = frozenset({"llrp_buffer_overflow", "llrp_stale_report", "llrp_report_lost"})
OWN_SOURCES = frozenset({"store", "clock", "platform"})
STORE_ALARMS: dict[str, Severity] = {"capped": "warning", "reserve": "critical", "failed": "life_safety"}


def lost(state: State, event: DeviceLost) -> Decision:
    """It no longer answers: what it would have told is unknown from now on."""
    known = state.devices.get(event.device)
    if known is not None and not known.is_ok:
        return NOTHING
    facts: tuple[Fact, ...] = (DeviceWasLost(at_ns=event.at_ns, device=event.device, reason=event.reason),)
    facts += tuple(
        ContactChanged(at_ns=event.at_ns, device=device, point=point, active=None)
        for (device, point), active in state.contacts.items()
        if device == event.device and active is not None
    )
    facts += tuple(
        ActuatorChanged(at_ns=event.at_ns, actuator=actuator.id, state=None)
        for actuator in state.plant.actuators.values()
        if actuator.board == event.device
        and (standing := state.actuators.get(actuator.id)) is not None
        and standing.state is not None
    )
    zone, severity = _weight(state, event.device)
    return Decision(facts + alarms.raised(state, event.at_ns, "device_lost", severity, zone, event.device))


def back(state: State, event: DeviceBack) -> Decision:
    """It answers; a wet zone's valve behind it is asked again at once."""
    known = state.devices.get(event.device)
    if known is not None and known.is_ok:
        return NOTHING
    silent_s = round((event.at_ns - known.since_ns) / 1e9, 3) if known is not None else 0.0
    facts: tuple[Fact, ...] = (DeviceCameBack(at_ns=event.at_ns, device=event.device, silent_s=silent_s),)
    facts += alarms.cleared(state, event.at_ns, "device_lost", event.device)
    is_board = event.device in state.plant.board_freshness_ns
    again = close_valves(state, event.at_ns, is_urgent=True) if is_board and known is not None else NOTHING
    return Decision(facts) + again


def note(state: State, event: DeviceNote) -> Decision:
    """What a device says of itself: an antenna that is gone stays an alarm until it is back, lost reads are a gap, and
    the rest is listed until a person has seen it."""
    if event.code in ANTENNA_ALARMS:
        source = f"{event.device}/{event.args.get('antenna', 0)}"
        if event.code == "llrp_antenna_connected":
            return Decision(alarms.cleared(state, event.at_ns, "antenna_disconnected", source))
        return Decision(alarms.raised(state, event.at_ns, "antenna_disconnected", "warning", "", source))
    listed = alarms.noted(state, event.at_ns, event.code, "warning", "", event.device)
    least = event.args.get("reports", 1)  # a report has at least one tag
    lost_reads = event.args.get("tags", least) if event.code in LOST_READS else 0
    gap = (DataGap(at_ns=event.at_ns, what="tag_reads", count=int(lost_reads)),) if lost_reads else ()
    return Decision((*gap, *listed))


def link(state: State, event: LinkState) -> Decision:
    """A broker link is a device as well; a far end that breaks the contract is an alarm."""
    if event.note:
        return Decision(alarms.noted(state, event.at_ns, event.note, "critical", "", event.link))
    if event.is_up:
        return back(state, DeviceBack(device=event.link, at_ns=event.at_ns))
    return lost(state, DeviceLost(device=event.link, at_ns=event.at_ns, reason="link_down"))


def store(state: State, event: StoreState) -> Decision:
    """The journal's disk: each worse level is its own alarm, and each clears when it is left."""
    facts: tuple[Fact, ...] = ()
    for level, severity in STORE_ALARMS.items():
        if level == event.level:
            facts += alarms.raised(state, event.at_ns, f"store_{level}", severity, "", "store")
        else:
            facts += alarms.cleared(state, event.at_ns, f"store_{level}", "store")
    return Decision(facts)


def dropped(state: State, event: Dropped) -> Decision:
    """A bounded queue gave way: the gap is on record."""
    del state
    return Decision((DataGap(at_ns=event.at_ns, what=event.what, count=event.count),))


def quarantined(state: State, event: Quarantined) -> Decision:
    """An input that ended the daemon twice was passed over: an alarm until the next start, which takes it again or
    raises it again. Whoever asked for it is told."""
    source = f"{event.device}/{event.what}" if event.device else event.what
    return Decision(alarms.raised(state, event.at_ns, "event_quarantined", "critical", "", source), (), "quarantined")


def clock(state: State, event: ClockStep) -> Decision:
    """The wall clock jumped: vault time goes on, but what time it *is* must be vouched for."""
    fact = ClockJumped(at_ns=event.at_ns, step_s=round(event.step_s, 3))
    return Decision((fact, *alarms.raised(state, event.at_ns, "clock_unsure", "critical", "", "clock")))


def started(state: State, event: Started) -> Decision:
    """A start is on record, and whether the last stop was clean. What the daemon before passed over is tried anew."""
    fact = DaemonStarted(at_ns=event.at_ns, software=event.software, layout=event.layout, clean=event.clean)
    return Decision((fact, *_orphans(state, event.at_ns), *_places_gone(state, event.at_ns)))


def _places_gone(state: State, at_ns: int) -> tuple[PlaceGone, ...]:
    """Volumes that stood in a segment which the configuration no longer has."""
    volumes = state.volumes
    had_place = (volumes.status == PRESENT) | (volumes.status == MISPLACED)
    rows = (had_place & (volumes.place == NOWHERE)).nonzero()[0]
    return tuple(PlaceGone(at_ns=at_ns, volume=volumes.lines[row].volume) for row in rows.tolist())


def _orphans(state: State, at_ns: int) -> tuple[Fact, ...]:
    """What stands open that nobody could ever close: about things the configuration no longer has, and searches that
    readers were asked for before the start."""
    plant = state.plant
    known = OWN_SOURCES | set(plant.devices()) | set(plant.actuators) | {zone.id for zone in plant.vault.zones}
    facts: tuple[Fact, ...] = tuple(
        CommandEnded(
            at_ns=at_ns,
            command=intent.command.id,
            actuator=intent.actuator,
            result="unknown",
            reason="ended_by_restart" if intent.actuator in plant.readers else "not_configured",
        )
        for intent in state.intents.values()
        if intent.actuator not in plant.actuators
    )
    facts += tuple(
        LimitRestored(at_ns=at_ns, zone=zone, quantity=quantity, side="low" if side == "low" else "high", value=None)
        for (zone, quantity), side in state.crossed.items()
        if (zone, quantity) not in plant.limits
    )
    for alarm in state.alarms.values():
        part = alarm.source.split("/")
        is_limit = len(part) == 2 and alarm.code.startswith(("temperature_degc_", "humidity_pct_"))
        is_tried_anew = alarm.code == "event_quarantined"
        is_gone = part[0] not in known and alarm.code not in OF_TAGS
        if is_tried_anew or is_gone or (is_limit and (part[0], part[1]) not in plant.limits):
            facts += alarms.cleared(state, at_ns, alarm.code, alarm.source)
    return facts


def outcome(state: State, event: CommandOutcome) -> Decision:
    """The end of an intent. A safe-side command that failed is an alarm; the linkage asks again."""
    intent = state.intents.get(event.command)
    if intent is None or event.result == "sent":
        return NOTHING
    facts: tuple[Fact, ...] = (
        CommandEnded(
            at_ns=event.at_ns,
            command=event.command,
            actuator=intent.actuator,
            result=event.result,
            reason=event.reason,
        ),
    )
    actuator = state.plant.actuators.get(intent.actuator)
    if actuator is not None and intent.wanted == actuator.safe:
        if event.result == "done":
            facts += alarms.cleared(state, event.at_ns, "safe_state_not_reached", actuator.id)
        else:
            facts += alarms.raised(
                state, event.at_ns, "safe_state_not_reached", "critical", actuator.zones[0], actuator.id
            )
    return Decision(facts)


def _weight(state: State, device: str) -> tuple[str, Severity]:
    """Zone and severity of a loss: one that watches for a hazard or holds an actuator weighs more."""
    points = state.plant.points_of(device)
    if points:
        watches = any(HAZARDS.get(spec.quantity, ("", "warning"))[1] != "warning" for spec in points)
        return points[0].zone, "critical" if watches else "warning"
    is_board = any(actuator.board == device for actuator in state.plant.actuators.values())
    return "", "critical" if is_board else "warning"
