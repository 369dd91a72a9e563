"""The whole state as bytes and back. Stable ids only; segment indices are mapped through their names, so a snapshot
of another layout still gives every volume its status and, where the segment still exists, its place."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from drivers.observation import array_from_wire, array_to_wire
from edge.state.facts import CataloguedVolume, Measured
from edge.state.plant import Plant
from edge.state.state import (
    ActuatorStanding,
    Alarm,
    Asked,
    DeviceStanding,
    Intent,
    Pending,
    Reading,
    State,
)
from edge.state.volumes import NOWHERE
from sensors.climate.stuck import Still
from sensors.rfid.evidence import Evidence


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


class Beliefs(msgspec.Struct, frozen=True):
    """What only snapshots keep: evidence since the last one is lost in a crash, and shows as age."""

    boot: str
    started_ns: int
    now_ns: int
    evidence: dict[str, NDArray[np.generic]]
    unjudged: NDArray[np.int64]
    readings: dict[tuple[str, str], Reading]
    still: dict[tuple[str, str], Still]
    pending: dict[tuple[str, str], Pending]


class Frozen(msgspec.Struct, frozen=True):
    """A copy of a state that the running state no longer touches."""

    segment_ids: tuple[str, ...]
    folded: Folded
    beliefs: Beliefs


_encoder = msgspec.msgpack.Encoder(enc_hook=array_to_wire)
_decoder = msgspec.msgpack.Decoder(Frozen, ext_hook=array_from_wire)


def freeze(state: State) -> Frozen:
    """Copy the state: cheap, since all records are immutable and only the tables are copied."""
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
        ),
        beliefs=Beliefs(
            boot=state.boot,
            started_ns=state.started_ns,
            now_ns=state.now_ns,
            evidence=state.evidence.to_columns(),
            unjudged=state.unjudged,
            readings=dict(state.readings),
            still=dict(state.still),
            pending=dict(state.pending),
        ),
    )


def encode(frozen: Frozen) -> bytes:
    """Msgpack; the same state gives the same bytes."""
    return _encoder.encode(frozen)


def encode_folded(frozen: Frozen) -> bytes:
    """Only what facts folded into: for comparing a state that ran through with one that was rebuilt."""
    return _encoder.encode(frozen.folded)


def thaw(plant: Plant, body: bytes) -> State:
    """A state of this plant from a snapshot's bytes. Raises ValueError when they are not one."""
    try:
        frozen = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"snapshot cannot be read ({error}); an older one or the journal alone is used") from error
    folded, beliefs = frozen.folded, frozen.beliefs
    index = plant.places.segment_index
    remap = np.array([index.get(segment, NOWHERE) for segment in frozen.segment_ids] + [NOWHERE], np.int32)
    state = State(plant)
    state.evidence = Evidence.from_columns(beliefs.evidence, remap[:-1], len(index))
    books = np.array([_book(plant, line.slot) for line in folded.lines], np.int32)
    tags = state.evidence.enroll([bytes.fromhex(line.epc) for line in folded.lines], books)
    state.volumes.catalogue(folded.lines, books, tags)
    state.volumes.status[:] = folded.status
    state.volumes.place[:] = remap[folded.place]  # NOWHERE is -1: the last entry
    state.foreign, state.devices = folded.foreign, folded.devices
    state.contacts, state.crossed = folded.contacts, folded.crossed
    state.alarms, state.actuators = folded.alarms, folded.actuators
    state.asked, state.reported, state.intents = folded.asked, folded.reported, folded.intents
    state.counters, state.platform_commands = folded.counters, folded.platform_commands
    state.clock_is_sure, state.starts = folded.clock_is_sure, folded.starts
    state.boot, state.started_ns, state.now_ns = beliefs.boot, beliefs.started_ns, beliefs.now_ns
    state.unjudged = beliefs.unjudged
    state.readings, state.still = beliefs.readings, beliefs.still
    state.pending = {key: pending for key, pending in beliefs.pending.items() if key in plant.limits}
    return state


def _book(plant: Plant, slot: str) -> int:
    try:
        return plant.places.segment_of(slot)
    except KeyError:
        return NOWHERE
