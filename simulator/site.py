"""The site process: a world and every device server of one configuration, stepped in real time.

`python -m simulator.site CONFIG --volumes CSV --control SOCKET --truth FILE --seed N [--speed X]`. It listens on the
hosts, ports and serial paths of the configuration, so that the daemon finds its devices where the file says.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import deque
from itertools import takewhile
from pathlib import Path
from typing import Any

from config.devices import Reader
from config.load import Loaded, load
from config.places import Places
from config.problem import ConfigError
from config.vault import Vault
from simulator.clock import RealClock, WorldClock
from simulator.control import ControlServer
from simulator.devices.llrp_reader import SimulatedReader
from simulator.devices.modbus_server import Framing, ModbusTcpServer
from simulator.devices.pty_line import PtyLine
from simulator.faults import Line, break_line, break_reader, break_unit
from simulator.wiring import Plant, Watched
from simulator.world.rf import Radio
from simulator.world.truth import TruthJournal
from simulator.world.vault_world import Chance, Columns, Field, VaultWorld, read_volumes

STEP_S = 0.1
REQUESTS_KEPT = 20_000  # moments; a minute and more of a busy site
LOOPBACK = ("127.0.0.1", "localhost")


class Site:
    """Devices on their wires around one world. `first_request_s` is CLOCK_MONOTONIC of the first request heard."""

    def __init__(self, loaded: Loaded, world: VaultWorld, seed: int, clock: WorldClock, run: Path) -> None:
        vault = loaded.vault
        self.world = world
        self.plant = Plant(vault, loaded.profiles, world, seed)
        self.lines: dict[str, Line] = {bus.id: self._line(vault, bus.id, run) for bus in vault.buses}
        self._ports = {reader.id: llrp_port(reader) for reader in vault.readers}
        self.readers: dict[str, SimulatedReader] = {
            reader.id: SimulatedReader(
                self._watched(world.field(reader.id)),
                antennas=len(reader.segments),
                utc_us=_utc_us,
                noise=random.Random(f"{seed} {reader.id}"),
            )
            for reader in vault.readers
        }
        self.first_request_s: float | None = None
        self._requests_s: deque[float] = deque(maxlen=REQUESTS_KEPT)
        self._clock = clock
        self._stepped_s = clock.now_s()
        self._log: list[str] = []

    async def start(self) -> None:
        """Every device answers. Raises OSError where a port or path is not to be had."""
        self.plant.feel()
        for line in self.lines.values():
            if isinstance(line, PtyLine):
                line.plug()
            else:
                await line.start()
        for reader_id, reader in self.readers.items():
            await reader.start(self._ports[reader_id])

    async def close(self) -> None:
        for reader in self.readers.values():
            await reader.stop()
        for line in self.lines.values():
            if isinstance(line, PtyLine):
                line.unplug()
            else:
                await line.stop()

    def step(self) -> None:
        """Bring the world up to the clock, and let the sensors feel it."""
        now_s = self._clock.now_s()
        self.world.advance(now_s - self._stepped_s)
        self._stepped_s = now_s
        self.plant.feel()

    async def answer(self, op: str, args: dict[str, Any]) -> object:
        """The control interface. Raises KeyError or ValueError for what cannot be done."""
        self.step()
        match op:
            case "truth":
                return self._truth()
            case "reads":
                return self.world.reads
            case "glance":
                return self._glance()
            case "request_after":
                after_s = float(args["monotonic_s"])
                later = list(takewhile(lambda at_s: at_s > after_s, reversed(self._requests_s)))
                return later[-1] if later else None
            case "leak":
                self._leak(str(args["zone"]), is_on=bool(args["on"]))
            case "air":
                self.world.climate.push(str(args["zone"]), float(args["degc"]), float(args["pct"]))
                self.world.note("climate", f"air of {args['zone']} {args['degc']:+} degC {args['pct']:+} %")
            case "fault":
                await self._fault(str(args["device"]), str(args["kind"]))
            case "move":
                self.world.move(str(args["volume"]), str(args["segment"]))
            case "remove":
                self.world.move(str(args["volume"]), "")
            case "clone":
                self.world.clone(str(args["volume"]), str(args["segment"]))
            case "plug":
                self._plug(str(args["device"]), int(args["port"]), str(args["segment"]))
            case "hang":
                self.world.hang({str(name): bytes.fromhex(epc) for name, epc in dict(args["tags"]).items()})
                self.world.note("fault", f"{len(args['tags'])} reference tags hung up")
            case "people":
                self.world.people_are_in = bool(args["on"])
            case "log":
                return self._log
            case _:
                raise ValueError(
                    f"no op '{op}'; there are truth, reads, glance, request_after, leak, air, fault, move, remove, "
                    "clone, plug, hang, people, log"
                )
        self._log.append(f"{self.world.now_s:.3f} {op} {args}")
        return None

    def _truth(self) -> dict[str, object]:
        world = self.world
        return {
            "volumes": world.volumes.ids,
            "segments": [world.segment_name(index) for index in world.stands.tolist()],
            "books": [world.segment_name(index) for index in world.volumes.book.tolist()],
        }

    def _glance(self) -> dict[str, object]:
        world = self.world
        return {
            "at_s": round(world.now_s, 3),
            "reads": world.reads,
            "moves": world.moves,
            "wet": [zone for zone in world.water.zones if world.water.is_wet(zone)],
            "closed_valves": self.plant.closed_valves(),
            "first_request_s": self.first_request_s,
        }

    def _leak(self, zone: str, *, is_on: bool) -> None:
        if is_on:
            self.world.water.burst(zone)
        else:
            self.world.water.repair(zone)
        self.world.note("water", f"pipe of {zone} {'burst' if is_on else 'repaired'}")
        self.plant.feel()

    def _plug(self, reader: str, port: int, segment: str) -> None:
        if reader not in self.readers:
            raise KeyError(f"no reader '{reader}'; there are {', '.join(self.readers)}")
        self.world.plug(reader, port, segment)
        self.world.note("fault", f"cable of {segment or 'nothing'} in {reader} port {port}")

    async def _fault(self, device: str, kind: str) -> None:
        if device in self.plant.units:
            break_unit(self.plant.units[device], kind)
        elif device in self.lines:
            await break_line(self.lines[device], kind)
        elif device in self.readers:
            await break_reader(self.readers[device], kind)
        else:
            known = ", ".join((*self.readers, *self.lines, *self.plant.units))
            raise KeyError(f"no device '{device}'; there are {known}")
        self.world.note("fault", f"{device} {kind}")

    def _heard(self) -> None:
        now_s = time.monotonic()
        self._requests_s.append(now_s)
        if self.first_request_s is None:
            self.first_request_s = now_s

    def _watched(self, field: Field) -> Field:
        def read(port: int, dwell_s: float) -> Columns:
            self._heard()
            return field(port, dwell_s)

        return read

    def _line(self, vault: Vault, bus_id: str, run: Path) -> Line:
        bus = next(bus for bus in vault.buses if bus.id == bus_id)
        on_this_line = [(sensor.id, sensor.unit) for sensor in vault.sensors if sensor.bus == bus_id]
        on_this_line += [(board.id, board.unit) for board in vault.boards if board.bus == bus_id]
        units = {number: Watched(self.plant.units[device], self._heard) for device, number in on_this_line}
        if bus.transport == "rtu":
            return PtyLine(units, serial_path(bus.serial, run))
        framing: Framing = "rtu" if bus.transport == "rtu_over_tcp" else "mbap"
        return ModbusTcpServer(units, host=bus.host, port=bus.port, framing=framing)


def serial_path(serial: str, run: Path) -> Path:
    """The configured serial path, when a link may be made there: in the run directory or the system's temporary one.

    Raises ValueError elsewhere: a real /dev entry is never replaced.
    """
    path = Path(serial)
    places = (run.resolve(), Path(tempfile.gettempdir()).resolve())
    if not any(path.parent.resolve().is_relative_to(place) for place in places):
        raise ValueError(f"serial '{serial}' is not in the run directory {run}; give an overlay with a path there")
    if path.exists() and not path.is_symlink():
        raise ValueError(f"serial '{serial}' exists and is no link; remove it or give another path")
    return path


def llrp_port(reader: Reader) -> int:
    """The port of a reader of this machine. Raises ValueError for any other host: the simulator answers here alone."""
    if reader.host not in LOOPBACK:
        raise ValueError(
            f"reader '{reader.id}': host '{reader.host}' is not this machine; give an overlay, as the demo"
        )
    return reader.port


def _utc_us() -> int:
    return time.time_ns() // 1000


async def serve(site: Site, control: ControlServer) -> None:
    """Run until SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await site.start()
    await control.start()
    print("site: every device answers", file=sys.stderr, flush=True)
    try:
        while not stopped.is_set():
            site.step()
            try:
                await asyncio.wait_for(stopped.wait(), STEP_S)
            except TimeoutError:
                continue
    finally:
        await control.close()
        await site.close()


async def run(options: argparse.Namespace) -> None:
    """Build the site the options ask for and serve it."""
    loaded = load(options.config)
    journal = TruthJournal(options.truth)
    world = VaultWorld(
        loaded.vault,
        read_volumes(options.volumes, Places(loaded.vault)),
        options.seed,
        radio=Radio(misses=options.misses, strays=options.strays),
        chance=Chance(act_every_s=options.act_every),
        record=journal.record,
    )
    site = Site(loaded, world, options.seed, RealClock(options.speed), options.control.parent)
    try:
        await serve(site, ControlServer(options.control, site.answer))
    finally:
        journal.close()


def main() -> int:
    """The process. 0 after a signal, 2 when configuration, catalogue or a port is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m simulator.site", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--volumes", type=Path, required=True, help="catalogue CSV")
    parser.add_argument("--control", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument("--truth", type=Path, required=True, help="truth journal to append to")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--speed", type=float, default=1.0, help="world seconds in a second")
    parser.add_argument("--misses", type=float, default=Radio().misses)
    parser.add_argument("--strays", type=float, default=Radio().strays)
    parser.add_argument("--act-every", type=float, default=Chance().act_every_s, help="mean s between acts of people")
    try:
        asyncio.run(run(parser.parse_args()))
    except (ConfigError, ValueError, KeyError, OSError) as error:
        print(f"site: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
