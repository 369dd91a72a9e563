"""Places: what this vault is made of. Slots and segments are given by rule, never listed."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.devices import Actuator, Board, Bus, Reader, Sensor
from config.phrase import phrase
from config.policy import Policy

Id = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="stable id: letters, digits, . _ -",
        extra={"expected": phrase("form_stable_id")},
    ),
]
Secret = Annotated[
    str,
    Meta(
        pattern=r"^(secret:[A-Za-z0-9][A-Za-z0-9._-]{0,63})?$",
        description="secret:NAME, the name of a systemd credential or of a file in the state directory",
        extra={"expected": phrase("form_secret")},
    ),
]
RackKind = Literal["open_rack", "mobile_shelving", "rotary_cabinet", "lift_cabinet"]
Face = Literal["L", "R"]
SCHEMA = 1


class Zone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A climate and hazard zone 库区."""

    id: Id
    """Zones are named in racks, sensors, actuators, limits and alarms."""
    label: str = ""
    """What people are shown."""


class Rack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One storage unit; its slots are rows x faces x sections x shelves x slots_per_shelf.

    A cabinet is rows 1, one face; its carriers or trays are `shelves`.
    """

    id: Id
    """First part of its slot and segment ids."""
    kind: RackKind
    """Which rules of motion hold: 档案架, 智能密集架, 回转柜, 选层柜."""
    zone: Id
    """The zone it stands in."""
    label: str = ""
    """What people are shown."""
    rows: Annotated[int, Meta(ge=1, le=999)] = 1
    """列. A cabinet has 1."""
    faces: tuple[Face, ...] = ("L", "R")
    """面. Sides of a row that hold volumes; a cabinet has one."""
    sections: Annotated[int, Meta(ge=1, le=999)] = 1
    """节. Bays of one face of a row."""
    shelves: Annotated[int, Meta(ge=1, le=99)] = 1
    """层. Levels of a section; the carriers or trays of a cabinet."""
    slots_per_shelf: Annotated[int, Meta(ge=1, le=999)] = 20
    """格. Places for one volume each."""
    segment: Literal["rack", "section", "shelf"] = "section"
    """What one antenna sees: the whole rack (cabinets), one section with all its shelves, or one shelf of a section."""
    open_aisles: Annotated[int, Meta(ge=1, le=9)] = 1
    """mobile_shelving only: how many aisles of the bank may be open at a time."""
    slides: Literal["across", "along"] = "across"
    """mobile_shelving only: which way its rows move. across: on rails square to their faces; along: lengthwise, in
    front of one another, so that the volumes pass an antenna one after the other and their order can be learnt."""


class Broker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One MQTT broker with its own credentials, session and health."""

    host: str
    """Name or address."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    """TCP port of the listener."""
    username: str = ""
    """Empty: no login."""
    password: Secret = ""
    """Only as `secret:NAME`."""
    ca_file: str = ""
    """PEM of the broker's authority; set, the link is TLS."""
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    """The broker takes the link for dead after one and a half of it."""
    protocol: Literal["5", "3.1.1", "auto"] = "auto"
    """auto: MQTT 5 first, 3.1.1 when the broker refuses it."""


class Platform(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The central platform: which broker carries it and whose signatures count."""

    broker: Id = "platform"
    """Which of `brokers` carries it."""
    issuers: dict[str, str] = {}
    """kid -> Ed25519 public key, base64url of 32 bytes."""


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much disk the journal may use."""

    cap_mb: Annotated[int, Meta(ge=64)] = 4096
    """Journal and outbox together; past it telemetry is thinned first, then events."""
    reserve_mb: Annotated[int, Meta(ge=8)] = 64
    """Kept free for alarms, custody and intents: telemetry and events stop before it is touched."""
    input_log_mb: Annotated[int, Meta(ge=0)] = 256
    """Ring of input log files; 0 switches it off."""


class Vault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole configuration file after `extends:` was folded in."""

    schema: Annotated[int, Meta(ge=1)]
    """The version of this format: 1."""
    centre: Id
    """The id the platform gave the centre; second part of every topic."""
    vault: Id
    """The id the platform gave the vault."""
    node: Id
    """The id of this controller within the vault."""
    timezone: str
    """IANA name; records are UTC, people are shown this time."""
    language: Literal["zh-CN", "en"] = "zh-CN"
    """Of every text that a person sees."""
    brokers: dict[Id, Broker] = {}
    """By name: `platform` is the central one, `local` never leaves the vault."""
    platform: Platform | None = None
    """null: the vault works alone."""
    zones: tuple[Zone, ...]
    """库区."""
    racks: tuple[Rack, ...]
    """What holds the volumes; their order is the layout order."""
    readers: tuple[Reader, ...] = ()
    """LLRP readers."""
    buses: tuple[Bus, ...] = ()
    """Modbus lines."""
    sensors: tuple[Sensor, ...] = ()
    """Modbus units that measure."""
    boards: tuple[Board, ...] = ()
    """Modbus units with outputs."""
    actuators: tuple[Actuator, ...] = ()
    """What the outputs do."""
    store: Store = Store()
    """Disk."""
    policy: Policy = Policy()
    """Limits, presence, retention, people."""
