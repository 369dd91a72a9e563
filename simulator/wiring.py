"""The device servers of a configuration, wired to a world: what each sensor feels, what each relay moves."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from config.devices import Actuator, Sensor
from config.profile import Profile
from config.vault import Vault
from simulator.devices.modbus_units import LeakRope, RelayBoard8, RsWsN01, Unit, UnitFaults, XyMd02
from simulator.world.vault_world import VaultWorld, stream

AIR_BIAS_SD = (0.15, 1.0)  # degC, %RH: within the +-0.5 degC and +-3 %RH assumed of vault sensors
LEAK_AT_M = 7.5

AirUnit = XyMd02 | RsWsN01
Made = TypeVar("Made")
SENSORS: dict[str, Callable[[], AirUnit | LeakRope]] = {
    "xy-md02": XyMd02,
    "rs-ws-n01": RsWsN01,
    "leak-rope": LeakRope,
}
"""Profile id -> the unit it describes."""
BOARDS: dict[str, Callable[[], RelayBoard8]] = {"relay-8": RelayBoard8}


class Watched:
    """A unit that tells when it is asked something."""

    def __init__(self, unit: Unit, asked: Callable[[], None]) -> None:
        self.faults: UnitFaults = unit.faults
        self._unit = unit
        self._asked = asked

    def read(self, table: str, address: int, count: int) -> list[int]:
        self._asked()
        return self._unit.read(table, address, count)

    def write(self, table: str, address: int, values: list[int]) -> None:
        self._asked()
        self._unit.write(table, address, values)


class Plant:
    """Every Modbus unit of a vault by device id. `feel` carries the world's state into the sensors."""

    def __init__(self, vault: Vault, profiles: dict[str, Profile], world: VaultWorld, seed: int) -> None:
        self._world = world
        self._profiles = profiles
        self._air: list[tuple[Sensor, AirUnit, tuple[float, float]]] = []
        self._ropes: list[tuple[Sensor, LeakRope]] = []
        self.boards: dict[str, RelayBoard8] = {}
        self.units: dict[str, Unit] = {}
        for sensor in vault.sensors:
            unit = _kind(SENSORS, sensor.id, sensor.profile)()
            self.units[sensor.id] = unit
            if isinstance(unit, LeakRope):
                self._ropes.append((sensor, unit))
            else:
                bias = stream(seed, f"sensor {sensor.id}").standard_normal(2) * np.array(AIR_BIAS_SD)
                self._air.append((sensor, unit, (float(bias[0]), float(bias[1]))))
        for board in vault.boards:
            relays = _kind(BOARDS, board.id, board.profile)()
            self.units[board.id] = self.boards[board.id] = relays
        self._valves = tuple((valve, *self._relay_of(vault, valve)) for valve in vault.actuators)
        for valve, relays, address in self._valves:
            relays.relays[address] = valve.energised == "open"  # the vault stands with its water on
        self._wet: dict[str, bool] = dict.fromkeys(world.water.zones, False)
        self._closed: tuple[str, ...] = ()
        self.turn_valves()
        for board_id, relays in self.boards.items():
            relays.on_change = lambda _relay, _on: self.turn_valves()
            relays.on_write = self._noted(board_id)

    def turn_valves(self) -> None:
        """The plumbing follows the relays: a zone has water while none of its valves is closed."""
        now_closed = self.closed_valves()
        for valve in sorted(set(now_closed) ^ set(self._closed)):
            self._world.note("valve", f"{valve} {'closed' if valve in now_closed else 'open'}")
        self._closed = now_closed
        closed = {
            zone
            for valve, relays, address in self._valves
            for zone in valve.zones
            if not _is_open(valve, relays, address)
        }
        for zone in self._world.water.zones:
            self._world.water.valve(zone, is_open=zone not in closed)

    def closed_valves(self) -> tuple[str, ...]:
        """Ids of the valves that are closed."""
        return tuple(valve.id for valve, relays, address in self._valves if not _is_open(valve, relays, address))

    def feel(self) -> None:
        """Set every sensor to what the world is like now."""
        for sensor, unit, (bias_degc, bias_pct) in self._air:
            air = self._world.climate.air(None if sensor.place == "outside" else sensor.zone)
            unit.temperature_degc = air.temperature_degc + bias_degc
            unit.humidity_pct = min(100.0, max(0.0, air.humidity_pct + bias_pct))
        for zone, was_wet in self._wet.items():
            is_wet = self._world.water.is_wet(zone)
            if is_wet != was_wet:
                self._wet[zone] = is_wet
                self._world.note("water", f"floor of {zone} {'wet' if is_wet else 'dry'}")
        for sensor, rope in self._ropes:
            rope.leak_at_m = LEAK_AT_M if self._world.water.is_wet(sensor.zone) else None

    def _noted(self, board: str) -> Callable[[int, bool], None]:
        def note(relay: int, is_on: bool) -> None:
            self._world.note("relay", f"{board} {relay} {'on' if is_on else 'off'}")

        return note

    def _relay_of(self, vault: Vault, valve: Actuator) -> tuple[RelayBoard8, int]:
        profile = next(board.profile for board in vault.boards if board.id == valve.board)
        outputs = {output.id: output.address for output in self._profiles[profile].outputs}
        return self.boards[valve.board], outputs[valve.output]


def _is_open(valve: Actuator, relays: RelayBoard8, address: int) -> bool:
    return relays.relays[address] == (valve.energised == "open")


def _kind(kinds: dict[str, Made], device: str, profile: str) -> Made:
    if profile not in kinds:
        known = ", ".join(kinds)
        raise ValueError(f"device '{device}': nothing here answers as profile '{profile}'; simulated are {known}")
    return kinds[profile]
