"""Devices against buses, zones, segments and profiles."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from config.crosscheck import Checking, check_doubles, check_reference, ids_of, readable, records
from config.profile import Profile
from config.vault import Vault

if TYPE_CHECKING:
    from config.problem import Steps

_KINDS = ("readers", "buses", "sensors", "boards", "actuators")


def check_devices(
    checking: Checking,
    vault: Vault,
    segments: Collection[str] | None,
    profiles: Mapping[str, Profile],
) -> None:
    """`profiles`: those that could be read, by id; about the others something was said already."""
    named: list[tuple[Steps, Any]] = [
        ((kind, i, "id"), item.id) for kind in _KINDS for i, item in records(getattr(vault, kind))
    ]
    check_doubles(checking, named, "device id")
    _check_readers(checking, vault, segments)
    _check_buses(checking, vault)
    _check_units(checking, vault, profiles)
    _check_actuators(checking, vault, profiles)


def _check_readers(checking: Checking, vault: Vault, segments: Collection[str] | None) -> None:
    readers = records(vault.readers)
    seen_by: list[tuple[Steps, Any]] = []
    for index, reader in readers:
        if readable(reader.freshness_s, reader.keepalive_s) and reader.freshness_s <= reader.keepalive_s:
            seen, expected = f"{reader.freshness_s:g}", f"above keepalive_s ({reader.keepalive_s:g})"
            checking.refuse(("readers", index, "freshness_s"), seen, expected, "three keepalives are usual")
        for port, segment in records(reader.segments):
            if segment is not None:
                check_reference(checking, ("readers", index, "segments", port), segment, segments, "segment")
                seen_by.append((("readers", index, "segments", port), segment))
    check_doubles(checking, seen_by, "segment by one antenna")
    addresses: list[tuple[Steps, Any]] = [
        (("readers", i, "port"), f"{reader.host}:{reader.port}")
        for i, reader in readers
        if readable(reader.host, reader.port)
    ]
    check_doubles(checking, addresses, "reader address")


def _check_buses(checking: Checking, vault: Vault) -> None:
    lines: list[tuple[Steps, Any]] = []
    for index, bus in records(vault.buses):
        steps: Steps = ("buses", index)
        if not readable(bus.transport):
            continue
        if bus.transport == "rtu":
            if not bus.serial:
                step = "give a stable name such as /dev/serial/by-id/..."
                checking.refuse((*steps, "serial"), "nothing", "the serial device of an rtu bus", step)
            elif readable(bus.serial):
                lines.append(((*steps, "serial"), bus.serial))
        elif not bus.host:
            step = "give the gateway's address"
            checking.refuse((*steps, "host"), "nothing", f"the host of a {bus.transport} bus", step)
        elif readable(bus.host, bus.port):
            lines.append(((*steps, "port"), f"{bus.host}:{bus.port}"))
    check_doubles(checking, lines, "line")


def _check_units(checking: Checking, vault: Vault, profiles: Mapping[str, Profile]) -> None:
    buses, zones = ids_of(vault.buses), ids_of(vault.zones)
    units: list[tuple[Steps, Any]] = []
    for kind in ("sensors", "boards"):
        for index, device in records(getattr(vault, kind)):
            steps: Steps = (kind, index)
            check_reference(checking, (*steps, "bus"), device.bus, buses, "bus")
            if readable(device.bus, device.unit):
                units.append(((*steps, "unit"), f"unit {device.unit} of bus '{device.bus}'"))
            if readable(device.freshness_s, device.period_s) and device.freshness_s <= device.period_s:
                seen, expected = f"{device.freshness_s:g}", f"above period_s ({device.period_s:g})"
                checking.refuse((*steps, "freshness_s"), seen, expected, "five periods are usual")
            profile = profiles.get(device.profile) if readable(device.profile) else None
            if kind == "sensors":
                check_reference(checking, (*steps, "zone"), device.zone, zones, "zone")
            elif profile is not None and not profile.outputs:
                step = "list it under `sensors`, or give a relay board's profile"
                checking.refuse((*steps, "profile"), device.profile, "a profile with outputs", step)
    check_doubles(checking, units, "unit number of a bus")


def _check_actuators(checking: Checking, vault: Vault, profiles: Mapping[str, Profile]) -> None:
    boards, zones = ids_of(vault.boards), ids_of(vault.zones)
    by_id = {board.id: board for _, board in records(vault.boards) if readable(board.id)}
    driven: list[tuple[Steps, Any]] = []
    for index, actuator in records(vault.actuators):
        steps: Steps = ("actuators", index)
        check_reference(checking, (*steps, "board"), actuator.board, boards, "board")
        for number, zone in records(actuator.zones):
            check_reference(checking, (*steps, "zones", number), zone, zones, "zone")
        if not readable(actuator.board, actuator.output) or actuator.board not in by_id:
            continue
        driven.append(((*steps, "output"), f"output '{actuator.output}' of board '{actuator.board}'"))
        profile_id = by_id[actuator.board].profile
        profile = profiles.get(profile_id) if readable(profile_id) else None
        if profile is not None and profile.outputs:
            outputs = [output.id for output in profile.outputs]
            check_reference(checking, (*steps, "output"), actuator.output, outputs, "output")
    check_doubles(checking, driven, "output")
