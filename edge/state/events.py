"""Everything that can enter the step: observations, losses, outcomes, what people and the platform ask for, time."""

from typing import Any, Literal

import msgspec

from config.catalogued import CataloguedVolume
from config.reference_tag import ReferenceTag
from drivers.command import CommandOutcome
from drivers.observation import (
    Contact,
    DeviceNote,
    Measurement,
    RobotState,
    Searched,
    ShelvingState,
    TagReads,
    array_from_wire,
    array_to_wire,
)
from edge.state.custody_facts import HolderKind


class DeviceLost(msgspec.Struct, frozen=True, tag="device_lost"):
    """Silence past the freshness limit, a dead link or corrupt bytes; `reason` is a text id."""

    device: str
    at_ns: int
    reason: str


class DeviceBack(msgspec.Struct, frozen=True, tag="device_back"):
    """It answers (again)."""

    device: str
    at_ns: int


class OperatorAction(msgspec.Struct, frozen=True, tag="operator_action"):
    """A person asks, over the local API. The kernel vouches for person and role, see edge/api.

    action: actuator.set (args: actuator, state), alarm.acknowledge (alarm), clock.vouch, catalogue.import (`volumes`),
    survey.place (anew: yes or no; `references`), survey.begin.
    """

    id: str
    at_ns: int
    action: str
    person: str
    role: str
    terminal: str
    args: dict[str, str] = {}
    second_person: str = ""
    volumes: tuple[CataloguedVolume, ...] = ()
    references: tuple[ReferenceTag, ...] = ()


class PlatformCommand(msgspec.Struct, frozen=True, tag="platform_command"):
    """A command of the central platform whose signature was checked at the edge of the house; `refusal` is '' or a
    text id (bad_signature, unknown_issuer, malformed)."""

    id: str
    at_ns: int
    action: str
    issuer: str
    counter: int
    not_before_ns: int
    expires_ns: int
    vault: str
    args: dict[str, Any]
    refusal: str = ""


class CustodyChange(msgspec.Struct, frozen=True, tag="custody_change"):
    """A holder took volumes into its hands, out of `segment` ('' where not said) or from the holder before, or placed
    them in `segment`: told by a mission, a desk or a robot, `happened_ns` in vault time when it did so."""

    at_ns: int
    happened_ns: int
    act: Literal["taken", "placed"]
    holder: str
    holder_kind: HolderKind
    volumes: tuple[str, ...]
    segment: str = ""


class LinkState(msgspec.Struct, frozen=True, tag="link_state"):
    """A broker link went up or down, or the far end broke the contract (`note` is a text id)."""

    link: str
    at_ns: int
    is_up: bool
    note: str = ""


class StoreState(msgspec.Struct, frozen=True, tag="store_state"):
    """How the disk stands: ok, capped (telemetry and events thinned), reserve (alarms, custody, intents), failed."""

    at_ns: int
    level: str


class Dropped(msgspec.Struct, frozen=True, tag="dropped"):
    """A bounded queue gave way: `count` items of `what`."""

    at_ns: int
    what: str
    count: int


class Quarantined(msgspec.Struct, frozen=True, tag="quarantined"):
    """An event of type `what` was passed over: it ended the daemon twice in a row. `device` is '' where it names none.
    It stands in the input log in that event's place."""

    at_ns: int
    what: str
    device: str


class ClockStep(msgspec.Struct, frozen=True, tag="clock_step"):
    """The wall clock moved by step_s against monotonic time."""

    at_ns: int
    step_s: float


class Started(msgspec.Struct, frozen=True, tag="started"):
    """First event of every start."""

    at_ns: int
    boot: str
    software: str
    layout: str
    clean: bool


class Tick(msgspec.Struct, frozen=True, tag="tick"):
    """Time passes: once a second."""

    at_ns: int


Event = (
    TagReads
    | Searched
    | Measurement
    | Contact
    | ShelvingState
    | RobotState
    | DeviceNote
    | CommandOutcome
    | DeviceLost
    | DeviceBack
    | OperatorAction
    | PlatformCommand
    | CustodyChange
    | LinkState
    | StoreState
    | Dropped
    | Quarantined
    | ClockStep
    | Started
    | Tick
)

encoder = msgspec.msgpack.Encoder(enc_hook=array_to_wire)
decoder = msgspec.msgpack.Decoder(Event, ext_hook=array_from_wire)
