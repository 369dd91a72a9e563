"""The Ørholm store replayed: each poll of a Modbus sensor is given the next hour; limits are crossed and restored."""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml

from config.phrase import phrase
from simulator.daemon_client import DaemonClient
from simulator.devices.modbus_server import ModbusTcpServer
from simulator.devices.modbus_units import UnitFaults, XyMd02
from simulator.ensemble import Ensemble
from simulator.overlay import local_people
from simulator.ports import HERE
from simulator.processes import ProcessDied
from simulator.recorded.climate import Hour

LIMITS = {"temperature_degc": (14.0, 24.0, 0.5), "humidity_pct": (45.0, 60.0, 2.0)}
"""JGJ 25-2010, table 5.2.1, with the deadbands of the demo policy."""
CALM = Hour("", 19.0, 52.0)  # inside every limit
QUIET_S = 4.0  # after its last hour the trace has nothing to say; what is under way comes within this
STOPPED_S = 20.0
PROFILE = "xy-md02-trace"


class Crossing(msgspec.Struct, frozen=True, array_like=True):
    """A limit crossed or restored, in order of time."""

    quantity: str
    side: str
    is_crossed: bool


class ClimateResult(msgspec.Struct, frozen=True):
    """What the daemon said of the year against what the trace says. `dropped`: facts this client came too late for."""

    hours: int
    crossed: int
    restored: int
    crossed_expected: int
    restored_expected: int
    equal: bool
    dropped: int


class TraceSensor:
    """An XY-MD02 that gives the next hour of a trace at each reading of its values; calm before `begin` and after."""

    def __init__(self, hours: tuple[Hour, ...]) -> None:
        self.faults = UnitFaults()
        self.given = 0
        self.ended = asyncio.Event()
        self._hours = hours
        self._has_begun = False
        self._unit = XyMd02(CALM.temperature_degc, CALM.humidity_pct)

    def begin(self) -> None:
        """From the next reading on, the trace."""
        self._has_begun = True

    def read(self, table: str, address: int, count: int) -> list[int]:
        if table == "ir" and self._has_begun:
            hour = self._hours[self.given] if self.given < len(self._hours) else CALM
            self._unit.temperature_degc, self._unit.humidity_pct = hour.temperature_degc, hour.humidity_pct
            self.given += 1
            if self.given > len(self._hours):
                self.ended.set()
        return self._unit.read(table, address, count)

    def write(self, table: str, address: int, values: list[int]) -> None:
        self._unit.write(table, address, values)


def crossings(hours: tuple[Hour, ...]) -> tuple[Crossing, ...]:
    """What must be said of a stretch that begins and ends calm, one sample an hour, without delays."""
    said: list[Crossing] = []
    side = dict.fromkeys(LIMITS, "")
    for hour in (*hours, CALM):
        for quantity, value in zip(LIMITS, (hour.temperature_degc, hour.humidity_pct), strict=True):
            low, high, deadband = LIMITS[quantity]
            beyond = "low" if value < low else "high" if value > high else ""
            is_held = side[quantity] == "low" and value < low + deadband
            is_held = is_held or (side[quantity] == "high" and value > high - deadband)
            now = beyond or (side[quantity] if is_held else "")
            if now == side[quantity]:
                continue
            if side[quantity]:
                said.append(Crossing(quantity, side[quantity], is_crossed=False))
            if now:
                said.append(Crossing(quantity, now, is_crossed=True))
            side[quantity] = now
    return tuple(said)


async def replay_climate(hours: tuple[Hour, ...], run: Path, hour_ms: float) -> ClimateResult:
    """Every hour through one sensor, one poll each, `hour_ms` apart; the facts as the local API streams them."""
    sensor = TraceSensor(hours)
    server = ModbusTcpServer({1: sensor})
    await server.start()
    config, state = run / "climate.yaml", run / "state"
    state.mkdir(mode=0o700)
    _write_profile(run)
    config.write_text(yaml.safe_dump(climate_config(server.port, hour_ms / 1000), sort_keys=False), encoding="utf-8")
    try:
        async with Ensemble(run) as ensemble:
            _, daemon = await ensemble.daemon(config, state)
            said, dropped = await _listen(ensemble, daemon, sensor)
    finally:
        await server.stop()
    expected = crossings(hours)
    return ClimateResult(
        hours=min(sensor.given, len(hours)),
        crossed=sum(crossing.is_crossed for crossing in said),
        restored=sum(not crossing.is_crossed for crossing in said),
        crossed_expected=sum(crossing.is_crossed for crossing in expected),
        restored_expected=sum(not crossing.is_crossed for crossing in expected),
        equal=_by_quantity(said) == _by_quantity(expected),
        dropped=dropped,
    )


async def _listen(ensemble: Ensemble, daemon: DaemonClient, sensor: TraceSensor) -> tuple[list[Crossing], int]:
    """Start the trace; every crossing said until it is over and nothing more comes, and how many facts were dropped.

    Raises ProcessDied when the daemon stops polling before.
    """
    said: list[Crossing] = []
    dropped = 0
    stream = daemon.watch()
    await anext(stream)
    sensor.begin()
    given, quiet_s = -1, 0.0
    coming = asyncio.ensure_future(anext(stream))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=QUIET_S)
            if done:
                portion = coming.result()
                said += [crossing for fact in portion.facts if (crossing := _crossing(fact)) is not None]
                dropped += portion.dropped
                coming = asyncio.ensure_future(anext(stream))
                continue
            ensemble.check()
            if sensor.ended.is_set():
                return said, dropped
            quiet_s = quiet_s + QUIET_S if sensor.given == given else 0.0
            if quiet_s >= STOPPED_S:
                raise ProcessDied(phrase("sim_stopped_polling", hours=given, run=str(ensemble.run)))
            given = sensor.given
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def climate_config(port: int, period_s: float) -> dict[str, object]:
    """A store with one sensor and limits without delay."""
    return {
        "schema": 1,
        "centre": "replay",
        "vault": "oerholm",
        "node": "edge-1",
        "timezone": "Europe/Copenhagen",
        "zones": [{"id": "store"}],
        "racks": [{"id": "A", "kind": "open_rack", "zone": "store"}],
        # an answer that is given up takes its hour along: the trace gives each once
        "buses": [{"id": "line", "transport": "tcp", "host": HERE, "port": port, "timeout_s": 10.0}],
        "sensors": [
            {"id": "th-1", "bus": "line", "unit": 1, "profile": PROFILE, "zone": "store",
             "period_s": period_s, "freshness_s": 10.0},
        ],
        "policy": {
            "limits": [
                {"quantity": quantity, "low": low, "high": high, "deadband": deadband,
                 "on_delay_s": 0, "off_delay_s": 0}
                for quantity, (low, high, deadband) in LIMITS.items()
            ],
            "people": local_people(),
        },
    }  # fmt: skip


def _write_profile(run: Path) -> None:
    """The sensor's own profile without the pause between requests: a trace has no patience."""
    real = yaml.safe_load((files("config") / "profiles" / "xy-md02.yaml").read_text(encoding="utf-8"))
    (run / "profiles").mkdir()
    path = run / "profiles" / f"{PROFILE}.yaml"
    path.write_text(yaml.safe_dump({**real, "id": PROFILE, "min_gap_s": 0}, sort_keys=False), encoding="utf-8")


def _crossing(fact: dict[str, Any]) -> Crossing | None:
    if fact["type"] not in ("limit_crossed", "limit_restored"):
        return None
    return Crossing(fact["quantity"], fact["side"], is_crossed=fact["type"] == "limit_crossed")


def _by_quantity(said: list[Crossing] | tuple[Crossing, ...]) -> dict[str, list[Crossing]]:
    """The order between quantities of the same hour is the daemon's own affair."""
    return {quantity: [crossing for crossing in said if crossing.quantity == quantity] for quantity in LIMITS}
