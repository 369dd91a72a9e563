"""What the state says of the vault: pure functions of the state and vault time, giving records."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args

import msgspec
import numpy as np

from drivers.command import Scan
from edge.api.records import (
    ActuatorAnswer,
    AlarmAnswer,
    CommandAnswer,
    DeviceAnswer,
    DevicesAnswer,
    Health,
    PointAnswer,
    StatusAnswer,
    StoreStanding,
    Unknown,
)
from edge.rules.forged import OF_TAGS
from edge.rules.limits import voted
from edge.state.chip_facts import TagsIdentified
from edge.state.facts import Fact, ReferencesPlaced, Severity, Status, VolumesCatalogued
from edge.state.plant import PointSpec
from edge.state.state import Alarm, State
from edge.state.volumes import NOWHERE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN_OF = {"leak": "leak_unknown", "smoke": "smoke_unknown"}
_NO_DEGRADATION = {"volumes_unseen", "command_open"}  # ordinary life: a new catalogue, a valve under way


def utc(at_ns: int) -> datetime:
    """Vault time as people and JSON read it; microseconds."""
    return _EPOCH + timedelta(microseconds=at_ns // 1000)


def status(state: State, now_ns: int, store: StoreStanding, measured: Mapping[str, int | float]) -> StatusAnswer:
    """The vault at a glance, with what is unknown and would have to be proved."""
    vault = state.plant.vault
    standings = [state.devices.get(device) for device in state.plant.devices()]
    active = Counter(alarm.severity for alarm in state.alarms.values() if alarm.is_active)
    unknown = tuple(unknowns(state, now_ns))
    return StatusAnswer(
        health=health(state, unknown, store.level),
        centre=vault.centre,
        vault=vault.vault,
        node=vault.node,
        timezone=vault.timezone,
        language=vault.language,
        now=utc(now_ns),
        started=utc(state.started_ns),
        boot=state.boot,
        clock_is_sure=state.clock_is_sure,
        volumes=_volumes_by_status(state),
        cloned=len(state.tids.clones),
        devices_ok=sum(standing is not None and standing.is_ok for standing in standings),
        devices_lost=sum(standing is not None and not standing.is_ok for standing in standings),
        devices_unheard=sum(standing is None for standing in standings),
        alarms={severity: active[severity] for severity in get_args(Severity)},
        alarms_unacknowledged=sum(not alarm.acknowledged_by for alarm in state.alarms.values()),
        open_commands=len(state.intents),
        unknown=unknown,
        store=store,
        measured=dict(measured),
    )


def health(state: State, unknown: tuple[Unknown, ...], store_level: str) -> Health:
    """life_safety while such an alarm is active; degraded while any alarm is, or what should be known is not."""
    active = {alarm.severity for alarm in state.alarms.values() if alarm.is_active}
    if "life_safety" in active:
        return "life_safety"
    is_blind = any(item.code not in _NO_DEGRADATION for item in unknown)
    return "degraded" if active or is_blind or store_level != "ok" else "ok"


def unknowns(state: State, now_ns: int) -> Iterator[Unknown]:
    """Everything that cannot be told now: clock, devices, hazards, climate, actuators, commands under way, volumes."""
    plant = state.plant
    if not state.clock_is_sure:
        yield Unknown("clock_unsure", "clock")
    for device in plant.devices():
        standing = state.devices.get(device)
        if standing is None:
            yield Unknown("device_unheard", device)
        elif not standing.is_ok:
            yield Unknown("device_lost", device)
    for (device, point), spec in plant.points.items():
        if spec.quantity in _UNKNOWN_OF and _fresh(state, spec, now_ns) is None:
            yield Unknown(_UNKNOWN_OF[spec.quantity], f"{device}/{point}")
    for zone, quantity in plant.voters:
        found = voted(state, zone, quantity)
        if found.value is None:
            yield Unknown(found.reason, f"{zone}/{quantity}")
    for actuator in plant.actuators:
        known = state.actuators.get(actuator)
        if known is None or known.state is None:
            yield Unknown("actuator_unknown", actuator)
    for intent in state.intents.values():
        if not isinstance(intent.command, Scan):  # a reader that looks again leaves nothing unknown
            yield Unknown("command_open", intent.command.id)
    unseen = _volumes_by_status(state)["unseen"]
    if unseen:
        yield Unknown("volumes_unseen", str(unseen))


def devices(state: State, now_ns: int) -> DevicesAnswer:
    """Every device and actuator, in configuration order, then links."""
    vault = state.plant.vault
    kinds: dict[str, Any] = {reader.id: "reader" for reader in vault.readers}
    kinds |= {sensor.id: "sensor" for sensor in vault.sensors} | {board.id: "board" for board in vault.boards}
    kinds |= {link: "link" for link in state.devices if link not in kinds}
    points: dict[str, tuple[PointAnswer, ...]] = {}
    for spec in state.plant.points.values():
        points[spec.device] = (*points.get(spec.device, ()), _point(state, spec, now_ns))
    found = []
    for device, kind in kinds.items():
        standing = state.devices.get(device)
        found.append(
            DeviceAnswer(
                device=device,
                kind=kind,
                is_ok=standing.is_ok if standing else None,
                since=utc(standing.since_ns) if standing else None,
                reason=standing.reason if standing else "",
                points=points.get(device, ()),
            )
        )
    return DevicesAnswer(tuple(found), tuple(_actuators(state)))


def alarms(state: State) -> list[AlarmAnswer]:
    """What is not yet both over and acknowledged: gravest first, then oldest."""
    rank = {severity: i for i, severity in enumerate(get_args(Severity))}
    listed = sorted(
        state.alarms.values(), key=lambda alarm: (not alarm.is_active, rank[alarm.severity], alarm.raised_ns)
    )
    return [
        AlarmAnswer(
            alarm=alarm.alarm,
            code=alarm.code,
            severity=alarm.severity,
            zone=alarm.zone,
            source=alarm.source,
            raised=utc(alarm.raised_ns),
            is_active=alarm.is_active,
            acknowledged_by=alarm.acknowledged_by,
            volume=_volume_of(state, alarm),
        )
        for alarm in listed
    ]


def _volume_of(state: State, alarm: Alarm) -> str:
    if alarm.code not in OF_TAGS:
        return ""
    row = int(state.holders([bytes.fromhex(alarm.source)])[0])
    return state.volumes.lines[row].volume if row != NOWHERE else ""


def command(state: State, remembered: CommandAnswer) -> CommandAnswer:
    """What is known of a command: an intent from before the start is in the state alone."""
    intent = state.intents.get(remembered.command)
    if remembered.stage == "unknown" and intent is not None:
        return CommandAnswer(remembered.command, "open", actuator=intent.actuator, wanted=intent.wanted)
    return remembered


def shown(fact: Fact, volume: str = "") -> dict[str, Any]:
    """A fact as the API shows it: `type`, `at` in UTC and its fields. A portion of the catalogue is shown by its count
    and ends, or by the line of the `volume` that is asked about."""
    plain: dict[str, Any]
    if isinstance(fact, VolumesCatalogued):
        lines = fact.volumes
        own = next((line for line in lines if line.volume == volume), None)
        if own is not None:
            return {"type": "volume_catalogued", "at": utc(fact.at_ns), **msgspec.structs.asdict(own)}
        plain = {"type": "volumes_catalogued", "count": len(lines), "first": lines[0].volume, "last": lines[-1].volume}
    elif isinstance(fact, ReferencesPlaced):
        tags = fact.references
        plain = {"type": "references_placed", "count": len(tags), "first": tags[0].segment, "last": tags[-1].segment}
    elif isinstance(fact, TagsIdentified):
        own_tag = next((tag for tag in fact.tags if tag.volume == volume), None)
        if own_tag is not None:
            return {"type": "tag_identified", "at": utc(fact.at_ns), **msgspec.structs.asdict(own_tag)}
        chips = fact.tags
        plain = {"type": "tags_identified", "count": len(chips), "first": chips[0].volume, "last": chips[-1].volume}
    else:
        plain = msgspec.to_builtins(fact)
        plain.pop("at_ns")
        for name in [name for name in plain if name.endswith("_at_ns")]:
            at_ns = plain.pop(name)
            plain[name.removesuffix("_ns")] = utc(at_ns) if at_ns else None
    return {"type": plain.pop("type"), "at": utc(fact.at_ns), **plain}


def traced(facts: Sequence[Fact], volume: str) -> list[dict[str, Any]]:
    """Facts about a volume, oldest first, as `shown`; a line of the catalogue that came before is set beside the one
    that replaced it: `before` holds what changed, as it was."""
    told = [shown(fact, volume) for fact in facts]
    lines = [fact for fact in told if fact["type"] == "volume_catalogued"]
    for earlier, later in pairwise(lines):
        later["before"] = {
            name: earlier[name] for name in ("epc", "slot", "thickness_mm", "tid") if earlier[name] != later[name]
        }
    return told


def _volumes_by_status(state: State) -> dict[Status, int]:
    names = get_args(Status)
    counts = np.bincount(state.volumes.status, minlength=len(names))
    return {name: int(counts[i]) for i, name in enumerate(names)}


def _fresh(state: State, spec: PointSpec, now_ns: int) -> float | None:
    reading = state.readings.get((spec.device, spec.point))
    return None if reading is None or now_ns - reading.at_ns > spec.freshness_ns else reading.value


def _point(state: State, spec: PointSpec, now_ns: int) -> PointAnswer:
    reading = state.readings.get((spec.device, spec.point))
    value = _fresh(state, spec, now_ns)
    return PointAnswer(spec.point, spec.quantity, value, utc(reading.at_ns) if reading else None)


def _actuators(state: State) -> Iterator[ActuatorAnswer]:
    for actuator in state.plant.actuators.values():
        standing = state.actuators.get(actuator.id)
        asked = state.asked.get(actuator.id)
        yield ActuatorAnswer(
            actuator=actuator.id,
            board=actuator.board,
            zones=actuator.zones,
            state=standing.state if standing else None,
            since=utc(standing.since_ns) if standing else None,
            wanted=asked.wanted if asked else None,
        )
