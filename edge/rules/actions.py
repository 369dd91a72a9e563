"""What people ask for here: who may, what follows, and the audit fact that says so either way."""

from collections.abc import Callable, Sequence

from config.catalogue import TID
from config.catalogued import CataloguedVolume
from config.reference_tag import ReferenceTag
from drivers.command import Switch
from edge.rules import alarms
from edge.rules.decision import Decision
from edge.rules.interlocks import Refuse, may_leave_safe, wanted_state
from edge.state.events import OperatorAction
from edge.state.facts import (
    ActionTaken,
    AlarmAcknowledged,
    ClockVouched,
    CommandIntended,
    ReferencesPlaced,
    SurveyBegan,
    VolumesCatalogued,
)
from edge.state.state import State
from edge.state.volumes import NOWHERE
from sensors.rfid.epc_table import MAX_EPC_BYTES

ROLES: dict[str, frozenset[str]] = {
    "actuator.set": frozenset({"technician", "safety_officer"}),
    "alarm.acknowledge": frozenset({"technician", "safety_officer", "archivist"}),
    "clock.vouch": frozenset({"technician", "safety_officer", "system_administrator"}),
    "catalogue.import": frozenset({"archivist"}),
    "survey.place": frozenset({"technician"}),
    "survey.begin": frozenset({"technician"}),
}
OF_TAGS = frozenset({"survey.place", "survey.begin"})
MOST_REFERENCES = 250  # of one action
LONGEST_TARGET = 200  # characters of free text that a refused action may leave in the journal
TWO_PERSONS = frozenset({"clock.vouch"})  # 双人双锁, domain.md 7


def decide(state: State, event: OperatorAction) -> Decision:
    """The action's facts and commands behind its audit fact; a refusal leaves the audit fact alone."""
    refusal = _refusal(event)
    decision = Decision(answer=refusal) if refusal else _ACTIONS[event.action](state, event)
    audit = ActionTaken(
        at_ns=event.at_ns,
        action=event.action,
        person=event.person if not event.second_person else f"{event.person}+{event.second_person}",
        role=event.role,
        terminal=event.terminal,
        target=_target(event),
        result=decision.answer,
    )
    return Decision((audit,)) + decision


def _refusal(event: OperatorAction) -> str:
    allowed = ROLES.get(event.action)
    if allowed is None:
        return "unknown_action"
    if event.role not in allowed:
        return "role_not_allowed"
    if event.action in TWO_PERSONS and event.second_person in {"", event.person}:
        return "second_person_needed"
    return ""


def _target(event: OperatorAction) -> str:
    if event.volumes:
        return f"{event.volumes[0].volume}..{event.volumes[-1].volume}"
    if event.references:
        return f"{event.references[0].segment}..{event.references[-1].segment}"
    return " ".join(event.args.values())[:LONGEST_TARGET]


def _set_actuator(state: State, event: OperatorAction) -> Decision:
    actuator = state.plant.actuators.get(event.args.get("actuator", ""))
    wanted = event.args.get("state", "")
    if actuator is None:
        return Decision(answer="unknown_actuator")
    if wanted not in {"open", "closed"}:
        return Decision(answer="unknown_state")
    command = Switch(
        id=f"{event.at_ns:x}-{actuator.id}",
        device=actuator.board,
        point=actuator.output,
        on=wanted_state(actuator, on=True) == wanted,
        toward_safety=wanted == actuator.safe,
    )
    if not command.toward_safety:
        verdict = may_leave_safe(state, actuator)  # told at once; the whole interlock is asked right before it is sent
        if isinstance(verdict, Refuse):
            return Decision(answer=verdict.code)
    intent = CommandIntended(
        at_ns=event.at_ns,
        command=command,
        actuator=actuator.id,
        wanted=wanted,
        cause=f"operator {event.person}",
    )
    return Decision((intent,), (command,), "accepted")


def _acknowledge(state: State, event: OperatorAction) -> Decision:
    key = event.args.get("alarm", "")
    alarm = state.alarms.get(key)
    if alarm is None:
        return Decision(answer="unknown_alarm")
    if alarm.acknowledged_by:
        return Decision(answer="already_acknowledged")
    return Decision((AlarmAcknowledged(at_ns=event.at_ns, alarm=key, person=event.person),), (), "accepted")


def _vouch(state: State, event: OperatorAction) -> Decision:
    fact = ClockVouched(at_ns=event.at_ns, person=event.person, second_person=event.second_person)
    return Decision((fact, *alarms.cleared(state, event.at_ns, "clock_unsure", "clock")), (), "accepted")


def _import(state: State, event: OperatorAction) -> Decision:
    """Lines already in the catalogue as they are change nothing, so an import cut short is simply run again; nor does a
    line erase a thickness that it does not tell."""
    volumes = state.volumes
    changed = event.volumes
    if not volumes.row.keys().isdisjoint(line.volume for line in changed):
        changed = tuple(line for line in map(volumes.completed, changed) if volumes.line(line.volume) != line)
    epcs = [line.epc for line in changed]
    tids = [line.tid for line in changed if line.tid]
    if any(len(set(once)) < len(once) for once in (epcs, tids, [line.volume for line in changed])):
        return Decision(answer="line_twice")
    if not _are_lines(state, changed, epcs):
        return Decision(answer="bad_line")
    holders = state.holders([bytes.fromhex(epc) for epc in epcs])
    if any(volumes.lines[holders[i]].volume != changed[i].volume for i in (holders != NOWHERE).nonzero()[0]):
        return Decision(answer="epc_taken")
    if any(state.carriers(changed)):
        return Decision(answer="tid_taken")
    if not changed:
        return Decision(answer="accepted")
    return Decision((VolumesCatalogued(at_ns=event.at_ns, volumes=changed),), (), "accepted")


def _place(state: State, event: OperatorAction) -> Decision:
    """Tags that hang so already change nothing but what was counted of them. A tag of a volume will do: whoever names
    it vouches for where it stands."""
    tags, is_first = event.references, event.args.get("anew", "yes") == "yes"
    known = {} if is_first else state.references
    places = {*known.values(), *(tag.segment for tag in tags)}
    epcs = {*known, *(tag.epc for tag in tags)}
    if not 0 < len(tags) <= MOST_REFERENCES or not all(_is_reference(state, tag) for tag in tags):
        return Decision(answer="bad_reference")
    if len(places) < len(known) + len(tags) or len(epcs) < len(known) + len(tags):
        return Decision(answer="reference_twice")
    return Decision((ReferencesPlaced(at_ns=event.at_ns, references=tags, is_first=is_first),), (), "accepted")


def _is_reference(state: State, tag: ReferenceTag) -> bool:
    """What a file check would have caught: the core does not rely on it."""
    try:
        epc = bytes.fromhex(tag.epc)
    except ValueError:
        return False
    return epc.hex() == tag.epc and 0 < len(epc) <= MAX_EPC_BYTES and tag.segment in state.plant.places.segment_index


def _begin_survey(state: State, event: OperatorAction) -> Decision:
    if not state.references:
        return Decision(answer="no_references")
    return Decision((SurveyBegan(at_ns=event.at_ns, person=event.person),), (), "accepted")


def _are_lines(state: State, lines: Sequence[CataloguedVolume], epcs: Sequence[str]) -> bool:
    """What a file check would have caught: the core does not rely on it."""
    digits = "".join(epcs)
    try:
        is_hex = digits == bytes.fromhex(digits).hex()
    except ValueError:
        return False
    return (
        is_hex
        and all(TID.fullmatch(line.tid) for line in lines if line.tid)
        and all(0 < length <= 2 * MAX_EPC_BYTES and length % 2 == 0 for length in set(map(len, epcs)))
        and all(line.volume for line in lines)
        and bool((state.plant.places.segments_of(line.slot for line in lines) != NOWHERE).all())
    )


_ACTIONS: dict[str, Callable[[State, OperatorAction], Decision]] = {
    "actuator.set": _set_actuator,
    "alarm.acknowledge": _acknowledge,
    "clock.vouch": _vouch,
    "catalogue.import": _import,
    "survey.place": _place,
    "survey.begin": _begin_survey,
}
