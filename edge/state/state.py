"""The state of the vault: what facts folded into, and beside it the beliefs that only snapshots keep.

The first half changes only through `apply` (edge/state/apply.py). The second half, from `evidence` on, changes as
observations come in and carries its own age; after a crash what came since the last snapshot shows as age.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.catalogue import TID
from config.catalogued import CataloguedVolume
from drivers.command import Command
from edge.state.custody_facts import HolderKind
from edge.state.facts import ForeignTagSeen, Measured, Severity
from edge.state.moves import Moves
from edge.state.orders import Orders
from edge.state.plant import Plant
from edge.state.tids import Tids
from edge.state.unjudged import Unjudged
from edge.state.volumes import NOWHERE, Volumes
from sensors.climate.stuck import Still
from sensors.rfid.evidence import Evidence
from sensors.rfid.heard import Waiting
from sensors.rfid.order import Sorting
from sensors.rfid.passes import Pass
from sensors.rfid.survey_tally import SurveyTally
from sensors.rfid.suspects import Suspects
from sensors.rfid.tids import TID_OCTETS


class DeviceStanding(msgspec.Struct, frozen=True):
    """Whether a device answers; `reason` is a text id while it does not."""

    is_ok: bool
    since_ns: int
    reason: str = ""


class Alarm(msgspec.Struct, frozen=True):
    """A condition that was raised and is not yet both over and acknowledged."""

    alarm: str
    code: str
    severity: Severity
    zone: str
    source: str
    raised_ns: int
    is_active: bool = True
    acknowledged_by: str = ""


class Cause(msgspec.Struct, frozen=True):
    """Why many volumes moved or fell silent together: `code` of its alarm; pairs of the segment they are of and the
    one they are read in, '' for none; how many they were."""

    code: str
    pairs: tuple[tuple[str, str], ...]
    volumes: int


class Custody(msgspec.Struct, frozen=True):
    """Who holds a volume since when and where it was taken; or, not `is_held`, who placed it there when, as long as no
    read has confirmed it or spoken against it. '' is a segment that was not said."""

    holder: str
    kind: HolderKind
    is_held: bool
    segment: str
    since_ns: int


class BankStanding(msgspec.Struct, frozen=True):
    """How a bank of mobile shelving stands since `since_ns`, and when it last moved: until moved_until_ns, or still;
    both 0 when never."""

    open_aisles: tuple[int, ...] | None
    is_moving: bool
    since_ns: int
    moved_from_ns: int = 0
    moved_until_ns: int = 0


class PassSorting(msgspec.Struct, eq=False):
    """A pass that is over, being sorted a portion an event: its key among those under way, the volumes
    that its tags' numbers stand for, when the motion ended, and which volumes left a segment or came
    to one since it began."""

    key: str
    volumes: tuple[str, ...]
    sorting: Sorting
    ended_ns: int
    moved: set[str]


class Intent(msgspec.Struct, frozen=True):
    """A command that was decided and has no final outcome yet."""

    command: Command
    actuator: str
    wanted: str
    cause: str
    at_ns: int


class ActuatorStanding(msgspec.Struct, frozen=True):
    """What the read-back says; None: cannot be told."""

    state: str | None
    since_ns: int


class Asked(msgspec.Struct, frozen=True):
    """The state an actuator was last told to take, when and by which command; `before`: what it had been told before
    that, '' when nothing."""

    wanted: str
    at_ns: int
    command: str
    before: str


class Reading(msgspec.Struct, frozen=True):
    """The newest value of a point and when it came; None: the device gave no valid value."""

    value: float | None
    at_ns: int


class Pending(msgspec.Struct, frozen=True):
    """A limit is about to be crossed or restored, since when."""

    side: str
    since_ns: int


class State:
    """One per daemon, owned by the step."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        # --- folded from facts ---
        self.volumes = Volumes()
        self.foreign: dict[str, str] = {}
        """EPC of a tag nobody catalogued -> segment where it was first seen."""
        self.custody: dict[str, Custody] = {}
        """Volume -> who holds it, or placed it and is not confirmed yet."""
        self.shelving: dict[str, BankStanding] = {}
        self.devices: dict[str, DeviceStanding] = {}
        self.contacts: dict[tuple[str, str], bool | None] = {}
        self.crossed: dict[tuple[str, str], str] = {}
        """(zone, quantity) -> side that is outside its limit."""
        self.alarms: dict[str, Alarm] = {}
        self.causes: dict[str, Cause] = {}
        """alarm -> what it says of many volumes together, while it is active."""
        self.moves = Moves()
        self.tids = Tids()
        self.orders = Orders()
        self.actuators: dict[str, ActuatorStanding] = {}
        self.intents: dict[str, Intent] = {}
        self.asked: dict[str, Asked] = {}
        self.reported: dict[str, Measured] = {}
        """device -> what it last reported to the telemetry lane."""
        self.counters: dict[str, int] = {}
        """Per issuer: the counter of its last accepted command."""
        self.platform_commands: dict[str, str] = {}
        """Ids of the newest platform commands -> result, oldest first."""
        self.references: dict[str, str] = {}
        """EPC of a reference tag -> segment it hangs in."""
        self.survey_began_ns = 0
        """0: none ever did."""
        self.clock_is_sure, self.starts = True, 0
        # --- beliefs, beside the facts ---
        self.boot = ""
        self.started_ns = self.now_ns = 0
        self.evidence = Evidence(plant.beside)
        self.heard = Waiting()
        """What the antennas said since the evidence was last brought up to date; taken in at the latest with the next
        tick."""
        self.survey = self.empty_survey()
        """What the antennas read of the references since the survey began."""
        self.unjudged = Unjudged()
        """Evidence rows whose belief may have changed, each once; thought over a portion an event."""
        self.strangers: dict[str, ForeignTagSeen] = {}
        """EPCs nobody catalogued that are still to be told, a portion an event."""
        self.suspects = Suspects(len(plant.beside))
        """Tags silent for too long, of which another search is awaited before they are told missing."""
        # passes under way, by the antenna's segment or `robot:READER`; and those that are over, the oldest first
        self.passes: dict[str, Pass] = {}
        self.sortings: list[PassSorting] = []
        self.readings: dict[tuple[str, str], Reading] = {}
        self.still: dict[tuple[str, str], Still] = {}
        """Since when each voting sensor has said exactly the same."""
        self.pending: dict[tuple[str, str], Pending] = {}

    def empty_survey(self) -> SurveyTally:
        """Nothing counted yet of the references there are."""
        return SurveyTally([bytes.fromhex(epc) for epc in self.references], len(self.plant.places.segment_ids))

    def holders(self, epcs: Sequence[bytes]) -> NDArray[np.int32]:
        """(n,) row of the volume that carries each tag, NOWHERE for none."""
        tags = self.evidence.rows_of(epcs)
        return np.where(tags >= 0, self.volumes.of_tags(tags), np.int32(NOWHERE))

    def carriers(self, lines: Sequence[CataloguedVolume]) -> list[str]:
        """The other volume that was told the chip of each line, '' for none; a volume may keep the chip it has."""
        found = [""] * len(lines)
        tids = [line.tid if line.tid and TID.fullmatch(line.tid) else "" for line in lines]
        if not any(tids):
            return found
        for i, (line, rows) in enumerate(zip(lines, self.tids.carriers(tids), strict=True)):
            if rows and self.volumes.row.get(line.volume) not in rows:
                others = (self.volumes.lines[row] for row in rows)
                found[i] = next((other.volume for other in others if not _differ(line.tid, other.tid)), "")
        return found

    def fresh(self, device: str, point: str, freshness_ns: int) -> float | None:
        """The newest value while it is fresh and valid, else None: unknown is not the last value."""
        reading = self.readings.get((device, point))
        if reading is None or self.now_ns - reading.at_ns > freshness_ns:
            return None
        return reading.value


def _differ(tid: str, known: str) -> bool:
    """Whether TIDs that begin alike differ in what is not kept of them beside the catalogue."""
    return min(len(tid), len(known)) > 2 * TID_OCTETS and tid != known
