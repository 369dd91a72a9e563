"""What the rules need to know of the configured devices, looked up once: points by device, actuators by read-back."""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.devices import READER_POINTS, Actuator, Board, Reader, Sensor
from config.places import Places, layout_hash
from config.policy import Limit
from config.profile import Profile
from config.vault import Vault
from sensors.rfid.neighbourhood import Neighbourhood

_NO_PORTS = np.full(1, -1, np.int32)
_READER_FRESH_NS = 180_000_000_000  # readers tell how they fare once a minute


class PointSpec(msgspec.Struct, frozen=True):
    """One point of a sensor: what it measures, where, and how long a reading counts as fresh."""

    device: str
    point: str
    quantity: str
    zone: str
    is_inside: bool
    freshness_ns: int
    report_deadband: float


class Plant:
    """The vault as configured. Nothing in it changes while the daemon runs."""

    def __init__(self, vault: Vault, profiles: Mapping[str, Profile]) -> None:
        self.vault = vault
        self.places = Places(vault)
        self.beside = Neighbourhood(self.places.segment_line, self.places.segment_position)
        self.layout = layout_hash(vault)
        self.banks = frozenset(rack.id for rack in vault.racks if rack.kind in ("mobile_shelving", "rotary_cabinet"))
        self.passing = frozenset(
            rack.id for rack in vault.racks if rack.kind == "rotary_cabinet" or rack.slides == "along"
        )
        """Banks whose motion carries volumes past their antennas one after the other."""
        self.readers = {reader.id: reader for reader in vault.readers}
        index = self.places.segment_index
        self._ports = {
            reader.id: np.array([-1, *(-1 if name is None else index[name] for name in reader.segments)], np.int32)
            for reader in vault.readers
        }
        self._antenna_of = {
            int(segment): (reader, port)
            for reader, ports in reversed(self._ports.items())  # the first in the file, where two see a segment
            for port, segment in enumerate(ports)
            if segment >= 0
        }
        self.points: dict[tuple[str, str], PointSpec] = {}
        for sensor in vault.sensors:
            for spec in _points(sensor, profiles[sensor.profile]):
                self.points[sensor.id, spec.point] = spec
        for reader in vault.readers:
            for spec in _reader_points(reader):
                self.points[reader.id, spec.point] = spec
        self.actuators = {actuator.id: actuator for actuator in vault.actuators}
        self.read_backs: dict[tuple[str, str], Actuator] = {}
        boards = {board.id: board for board in vault.boards}
        for actuator in vault.actuators:
            profile = profiles[boards[actuator.board].profile]
            output = next(item for item in profile.outputs if item.id == actuator.output)
            self.read_backs[actuator.board, output.readback] = actuator
        self.board_freshness_ns = {board.id: int(board.freshness_s * 1e9) for board in vault.boards}
        self.limits = _limits(vault)
        """(zone, quantity) -> its limit; the first in the file that names the zone, else the first for every zone."""
        self.voters = _voters(self.points)
        """(zone, quantity) -> the inside points that vote on it, in configuration order."""
        self._hazards: dict[tuple[str, str], list[PointSpec]] = {}
        self._of_device: dict[str, list[PointSpec]] = {}
        for spec in self.points.values():
            self._hazards.setdefault((spec.zone, spec.quantity), []).append(spec)
            self._of_device.setdefault(spec.device, []).append(spec)
        self._commanded = {(actuator.board, actuator.output): actuator for actuator in vault.actuators}

    def segments_of_ports(self, reader: str) -> NDArray[np.int32]:
        """Segment index by port number; -1 at 0, at ports without an antenna, and everywhere for an unknown reader."""
        return self._ports.get(reader, _NO_PORTS)

    def reader_of(self, segment: int) -> str:
        """The reader whose antenna sees a segment, '' for none."""
        return self.antenna_of(segment)[0]

    def antenna_of(self, segment: int) -> tuple[str, int]:
        """Reader and port of the antenna that sees a segment, ('', 0) for none."""
        return self._antenna_of.get(segment, ("", 0))

    def antenna_name(self, segment: int) -> str:
        """`READER/PORT` of the antenna that sees a segment, '' for none."""
        reader, port = self.antenna_of(segment)
        return f"{reader}/{port}" if reader else ""

    def bank_of(self, segment: int) -> str | None:
        """The bank of mobile shelving or rotary cabinet that a segment is of, None for a rack that stands still."""
        rack = self.places.segment_rack[segment]
        return rack if rack in self.banks else None

    def hazard_points(self, zone: str, quantity: str) -> list[PointSpec]:
        """Every point of a zone that can tell of this hazard."""
        return self._hazards.get((zone, quantity), [])

    def points_of(self, device: str) -> list[PointSpec]:
        """Every point of a sensor."""
        return self._of_device.get(device, [])

    def commanded(self, device: str, output: str) -> Actuator | None:
        """The actuator behind an output of a board, None when none is configured there."""
        return self._commanded.get((device, output))

    def devices(self) -> list[str]:
        """Every configured device id, in configuration order."""
        vault = self.vault
        groups: tuple[tuple[Reader | Sensor | Board, ...], ...] = (vault.readers, vault.sensors, vault.boards)
        return [device.id for group in groups for device in group]


def _points(sensor: Sensor, profile: Profile) -> list[PointSpec]:
    return [
        PointSpec(
            device=sensor.id,
            point=point.id,
            quantity=point.quantity,
            zone=sensor.zone,
            is_inside=sensor.place == "inside",
            freshness_ns=int(sensor.freshness_s * 1e9),
            report_deadband=point.report_deadband,
        )
        for point in profile.points
    ]


def _reader_points(reader: Reader) -> list[PointSpec]:
    """A reader is in no zone: what it says of itself votes on no climate."""
    return [
        PointSpec(
            device=reader.id,
            point=point,
            quantity=point,
            zone="",
            is_inside=False,
            freshness_ns=_READER_FRESH_NS,
            report_deadband=deadband,
        )
        for point, deadband in READER_POINTS.items()
    ]


def _limits(vault: Vault) -> dict[tuple[str, str], Limit]:
    named_first = sorted(vault.policy.limits, key=lambda limit: not limit.zones)
    found: dict[tuple[str, str], Limit] = {}
    for limit in named_first:
        for zone in limit.zones or tuple(zone.id for zone in vault.zones):
            found.setdefault((zone, limit.quantity), limit)
    return found


def _voters(points: Mapping[tuple[str, str], PointSpec]) -> dict[tuple[str, str], tuple[PointSpec, ...]]:
    found: dict[tuple[str, str], tuple[PointSpec, ...]] = {}
    for spec in points.values():
        if spec.is_inside and spec.quantity in {"temperature_degc", "humidity_pct"}:
            found[spec.zone, spec.quantity] = (*found.get((spec.zone, spec.quantity), ()), spec)
    return found
