"""Policy: limits with their sources, what counts as missing, who may do what, how long facts are kept."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.phrase import phrase

Role = Literal[
    "archivist",
    "technician",
    "safety_officer",
    "approver",
    "system_administrator",
    "security_administrator",
    "auditor",
]
EXCLUSIVE_ROLES = frozenset({"system_administrator", "security_administrator", "auditor"})  # 三员
Seconds = Annotated[float, Meta(ge=0)]
PersonId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="opaque id: letters, digits, . _ -",
        extra={"expected": phrase("form_opaque_id")},
    ),
]


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alarm limit of one quantity, in every zone or in those named."""

    quantity: Literal["temperature_degc", "humidity_pct"]
    """What is limited."""
    low: float
    """Below it the limit is crossed."""
    high: float
    """Above it the limit is crossed."""
    deadband: Annotated[float, Meta(ge=0)]
    """How far inside the limit the value must come before the crossing is over."""
    on_delay_s: Seconds = 60.0
    """Outside for so long before it counts."""
    off_delay_s: Seconds = 60.0
    """Inside for so long before it is over."""
    zones: tuple[str, ...] = ()
    """Empty: every zone."""
    source: str = ""
    """The rule it is from, for the alarm text and the ledger."""


class Presence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a belief becomes a fact."""

    sure: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95
    """Confidence from which a place counts as known."""
    missing_after_rounds: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """Silent rounds of the antenna that should see it before that antenna is asked to look once more. Left out: as many
    as its own read rate makes too unlikely, 8, 10, 14, 19 at 0.95, 0.9, 0.8, 0.7: under one false alarm a day over
    160,000 volumes."""
    tid_sweep_s: Annotated[float, Meta(ge=0, le=86_400)] = 3600.0
    """A reader that does not tell by itself what each tag's chip is reads it of four of its antennas so often, to find
    cloned tags; 0: never."""


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days an acknowledged fact stays in the journal, by lane, with exceptions by fact type."""

    alarm_days: Annotated[int, Meta(ge=90)] = 3650
    """Lane alarm."""
    custody_days: Annotated[int, Meta(ge=90)] = 3650
    """Lane custody."""
    event_days: Annotated[int, Meta(ge=1)] = 365
    """Lane event."""
    telemetry_days: Annotated[int, Meta(ge=1)] = 365
    """Lane telemetry."""
    types: dict[str, Annotated[int, Meta(ge=1)]] = {}
    """By fact type, e.g. `contact_changed: 30`; wins over its lane."""


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who a local user is: the kernel vouches for the uid (SO_PEERCRED)."""

    uid: Annotated[int, Meta(ge=0)]
    """`id -u NAME` on the vault server."""
    roles: tuple[Role, ...]
    """At most one of system_administrator, security_administrator, auditor 三员."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """May be shared between vaults by `extends:`."""

    limits: tuple[Limit, ...] = ()
    """Alarm limits."""
    presence: Presence = Presence()
    """When a belief becomes a fact."""
    retention: Retention = Retention()
    """How long facts are kept."""
    people: dict[PersonId, Person] = {}
    """By opaque person id: who may do what here."""
    telemetry_every_s: Annotated[float, Meta(gt=0)] = 60.0
    """Each point is reported at least this often, and at once when it moves by more than its profile's deadband."""
