"""Profiles: the register map of one kind of Modbus device. Addresses are 0-based protocol addresses."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.phrase import phrase

ProfileId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
        description="lower-case letters, digits, . _ -",
        extra={"expected": phrase("form_profile_id")},
    ),
]
PointId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        description="lower-case letters, digits, _ and -",
        extra={"expected": phrase("form_point_id")},
    ),
]
Address = Annotated[int, Meta(ge=0, le=65535)]
Table = Literal["co", "di", "hr", "ir"]
Kind = Literal["int16", "uint16", "int32", "float32", "bit", "sign_magnitude_10000"]
Quantity = Literal[
    "temperature_degc",
    "humidity_pct",
    "leak",
    "cable_break",
    "contamination",
    "leak_distance_m",
    "leakage_ua",
    "cable_length_m",
    "unit_code",
    "output",
    "smoke",
    "tamper",
    "device_fault",
    "service_due",
    "alarm_input",
    "input",
    "voltage_v",
    "current_a",
    "power_kw",
    "energy_kwh",
    "frequency_hz",
]

CONTACTS = frozenset(
    {
        *("leak", "cable_break", "contamination", "smoke", "tamper", "device_fault", "service_due", "alarm_input"),
        *("input", "output"),
    }
)
"""Quantities of points of kind bit; every other one is a number."""


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of a device: value = decoded raw x scale + offset.

    kind `bit` gives a Contact, every other kind a number of a Measurement. A bit of tables co and di is the
    coil itself (`bit` 0); of tables hr and ir it is bit `bit` of the register, 0 the least significant.
    """

    id: PointId
    """Name of the point in facts and topics."""
    quantity: Quantity
    """What is measured."""
    table: Table
    """co coils, di discrete inputs, hr holding registers, ir input registers."""
    address: Address
    """Of the first register or coil, counted from 0: the manual's 30001 is `ir` 0."""
    kind: Kind
    """sign_magnitude_10000: raw 10250 is -250; int32 and float32 take two registers."""
    scale: float = 1.0
    """Factor from raw to engineering units."""
    offset: float = 0.0
    """Added after the factor."""
    word_order: Literal["ABCD", "CDAB", "BADC", "DCBA"] = "ABCD"
    """Of int32 and float32: A is the most significant byte; the first register holds the first two."""
    bit: Annotated[int, Meta(ge=0, le=15)] = 0
    """kind bit in tables hr and ir: which bit of the register."""
    active: Literal[0, 1] = 1
    """kind bit: the raw value that means wet, broken, energised. Fail-safe contacts have 0."""
    low: float | None = None
    """Lowest valid value; null for none."""
    high: float | None = None
    """Values outside low..high, both included, in engineering units are not valid: they become None."""
    report_deadband: Annotated[float, Meta(ge=0)] = 0.0
    """Reported at once when it moves by more than this since the last report; 0: at every change."""
    unknown_while: tuple[PointId, ...] = ()
    """kind bit points of this profile; while one of them is active this point cannot be told and is None."""
    unit_point: str = ""
    """Device with a unit switch: the point whose raw value picks a further factor out of `unit_scales`."""
    unit_scales: tuple[float, ...] = ()
    """The factors for raw values 0, 1, ...; a raw value outside the list: None."""


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One coil that may be written; `readback` is the point that shows what it really does."""

    id: PointId
    """Named by actuators."""
    table: Literal["co"] = "co"
    """Coils only."""
    address: Address
    """Counted from 0."""
    readback: PointId
    """A point of kind bit."""


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of device: its points, its outputs and how it wants to be asked."""

    id: ProfileId
    """The file's name without .yaml."""
    source: Annotated[str, Meta(min_length=1)]
    """Where the register map is from: the manual, with its page."""
    notes: str = ""
    """Traps for the technician: factory address, baud rate, variants that differ."""
    points: Annotated[tuple[Point, ...], Meta(min_length=1)]
    """What can be read."""
    outputs: tuple[Output, ...] = ()
    """What can be written."""
    longest_reply_s: Annotated[float, Meta(gt=0, le=60)] = 0.3
    """A reply cannot come later than this; after a timeout the line stays silent for so long."""
    max_block: Annotated[int, Meta(ge=1, le=125)] = 125
    """Most registers that one request may ask of it."""
    min_gap_s: Annotated[float, Meta(ge=0, le=60)] = 0.0
    """Shortest pause between the end of its reply and the next request to it."""


def register_count(point: Point) -> int:
    """Registers (or coils) a point takes: 1 or 2."""
    return 2 if point.kind in ("int32", "float32") else 1
