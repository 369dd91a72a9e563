"""Modbus units: a transmitter, a leak rope whose bits are confirmed, a relay board that takes orders."""

from collections.abc import Iterable

from config.profile_files import load_profile
from drivers.command import Switch
from drivers.modbus.device import UnitSession
from drivers.modbus.registers import RegisterBlock, RegisterRead, RegisterWrite, Reply, Request, RequestFailed
from tests.conformance.kit import SECOND, Asked, Specimen, converse

START = 1_000 * SECOND


def _session(device: str, unit: int, profile: str) -> UnitSession:
    return UnitSession(device, unit, load_profile(profile), period_s=5.0, max_gap=12)


def _transmitter() -> UnitSession:
    return _session("th-1", 1, "xy-md02")


def _rope() -> UnitSession:
    return _session("leak-1", 2, "leak-rope")


def _board() -> UnitSession:
    return _session("board-1", 3, "relay-8")


def _climate(request: Request) -> Iterable[Reply]:
    return (RegisterBlock(request, (0xFF33, 453)),)


def _wet(request: Request) -> Iterable[Reply]:
    return (RegisterBlock(request, (0b1001, 12, 0, 80, 30)),)


def _busy(request: Request) -> Iterable[Reply]:
    return (RequestFailed(request, "busy"),)


def _relays(request: Request) -> Iterable[Reply]:
    """Relay 3 is on, as ordered; nothing else is."""
    if isinstance(request, RegisterWrite):
        return (RegisterBlock(request, request.values),)
    return (RegisterBlock(request, tuple(int(request.address + i == 2) for i in range(request.count))),)


def _switch(command: str) -> Switch:
    return Switch(command, "board-1", "relay-3", on=True, toward_safety=True)


_READ = RegisterRead(1, "ir", 1, 2)
SPECIMENS = (
    Specimen(
        name="modbus-transmitter",
        factory=_transmitter,
        steps=converse(_transmitter(), _climate, from_ns=START, until_ns=START + 21 * SECOND),
        malformed=(
            RegisterBlock(_READ, (205,)),
            RegisterBlock(_READ, (205, 0x10000)),
            RegisterBlock(RegisterRead(9, "ir", 1, 2), (205, 453)),
            RequestFailed(RegisterRead(9, "ir", 1, 2), "timeout"),
        ),
        command=None,
        wire=RegisterRead,
    ),
    Specimen(
        name="modbus-leak-rope",
        factory=_rope,
        steps=converse(_rope(), _wet, from_ns=START, until_ns=START + 21 * SECOND),
        malformed=(RegisterBlock(RegisterRead(2, "ir", 0, 5), (1, 2, 3, 4)),),
        command=None,
        wire=RegisterRead,
    ),
    Specimen(
        name="modbus-relay-board",
        factory=_board,
        steps=converse(
            _board(),
            _relays,
            from_ns=START,
            until_ns=START + 21 * SECOND,
            asked=(Asked(START + SECOND, _switch("order-1")), Asked(START + 7 * SECOND, _switch("order-2"))),
        ),
        malformed=(RegisterBlock(RegisterRead(3, "co", 0, 8), (2,) * 8),),
        command=_switch,
        wire=(RegisterRead, RegisterWrite),
    ),
)
