"""The platform's mirror of a vault: folded from facts alone, compared with the edge's snapshot at exactly its marks.

Written from the contract and the meaning of the facts, not from the edge's own fold: an error in either shows.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from edge.platform.contract import Lane, SnapshotBody

Volume = tuple[str, str | None, str | None]
Alarm = tuple[str, str, bool]


class _Fact(msgspec.Struct):
    type: str
    data: msgspec.Raw


_fact_decoder = msgspec.json.Decoder(_Fact)


class Mirror:
    """Status, place and holder of volumes, devices, alarms, actuators. Each field is folded from one lane."""

    def __init__(self) -> None:
        self.volumes: dict[str, Volume] = {}
        self.devices: dict[str, str] = {}
        self.alarms: dict[str, Alarm] = {}
        self.actuators: dict[str, str | None] = {}

    def fold(self, bodies: Iterable[bytes]) -> None:
        """Take facts of one lane in, in order."""
        for body in bodies:
            fact = _fact_decoder.decode(body)
            take = FOLDS.get(fact.type)
            if take is not None:
                take(self, msgspec.json.decode(fact.data))

    def adopt(self, lane: Lane, said: SnapshotBody) -> None:
        """Facts of this lane are missing for ever: believe the edge."""
        if lane == "custody":
            self.volumes = dict(said.volumes)
        elif lane == "event":
            self.devices, self.actuators = dict(said.devices), dict(said.actuators)
        elif lane == "alarm":
            self.alarms = dict(said.alarms)

    def differences(self, said: SnapshotBody, limit: int = 10) -> list[str]:
        """What the edge says otherwise, as short texts; [] when both agree in every field."""
        found: list[str] = []
        for name in ("volumes", "devices", "alarms", "actuators"):
            ours: dict[str, Any] = getattr(self, name)
            theirs: dict[str, Any] = getattr(said, name)
            if ours == theirs:
                continue
            keys = sorted(key for key in ours.keys() | theirs.keys() if _entry(ours, key) != _entry(theirs, key))
            found += [f"{name} {key}: platform {_entry(ours, key)}, edge {_entry(theirs, key)}" for key in keys]
        return found[:limit]


def _entry(mapping: dict[str, Any], key: str) -> str:
    return repr(mapping[key]) if key in mapping else "nothing"


def _catalogued(mirror: Mirror, data: dict[str, Any]) -> None:
    for volume, *_line in data["volumes"]:
        mirror.volumes.setdefault(volume, ("unseen", None, None))


def _at(mirror: Mirror, volume: str, status: str, segment: str) -> None:
    holder = mirror.volumes.get(volume, ("", None, None))[2]
    mirror.volumes[volume] = (status, segment or None, holder)


def _present(mirror: Mirror, data: dict[str, Any]) -> None:
    _at(mirror, data["volume"], "present", data["segment"])


def _misplaced(mirror: Mirror, data: dict[str, Any]) -> None:
    _at(mirror, data["volume"], "misplaced", data["segment"])


def _missing(mirror: Mirror, data: dict[str, Any]) -> None:
    _at(mirror, data["volume"], "missing", data["last_segment"])


def _place_gone(mirror: Mirror, data: dict[str, Any]) -> None:
    _at(mirror, data["volume"], "unseen", "")


def _found(mirror: Mirror, data: dict[str, Any]) -> None:
    is_home = data["segment"] == data["book"]
    _at(mirror, data["volume"], "present" if is_home else "misplaced", data["segment"])


def _taken(mirror: Mirror, data: dict[str, Any]) -> None:
    mirror.volumes[data["volume"]] = ("in_transit", None, data["holder"])


def _placed(mirror: Mirror, data: dict[str, Any]) -> None:
    status = "misplaced" if data["book"] and data["book"] != data["segment"] else "present"
    mirror.volumes[data["volume"]] = (status, data["segment"], None)


def _doubted(mirror: Mirror, data: dict[str, Any]) -> None:
    status = "misplaced" if data["book"] and data["book"] != data["segment"] else "present"
    mirror.volumes[data["volume"]] = (status, data["segment"], data["holder"])


def _lost(mirror: Mirror, data: dict[str, Any]) -> None:
    mirror.devices[data["device"]] = "lost"


def _back(mirror: Mirror, data: dict[str, Any]) -> None:
    mirror.devices[data["device"]] = "ok"


def _actuator(mirror: Mirror, data: dict[str, Any]) -> None:
    mirror.actuators[data["actuator"]] = data["state"]


def _raised(mirror: Mirror, data: dict[str, Any]) -> None:
    mirror.alarms[data["alarm"]] = (data["code"], "active", False)


def _cleared(mirror: Mirror, data: dict[str, Any]) -> None:
    listed = mirror.alarms.get(data["alarm"])
    if listed is None:
        return
    code, _state, is_acknowledged = listed
    if is_acknowledged:
        del mirror.alarms[data["alarm"]]
    else:
        mirror.alarms[data["alarm"]] = (code, "cleared", False)


def _acknowledged(mirror: Mirror, data: dict[str, Any]) -> None:
    listed = mirror.alarms.get(data["alarm"])
    if listed is None:
        return
    code, state, _was = listed
    if state == "cleared":
        del mirror.alarms[data["alarm"]]
    else:
        mirror.alarms[data["alarm"]] = (code, state, True)


FOLDS: dict[str, Callable[[Mirror, dict[str, Any]], None]] = {
    "volumes_catalogued": _catalogued,
    "volume_seen": _present,
    "volume_moved": _present,
    "volume_misplaced": _misplaced,
    "volume_missing": _missing,
    "volume_found": _found,
    "place_gone": _place_gone,
    "volume_taken": _taken,
    "volume_placed": _placed,
    "custody_doubted": _doubted,
    "custody_upheld": _taken,
    "device_lost": _lost,
    "device_back": _back,
    "actuator_changed": _actuator,
    "alarm_raised": _raised,
    "alarm_cleared": _cleared,
    "alarm_acknowledged": _acknowledged,
}
