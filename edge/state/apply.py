"""Fold one fact into the state: the only way status, place, devices, alarms, intents change.

A snapshot plus the facts after it gives the state that ran through, because nothing here looks at anything but the
state and the fact.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from drivers.command import Scan
from edge.state import facts as f
from edge.state.chip_facts import ClonedTagSeen, TagsIdentified
from edge.state.custody_facts import CustodyDoubted, CustodyUpheld, PlacementConfirmed, VolumePlaced, VolumeTaken
from edge.state.order_facts import OrderLearnt, OrderUpheld
from edge.state.shelving import after_change
from edge.state.state import (
    ActuatorStanding,
    Alarm,
    Asked,
    Cause,
    Custody,
    DeviceStanding,
    Intent,
    State,
)
from edge.state.tids import Clone, Swept, key_of
from edge.state.volumes import HELD, IN_TRANSIT, MISPLACED, MISSING, NO_CUSTODY, NOWHERE, PLACED, PRESENT, UNSEEN

_ON_A_SHELF = frozenset({PRESENT, MISPLACED})
_NO_TAGS: NDArray[np.int32] = np.zeros(0, np.int32)
REMEMBERED_COMMANDS = 10_000  # ids kept for idempotence; the counter refuses anything older anyway


def apply(state: State, fact: f.Fact) -> None:
    """Change the state by this fact. A fact about something this layout no longer has changes nothing."""
    _FOLDS[type(fact)](state, fact)


def _catalogued(state: State, fact: f.VolumesCatalogued) -> None:
    # where the layout changed since, a slot may be gone; the volume is not
    books = state.plant.places.segments_of(line.slot for line in fact.volumes)
    tags = state.evidence.enroll([bytes.fromhex(line.epc) for line in fact.volumes], books)
    held = [line.volume for line in fact.volumes if line.volume in state.custody]
    before = _tags(state, held)
    _forget_chips(state, fact)
    state.volumes.catalogue(fact.volumes, books, tags)
    for line in fact.volumes:
        if line.tid:
            state.tids.tell(state.volumes.row[line.volume], line.tid)
    if held:
        _retag(state, held, before)


def _forget_chips(state: State, fact: f.VolumesCatalogued) -> None:
    """A volume that gets another EPC gets another tag."""
    if state.tids.is_empty:
        return
    for line in fact.volumes:
        known = state.volumes.line(line.volume)
        if known is not None and known.epc != line.epc:
            state.tids.tell(state.volumes.row[line.volume], "")


def _identified(state: State, fact: TagsIdentified) -> None:
    for tag in fact.tags:
        line = state.volumes.line(tag.volume)
        if line is not None and line.epc == tag.epc:
            state.tids.tell(state.volumes.row[tag.volume], tag.tid)


def _cloned(state: State, fact: ClonedTagSeen) -> None:
    clone = Clone(fact.volume, fact.tid, fact.other_tid, fact.other, fact.at_ns)
    state.tids.clones[key_of(fact.epc)] = clone


def _retag(state: State, volumes: list[str], before: NDArray[np.int32]) -> None:
    """Those that somebody holds may carry other tags than `before`: the new ones are with the holder."""
    held = np.array([state.custody[volume].is_held for volume in volumes])
    after = _tags(state, volumes)
    changed = held & (before != after)
    state.evidence.put(before[changed], state.evidence.book[before[changed]])
    state.evidence.hold(after[changed])


def _tags(state: State, volumes: list[str]) -> NDArray[np.int32]:
    return state.volumes.tag[[state.volumes.row[volume] for volume in volumes]] if volumes else _NO_TAGS


def _left(state: State, fact: f.VolumeMisplaced | f.VolumeFound, before: str) -> None:
    """It stands in a wrong place: if many do so together there is one cause. In its book place it is nobody's."""
    if fact.segment == fact.book:
        state.moves.forget(fact.volume)
    else:
        state.moves.add(fact.volume, before, fact.segment, fact.at_ns)


def _stand(state: State, volume: str, status: int, place: int) -> None:
    """The volume's status and place, and what that does to the order on the shelf it leaves or comes to."""
    row, names = state.volumes.row[volume], state.plant.places.segment_ids
    was, before = int(state.volumes.status[row]), int(state.volumes.place[row])
    state.volumes.stand(volume, status, place)
    left = before if was in _ON_A_SHELF else NOWHERE
    came = place if status in _ON_A_SHELF else NOWHERE
    if left != came:
        for moved in [one.moved for one in state.passes.values()] + [one.moved for one in state.sortings]:
            moved.add(volume)
        if left != NOWHERE:
            state.orders.leave(names[left], volume)
        if came != NOWHERE:
            state.orders.come(names[came])


def _stands(state: State, volume: str, segment: str, status: int) -> None:
    """Its place is known, or that it is not known: what was said when it was placed there is settled."""
    if volume in state.volumes.row:
        _stand(state, volume, status, state.plant.places.segment_index.get(segment, NOWHERE))
        _settle(state, volume)


def _settle(state: State, volume: str) -> None:
    custody = state.custody.get(volume)
    if custody is not None and not custody.is_held:
        del state.custody[volume]
        state.volumes.entrust(volume, NO_CUSTODY)


def _taken(state: State, fact: VolumeTaken) -> None:
    if fact.volume in state.volumes.row:
        state.custody[fact.volume] = Custody(
            fact.holder, fact.holder_kind, is_held=True, segment=fact.segment, since_ns=fact.event_at_ns
        )
        _stand(state, fact.volume, IN_TRANSIT, NOWHERE)
        state.volumes.entrust(fact.volume, HELD)
        state.evidence.hold(_tags(state, [fact.volume]))
        state.suspects.forget(_tags(state, [fact.volume]))
        state.moves.forget(fact.volume)


def _placed(state: State, fact: VolumePlaced) -> None:
    if fact.volume in state.volumes.row:
        place = state.plant.places.segment_index.get(fact.segment, NOWHERE)
        state.custody[fact.volume] = Custody(
            fact.holder, fact.holder_kind, is_held=False, segment=fact.segment, since_ns=fact.event_at_ns
        )
        # one that was placed where it still counts as standing was in somebody's hands
        _stand(state, fact.volume, IN_TRANSIT, NOWHERE)
        _stand(state, fact.volume, PRESENT if fact.segment == (fact.book or fact.segment) else MISPLACED, place)
        state.volumes.entrust(fact.volume, PLACED)
        state.evidence.put(_tags(state, [fact.volume]), np.array([place], np.int32))
        state.suspects.forget(_tags(state, [fact.volume]))
        state.moves.forget(fact.volume)


def _confirmed(state: State, fact: PlacementConfirmed) -> None:
    if fact.volume in state.volumes.row:
        _settle(state, fact.volume)


def _doubted(state: State, fact: CustodyDoubted) -> None:
    _stands(state, fact.volume, fact.segment, PRESENT if fact.segment == (fact.book or fact.segment) else MISPLACED)


def _upheld(state: State, fact: CustodyUpheld) -> None:
    if fact.volume in state.volumes.row:
        _stand(state, fact.volume, IN_TRANSIT, NOWHERE)
        state.evidence.hold(_tags(state, [fact.volume]))


def _seen(state: State, fact: f.VolumeSeen | f.VolumeMoved) -> None:
    _stands(state, fact.volume, fact.segment, PRESENT)
    state.moves.forget(fact.volume)


def _misplaced(state: State, fact: f.VolumeMisplaced) -> None:
    _left(state, fact, fact.before or fact.book)
    _stands(state, fact.volume, fact.segment, MISPLACED)


def _missing(state: State, fact: f.VolumeMissing) -> None:
    _stands(state, fact.volume, fact.last_segment, MISSING)
    if fact.volume in state.volumes.row:
        state.suspects.forget(_tags(state, [fact.volume]))
    state.moves.forget(fact.volume)


def _found(state: State, fact: f.VolumeFound) -> None:
    row = state.volumes.row.get(fact.volume)
    place = NOWHERE if row is None else int(state.volumes.place[row])
    _left(state, fact, state.plant.places.segment_ids[place] if place != NOWHERE else fact.book)
    _stands(state, fact.volume, fact.segment, PRESENT if fact.segment == fact.book else MISPLACED)


def _place_gone(state: State, fact: f.PlaceGone) -> None:
    _stands(state, fact.volume, "", UNSEEN)
    state.moves.forget(fact.volume)


def _foreign(state: State, fact: f.ForeignTagSeen) -> None:
    state.foreign[fact.epc] = fact.segment


def _together(state: State, fact: f.VolumesTogether) -> None:
    pairs = tuple(zip(fact.segments, fact.others, strict=True))
    if fact.code != "volumes_carried":  # that is over when it is told, and no alarm's end would take it back
        state.causes[fact.alarm] = Cause(fact.code, pairs, fact.volumes)
    state.moves.explain(pairs)


def _platform_command(state: State, fact: f.PlatformCommandTaken) -> None:
    if fact.result == "accepted":
        state.counters[fact.issuer] = fact.counter
        state.platform_commands[fact.command] = fact.result
        if len(state.platform_commands) > REMEMBERED_COMMANDS:
            del state.platform_commands[next(iter(state.platform_commands))]


def _lost(state: State, fact: f.DeviceWasLost) -> None:
    state.devices[fact.device] = DeviceStanding(is_ok=False, since_ns=fact.at_ns, reason=fact.reason)


def _back(state: State, fact: f.DeviceCameBack) -> None:
    state.devices[fact.device] = DeviceStanding(is_ok=True, since_ns=fact.at_ns)
    swept = state.tids.swept.get(fact.device)
    if swept is not None:  # it may be another reader by now
        state.tids.swept[fact.device] = Swept(swept.at_ns, swept.antenna)


def _crossed(state: State, fact: f.LimitCrossed) -> None:
    state.crossed[fact.zone, fact.quantity] = fact.side


def _restored(state: State, fact: f.LimitRestored) -> None:
    state.crossed.pop((fact.zone, fact.quantity), None)


def _intended(state: State, fact: f.CommandIntended) -> None:
    state.intents[fact.command.id] = Intent(fact.command, fact.actuator, fact.wanted, fact.cause, fact.at_ns)
    known = state.asked.get(fact.actuator)
    state.asked[fact.actuator] = Asked(fact.wanted, fact.at_ns, fact.command.id, known.wanted if known else "")
    if isinstance(fact.command, Scan) and fact.command.with_tids:
        state.tids.swept[fact.actuator] = Swept(fact.at_ns, fact.command.antennas[-1])


def _ended(state: State, fact: f.CommandEnded) -> None:
    state.intents.pop(fact.command, None)
    swept = state.tids.swept.get(fact.actuator)
    if swept is not None and fact.reason == "llrp_no_tids":
        state.tids.swept[fact.actuator] = Swept(swept.at_ns, swept.antenna, is_able=False)
    asked = state.asked.get(fact.actuator)
    if fact.result == "refused" and asked is not None and asked.command == fact.command:
        state.asked[fact.actuator] = Asked(asked.before, fact.at_ns, "", "")  # it never left the house


def _actuator(state: State, fact: f.ActuatorChanged) -> None:
    state.actuators[fact.actuator] = ActuatorStanding(fact.state, fact.at_ns)


def _contact(state: State, fact: f.ContactChanged) -> None:
    state.contacts[fact.device, fact.point] = fact.active


def _shelving(state: State, fact: f.ShelvingChanged) -> None:
    state.shelving[fact.bank] = after_change(state.shelving.get(fact.bank), fact)


def _jumped(state: State, fact: f.ClockJumped) -> None:
    del fact
    state.clock_is_sure = False


def _vouched(state: State, fact: f.ClockVouched) -> None:
    del fact
    state.clock_is_sure = True


def _references(state: State, fact: f.ReferencesPlaced) -> None:
    if fact.is_first:
        state.references = {}
    for tag in fact.references:
        state.references[tag.epc] = tag.segment
        state.foreign.pop(tag.epc, None)
        state.strangers.pop(tag.epc, None)
    state.survey = state.empty_survey()


def _surveyed(state: State, fact: f.SurveyBegan) -> None:
    state.survey_began_ns = fact.at_ns
    state.survey = state.empty_survey()


def _learnt(state: State, fact: OrderLearnt) -> None:
    if fact.segment in state.plant.places.segment_index:
        state.orders.learn(fact)


def _order_upheld(state: State, fact: OrderUpheld) -> None:
    state.orders.uphold(fact.segment, fact.passed_at_ns)


def _started(state: State, fact: f.DaemonStarted) -> None:
    del fact
    state.starts += 1


def _raised(state: State, fact: f.AlarmRaised) -> None:
    state.alarms[fact.alarm] = Alarm(fact.alarm, fact.code, fact.severity, fact.zone, fact.source, fact.at_ns)


def _cleared(state: State, fact: f.AlarmCleared) -> None:
    state.causes.pop(fact.alarm, None)
    state.tids.clones.pop(fact.alarm, None)
    alarm = state.alarms.get(fact.alarm)
    if alarm is None or alarm.acknowledged_by:
        state.alarms.pop(fact.alarm, None)
    else:
        state.alarms[fact.alarm] = msgspec.structs.replace(alarm, is_active=False)


def _acknowledged(state: State, fact: f.AlarmAcknowledged) -> None:
    alarm = state.alarms.get(fact.alarm)
    if alarm is None or not alarm.is_active:
        state.alarms.pop(fact.alarm, None)
    else:
        state.alarms[fact.alarm] = msgspec.structs.replace(alarm, acknowledged_by=fact.person)


def _measured(state: State, fact: f.Measured) -> None:
    state.reported[fact.device] = fact


def _nothing(state: State, fact: f.Fact) -> None:
    """Audit and gap records are kept in the journal; no state hangs on them."""
    del state, fact


_FOLDS: dict[type, Callable[[State, Any], None]] = {
    f.VolumesCatalogued: _catalogued,
    f.VolumeSeen: _seen,
    f.VolumeMoved: _seen,
    f.VolumeMisplaced: _misplaced,
    f.VolumeMissing: _missing,
    f.VolumeFound: _found,
    f.PlaceGone: _place_gone,
    VolumeTaken: _taken,
    VolumePlaced: _placed,
    PlacementConfirmed: _confirmed,
    CustodyDoubted: _doubted,
    CustodyUpheld: _upheld,
    f.ForeignTagSeen: _foreign,
    f.DuplicateEpcSeen: _nothing,
    TagsIdentified: _identified,
    ClonedTagSeen: _cloned,
    f.VolumesTogether: _together,
    f.ActionTaken: _nothing,
    f.PlatformCommandTaken: _platform_command,
    f.DeviceWasLost: _lost,
    f.DeviceCameBack: _back,
    f.LimitCrossed: _crossed,
    f.LimitRestored: _restored,
    f.CommandIntended: _intended,
    f.CommandEnded: _ended,
    f.ActuatorChanged: _actuator,
    f.ContactChanged: _contact,
    f.ShelvingChanged: _shelving,
    f.ClockJumped: _jumped,
    f.ClockVouched: _vouched,
    f.DaemonStarted: _started,
    f.ReferencesPlaced: _references,
    f.SurveyBegan: _surveyed,
    OrderLearnt: _learnt,
    OrderUpheld: _order_upheld,
    f.DataGap: _nothing,
    f.AlarmRaised: _raised,
    f.AlarmCleared: _cleared,
    f.AlarmAcknowledged: _acknowledged,
    f.Measured: _measured,
}
