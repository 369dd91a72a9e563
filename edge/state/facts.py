"""What happened: the unit of journal and sync. Status, place, holder, devices, alarms change only through these.

Every fact carries `at_ns`, the vault time of the event that caused it. Facts never hold arrays; floats are rounded to
1/1000 so that the same log gives the same bytes on the same machine type.
"""

from typing import Any, Literal, get_args

import msgspec

from config.catalogued import CataloguedVolume
from config.reference_tag import ReferenceTag
from drivers.command import Command, Result
from edge.state.chip_facts import ClonedTagSeen, TagsIdentified
from edge.state.custody_facts import CustodyDoubted, CustodyUpheld, PlacementConfirmed, VolumePlaced, VolumeTaken
from edge.state.order_facts import OrderLearnt, OrderUpheld

Lane = Literal["alarm", "custody", "event", "telemetry"]
LANES: tuple[Lane, ...] = ("alarm", "custody", "event", "telemetry")
Status = Literal["unseen", "present", "misplaced", "missing", "in_transit"]
Severity = Literal["life_safety", "critical", "warning"]


class _Fact(msgspec.Struct, frozen=True, tag_field="type"):
    at_ns: int


# --- custody lane: everything that changes a volume's status, place or holder, and the audit of people -------------


class VolumesCatalogued(_Fact, frozen=True, tag="volumes_catalogued"):
    """Up to 500 volumes entered the catalogue, or changed their line in it."""

    volumes: tuple[CataloguedVolume, ...]


class VolumeSeen(_Fact, frozen=True, tag="volume_seen"):
    """First known place since it was catalogued, and it is the book place."""

    volume: str
    segment: str
    confidence: float


class VolumeMoved(_Fact, frozen=True, tag="volume_moved"):
    """It now stands in another segment than before, and that is its book place."""

    volume: str
    segment: str
    before: str
    confidence: float


class VolumeMisplaced(_Fact, frozen=True, tag="volume_misplaced"):
    """It stands in a segment that is not its book place; `before` is '' when it had no known place."""

    volume: str
    segment: str
    before: str
    book: str
    confidence: float


class VolumeMissing(_Fact, frozen=True, tag="volume_missing"):
    """The antenna that should see it searched `silent_rounds` times in vain, and no other saw it."""

    volume: str
    last_segment: str
    last_seen_at_ns: int
    silent_rounds: int


class VolumeFound(_Fact, frozen=True, tag="volume_found"):
    """A missing volume was seen again; `book` tells whether it is where it belongs."""

    volume: str
    segment: str
    book: str
    confidence: float


class PlaceGone(_Fact, frozen=True, tag="place_gone"):
    """The segment it stood in is no longer in the configuration: it is unseen until an antenna reads it."""

    volume: str


class ForeignTagSeen(_Fact, frozen=True, tag="foreign_tag_seen"):
    """A tag that no catalogue line names; `reason`: iso_afi (another industry's), unknown_epc."""

    epc: str
    segment: str
    reason: str


class DuplicateEpcSeen(_Fact, frozen=True, tag="duplicate_epc_seen"):
    """The EPC of a volume is on two tags: read again and again in `segment` and in `other`, too far apart for one.
    Which of the two is the volume's nobody can tell from here."""

    epc: str
    volume: str
    segment: str
    other: str


class VolumesTogether(_Fact, frozen=True, tag="volumes_together"):
    """Many volumes moved, or fell silent, together: one likely cause, `code`, told as one `alarm`.

    They are those of segments[i], now read in others[i]; '' where they are read nowhere. `volumes` of the `standing`
    there. What each volume's own facts say stands; of the silent ones nothing is said before the cause is over, or
    their silence is longer than any cause excuses.
    """

    alarm: str
    code: str
    segments: tuple[str, ...]
    others: tuple[str, ...]
    volumes: int
    standing: int


class ActionTaken(_Fact, frozen=True, tag="action_taken"):
    """Audit: a person did or asked for something here; `result` is 'accepted' or a text id of the refusal."""

    action: str
    person: str
    role: str
    terminal: str
    target: str
    result: str


class PlatformCommandTaken(_Fact, frozen=True, tag="platform_command_taken"):
    """A signed command of the platform was accepted or refused (`result` as in ActionTaken). An accepted one moves the
    issuer's counter; it is committed before anything is done and before the PUBACK."""

    command: str
    issuer: str
    counter: int
    action: str
    result: str


# --- event lane: device and actuator state ------------------------------------------------------------------------


class DeviceWasLost(_Fact, frozen=True, tag="device_lost"):
    """Silent past its limit, refused or misbehaving; `reason` is a text id."""

    device: str
    reason: str


class DeviceCameBack(_Fact, frozen=True, tag="device_back"):
    """It answers again after `silent_s` seconds."""

    device: str
    silent_s: float


class LimitCrossed(_Fact, frozen=True, tag="limit_crossed"):
    """The voted value of a zone left its limits for longer than the delay."""

    zone: str
    quantity: str
    side: Literal["low", "high"]
    value: float
    limit: float


class LimitRestored(_Fact, frozen=True, tag="limit_restored"):
    """The value came back inside by the deadband for longer than the delay; None: the limit is no longer configured."""

    zone: str
    quantity: str
    side: Literal["low", "high"]
    value: float | None


class CommandIntended(_Fact, frozen=True, tag="command_intended"):
    """Committed before the command is sent (after, for one toward the safe side)."""

    command: Command
    actuator: str
    wanted: str
    cause: str


class CommandEnded(_Fact, frozen=True, tag="command_ended"):
    """The final result of an intent; `reason` is a text id or ''."""

    command: str
    actuator: str
    result: Result
    reason: str


class ActuatorChanged(_Fact, frozen=True, tag="actuator_changed"):
    """Its read-back says so; `state` None: it can no longer be told."""

    actuator: str
    state: str | None


class ContactChanged(_Fact, frozen=True, tag="contact_changed"):
    """A binary point changed or became unknown."""

    device: str
    point: str
    active: bool | None


class ShelvingChanged(_Fact, frozen=True, tag="shelving_changed"):
    """A bank began or ended to move, or other aisles of it are open: () all closed, None not known."""

    bank: str
    open_aisles: tuple[int, ...] | None
    is_moving: bool


class ClockJumped(_Fact, frozen=True, tag="clock_jumped"):
    """The wall clock moved by `step_s` against monotonic time: the clock is unsure until a person vouches for it."""

    step_s: float


class ClockVouched(_Fact, frozen=True, tag="clock_vouched"):
    """Two persons vouched for the clock."""

    person: str
    second_person: str


class DaemonStarted(_Fact, frozen=True, tag="daemon_started"):
    """A start of the daemon; `clean` is False after a crash or a kill."""

    software: str
    layout: str
    clean: bool


class ReferencesPlaced(_Fact, frozen=True, tag="references_placed"):
    """Up to 250 tags hang where a technician vouches for it; `is_first`: those known before no longer count."""

    references: tuple[ReferenceTag, ...]
    is_first: bool


class SurveyBegan(_Fact, frozen=True, tag="survey_began"):
    """From now on, for an hour, it is counted which antenna reads which reference tag."""

    person: str


class DataGap(_Fact, frozen=True, tag="data_gap"):
    """`count` items of `what` were dropped: nothing is dropped silently."""

    what: str
    count: int


# --- alarm lane ---------------------------------------------------------------------------------------------------


class AlarmRaised(_Fact, frozen=True, tag="alarm_raised"):
    """`alarm` is the stable key of the condition, e.g. `leak:z1:leak-1/leak`; `code` its text id."""

    alarm: str
    code: str
    severity: Severity
    zone: str
    source: str


class AlarmCleared(_Fact, frozen=True, tag="alarm_cleared"):
    """The condition is over; the alarm stays listed until it is acknowledged."""

    alarm: str


class AlarmAcknowledged(_Fact, frozen=True, tag="alarm_acknowledged"):
    """A person has seen it."""

    alarm: str
    person: str


# --- telemetry lane -----------------------------------------------------------------------------------------------


class Measured(_Fact, frozen=True, tag="measured"):
    """The points of one device that moved past their deadband or are due; None: not a valid value."""

    device: str
    points: tuple[str, ...]
    values: tuple[float | None, ...]


CustodyFact = (
    VolumesCatalogued
    | VolumeSeen
    | VolumeMoved
    | VolumeMisplaced
    | VolumeMissing
    | VolumeFound
    | PlaceGone
    | VolumeTaken
    | VolumePlaced
    | PlacementConfirmed
    | CustodyDoubted
    | CustodyUpheld
    | ForeignTagSeen
    | DuplicateEpcSeen
    | TagsIdentified
    | ClonedTagSeen
    | VolumesTogether
    | ActionTaken
    | PlatformCommandTaken
)
EventFact = (
    DeviceWasLost
    | DeviceCameBack
    | LimitCrossed
    | LimitRestored
    | CommandIntended
    | CommandEnded
    | ActuatorChanged
    | ContactChanged
    | ShelvingChanged
    | ClockJumped
    | ClockVouched
    | DaemonStarted
    | ReferencesPlaced
    | SurveyBegan
    | OrderLearnt
    | OrderUpheld
    | DataGap
)
AlarmFact = AlarmRaised | AlarmCleared | AlarmAcknowledged
Fact = CustodyFact | EventFact | AlarmFact | Measured

_LANES: tuple[tuple[Lane, Any], ...] = (
    ("alarm", AlarmFact),
    ("custody", CustodyFact),
    ("event", EventFact),
    ("telemetry", Measured),
)
LANE_OF: dict[type, Lane] = {member: lane for lane, union in _LANES for member in get_args(union) or (union,)}


def type_name(fact: Fact) -> str:
    """The fact's type as on the wire, e.g. `volume_seen`."""
    return str(fact.__struct_config__.tag)
