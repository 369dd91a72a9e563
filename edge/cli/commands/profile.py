"""`lantai profile test`: a register map against the device itself, before it goes into a configuration."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from config.devices import Bus
from config.messages import Texts
from config.problem import ConfigError
from config.profile import Profile
from config.profile_files import load_profile
from edge.cli.commands.files import show_problems
from edge.cli.options import described, options
from edge.cli.screen import Screen, measured
from edge.cli.trouble import BAD_INPUT, DEGRADED, OK, Trouble

if TYPE_CHECKING:
    from edge.field.profile_look import PointLook

_BAUD = 9600
_TIMEOUT_S = 0.3
_PORT = 502


def add(app: typer.Typer, texts: Texts) -> None:
    """`profile test`."""
    option = options(texts)
    profile = typer.Typer(help=described(texts, "profile", "profile test xy-md02 --host 10.0.0.7 --unit 3"))
    app.add_typer(profile, name="profile")

    @profile.callback()
    def common(lang: str = option.lang) -> None:
        del lang  # also before the command's name

    file_argument = typer.Argument(help=texts.label("help_profile_file"))
    unit_option = typer.Option(1, "--unit", min=1, max=255, help=texts.label("help_profile_unit"))
    host_option = typer.Option("", "--host", help=texts.label("help_profile_host"))
    port_option = typer.Option(_PORT, "--port", min=1, max=65535, help=texts.label("help_profile_port"))
    rtu_option = typer.Option(False, "--rtu", help=texts.label("help_profile_rtu"))
    serial_option = typer.Option("", "--serial", help=texts.label("help_profile_serial"))
    baud_option = typer.Option(_BAUD, "--baud", help=texts.label("help_profile_baud"))
    parity_option = typer.Option("N", "--parity", metavar="N|E|O", help=texts.label("help_profile_parity"))
    timeout_option = typer.Option(_TIMEOUT_S, "--timeout", min=0.01, max=60, help=texts.label("help_profile_timeout"))

    @profile.command(
        help=described(
            texts,
            "profile_test",
            "profile test xy-md02 --serial /dev/serial/by-id/usb-FTDI --unit 3",
            "profile test my-meter.yaml --host 10.0.0.7 --json",
        )
    )
    def test(
        file: str = file_argument,
        unit: int = unit_option,
        host: str = host_option,
        port: int = port_option,
        rtu: bool = rtu_option,
        serial: str = serial_option,
        baud: int = baud_option,
        parity: str = parity_option,
        timeout: float = timeout_option,
        json: bool = option.json,
        lang: str = option.lang,
    ) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        if bool(host) == bool(serial):
            raise Trouble("profile_line_needed")
        words = {"transport": "rtu_over_tcp" if rtu else "tcp", "host": host, "port": port}
        if serial:
            words = {"transport": "rtu", "serial": serial, "baud": baud, "parity": parity}
        try:
            bus = msgspec.convert({"id": "line", "timeout_s": timeout, **words}, Bus)
        except msgspec.ValidationError as error:
            raise Trouble("profile_line_wrong", seen=str(error)) from None
        try:
            found = _profile(file)
        except ConfigError as error:
            show_problems(screen, Path(file), error.problems)
            return BAD_INPUT
        seen = asyncio.run(_looked(bus, found, unit))
        _show(screen, found, unit, seen)
        return OK if all(one.value is not None for one in seen) else DEGRADED


def _profile(name: str) -> Profile:
    """One of the package by its id, else a file. Raises ConfigError, Trouble for a file that is not there."""
    file = Path(name)
    if "/" not in name and not name.endswith(".yaml"):
        return load_profile(name)
    if not file.is_file() or file.suffix != ".yaml":
        raise Trouble("no_such_profile_file", file=name)
    return load_profile(file.stem, [file.parent])


async def _looked(bus: Bus, profile: Profile, unit: int) -> tuple["PointLook", ...]:
    from drivers.modbus.plan import SERIAL_GAP, TCP_GAP  # noqa: PLC0415  pymodbus, for this command alone
    from edge.field.modbus_line import ModbusLine  # noqa: PLC0415
    from edge.field.profile_look import look  # noqa: PLC0415

    line = ModbusLine(bus)
    try:
        if not await line.open():
            raise Trouble("line_unopened", line=bus.serial or f"{bus.host}:{bus.port}")
        return await look(line, profile, unit, max_gap=TCP_GAP if bus.transport == "tcp" else SERIAL_GAP)
    finally:
        await line.close()


def _show(screen: Screen, profile: Profile, unit: int, seen: tuple["PointLook", ...]) -> None:
    if screen.is_json:
        points = [msgspec.structs.asdict(one) | {"text": screen.texts.code(one.verdict)} for one in seen]
        screen.json({"profile": profile.id, "source": profile.source, "unit": unit, "points": points})
        return
    screen.line(f"{profile.id}: {profile.source}")
    rows = [
        (one.point, f"{one.table} {one.address}", _raw(one), _value(screen, one), screen.texts.code(one.verdict).title)
        for one in seen
    ]
    screen.table(("column_point", "column_register", "column_raw", "column_value", "column_verdict"), rows)
    for verdict in dict.fromkeys(one.verdict for one in seen if one.value is None):
        screen.code(verdict, style="yellow")
    if all(one.value is not None for one in seen):
        screen.next_step("point_read")


def _raw(one: "PointLook") -> str:
    if one.raw is None:
        return "-"
    return " ".join(str(word) if one.table in ("co", "di") else f"0x{word:04X}" for word in one.raw)


def _value(screen: Screen, one: "PointLook") -> str:
    value = one.seen if one.value is None else one.value
    return measured(screen.texts, one.quantity, None if value is None else float(value))
