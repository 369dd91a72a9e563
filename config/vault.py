"""Places: what this vault is made of. Slots and segments are given by rule, never listed."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.devices import Actuator, Board, Bus, Reader, Sensor
from config.policy import Policy

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="stable id: letters, digits, . _ -")]
Secret = Annotated[
    str,
    Meta(
        pattern=r"^(secret:[A-Za-z0-9][A-Za-z0-9._-]{0,63})?$",
        description="secret:NAME, the name of a systemd credential or of a file in the state directory",
    ),
]
RackKind = Literal["open_rack", "mobile_shelving", "rotary_cabinet", "lift_cabinet"]
Face = Literal["L", "R"]
SCHEMA = 1


class Zone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A climate and hazard zone 库区."""

    id: Id
    label: str = ""


class Rack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One storage unit; its slots are rows x faces x sections x shelves x slots_per_shelf.

    A cabinet is rows 1, one face; its carriers or trays are `shelves`.
    """

    id: Id
    kind: RackKind
    zone: Id
    label: str = ""
    rows: Annotated[int, Meta(ge=1, le=999)] = 1
    faces: tuple[Face, ...] = ("L", "R")
    sections: Annotated[int, Meta(ge=1, le=999)] = 1
    shelves: Annotated[int, Meta(ge=1, le=99)] = 1
    slots_per_shelf: Annotated[int, Meta(ge=1, le=999)] = 20
    segment: Literal["rack", "section", "shelf"] = "section"
    """What one antenna sees: the whole rack (cabinets), one section with all its shelves, or one shelf of a section."""
    open_aisles: Annotated[int, Meta(ge=1, le=9)] = 1
    """mobile_shelving only: how many aisles of the bank may be open at a time."""


class Broker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One MQTT broker with its own credentials, session and health."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    username: str = ""
    password: Secret = ""
    """Only as `secret:NAME`."""
    ca_file: str = ""
    """PEM of the broker's authority; set, the link is TLS."""
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    protocol: Literal["5", "3.1.1", "auto"] = "auto"


class Platform(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The central platform: which broker carries it and whose signatures count."""

    broker: Id = "platform"
    issuers: dict[str, str] = {}
    """kid -> Ed25519 public key, base64url of 32 bytes."""


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much disk the journal may use."""

    cap_mb: Annotated[int, Meta(ge=64)] = 4096
    reserve_mb: Annotated[int, Meta(ge=8)] = 64
    """Kept free for alarms, custody and intents: telemetry and events stop before it is touched."""
    input_log_mb: Annotated[int, Meta(ge=0)] = 256
    """Ring of input log files; 0 switches it off."""


class Vault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole configuration file after `extends:` was folded in."""

    schema: Annotated[int, Meta(ge=1)]
    centre: Id
    vault: Id
    node: Id
    timezone: str
    language: Literal["zh-CN", "en"] = "zh-CN"
    brokers: dict[Id, Broker] = {}
    platform: Platform | None = None
    zones: tuple[Zone, ...]
    racks: tuple[Rack, ...]
    readers: tuple[Reader, ...] = ()
    buses: tuple[Bus, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    boards: tuple[Board, ...] = ()
    actuators: tuple[Actuator, ...] = ()
    store: Store = Store()
    policy: Policy = Policy()
