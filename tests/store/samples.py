"""Facts to store: one of every type, and makers of many."""

from config.catalogued import CataloguedVolume
from config.reference_tag import ReferenceTag
from drivers.command import Switch
from edge.state.chip_facts import ClonedTagSeen, IdentifiedTag, TagsIdentified
from edge.state.custody_facts import CustodyDoubted, CustodyUpheld, PlacementConfirmed, VolumePlaced, VolumeTaken
from edge.state.facts import (
    ActionTaken,
    ActuatorChanged,
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    ClockJumped,
    ClockVouched,
    CommandEnded,
    CommandIntended,
    ContactChanged,
    DaemonStarted,
    DataGap,
    DeviceCameBack,
    DeviceWasLost,
    DuplicateEpcSeen,
    Fact,
    ForeignTagSeen,
    LimitCrossed,
    LimitRestored,
    Measured,
    PlaceGone,
    PlatformCommandTaken,
    ReferencesPlaced,
    ShelvingChanged,
    SurveyBegan,
    VolumeFound,
    VolumeMisplaced,
    VolumeMissing,
    VolumeMoved,
    VolumesCatalogued,
    VolumeSeen,
    VolumesTogether,
)
from edge.state.order_facts import OrderLearnt, OrderUpheld

AT_NS = 1_790_000_000_000_000_007  # 2026-09-21T14:13:20.000000007Z

ONE_OF_EACH: tuple[Fact, ...] = (
    VolumesCatalogued(AT_NS, (CataloguedVolume("J-1", "e28011", "A-01L-01-1-01", 25),)),
    VolumeSeen(AT_NS, "J-1", "A-01L-01", 0.99),
    VolumeMoved(AT_NS, "J-1", "A-01L-02", "A-01L-01", 0.97),
    VolumeMisplaced(AT_NS, "J-1", "A-01L-03", "", "A-01L-01", 0.96),
    VolumeMissing(AT_NS, "J-1", "A-01L-03", AT_NS - 5, 10),
    PlaceGone(AT_NS, "v1"),
    VolumeTaken(AT_NS, "J-1", "robot-1", "robot", "A-01L-01", "", AT_NS - 9),
    VolumePlaced(AT_NS, "J-1", "robot-1", "robot", "A-01L-01", "A-01L-01", AT_NS - 4),
    PlacementConfirmed(AT_NS, "J-1", "A-01L-01", 0.99),
    CustodyDoubted(AT_NS, "J-1", "wang", "A-01L-02", "A-01L-01", 0.97),
    CustodyUpheld(AT_NS, "J-1", "wang"),
    VolumeFound(AT_NS, '档案-2020"全宗"\\\n1', "A-01L-03", "A-01L-01", 0.951),
    ForeignTagSeen(AT_NS, "e0ff", "A-01L-01", "iso_afi"),
    DuplicateEpcSeen(AT_NS, "e28011", "J-1", "A-01L-01", "B-02R-04"),
    TagsIdentified(AT_NS, (IdentifiedTag("J-1", "e28011", "e28011912000"),)),
    ClonedTagSeen(AT_NS, "e28011", "J-1", "e28011912000", "A-01L-01", "e28011912001", "B-02R-04"),
    VolumesTogether(AT_NS, "antennas_swapped:r/1+r/2", "antennas_swapped", ("A-01L-01",), ("A-01L-02",), 90, 100),
    ActionTaken(AT_NS, "actuator.set", "wang", "technician", "tty1", "valve-1", "accepted"),
    PlatformCommandTaken(AT_NS, "c-1", "centre", 7, "snapshot.request", "accepted"),
    DeviceWasLost(AT_NS, "th-1", "silent"),
    DeviceCameBack(AT_NS, "th-1", 12.5),
    LimitCrossed(AT_NS, "z1", "humidity_pct", "high", 61.2, 60.0),
    LimitRestored(AT_NS, "z1", "humidity_pct", "high", 58.0),
    CommandIntended(AT_NS, Switch("c-2", "relay-1", "do1", True, True), "valve-1", "closed", "leak:z1"),
    CommandEnded(AT_NS, "c-2", "valve-1", "done", ""),
    ActuatorChanged(AT_NS, "valve-1", None),
    ContactChanged(AT_NS, "leak-1", "leak", True),
    ShelvingChanged(AT_NS, "M1", (3,), True),
    ClockJumped(AT_NS, -3600.0),
    ClockVouched(AT_NS, "wang", "li"),
    DaemonStarted(AT_NS, "0.1.0", "abc", True),
    ReferencesPlaced(AT_NS, (ReferenceTag("A-01L-01", "e28012"),), True),
    SurveyBegan(AT_NS, "wang"),
    OrderLearnt(AT_NS, "A-01L-01", "phase", ("J-1", "J-2"), (0, 1000), (3, 4), ("J-2",), AT_NS - 9, 1),
    OrderUpheld(AT_NS, "A-01L-01", AT_NS - 9),
    DataGap(AT_NS, "measured", 3),
    AlarmRaised(AT_NS, "leak:z1:leak-1/leak", "leak", "life_safety", "z1", "leak-1/leak"),
    AlarmCleared(AT_NS, "leak:z1:leak-1/leak"),
    AlarmAcknowledged(AT_NS, "leak:z1:leak-1/leak", "wang"),
    Measured(AT_NS, "th-1", ("temperature_degc", "humidity_pct"), (20.5, None)),
)


def readings(count: int, *, start: int = 0, at_ns: int = AT_NS) -> list[Fact]:
    """`count` different telemetry facts."""
    return [Measured(at_ns + k, f"th-{k % 7}", ("temperature_degc",), (float(k),)) for k in range(start, start + count)]


def contacts(count: int, *, start: int = 0) -> list[Fact]:
    """`count` different facts of the event lane."""
    return [ContactChanged(AT_NS + k, "door-1", "open", k % 2 == 0) for k in range(start, start + count)]


def moves(count: int, *, start: int = 0, at_ns: int = AT_NS) -> list[Fact]:
    """`count` different custody facts."""
    return [VolumeMoved(at_ns + k, f"J-{k}", "A-01L-02", "A-01L-01", 0.97) for k in range(start, start + count)]


def alarms(count: int, *, start: int = 0) -> list[Fact]:
    """`count` different alarm facts."""
    return [AlarmCleared(AT_NS + k, f"alarm-{k}") for k in range(start, start + count)]
