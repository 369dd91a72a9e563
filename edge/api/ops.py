"""Every operation of the API: its arguments and what answers it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from config.catalogued import CataloguedVolume
from config.reference_tag import ReferenceTag
from edge.api import answers, order, rfid, survey, volumes
from edge.api.catalogue import LineSorter, Sorted, portions
from edge.api.house import House
from edge.api.nearest import in_a_row, nearest
from edge.api.pairs import HOLD_S, Pairs
from edge.api.people import Caller, is_auditor, role_for
from edge.api.records import ActAnswer, HistoryAnswer, ImportAnswer, LayoutAnswer, TraceAnswer
from edge.api.wire import MOST_LINES, Refused
from edge.rules.actions import MOST_REFERENCES, ROLES, TWO_PERSONS
from edge.state.events import OperatorAction
from edge.state.facts import ActionTaken, Fact, PlatformCommandTaken
from edge.state.state import State

ACT_S = 30.0  # an action is answered after its commit; a disk that takes longer is in trouble
Limit = Annotated[int, Meta(ge=1, le=10_000)]
IMPORT = "catalogue.import"
PLACE = "survey.place"
_OF_THEIR_OWN = {IMPORT: "import", PLACE: "rfid.place"}
MOST_ARGS = 16  # of one action; none has more than two
NAME_CHARACTERS = 64  # of an argument's name, as of every id
VALUE_CHARACTERS = 256  # what a person writes goes into the audit trail as it is, for ever


class Desk:
    """What the handlers of one server share: the daemon, and the requests that wait for a second person."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.pairs = Pairs()
        self._taken = 0

    async def act(self, who: Caller, role: str, action: str, **more: Any) -> str:
        """Put an action through the step. Raises Refused(no_answer) when its commit does not come."""
        self._taken += 1
        now_ns = self.house.now()
        event = OperatorAction(
            id=f"{now_ns:x}-{self._taken}",
            at_ns=now_ns,
            action=action,
            person=who.person,
            role=role,
            terminal=who.terminal,
            **more,
        )
        try:
            async with asyncio.timeout(ACT_S):
                return await self.house.act(event)
        except TimeoutError:
            raise Refused("no_answer", action=action, seconds=int(ACT_S)) from None


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An operation without arguments."""


class VolumeArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    volume: str
    limit: Limit = 200


class TagArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    volume: str


class SegmentArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    segment: str


class BeliefsArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    after: str = ""
    limit: Limit = volumes.PAGE


class HistoryArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`since_s`: how far back from now; further than 1970 is everything."""

    device: str
    point: str
    since_s: Annotated[float, Meta(gt=0)] = 86_400.0
    limit: Limit = 1000


class ActArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`role`: the one to act in; '' takes the first of the person's roles that may."""

    action: Annotated[str, Meta(max_length=64)]
    args: Annotated[dict[str, str], Meta(max_length=MOST_ARGS)] = {}
    role: str = ""


class ImportArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines as [volume, epc, slot, thickness_mm]."""

    lines: Annotated[tuple[CataloguedVolume, ...], Meta(max_length=MOST_LINES)]
    dry_run: bool = False
    role: str = ""


class PlaceArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tags as [segment, epc]; `anew`: in place of those known before."""

    references: Annotated[tuple[ReferenceTag, ...], Meta(max_length=MOST_REFERENCES)]
    anew: bool
    role: str = ""


class CommandArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str


async def _status(desk: Desk, _who: Caller, _args: Nothing) -> object:
    house = desk.house
    return answers.status(house.state, house.now(), house.store_standing(), house.measured())


async def _devices(desk: Desk, _who: Caller, _args: Nothing) -> object:
    return answers.devices(desk.house.state, desk.house.now())


async def _alarms(desk: Desk, _who: Caller, _args: Nothing) -> object:
    return answers.alarms(desk.house.state)


async def _layout(desk: Desk, _who: Caller, _args: Nothing) -> object:
    vault = desk.house.state.plant.vault
    return LayoutAnswer(vault.zones, vault.racks)


async def _find(desk: Desk, _who: Caller, args: VolumeArgs) -> object:
    return volumes.find(desk.house.state, args.volume, desk.house.now())


async def _beliefs(desk: Desk, _who: Caller, args: BeliefsArgs) -> object:
    return volumes.beliefs(desk.house.state, args.after, args.limit)


async def _rfid_health(desk: Desk, _who: Caller, _args: Nothing) -> object:
    return rfid.health(desk.house.state, desk.house.now())


async def _rfid_coverage(desk: Desk, _who: Caller, _args: Nothing) -> object:
    return rfid.coverage(desk.house.state, desk.house.now())


async def _rfid_antenna(desk: Desk, _who: Caller, args: SegmentArgs) -> object:
    return rfid.antenna(desk.house.state, args.segment, desk.house.now())


async def _rfid_tag(desk: Desk, _who: Caller, args: TagArgs) -> object:
    return rfid.tag(desk.house.state, args.volume, desk.house.now())


async def _rfid_order(desk: Desk, _who: Caller, args: SegmentArgs) -> object:
    return order.of_segment(desk.house.state, args.segment, desk.house.now())


async def _rfid_survey(desk: Desk, _who: Caller, _args: Nothing) -> object:
    return survey.answer(desk.house.state, desk.house.now())


async def _rfid_place(desk: Desk, who: Caller, args: PlaceArgs) -> object:
    """Put reference tags on record; whoever may not is told so."""
    role, words = role_for(who, PLACE, args.role), {"anew": "yes" if args.anew else "no"}
    answer = await desk.act(who, role, PLACE, args=words, references=args.references)
    if answer != "accepted":
        raise Refused(answer, action=PLACE)
    return ActAnswer(answer)


async def _trace(desk: Desk, who: Caller, args: VolumeArgs) -> object:
    known = desk.house.state.volumes
    volume = known.lines[volumes.row_of(desk.house.state, args.volume)].volume
    facts = await desk.house.trace(volume, args.limit)
    readable = [fact for fact in facts if may_read(who, fact)]
    return TraceAnswer(answers.traced(readable, volume), len(facts) - len(readable))


async def _history(desk: Desk, _who: Caller, args: HistoryArgs) -> object:
    spec = desk.house.state.plant.points.get((args.device, args.point))
    if spec is None:
        asked = f"{args.device}/{args.point}"
        known = (f"{device}/{point}" for device, point in desk.house.state.plant.points)
        raise Refused("unknown_point", point=asked, nearest=in_a_row(nearest(asked, known)))
    now_ns = desk.house.now()
    since_ns = now_ns - int(min(args.since_s * 1e9, now_ns))
    values = await desk.house.history(args.device, args.point, since_ns, args.limit)
    return HistoryAnswer(
        args.device, args.point, spec.quantity, [(answers.utc(at_ns), value) for at_ns, value in values]
    )


async def _act(desk: Desk, who: Caller, args: ActArgs) -> object:
    if args.action in _OF_THEIR_OWN:
        raise Refused("bad_arguments", detail=f"use the operation {_OF_THEIR_OWN[args.action]}")
    _check_lengths(args.args)
    role = role_for(who, args.action, args.role)
    if args.action in TWO_PERSONS:
        return await _act_of_two(desk, who, role, args)
    asked_ns = desk.house.now()
    answer = await desk.act(who, role, args.action, args=args.args)
    command = _command_since(desk, args.args.get("actuator", ""), asked_ns)
    return ActAnswer(answer, command=command, nearest=_meant(desk.house.state, answer, args.args))


def _meant(state: State, answer: str, args: dict[str, str]) -> tuple[str, ...]:
    """The names that look like one nobody knows."""
    match answer:
        case "unknown_actuator":
            return nearest(args.get("actuator", ""), state.plant.actuators)
        case "unknown_alarm":
            return nearest(args.get("alarm", ""), state.alarms)
    return ()


def _check_lengths(args: dict[str, str]) -> None:
    """Raises Refused(argument_too_long)."""
    for name, value in args.items():
        if len(name) > NAME_CHARACTERS:
            raise Refused("argument_too_long", argument=name[:NAME_CHARACTERS], most=NAME_CHARACTERS, seen=len(name))
        if len(value) > VALUE_CHARACTERS:
            raise Refused("argument_too_long", argument=name, most=VALUE_CHARACTERS, seen=len(value))


async def _act_of_two(desk: Desk, who: Caller, role: str, args: ActArgs) -> ActAnswer:
    """The first request is on record as one that lacks its second person; the second completes it."""
    may = role in ROLES[args.action]
    held = desk.pairs.first_of(who, args.action, args.args, desk.house.now()) if may else None
    if held is not None:
        answer = await desk.act(held.first, held.role, args.action, args=args.args, second_person=who.person)
        return ActAnswer(answer)
    answer = await desk.act(who, role, args.action, args=args.args)
    if answer != "second_person_needed":
        return ActAnswer(answer)
    desk.pairs.hold(who, role, args.action, args.args, desk.house.now())
    return ActAnswer(answer, held_s=HOLD_S)


def _command_since(desk: Desk, actuator: str, asked_ns: int) -> str:
    """The newest command about an actuator that was intended from `asked_ns` on: what this action led to."""
    asked = desk.house.state.asked.get(actuator)
    if asked is None or asked.at_ns < asked_ns:
        return ""
    return desk.house.feed.newest(actuator)


async def _import(desk: Desk, who: Caller, args: ImportArgs) -> object:
    """Portion by portion, letting the step in between; their commits overlap. A person who may not import is told so
    even where nothing would change."""
    role = role_for(who, IMPORT, args.role)
    if not args.dry_run and role not in ROLES[IMPORT]:
        raise Refused(await desk.act(who, role, IMPORT), action=IMPORT)
    # what waits in memory is not in the catalogue yet
    if not args.dry_run and desk.house.store_standing().level == "failed":
        raise Refused("store_failed", action=IMPORT)
    sorter = LineSorter(desk.house.state, args.lines)
    parts: list[tuple[int, Sorted]] = []
    under_way: list[asyncio.Task[str]] = []
    try:
        for portion in portions(args.lines):
            part = sorter.sort(args.lines[portion])
            parts.append((portion.start, part))
            if part.good and not args.dry_run:
                coming = desk.act(who, role, IMPORT, volumes=tuple(part.good))
                under_way.append(asyncio.create_task(coming, name="api import"))
            await asyncio.sleep(0)
        results = await asyncio.gather(*under_way)
    finally:
        for acting in under_way:
            acting.cancel()
    refusal = next((result for result in results if result != "accepted"), "")
    if refusal:
        raise Refused(refusal, action=IMPORT)
    return ImportAnswer(
        new=sum(part.new for _, part in parts),
        changed=sum(part.changed for _, part in parts),
        same=sum(part.same for _, part in parts),
        problems=tuple((first + i, code, holder) for first, part in parts for i, code, holder in part.problems),
        warnings=tuple((first + i, code, holder) for first, part in parts for i, code, holder in part.warnings),
    )


async def _command(desk: Desk, _who: Caller, args: CommandArgs) -> object:
    return answers.command(desk.house.state, desk.house.feed.command(args.command))


def may_read(who: Caller, fact: Fact) -> bool:
    """The audit trail is the auditor's; everything else any role's."""
    return is_auditor(who) or not isinstance(fact, ActionTaken | PlatformCommandTaken)


class Op(NamedTuple):
    """One operation: the type of its arguments, and its handler."""

    args: type
    answer: Callable[[Desk, Caller, Any], Awaitable[object]]


OPS: dict[str, Op] = {
    "status": Op(Nothing, _status),
    "devices": Op(Nothing, _devices),
    "alarms": Op(Nothing, _alarms),
    "layout": Op(Nothing, _layout),
    "find": Op(VolumeArgs, _find),
    "beliefs": Op(BeliefsArgs, _beliefs),
    "trace": Op(VolumeArgs, _trace),
    "history": Op(HistoryArgs, _history),
    "act": Op(ActArgs, _act),
    "import": Op(ImportArgs, _import),
    "command": Op(CommandArgs, _command),
    "rfid.health": Op(Nothing, _rfid_health),
    "rfid.coverage": Op(Nothing, _rfid_coverage),
    "rfid.antenna": Op(SegmentArgs, _rfid_antenna),
    "rfid.tag": Op(TagArgs, _rfid_tag),
    "rfid.order": Op(SegmentArgs, _rfid_order),
    "rfid.survey": Op(Nothing, _rfid_survey),
    "rfid.place": Op(PlaceArgs, _rfid_place),
}
WATCH = "watch"  # the one that streams: edge/api/server.py


async def answer(desk: Desk, who: Caller, op: str, raw_args: msgspec.Raw) -> object:
    """Carry out one request. Raises Refused."""
    known = OPS.get(op)
    if known is None:
        raise Refused("unknown_operation", op=op[:64], known=", ".join((*OPS, WATCH)))
    try:
        args: Any = msgspec.json.decode(raw_args, type=known.args)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused("bad_arguments", detail=f"{op}: {error}") from None
    return await known.answer(desk, who, args)
