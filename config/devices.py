"""Devices: how each is reached and what it stands for. Register maps are profiles (config/profiles/*.yaml)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.phrase import phrase
from config.profile import ProfileId

DeviceId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="stable id: letters, digits, . _ -",
        extra={"expected": phrase("form_stable_id")},
    ),
]
Seconds = Annotated[float, Meta(gt=0)]
RESCAN_DWELLS = 4
RESCAN_LONGEST_MS = 5000  # where the reader's own dwell is not longer still: the other antennas wait meanwhile


class Reader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An LLRP reader. `segments[i]` is what antenna port i + 1 sees; null for a port without an antenna."""

    id: DeviceId
    """One device id across the whole vault."""
    host: str
    """Name or address."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 5084
    """LLRP without TLS."""
    segments: tuple[str | None, ...]
    """Segment id by antenna port: ports 1, 2, ... in order."""
    dwell_ms: Annotated[int, Meta(ge=10, le=3_600_000)] = 500
    """How long one antenna searches before the next: the duration trigger of its AISpec."""
    power_dbm: Annotated[float, Meta(ge=0, le=33)] = 30.0
    """Transmit power of every antenna."""
    session: Annotated[int, Meta(ge=0, le=3)] = 1
    """C1G2 inventory session."""
    tag_population: Annotated[int, Meta(ge=1, le=65535)] = 128
    """How many tags one antenna may see: a hint to the reader."""
    keepalive_s: Seconds = 5.0
    """The reader says so often that it lives. Three missed, or no antenna done for three and two dwells: it is lost."""

    @property
    def rescan_dwell_ms(self) -> int:
        """How long one antenna searches when a second look is demanded of it."""
        return max(self.dwell_ms, min(RESCAN_DWELLS * self.dwell_ms, RESCAN_LONGEST_MS))


READER_POINTS = {"clock_offset_s": 0.5, "searching_share": 0.1, "temperature_degc": 1.0}
"""What every reader tells of itself -> by how much it moves before it goes on record again."""


class Bus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Modbus line. tcp and rtu_over_tcp use host and port; rtu uses a serial device by stable id."""

    id: DeviceId
    """One device id across the whole vault."""
    transport: Literal["tcp", "rtu", "rtu_over_tcp"]
    """rtu_over_tcp: RTU frames through a plain serial server."""
    host: str = ""
    """tcp, rtu_over_tcp: the gateway."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 502
    """tcp, rtu_over_tcp: its port."""
    serial: str = ""
    """rtu: the serial device by a name that survives a reboot, e.g. /dev/serial/by-id/...."""
    baud: Literal[1200, 2400, 4800, 9600, 14400, 19200, 38400, 57600, 115200] = 9600
    """rtu: all units of the line share it."""
    parity: Literal["N", "E", "O"] = "N"
    """rtu: N, E or O; 8 data bits, 1 stop bit."""
    timeout_s: Seconds = 0.3
    """How long a reply may take."""


class Sensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Modbus unit that measures; its profile names the points (config/profiles)."""

    id: DeviceId
    """One device id across the whole vault."""
    bus: DeviceId
    """The line it is on."""
    unit: Annotated[int, Meta(ge=1, le=255)]
    """Its Modbus unit number."""
    profile: ProfileId
    """The kind of device."""
    zone: DeviceId
    """What it measures for."""
    place: Literal["inside", "outside"] = "inside"
    """outside: recorded, never voted."""
    period_s: Seconds = 5.0
    """How often it is asked."""
    freshness_s: Seconds = 30.0
    """Silent for so long, it counts as lost."""


class Board(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Modbus unit with outputs, each read back."""

    id: DeviceId
    """One device id across the whole vault."""
    bus: DeviceId
    """The line it is on."""
    unit: Annotated[int, Meta(ge=1, le=255)]
    """Its Modbus unit number."""
    profile: ProfileId
    """The kind of device; it must have outputs."""
    period_s: Seconds = 2.0
    """How often its outputs are read back."""
    freshness_s: Seconds = 15.0
    """Silent for so long, it counts as lost."""


class Actuator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One output of a board and what it does in the vault.

    `safe` is the state that may always be commanded; `energised` is the state it takes while its output is on.
    """

    id: DeviceId
    """One device id across the whole vault."""
    board: DeviceId
    """The board that drives it."""
    output: str
    """One of the outputs of that board's profile."""
    kind: Literal["water_valve"]
    """What is driven."""
    zones: Annotated[tuple[DeviceId, ...], Meta(min_length=1)]
    """The zones it acts for: water in one of them closes a valve."""
    safe: Literal["closed"] = "closed"
    """Commanded at once, whatever is unknown."""
    energised: Literal["open", "closed"]
    """State while the output is on; choose it so that a power cut is safe."""
    label: str = ""
    """What people are shown."""
