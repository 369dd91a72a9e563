"""Devices: how each is reached and what it stands for. Register maps are profiles (config/profiles/*.yaml)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.profile import ProfileId

DeviceId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="stable id: letters, digits, . _ -")
]
Seconds = Annotated[float, Meta(gt=0)]


class Reader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An LLRP reader. `segments[i]` is what antenna port i + 1 sees; null for a port without an antenna."""

    id: DeviceId
    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 5084
    segments: tuple[str | None, ...]
    dwell_ms: Annotated[int, Meta(ge=10, le=3_600_000)] = 500
    """How long one antenna searches before the next: the duration trigger of its AISpec."""
    power_dbm: Annotated[float, Meta(ge=0, le=33)] = 30.0
    session: Annotated[int, Meta(ge=0, le=3)] = 1
    """C1G2 inventory session."""
    tag_population: Annotated[int, Meta(ge=1, le=65535)] = 128
    keepalive_s: Seconds = 5.0
    freshness_s: Seconds = 30.0


class Bus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Modbus line. tcp and rtu_over_tcp use host and port; rtu uses a serial device by stable id."""

    id: DeviceId
    transport: Literal["tcp", "rtu", "rtu_over_tcp"]
    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 502
    serial: str = ""
    baud: Literal[1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200] = 9600
    parity: Literal["N", "E", "O"] = "N"
    timeout_s: Seconds = 0.3


class Sensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Modbus unit that measures; its profile names the points (config/profiles)."""

    id: DeviceId
    bus: DeviceId
    unit: Annotated[int, Meta(ge=1, le=255)]
    profile: ProfileId
    zone: DeviceId
    place: Literal["inside", "outside"] = "inside"
    period_s: Seconds = 5.0
    freshness_s: Seconds = 30.0


class Board(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Modbus unit with outputs, each read back."""

    id: DeviceId
    bus: DeviceId
    unit: Annotated[int, Meta(ge=1, le=255)]
    profile: ProfileId
    period_s: Seconds = 2.0
    freshness_s: Seconds = 15.0


class Actuator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One output of a board and what it does in the vault.

    `safe` is the state that may always be commanded; `energised` is the state it takes while its output is on.
    """

    id: DeviceId
    board: DeviceId
    output: str
    kind: Literal["water_valve"]
    zones: tuple[DeviceId, ...]
    safe: Literal["closed"] = "closed"
    energised: Literal["open", "closed"]
    label: str = ""
