"""Commands that look at the running vault: status, devices, alarms, find."""

from pathlib import Path
from typing import get_args

import typer

from config.messages import Texts
from edge.api.records import AlarmAnswer, CloneAnswer, CustodyAnswer, DevicesAnswer, FindAnswer, StatusAnswer
from edge.cli.client import Daemon
from edge.cli.commands.looking import looked, standing
from edge.cli.commands.order import show_stands
from edge.cli.options import described, options
from edge.cli.screen import Screen, measured, seconds
from edge.cli.trouble import DEGRADED, LIFE_SAFETY, OK
from edge.state.facts import Severity

EXIT_OF_HEALTH = {"ok": OK, "degraded": DEGRADED, "life_safety": LIFE_SAFETY}
_STYLE_OF_HEALTH = {"ok": "green", "degraded": "yellow", "life_safety": "bold red"}
_MOST_UNKNOWN = 40
_MOST_ALARMS = 5
_GRAVEST: tuple[Severity, ...] = get_args(Severity)
_FIRST_CODES = ("leak", "safe_state_not_reached")  # among those as grave


def add(app: typer.Typer, texts: Texts) -> None:
    """`status`, `devices`, `alarms`, `find`."""
    option = options(texts)

    @app.command(help=described(texts, "status", "status", "status --json"))
    def status(state: Path = option.state, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        with Daemon(state) as daemon:
            answer = standing(screen, daemon)
            if json:
                screen.json(answer)
            else:
                _show_status(screen, daemon, answer)
            return EXIT_OF_HEALTH[answer.health]

    @app.command(help=described(texts, "devices", "devices", "devices --json"))
    def devices(state: Path = option.state, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        answer = looked(texts, state, json, "devices", DevicesAnswer, _show_devices)
        return OK if all(device.is_ok for device in answer.devices) else DEGRADED

    @app.command(help=described(texts, "alarms", "alarms", "alarms --json"))
    def alarms(state: Path = option.state, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        answer = looked(texts, state, json, "alarms", list[AlarmAnswer], _show_alarms)
        active = [alarm for alarm in answer if alarm.is_active]
        if any(alarm.severity == "life_safety" for alarm in active):
            return LIFE_SAFETY
        return DEGRADED if active else OK

    @app.command(help=described(texts, "find", "find V000123", "find 2c14257bf400020000000001 --json"))
    def find(volume: str, state: Path = option.state, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        looked(texts, state, json, "find", FindAnswer, _show_found, volume=volume)
        return OK


def _show_status(screen: Screen, daemon: Daemon, answer: StatusAnswer) -> None:
    say, style = screen.say, _STYLE_OF_HEALTH[answer.health]
    say(f"health_{answer.health}", style, vault=answer.vault, node=answer.node)
    say("status_time", now=screen.local(answer.now), started=screen.local(answer.started))
    say("status_volumes", "", **answer.volumes, total=sum(answer.volumes.values()))
    if answer.cloned:
        say("status_cloned", "yellow", count=answer.cloned)
    say("status_devices", ok=answer.devices_ok, lost=answer.devices_lost, unheard=answer.devices_unheard)
    say("status_alarms", "", **answer.alarms, unacknowledged=answer.alarms_unacknowledged)
    _show_why(screen, daemon, answer)
    say("status_store", level=screen.texts.label(f"store_level_{answer.store.level}"), backlog=answer.store.backlog)
    if answer.store.free_mb is not None and answer.store.needed_mb is not None:
        say("status_reserve", "yellow", free=answer.store.free_mb, needed=answer.store.needed_mb)
    if not answer.unknown:
        return
    say("status_unknown", "bold", count=len(answer.unknown))
    for item in answer.unknown[:_MOST_UNKNOWN]:
        text = screen.texts.code(item.code, {"subject": item.subject})
        screen.line(f"  {item.subject}: {text.title}. {text.next_step}")
    if len(answer.unknown) > _MOST_UNKNOWN:
        say("and_more", count=len(answer.unknown) - _MOST_UNKNOWN)


def _show_why(screen: Screen, daemon: Daemon, answer: StatusAnswer) -> None:
    """The gravest active alarms in words; lost devices that stand among the unknown are told there."""
    if not any(answer.alarms.values()):
        return
    reasons = {device.device: device.reason for device in daemon.ask("devices", DevicesAnswer).devices}
    told = {item.subject for item in answer.unknown if item.code == "device_lost"}
    active = [alarm for alarm in daemon.ask("alarms", list[AlarmAnswer]) if alarm.is_active]
    untold = [alarm for alarm in active if alarm.code != "device_lost" or alarm.source not in told]
    untold.sort(key=lambda alarm: (_GRAVEST.index(alarm.severity), alarm.code not in _FIRST_CODES))
    for alarm in untold[:_MOST_ALARMS]:
        text = screen.texts.code(alarm.code)
        reason = reasons.get(alarm.source) if alarm.code == "device_lost" else ""
        meaning = screen.texts.code(reason).meaning if reason else text.meaning
        screen.say(
            "status_alarm", _STYLE_OF_HEALTH[answer.health], alarm=text.title, source=_source(alarm), meaning=meaning
        )
        if text.next_step:
            screen.line(f"    {text.next_step}")
    if len(untold) > _MOST_ALARMS:
        screen.say("status_more_alarms", count=len(untold) - _MOST_ALARMS)


def _source(alarm: AlarmAnswer) -> str:
    """What an alarm is about, for a person: of a tag first the volume."""
    return f"{alarm.volume} ({alarm.source})" if alarm.volume else alarm.source


def _show_devices(screen: Screen, answer: DevicesAnswer) -> None:
    label, title = screen.texts.label, screen.texts.title
    rows = []
    for device in answer.devices:
        how = {True: "device_ok", False: "device_is_lost", None: "device_is_unheard"}[device.is_ok]
        says = [f"{point.point} {measured(screen.texts, point.quantity, point.value)}" for point in device.points]
        says += [
            f"{item.actuator} {label(f'state_{item.state}')}"
            for item in answer.actuators
            if item.board == device.device
        ]
        points = ", ".join(says)
        kind = label(f"kind_{device.kind}")
        rows.append((device.device, kind, label(how), screen.local(device.since), title(device.reason), points))
    screen.table(
        ("column_device", "column_kind", "column_state", "column_since", "column_reason", "column_points"),
        rows,
        spare=("column_kind", "column_since", "column_reason"),
    )
    if answer.actuators:
        screen.line("")
        actuators = [
            (
                item.actuator,
                ", ".join(item.zones),
                label(f"state_{item.state}"),
                label(f"state_{item.wanted}") if item.wanted else "-",
                screen.local(item.since),
            )
            for item in answer.actuators
        ]
        screen.table(
            ("column_actuator", "column_zones", "column_state", "column_wanted", "column_since"),
            actuators,
            spare=("column_since", "column_zones"),
        )


def _show_alarms(screen: Screen, answer: list[AlarmAnswer]) -> None:
    if not answer:
        screen.say("no_alarms", "green")
        return
    label = screen.texts.label
    rows = [
        (
            label(f"severity_{alarm.severity}"),
            screen.texts.title(alarm.code),
            _source(alarm),
            alarm.zone or "-",
            screen.local(alarm.raised),
            label("alarm_active" if alarm.is_active else "alarm_over"),
            alarm.acknowledged_by or "-",
            alarm.alarm,
        )
        for alarm in answer
    ]
    screen.table(
        (
            "column_severity",
            "column_alarm",
            "column_source",
            "column_zone",
            "column_raised",
            "column_state",
            "column_acknowledged",
            "column_key",
        ),
        rows,
        spare=("column_source", "column_zone", "column_acknowledged", "column_severity", "column_raised"),
    )


def _show_found(screen: Screen, answer: FindAnswer) -> None:
    label = screen.texts.label
    status = label(f"volume_{answer.status}")
    if answer.doubt:
        other = answer.candidates[0].segment if answer.candidates else "-"
        screen.say(f"find_{answer.doubt}", "bold", volume=answer.volume, status=status, other=other)
    else:
        screen.line(f"{answer.volume}: {status}", "bold")
    if answer.custody is not None:
        _show_custody(screen, answer.custody)
    is_there = answer.doubt in ("", "likely") and answer.status != "missing"
    if answer.segment is not None:
        screen.say("find_place" if is_there else "find_place_told", segment=answer.segment, zone=answer.zone)
    elif answer.custody is None:
        screen.say("find_nowhere")
    screen.say("find_book", slot=answer.book_slot, segment=answer.book_segment or "-")
    if answer.age_s is None:
        screen.say("find_never")
    else:
        screen.say(
            "find_sure" if is_there else "find_sure_still",
            percent=f"{answer.confidence * 100:.1f}",
            age=seconds(answer.age_s),
        )
    if answer.tid:
        screen.say("tag_tid", tid=answer.tid)
    show_clone(screen, answer.clone)
    if answer.twice is not None:
        twice = answer.twice
        how = "find_twice" if twice.is_told else "find_perhaps_twice"
        screen.say(how, "red" if twice.is_told else "yellow", one=twice.segment, other=twice.other)
        screen.next_step(twice.code)
    if answer.awaited_s is not None:
        screen.say("find_awaited", "yellow", age=seconds(answer.awaited_s))
    if answer.custody is None:
        screen.say("find_holder", holder="-")
    if answer.order is not None:
        show_stands(screen, answer.order)
    for candidate in answer.candidates:
        screen.say("find_candidate", segment=candidate.segment, percent=f"{candidate.confidence * 100:.1f}")


def show_clone(screen: Screen, clone: CloneAnswer | None) -> None:
    """Another tag with the EPC of the volume, when there is one, and what to do about it."""
    if clone is None:
        return
    at = screen.local(clone.since)
    screen.say("find_clone", "red", other_tid=clone.other_tid, segment=clone.segment, at=at, tid=clone.tid)
    screen.next_step(clone.code)


def _show_custody(screen: Screen, custody: CustodyAnswer) -> None:
    held = "find_held" if custody.segment else "find_held_from_nowhere"
    screen.say(
        held if custody.is_held else "find_placed",
        kind=screen.texts.label(f"holder_{custody.kind}"),
        holder=custody.holder,
        since=screen.local(custody.since),
        segment=custody.segment or "-",
    )
