"""Devices against buses, zones, segments and profiles."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from config.crosscheck import Checking, check_doubles, check_reference, ids_of, readable, records
from config.phrase import Said, phrase
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
    check_doubles(checking, named, phrase("want_device_id_once"))
    _check_readers(checking, vault, segments)
    _check_buses(checking, vault)
    _check_units(checking, vault, profiles)
    _check_actuators(checking, vault, profiles)


def _check_readers(checking: Checking, vault: Vault, segments: Collection[str] | None) -> None:
    readers = records(vault.readers)
    seen_by: list[tuple[Steps, Any]] = []
    for index, reader in readers:
        for port, segment in records(reader.segments):
            if segment is not None:
                steps: Steps = ("readers", index, "segments", port)
                check_reference(checking, steps, segment, segments, phrase("noun_segment"))
                seen_by.append((steps, segment))
    check_doubles(checking, seen_by, phrase("want_segment_once"))
    addresses: list[tuple[Steps, Any]] = [
        (("readers", i, "port"), f"{reader.host}:{reader.port}")
        for i, reader in readers
        if readable(reader.host, reader.port)
    ]
    check_doubles(checking, addresses, phrase("want_reader_address_once"))


def _check_buses(checking: Checking, vault: Vault) -> None:
    lines: list[tuple[Steps, Any]] = []
    for index, bus in records(vault.buses):
        steps: Steps = ("buses", index)
        if not readable(bus.transport):
            continue
        if bus.transport == "rtu":
            if not bus.serial:
                step = phrase("do_give_serial")
                checking.refuse((*steps, "serial"), phrase("seen_nothing"), phrase("want_serial"), step)
            elif readable(bus.serial):
                lines.append(((*steps, "serial"), bus.serial))
        elif not bus.host:
            expected = phrase("want_host", transport=bus.transport)
            checking.refuse((*steps, "host"), phrase("seen_nothing"), expected, phrase("do_give_gateway_address"))
        elif readable(bus.host, bus.port):
            lines.append(((*steps, "port"), f"{bus.host}:{bus.port}"))
    check_doubles(checking, lines, phrase("want_line_once"))


def _check_units(checking: Checking, vault: Vault, profiles: Mapping[str, Profile]) -> None:
    buses, zones = ids_of(vault.buses), ids_of(vault.zones)
    units: list[tuple[Steps, Any]] = []
    for kind in ("sensors", "boards"):
        for index, device in records(getattr(vault, kind)):
            steps: Steps = (kind, index)
            check_reference(checking, (*steps, "bus"), device.bus, buses, phrase("noun_bus"))
            if readable(device.bus, device.unit):
                units.append(((*steps, "unit"), phrase("unit_of_bus", unit=device.unit, bus=device.bus)))
            if readable(device.freshness_s, device.period_s) and device.freshness_s <= device.period_s:
                expected = phrase("want_above_period", period_s=f"{device.period_s:g}")
                seen: Said = f"{device.freshness_s:g}"
                checking.refuse((*steps, "freshness_s"), seen, expected, phrase("do_five_periods"))
            profile = profiles.get(device.profile) if readable(device.profile) else None
            if kind == "sensors":
                check_reference(checking, (*steps, "zone"), device.zone, zones, phrase("noun_zone"))
            elif profile is not None and not profile.outputs:
                step = phrase("do_list_as_sensor")
                checking.refuse((*steps, "profile"), device.profile, phrase("want_profile_with_outputs"), step)
    check_doubles(checking, units, phrase("want_unit_once"))


def _check_actuators(checking: Checking, vault: Vault, profiles: Mapping[str, Profile]) -> None:
    boards, zones = ids_of(vault.boards), ids_of(vault.zones)
    by_id = {board.id: board for _, board in records(vault.boards) if readable(board.id)}
    driven: list[tuple[Steps, Any]] = []
    for index, actuator in records(vault.actuators):
        steps: Steps = ("actuators", index)
        check_reference(checking, (*steps, "board"), actuator.board, boards, phrase("noun_board"))
        for number, zone in records(actuator.zones):
            check_reference(checking, (*steps, "zones", number), zone, zones, phrase("noun_zone"))
        if not readable(actuator.board, actuator.output) or actuator.board not in by_id:
            continue
        driven.append(((*steps, "output"), phrase("output_of_board", output=actuator.output, board=actuator.board)))
        profile_id = by_id[actuator.board].profile
        profile = profiles.get(profile_id) if readable(profile_id) else None
        if profile is not None and profile.outputs:
            outputs = [output.id for output in profile.outputs]
            check_reference(checking, (*steps, "output"), actuator.output, outputs, phrase("noun_output"))
    check_doubles(checking, driven, phrase("want_output_once"))
