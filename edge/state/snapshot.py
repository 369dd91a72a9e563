"""The whole state as bytes and back. Stable ids only; segment indices are mapped through their names, so a snapshot
of another layout still gives every volume its status and, where the segment still exists, its place."""

from typing import Any

import msgspec
import numpy as np
from msgspec import Raw, structs
from numpy.typing import NDArray

from config.catalogued import CataloguedVolume
from drivers.observation import array_from_wire, array_to_wire
from edge.state.facts import ForeignTagSeen, Measured
from edge.state.moves import Move, Moves
from edge.state.orders import Orders, ShelfOrder
from edge.state.plant import Plant
from edge.state.state import (
    ActuatorStanding,
    Alarm,
    Asked,
    BankStanding,
    Cause,
    Custody,
    DeviceStanding,
    Intent,
    PassSorting,
    Pending,
    Reading,
    State,
)
from edge.state.tids import Clone, OtherChip, Swept, Tids
from edge.state.unjudged import Unjudged
from edge.state.volumes import HELD, NOWHERE, PLACED, STATUSES
from edge.state.weigh import weigh
from sensors.climate.stuck import Still
from sensors.rfid.doubles import Doubles
from sensors.rfid.evidence import Evidence
from sensors.rfid.heard import Waiting
from sensors.rfid.neighbourhood import Neighbourhood
from sensors.rfid.open_reads import OpenReads
from sensors.rfid.order import PassReads, Progress, Sorting
from sensors.rfid.passes import Pass, PassRecord
from sensors.rfid.recent import Recent
from sensors.rfid.survey_tally import SurveyTally
from sensors.rfid.suspects import Suspects
from sensors.rfid.tags import LATER

VERSION = 1
"""Of the snapshot's layout. Raised only where an older version would read a newer snapshot wrongly: a field that is
added has a default instead, so that the snapshots from before still count; the fields below have none, because a
snapshot without them is damaged."""
_ALONE = Neighbourhood(np.zeros(1, np.int32), np.zeros(1, np.int32))
_OF_ANY_LENGTH = frozenset(OpenReads().to_columns()) | frozenset(Doubles(_ALONE).to_columns())
_LATER = frozenset(Recent(_ALONE).to_columns()) | LATER  # columns that a snapshot of before has not


class Folded(msgspec.Struct, frozen=True):
    """What facts folded into: rebuilt from an older snapshot and the facts since, it is the same."""

    lines: list[CataloguedVolume]
    status: NDArray[np.uint8]
    place: NDArray[np.int32]
    foreign: dict[str, str]
    devices: dict[str, DeviceStanding]
    contacts: dict[tuple[str, str], bool | None]
    crossed: dict[tuple[str, str], str]
    alarms: dict[str, Alarm]
    actuators: dict[str, ActuatorStanding]
    asked: dict[str, Asked]
    reported: dict[str, Measured]
    intents: dict[str, Intent]
    counters: dict[str, int]
    platform_commands: dict[str, str]
    clock_is_sure: bool
    starts: int
    causes: dict[str, Cause] = {}
    moves: dict[str, Move] = {}
    references: dict[str, str] = {}
    survey_began_ns: int = 0
    custody: dict[str, Custody] = {}
    shelving: dict[str, BankStanding] = {}
    tids: bytes = b""
    clones: dict[str, Clone] = {}
    swept: dict[str, Swept] = {}
    orders: dict[str, ShelfOrder] = {}


class SortingRecord(msgspec.Struct, frozen=True, eq=False):
    """A pass that is being sorted, and how far that has come."""

    key: str
    volumes: tuple[str, ...]
    reads: PassReads
    progress: Progress
    ended_ns: int
    moved: tuple[str, ...]


class Beliefs(msgspec.Struct, frozen=True):
    """What only snapshots keep: evidence since the last one is lost in a crash, and shows as age."""

    boot: str
    started_ns: int
    now_ns: int
    evidence: dict[str, NDArray[np.generic]]
    readings: dict[tuple[str, str], Reading]
    still: dict[tuple[str, str], Still]
    pending: dict[tuple[str, str], Pending]
    unjudged: NDArray[np.int64]
    heard: dict[str, NDArray[np.generic]] = {}
    strangers: dict[str, ForeignTagSeen] = {}
    suspects: dict[str, NDArray[np.generic]] = {}
    survey: dict[str, NDArray[np.generic]] = {}
    tids_heard: bytes = b""
    tids_ready: tuple[int, ...] = ()
    other_chips: dict[tuple[str, str], OtherChip] = {}
    tids_heard_ns: dict[str, int] = {}
    passes: dict[str, PassRecord] = {}
    sortings: list[SortingRecord] = []


class Frozen(msgspec.Struct, frozen=True):
    """A copy of a state that the running state no longer touches."""

    segment_ids: tuple[str, ...]
    folded: Folded
    beliefs: Beliefs
    version: int = VERSION


_encoder = msgspec.msgpack.Encoder(enc_hook=array_to_wire)
_decoder = msgspec.msgpack.Decoder(Frozen, ext_hook=array_from_wire)


def _sorting_record(one: PassSorting) -> SortingRecord:
    sorting = one.sorting
    return SortingRecord(one.key, one.volumes, sorting.reads, sorting.progress, one.ended_ns, tuple(sorted(one.moved)))


def freeze(state: State) -> Frozen:
    """Copy the state: cheap, since all records are immutable and only the tables are copied. What it took in is weighed
    before, as it would be by the next event."""
    weigh(state)
    return Frozen(
        segment_ids=state.plant.places.segment_ids,
        folded=Folded(
            lines=list(state.volumes.lines),
            status=state.volumes.status.copy(),
            place=state.volumes.place.copy(),
            foreign=dict(state.foreign),
            devices=dict(state.devices),
            contacts=dict(state.contacts),
            crossed=dict(state.crossed),
            alarms=dict(state.alarms),
            actuators=dict(state.actuators),
            asked=dict(state.asked),
            reported=dict(state.reported),
            intents=dict(state.intents),
            counters=dict(state.counters),
            platform_commands=dict(state.platform_commands),
            clock_is_sure=state.clock_is_sure,
            starts=state.starts,
            causes=dict(state.causes),
            moves=state.moves.copied(),
            references=dict(state.references),
            survey_began_ns=state.survey_began_ns,
            custody=dict(state.custody),
            shelving=dict(state.shelving),
            tids=state.tids.to_bytes(told=True),
            clones=dict(state.tids.clones),
            swept=dict(state.tids.swept),
            orders=state.orders.copied(),
        ),
        beliefs=Beliefs(
            boot=state.boot,
            started_ns=state.started_ns,
            now_ns=state.now_ns,
            evidence=state.evidence.to_columns(),
            unjudged=state.unjudged.rows,
            strangers=dict(state.strangers),
            heard=state.heard.peek()._asdict(),
            suspects=state.suspects.to_columns(),
            survey=state.survey.to_columns(),
            tids_heard=state.tids.to_bytes(told=False),
            tids_ready=tuple(row for row, _ in state.tids.ready()),
            other_chips=dict(state.tids.others),
            tids_heard_ns=dict(state.tids.heard_ns),
            passes={key: one.record() for key, one in state.passes.items()},
            sortings=[_sorting_record(one) for one in state.sortings],
            readings=dict(state.readings),
            still=dict(state.still),
            pending=dict(state.pending),
        ),
    )


def encode(frozen: Frozen) -> bytes:
    """Msgpack; the same state gives the same bytes. In several calls: a thread that encodes lets the others run between
    them, and no call takes as long as the whole."""
    folded, beliefs = structs.asdict(frozen.folded), structs.asdict(frozen.beliefs)
    folded["lines"] = Raw(_encoder.encode(frozen.folded.lines))
    beliefs["evidence"] = {name: Raw(_encoder.encode(column)) for name, column in frozen.beliefs.evidence.items()}
    return _encoder.encode(structs.asdict(frozen) | {"folded": folded, "beliefs": beliefs})


def encode_folded(frozen: Frozen) -> bytes:
    """Only what facts folded into: for comparing a state that ran through with one that was rebuilt."""
    return _encoder.encode(frozen.folded)


def thaw(plant: Plant, body: bytes) -> State:
    """A state of this plant from a snapshot's bytes. Raises ValueError when they are not one."""
    try:
        frozen = _decoder.decode(body)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise ValueError(f"snapshot cannot be read ({error})") from error
    _check(frozen)
    folded, beliefs = frozen.folded, frozen.beliefs
    index = plant.places.segment_index
    remap = np.array([index.get(segment, NOWHERE) for segment in frozen.segment_ids] + [NOWHERE], np.int32)
    state = State(plant)
    state.evidence = Evidence.from_columns(beliefs.evidence, remap[:-1], plant.beside)
    books = plant.places.segments_of(line.slot for line in folded.lines)
    tags = state.evidence.enroll([bytes.fromhex(line.epc) for line in folded.lines], books)
    state.volumes.catalogue(folded.lines, books, tags)
    state.volumes.status[:] = folded.status
    state.volumes.place[:] = remap[folded.place]  # NOWHERE is -1: the last entry
    state.custody, state.shelving = folded.custody, folded.shelving
    for volume, custody in folded.custody.items():
        state.volumes.entrust(volume, HELD if custody.is_held else PLACED)
    state.foreign, state.devices = folded.foreign, folded.devices
    state.contacts, state.crossed = folded.contacts, folded.crossed
    state.alarms, state.actuators = folded.alarms, folded.actuators
    state.asked, state.reported, state.intents = folded.asked, folded.reported, folded.intents
    state.counters, state.platform_commands = folded.counters, folded.platform_commands
    state.causes, state.moves = folded.causes, Moves(folded.moves)
    state.clock_is_sure, state.starts = folded.clock_is_sure, folded.starts
    state.references, state.survey_began_ns = folded.references, folded.survey_began_ns
    state.tids = Tids.from_bytes(folded.tids, beliefs.tids_heard, beliefs.tids_ready, len(folded.lines))
    state.tids.clones, state.tids.swept, state.tids.heard_ns = folded.clones, folded.swept, beliefs.tids_heard_ns
    state.tids.others = {
        key: msgspec.structs.replace(other, segment=int(remap[other.segment]))
        for key, other in beliefs.other_chips.items()
        if remap[other.segment] != NOWHERE
    }
    epcs = [bytes.fromhex(epc) for epc in folded.references]
    state.survey = SurveyTally.from_columns(beliefs.survey, remap[:-1], epcs, len(index))
    state.boot, state.started_ns, state.now_ns = beliefs.boot, beliefs.started_ns, beliefs.now_ns
    state.unjudged, state.strangers = Unjudged(beliefs.unjudged), beliefs.strangers
    state.heard = Waiting.from_columns(beliefs.heard, remap[:-1]) if beliefs.heard else Waiting()
    state.suspects = Suspects.from_columns(beliefs.suspects, remap[:-1], len(plant.beside), len(state.evidence))
    state.orders = Orders({name: order for name, order in folded.orders.items() if name in index})
    state.passes = {key: Pass.from_record(one) for key, one in beliefs.passes.items() if one.segment in index}
    state.sortings = [
        PassSorting(one.key, one.volumes, Sorting(one.reads, one.progress), one.ended_ns, set(one.moved))
        for one in beliefs.sortings
    ]
    state.readings, state.still = beliefs.readings, beliefs.still
    state.pending = {key: pending for key, pending in beliefs.pending.items() if key in plant.limits}
    return state


def _check(frozen: Frozen) -> None:
    """Raise ValueError for what would not fit together: the rest of `thaw` indexes freely."""
    if frozen.version > VERSION:
        raise ValueError(f"snapshot of version {frozen.version}, this software knows versions up to {VERSION}")
    evidence, segments = frozen.beliefs.evidence, len(frozen.segment_ids)
    sample = Evidence(_ALONE).to_columns()  # no tag, one segment: tells which columns are by segment
    missing = sorted(sample.keys() - evidence.keys() - _OF_ANY_LENGTH - _LATER)
    if missing:
        raise ValueError(f"snapshot without the columns of evidence {', '.join(missing)}")
    tags = len(evidence["epc_bits"])
    for name, expected in sample.items():
        if name in _OF_ANY_LENGTH or name not in evidence:
            continue  # of as many reads as there are: checked where they are taken in
        rows = segments if len(expected) else tags
        tail = evidence[name].shape[1:] if name == "epc" and evidence[name].ndim == 2 else expected.shape[1:]
        _shaped(name, evidence[name], (rows, *tail), expected.dtype)
    if tags and (int(evidence["epc_bits"].max()) + 7) // 8 > evidence["epc"].shape[1]:
        raise ValueError("snapshot: an EPC is longer than its column")
    for name in ("segment", "book", "believed"):
        _within(name, evidence[name], NOWHERE, segments)
    lines = (len(frozen.folded.lines),)
    _shaped("status", frozen.folded.status, lines, np.dtype(np.uint8))
    _shaped("place", frozen.folded.place, lines, np.dtype(np.int32))
    at = np.array([other.segment for other in frozen.beliefs.other_chips.values()], np.int64)
    _within("other chips", at, 0, segments)
    _within("unjudged", frozen.beliefs.unjudged, 0, tags)
    _within("status", frozen.folded.status, 0, len(STATUSES))
    _within("place", frozen.folded.place, NOWHERE, segments)


def _shaped(name: str, column: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if column.shape != shape or column.dtype != dtype:
        raise ValueError(f"snapshot: {name} is {column.dtype} {column.shape}, expected {dtype} {shape}")


def _within(name: str, column: NDArray[Any], low: int, end: int) -> None:
    if column.size and not (low <= int(column.min()) and int(column.max()) < end):
        raise ValueError(f"snapshot: {name} points outside {low}..{end - 1}")
