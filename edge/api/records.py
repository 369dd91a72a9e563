"""What the API answers, as records. Times are UTC; codes are text ids (config/texts)."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from config.vault import Rack, Zone
from edge.api.order_records import StandsAnswer
from edge.state.custody_facts import HolderKind
from edge.state.facts import Lane, Severity, Status

Health = Literal["ok", "degraded", "life_safety"]


class Unknown(msgspec.Struct, frozen=True):
    """Something that cannot be told now; the text of `code` says what would prove it."""

    code: str
    subject: str


class StoreStanding(msgspec.Struct, frozen=True):
    """How the journal stands: highest committed and acknowledged sequence per lane, facts that wait for the platform,
    and the disk level (ok, capped, reserve, failed). While it is `reserve`: how much of the disk is free, and how much
    must be before the level is left; else None."""

    committed: dict[Lane, int]
    acked: dict[Lane, int]
    backlog: int
    level: str
    free_mb: float | None = None
    needed_mb: float | None = None


class StatusAnswer(msgspec.Struct, frozen=True):
    """The vault at a glance. `volumes` counts by status; `alarms` counts active ones by severity; `measured` is what
    the daemon counts of itself; `cloned`: volumes of whose tag a clone is read."""

    health: Health
    centre: str
    vault: str
    node: str
    timezone: str
    language: str
    now: datetime
    started: datetime
    boot: str
    clock_is_sure: bool
    volumes: dict[Status, int]
    devices_ok: int
    devices_lost: int
    devices_unheard: int
    alarms: dict[Severity, int]
    alarms_unacknowledged: int
    open_commands: int
    unknown: tuple[Unknown, ...]
    store: StoreStanding
    measured: dict[str, int | float]
    cloned: int = 0


class PointAnswer(msgspec.Struct, frozen=True):
    """The newest reading of a point; `value` None: unknown (no valid value, or older than its freshness limit)."""

    point: str
    quantity: str
    value: float | None
    at: datetime | None


class DeviceAnswer(msgspec.Struct, frozen=True):
    """`is_ok` None: it was never heard of since the store began."""

    device: str
    kind: Literal["reader", "sensor", "board", "link"]
    is_ok: bool | None
    since: datetime | None
    reason: str
    points: tuple[PointAnswer, ...] = ()


class ActuatorAnswer(msgspec.Struct, frozen=True):
    """`state` is what the read-back says, None when it cannot be told; `wanted` what it was last told to take."""

    actuator: str
    board: str
    zones: tuple[str, ...]
    state: str | None
    since: datetime | None
    wanted: str | None


class DevicesAnswer(msgspec.Struct, frozen=True):
    """Everything configured, in configuration order, then links."""

    devices: tuple[DeviceAnswer, ...]
    actuators: tuple[ActuatorAnswer, ...]


class AlarmAnswer(msgspec.Struct, frozen=True):
    """A condition that is not yet both over and acknowledged. `volume`: of one about a tag, that with this EPC."""

    alarm: str
    code: str
    severity: Severity
    zone: str
    source: str
    raised: datetime
    is_active: bool
    acknowledged_by: str
    volume: str = ""


class Candidate(msgspec.Struct, frozen=True):
    """A segment the volume may stand in."""

    segment: str
    confidence: float


class CustodyAnswer(msgspec.Struct, frozen=True):
    """Who holds a volume since when, and where it was taken out (None: not said); or, not `is_held`, who put it where
    it stands and when, as long as no read has confirmed that."""

    holder: str
    kind: HolderKind
    is_held: bool
    segment: str | None
    since: datetime


class CloneAnswer(msgspec.Struct, frozen=True):
    """A tag with the EPC of a volume and another chip: both TIDs, where the other one was read first, and when.
    `code`: of its alarm, whose texts say what it means and the next step."""

    tid: str
    other_tid: str
    segment: str
    since: datetime
    code: str


class TwiceAnswer(msgspec.Struct, frozen=True):
    """The EPC of a volume is read by turns in two places too far apart for one tag. is_told: often enough that it is on
    two, and there is an alarm; else that is not ruled out. code: a text id with the next step."""

    segment: str
    other: str
    is_told: bool
    code: str


class FindAnswer(msgspec.Struct, frozen=True):
    """Where a volume is: `segment` is its known place (None: none yet), `confidence` how sure the evidence now is of
    that place, `age_s` how old the last read is (None: never read). `candidates`: the best three while it is unsure.
    `awaited_s`: it was not read for too long, and for so long another search of its antenna is awaited (None: not).

    In transit it is with its `holder`, `confidence` is how sure the evidence is of that, and segment is None; a holder
    beside a segment is doubted: it reads as if it stood there. `doubt` of one that is told to stand somewhere: '' none;
    likely: there rather than not; moving: rather in another segment, the first candidate; unclear: neither. The status
    is as it was told and changes once that is confirmed. `order`: between which volumes of the segment it stands,
    None where no pass told that, or it was moved since. `tid`: what its chip says it is, '' where not known; `clone`:
    another tag with its EPC, by its chip; `twice`: where no chip tells."""

    volume: str
    epc: str
    status: Status
    segment: str | None
    zone: str | None
    book_slot: str
    book_segment: str | None
    thickness_mm: int
    confidence: float
    age_s: float | None
    last_seen: datetime | None
    holder: str | None
    candidates: tuple[Candidate, ...]
    awaited_s: float | None = None
    custody: CustodyAnswer | None = None
    tid: str = ""
    clone: CloneAnswer | None = None
    order: StandsAnswer | None = None
    doubt: Literal["", "likely", "moving", "unclear"] = ""
    twice: TwiceAnswer | None = None


class BeliefsAnswer(msgspec.Struct, frozen=True):
    """One page: (volume, top candidate or None, confidence, status); of one in transit None and how sure it is that its
    holder has it; `next` is the `after` of the next page."""

    volumes: list[tuple[str, str | None, float, Status]]
    next: str | None


class CommandAnswer(msgspec.Struct, frozen=True):
    """From committed facts: `open` has an intent and no outcome yet, `ended` has both, `unknown` is not (or no longer)
    remembered."""

    command: str
    stage: Literal["open", "ended", "unknown"]
    actuator: str = ""
    wanted: str = ""
    result: str = ""
    reason: str = ""


class ActAnswer(msgspec.Struct, frozen=True):
    """`answer` is 'accepted' or a text id. `command`: the command that follows, whose outcome `command` tells.
    `held_s`: how long it waits for the second person, 0 when it does not. `nearest`: names that look like an unknown
    one."""

    answer: str
    command: str = ""
    held_s: int = 0
    nearest: tuple[str, ...] = ()


class ImportAnswer(msgspec.Struct, frozen=True):
    """What became of the lines of one request; `problems` and `warnings` are (index of the line in the request, text
    id, volume that holds the tag or the slot or ''). A line with a warning alone is taken."""

    new: int
    changed: int
    same: int
    problems: tuple[tuple[int, str, str], ...]
    warnings: tuple[tuple[int, str, str], ...] = ()


class LayoutAnswer(msgspec.Struct, frozen=True):
    """What slots are made of: enough to check a catalogue file."""

    zones: tuple[Zone, ...]
    racks: tuple[Rack, ...]


class TraceAnswer(msgspec.Struct, frozen=True):
    """Oldest first. `withheld`: facts of the audit trail that only an auditor may read."""

    facts: list[dict[str, Any]]
    withheld: int


class HistoryAnswer(msgspec.Struct, frozen=True):
    """Oldest first: (at in UTC, value or None where the device gave no valid one)."""

    device: str
    point: str
    quantity: str
    values: list[tuple[datetime, float | None]]
