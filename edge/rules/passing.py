"""What is read while volumes and an antenna move past each other: kept from when a bank that carries its volumes past
their antennas begins to move, or a reader is carried along a face, until that is over; then sorted, a portion an event.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from drivers.observation import RobotState, Searched, TagReads
from edge.state.events import Event, Tick
from edge.state.shelving import LONGEST_MOVE_NS
from edge.state.state import PassSorting, State
from edge.state.volumes import NOWHERE
from sensors.rfid.order import PassReads, Sorting
from sensors.rfid.passes import MOST_READS, Pass, PassColumns

LATE_NS = 2_000_000_000  # reports of a round that was under way when the motion ended
LOST_NS = 10_000_000_000  # a carried reader of which nothing is heard for so long is on no pass any more
LEAST_WAY_M = 0.1  # of a carried reader: a rest tells no order
LEAST_READS = 16  # two tags of eight reads: of fewer there is no order
PORTIONS = 3  # at a tick; one at the end of a search: a millisecond or two each
WAVELENGTH_M = 0.325  # 922.5 MHz; at the ends of the FCC band 1.4 % off, which a speed that is fitted takes up
ROBOT = "robot:"


def follow(state: State, event: Event) -> PassSorting | None:
    """Keep what was read on the way, and go on sorting. Returns a pass that is sorted now."""
    match event:
        case TagReads():
            _hear(state, event)
            return None
        case RobotState():
            _pose(state, event)
            return None
        case Tick():
            return None if _close(state, event.at_ns) else _sort(state, PORTIONS)
        case Searched():
            return _sort(state, 1)
        case _:
            return None


def _hear(state: State, event: TagReads) -> None:
    """Reads of an antenna whose shelf moves, or of a reader that is carried."""
    carried = state.passes.get(ROBOT + event.device)
    moving = [bank for bank, known in state.shelving.items() if known.is_moving and bank in state.plant.passing]
    if carried is None and not moving and not state.passes:
        return
    if carried is not None:
        reads = _columns(state, event)
        carried.hear(reads.where((reads.tag >= 0) & (reads.at_ns >= carried.from_ns)))
        return
    table = state.plant.segments_of_ports(event.device)
    segments = table.take(event.antenna * (event.antenna < len(table)))
    names = state.plant.places.segment_ids
    on_the_way = [
        segment
        for segment in np.unique(segments[segments != NOWHERE]).tolist()
        if state.plant.bank_of(segment) in state.plant.passing
    ]
    if not on_the_way:
        return
    reads = _columns(state, event)
    is_known = reads.tag >= 0
    for segment in on_the_way:
        bank = state.plant.bank_of(segment)
        known = state.shelving.get(bank) if bank in state.plant.passing and bank is not None else None
        if known is None or not known.moved_from_ns:
            continue
        until_ns = known.moved_from_ns + LONGEST_MOVE_NS
        if not known.is_moving:
            until_ns = min(until_ns, known.moved_until_ns)
        while_moving = (
            is_known & (segments == segment) & (reads.at_ns >= known.moved_from_ns) & (reads.at_ns <= until_ns)
        )
        if not while_moving.any():
            continue
        under_way = state.passes.get(names[segment])
        if under_way is None or under_way.from_ns != known.moved_from_ns:
            _end(state, names[segment])
            under_way = state.passes[names[segment]] = Pass(names[segment], known.moved_from_ns)
        under_way.hear(reads.where(while_moving))


def _pose(state: State, event: RobotState) -> None:
    """A carried reader goes on along its face, or leaves it."""
    key, index = ROBOT + event.reader, state.plant.places.segment_index
    known, here = state.passes.get(key), index.get(event.segment, NOWHERE)
    lines = state.plant.places.segment_line
    is_on_a_face = here != NOWHERE and event.along_m is not None and math.isfinite(event.along_m)
    if known is not None and not (is_on_a_face and lines[index[known.segment]] == lines[here]):
        _end(state, key)
        known = None
    if is_on_a_face and event.along_m is not None:
        if known is None:
            most = MOST_READS * int((lines == lines[here]).sum())
            known = state.passes[key] = Pass(event.segment, event.at_ns, most)
        known.pose(event.at_ns, event.along_m)


def _close(state: State, at_ns: int) -> bool:
    """End one pass whose motion is over, and whose last reports have come in; False where there is none."""
    for key, under_way in state.passes.items():
        if under_way.pose_ns:
            rest_ns = under_way.pose_ns[-1] - under_way.pose_ns[-2] if len(under_way.pose_ns) > 1 else 0
            is_over = at_ns - under_way.pose_ns[-1] > LOST_NS or rest_ns > LOST_NS
        else:
            bank = state.plant.bank_of(state.plant.places.segment_index[under_way.segment])
            known = state.shelving.get(bank) if bank is not None else None
            is_on = known is not None and known.is_moving and known.moved_from_ns == under_way.from_ns
            ended_ns = known.moved_until_ns if known is not None and not is_on else 0
            late = at_ns - under_way.from_ns > LONGEST_MOVE_NS + LATE_NS
            is_over = late if is_on else at_ns - ended_ns > LATE_NS
        if is_over:
            _end(state, key)
            return True
    return False


def _end(state: State, key: str) -> None:
    """Lay out a pass for sorting: the reads of volumes that stand where it led along."""
    under_way = state.passes.pop(key, None)
    if under_way is None:
        return
    reads, poses = under_way.reads(), np.array(under_way.pose_ns, np.int64)
    if key.startswith(ROBOT):
        if np.ptp(under_way.pose_m) < LEAST_WAY_M:
            return
        reads = reads.where((reads.at_ns >= poses[0]) & (reads.at_ns <= poses[-1]))
    if len(reads.at_ns) < LEAST_READS:
        return
    rows = state.volumes.of_tags(reads.tag)
    place = np.where(rows != NOWHERE, state.volumes.place[rows], NOWHERE)
    lines, index = state.plant.places.segment_line, state.plant.places.segment_index
    began = index[under_way.segment]
    kept = (lines[place] == lines[began] if key.startswith(ROBOT) else place == began) & (place != NOWHERE)
    reads, rows = reads.where(kept), rows[kept]
    if len(reads.at_ns) < LEAST_READS:
        return
    volumes, tag = np.unique(rows, return_inverse=True)
    along, metres_per_unit = (reads.at_ns - under_way.from_ns) / 1e9, None
    if key.startswith(ROBOT):
        along, metres_per_unit = np.interp(reads.at_ns, poses, np.array(under_way.pose_m)), 1.0
    channels, channel = np.unique(reads.channel, return_inverse=True)
    columns = PassReads(
        tag.astype(np.int64),
        along,
        reads.phase_rad.astype(np.float64),
        reads.rssi_dbm.astype(np.float64),
        channel.astype(np.int64),
        np.full(len(channels), WAVELENGTH_M),
        metres_per_unit,
    )
    names = tuple(state.volumes.lines[volume].volume for volume in volumes.tolist())
    ended_ns = int(poses[-1]) if len(poses) else int(reads.at_ns.max())
    state.sortings = [one for one in state.sortings if one.key != key]  # the newest of a segment tells more than those
    state.sortings.append(PassSorting(key, names, Sorting(columns), ended_ns, under_way.moved))


def _sort(state: State, portions: int) -> PassSorting | None:
    """A few portions more of the oldest pass."""
    if not state.sortings:
        return None
    oldest = state.sortings[0]
    for _ in range(portions):
        if oldest.sorting.is_done:
            break
        oldest.sorting.advance()
    if not oldest.sorting.is_done:
        return None
    return state.sortings.pop(0)


def _columns(state: State, event: TagReads) -> PassColumns:
    """The reads of catalogued tags with their own times, in vault time as far as the reader told them."""
    n = len(event.antenna)
    tag = state.evidence.rows_of_reads(event.epc, event.epc_bits)
    at_ns = np.full(n, event.at_ns, np.int64)
    times = next(_times(event), None)
    if times is not None and event.clock_offset_ns is not None:
        at_ns = np.where(times > 0, times + event.clock_offset_ns, at_ns)
    phase = np.full(n, np.nan, np.float32) if event.phase_rad is None else event.phase_rad
    channel = np.zeros(n, np.uint16) if event.channel is None else event.channel
    return PassColumns(tag, at_ns, phase, event.rssi_dbm, channel)


def _times(event: TagReads) -> Iterator[NDArray[np.int64]]:
    """The reader's own times that were told at all, the best first."""
    for times in (event.last_utc_ns, event.first_utc_ns, event.last_uptime_ns, event.first_uptime_ns):
        if times is not None and times.any():
            yield times
