"""The same step on a manual clock: a simulated vault at read or cycle level, no wire and no real time.

At read level every dwell of every antenna has its moment; at cycle level a reader's whole cycles are drawn and told at
once. What the wires would carry is put straight into the records the sessions would have made of it; everything behind
the inbox is the daemon's own code. The same seed gives the same facts, byte for byte.
"""

import heapq
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from config.catalogued import CataloguedVolume
from config.devices import Reader
from config.profile import Profile
from config.profile_files import load_profile
from config.vault import Vault
from drivers.command import CommandOutcome, Result, Scan, Switch
from drivers.llrp.requests import dwell_ms
from drivers.observation import Contact, Measurement, Searched, ShelvingState, TagReads
from edge.rules.interlocks import Refuse, may
from edge.state.events import DeviceBack, Event, OperatorAction, Started, Tick
from edge.state.facts import Fact
from edge.state.plant import Plant, PointSpec
from edge.state.state import State
from edge.step import step
from simulator.world.cycle import MOST_ROUNDS, CycleField
from simulator.world.passing import PassRadio
from simulator.world.rf import Radio
from simulator.world.sliding import Slide
from simulator.world.vault_world import Chance, VaultWorld, read_volumes, stream

NS = 1_000_000_000
START_NS = 1_767_225_600 * NS  # 2026-01-01T00:00:00Z
CHUNK = 500
WIRE_NS = 50_000_000  # a relay's answer

MOST_READS = 1 << 16  # of one dwell
_BITS = np.full(MOST_READS, 96, np.uint16)
_UNSAID = np.zeros(MOST_READS, np.int64)
_PC = np.full(MOST_READS, 0x3000, np.int32)  # EPC of six words, no ISO toggle


class OfflineResult(msgspec.Struct, frozen=True):
    """What a run showed. `times_real`: simulated seconds per second of this machine, import left out."""

    volumes: int
    seconds: float
    wall_s: float
    times_real: float
    reads: int
    facts: int
    located: int
    located_right: float
    displaced_right: float
    moves: int


class Offline:
    """A vault, its world and its state on one manual clock."""

    def __init__(
        self,
        vault: Vault,
        profiles: Mapping[str, Profile],
        catalogue: Path,
        seed: int,
        *,
        radio: Radio,
        chance: Chance,
        hear: Callable[[Event, tuple[Fact, ...]], None],
        rounds: int = 0,
    ) -> None:
        """`hear` is told every event and the facts it gave. `rounds`: cycles of a reader told at once, 1 to 1000; 0 is
        read level."""
        if not 0 <= rounds <= MOST_ROUNDS:
            raise ValueError(f"{rounds} rounds at once: expected 0 to {MOST_ROUNDS}")
        self.state = State(Plant(vault, profiles))
        self.at_ns = START_NS
        self._hear = hear
        self._vault = vault
        volumes = read_volumes(catalogue, self.state.plant.places)
        self.world = VaultWorld(vault, volumes, seed, radio=radio, chance=chance, record=lambda _: None)
        self._fields = {reader.id: self.world.field(reader.id) for reader in vault.readers}
        self._rounds = rounds
        self._busy_until_ns = dict.fromkeys(self._fields, 0)
        """By reader: the end of the search that was demanded of it."""
        self._slides: dict[str, tuple[int, Slide]] = {}
        """By bank that is on its way: since when, and what its antennas hear."""
        self._slots: list[str] = []
        self._seed = seed
        self.tick_ns = NS
        """How often the world goes on and a tick is told."""
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self.facts = 0
        self._relay_on = {actuator.id: actuator.energised == "open" for actuator in vault.actuators}
        self._tell(Started(at_ns=self.at_ns, boot="offline", software="offline", layout="", clean=True))
        self._import(catalogue)
        for reader in vault.readers:
            self._tell(DeviceBack(device=reader.id, at_ns=self.at_ns))
            if rounds:
                self._begin_cycles(reader, CycleField(self.world, reader.segments, stream(seed, f"{reader.id}/cycle")))
            else:
                self._at(self.at_ns, lambda reader=reader: self._dwell(reader, 0))  # type: ignore[misc]
        for sensor in vault.sensors:
            self._tell(DeviceBack(device=sensor.id, at_ns=self.at_ns))
            self._at(self.at_ns, lambda sensor=sensor: self._poll(sensor.id, int(sensor.period_s * NS)))  # type: ignore[misc]
        for board in vault.boards:
            self._at(self.at_ns, lambda board=board: self._read_back(board.id, int(board.period_s * NS)))  # type: ignore[misc]
        self._at(self.at_ns, self._tick)

    def run(self, seconds: float) -> float:
        """Let so much vault time pass; returns the seconds it took here."""
        begun = time.perf_counter()
        until = self.at_ns + round(seconds * NS)
        while self._queue[0][0] <= until:
            self.at_ns, _, call = heapq.heappop(self._queue)
            call()
        self.at_ns = until
        return time.perf_counter() - begun

    def slide(self, bank: str, seconds: float, radio: PassRadio) -> None:
        """A bank begins to slide along its antennas, and takes so long. At read level."""
        self._tell(ShelvingState(device=bank, at_ns=self.at_ns, bank=bank, open_aisles=(), is_moving=True))
        self._slides[bank] = self.at_ns, Slide(self.world, self._slots, bank, seconds, radio, self._seed)
        self._at(self.at_ns + round(seconds * NS), lambda: self._stop(bank))

    def _stop(self, bank: str) -> None:
        del self._slides[bank]
        self._tell(ShelvingState(device=bank, at_ns=self.at_ns, bank=bank, open_aisles=(), is_moving=False))

    def result(self, seconds: float, wall_s: float) -> OfflineResult:
        """How right the beliefs are against the truth of the world, now."""
        tags = self.state.volumes.tag
        believed = self.state.evidence.believed[tags]
        is_read = self.state.evidence.last_seen_ns[tags] > 0
        right = (believed == self.world.stands) & is_read
        moved = self.world.displaced
        return OfflineResult(
            volumes=len(right),
            seconds=seconds,
            wall_s=round(wall_s, 3),
            times_real=round(seconds / wall_s, 1),
            reads=self.world.reads,
            facts=self.facts,
            located=int(is_read.sum()),
            located_right=round(float(right.mean()), 5),
            displaced_right=round(float(right[moved].mean()), 5) if moved.any() else 1.0,
            moves=self.world.moves,
        )

    def _tell(self, event: Event) -> None:
        decision = step(self.state, event)
        self.facts += len(decision.facts)
        self._hear(event, decision.facts)
        for command in decision.commands:
            if isinstance(command, Switch):
                self._at(self.at_ns + WIRE_NS, lambda command=command: self._switch(command))  # type: ignore[misc]
            else:
                self._at(self.at_ns + WIRE_NS, lambda command=command: self._scan(command))  # type: ignore[misc]

    def _at(self, at_ns: int, call: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (at_ns, self._order, call))

    def _import(self, catalogue: Path) -> None:
        lines = [line.split(",") for line in catalogue.read_text(encoding="utf-8-sig").splitlines()[1:]]
        self._slots = [slot for _, _, slot, _ in lines]
        for i in range(0, len(lines), CHUNK):
            volumes = tuple(CataloguedVolume(v, epc, slot, int(mm)) for v, epc, slot, mm in lines[i : i + CHUNK])
            self._tell(
                OperatorAction(
                    id=f"import-{i}",
                    at_ns=self.at_ns,
                    action="catalogue.import",
                    person="offline",
                    role="archivist",
                    terminal="offline",
                    volumes=volumes,
                )
            )

    def _dwell(self, reader: Reader, index: int) -> None:
        """One antenna's dwell ends: its reads, then that it searched; the next antenna begins."""
        port = index % len(reader.segments) + 1
        dwell_ns = reader.dwell_ms * 1_000_000
        if reader.segments[port - 1] is None:
            self._at(self.at_ns, lambda: self._dwell(reader, index + 1))
            return
        if self.at_ns < self._busy_until_ns[reader.id]:  # cut short by a search that was demanded: begun again after it
            self._at(self._busy_until_ns[reader.id] + dwell_ns, lambda: self._dwell(reader, index))
            return
        self._look(reader, port, dwell_ns)
        self._at(self.at_ns + dwell_ns, lambda: self._dwell(reader, index + 1))

    def _scan(self, command: Scan) -> None:
        """A reader leaves its round and searches with the antennas demanded, then goes on."""
        reader = next(reader for reader in self._vault.readers if reader.id == command.device)
        dwell_ns = dwell_ms(reader, is_rescan=True) * 1_000_000
        self._ended(command, "sent")
        for place, port in enumerate(command.antennas, start=1):
            look = partial(self._look, reader, port, dwell_ns, with_tids=command.with_tids)
            self._at(self.at_ns + place * dwell_ns, look)
        self._busy_until_ns[reader.id] = self.at_ns + len(command.antennas) * dwell_ns
        self._at(self._busy_until_ns[reader.id], lambda: self._ended(command, "done"))

    def _ended(self, command: Scan, result: Result) -> None:
        outcome = CommandOutcome(command=command.id, device=command.device, at_ns=self.at_ns, result=result, reason="")
        self._tell(outcome)

    def _look(self, reader: Reader, port: int, dwell_ns: int, *, with_tids: bool = False) -> None:
        """A dwell of an antenna ends: its reads, then that it searched. These readers tell TIDs when they are asked."""
        name = reader.segments[port - 1]
        segment = self.world.places.segment_index[name] if name is not None else -1
        begun_ns, slide = self._slides.get(self.world.places.segment_rack[segment], (0, None))
        phase_rad = None
        if slide is not None and segment >= 0:
            heard = slide.look(segment, (self.at_ns - begun_ns) / 1e9)
            tag = slide.sections[segment].tag[heard.tag]
            epc, tid, rssi_dbm = self.world.epc[tag], self.world.tid[tag], heard.rssi_dbm
            count, phase_rad = np.ones(len(epc), np.uint16), heard.phase_rad
        else:
            epc, rssi_dbm, count, tid = self._fields[reader.id](port, dwell_ns / 1e9)
        n = len(epc)
        if n:
            self._tell(
                TagReads(
                    device=reader.id,
                    at_ns=self.at_ns,
                    antenna=np.full(n, port, np.uint16),
                    epc=epc,
                    epc_bits=_BITS[:n],
                    rssi_dbm=rssi_dbm,
                    count=count,
                    first_utc_ns=_UNSAID[:n],
                    last_utc_ns=_UNSAID[:n],
                    pc=_PC[:n],
                    tid=tid if with_tids else None,
                    phase_rad=phase_rad,
                )
            )
        self._tell(
            Searched(
                device=reader.id,
                at_ns=self.at_ns,
                antenna=port,
                rounds=1,
                from_ns=self.at_ns - dwell_ns,
                to_ns=self.at_ns,
            )
        )

    def _begin_cycles(self, reader: Reader, field: CycleField) -> None:
        """Its cycles follow one another, so many told at once. A tick no oftener than the slowest reader is heard."""
        span_ns = self._rounds * len(field.ports) * reader.dwell_ms * 1_000_000
        if span_ns:
            self.tick_ns = max(self.tick_ns, span_ns)
            self._at(self.at_ns + span_ns, lambda: self._cycles(reader, field, span_ns))

    def _cycles(self, reader: Reader, field: CycleField, span_ns: int) -> None:
        """Whole cycles end: all their reads, then that each antenna searched."""
        found = field.draw(self._rounds)
        n = len(found.tag)
        self.world.reads += int(found.times.sum())
        if n:
            self._tell(
                TagReads(
                    device=reader.id,
                    at_ns=self.at_ns,
                    antenna=found.port,
                    epc=self.world.epc[found.tag],
                    epc_bits=np.full(n, 96, np.uint16),
                    rssi_dbm=found.rssi_dbm,
                    count=found.times,
                    first_utc_ns=np.zeros(n, np.int64),
                    last_utc_ns=np.zeros(n, np.int64),
                    pc=np.full(n, 0x3000, np.int32),
                )
            )
        begun_ns = self.at_ns - span_ns
        for port in field.ports:
            self._tell(
                Searched(
                    device=reader.id,
                    at_ns=self.at_ns,
                    antenna=port,
                    rounds=self._rounds,
                    from_ns=begun_ns,
                    to_ns=self.at_ns,
                )
            )
        self._at(self.at_ns + span_ns, lambda: self._cycles(reader, field, span_ns))

    def _poll(self, device: str, period_ns: int) -> None:
        specs = self.state.plant.points_of(device)
        numbers = [(spec.point, self._value(spec)) for spec in specs if spec.quantity.endswith(("_degc", "_pct"))]
        if numbers:
            points, values = zip(*numbers, strict=True)
            self._tell(Measurement(device=device, at_ns=self.at_ns, points=points, values=values))
        for spec in specs:
            if spec.quantity in {"leak", "cable_break"}:
                active = spec.quantity == "leak" and self.world.water.is_wet(spec.zone)
                self._tell(Contact(device=device, at_ns=self.at_ns, point=spec.point, active=active))
        self._at(self.at_ns + period_ns, lambda: self._poll(device, period_ns))

    def _value(self, spec: PointSpec) -> float:
        air = self.world.climate.air(spec.zone if spec.is_inside else None)
        return round(air.temperature_degc if spec.quantity == "temperature_degc" else air.humidity_pct, 1)

    def _read_back(self, board: str, period_ns: int) -> None:
        for (device, point), actuator in self.state.plant.read_backs.items():
            if device == board:
                self._tell(Contact(device=board, at_ns=self.at_ns, point=point, active=self._relay_on[actuator.id]))
        self._at(self.at_ns + period_ns, lambda: self._read_back(board, period_ns))

    def _switch(self, command: Switch) -> None:
        verdict = may(self.state, command)
        actuator = self.state.plant.commanded(command.device, command.point)
        if isinstance(verdict, Refuse) or actuator is None:
            reason = verdict.code if isinstance(verdict, Refuse) else "device_not_configured"
            outcome = CommandOutcome(
                command=command.id, device=command.device, at_ns=self.at_ns, result="refused", reason=reason
            )
            self._tell(outcome)
            return
        self._relay_on[actuator.id] = command.on
        for zone in actuator.zones:
            self.world.water.valve(zone, is_open=command.on == (actuator.energised == "open"))
        self._tell(
            CommandOutcome(command=command.id, device=command.device, at_ns=self.at_ns, result="done", reason="")
        )
        for (device, point), known in self.state.plant.read_backs.items():
            if known.id == actuator.id:
                self._tell(Contact(device=device, at_ns=self.at_ns, point=point, active=command.on))

    def _tick(self) -> None:
        self.world.advance(self.tick_ns / NS)
        self._tell(Tick(at_ns=self.at_ns))
        self._at(self.at_ns + self.tick_ns, self._tick)


def share_of_hours_inside(hours: Iterable[tuple[float, float]], limits: Mapping[str, tuple[float, float]]) -> float:
    """Share of hours (temperature_degc, humidity_pct) at which the step has neither limit crossed.

    One sensor in one zone, no delay and no deadband: an hour on a limit is inside.
    """
    profile = load_profile("xy-md02")
    document = {
        "schema": 1,
        "centre": "offline",
        "vault": "offline",
        "node": "offline",
        "timezone": "UTC",
        "zones": [{"id": "z1"}],
        "racks": [],
        "buses": [{"id": "bus", "transport": "tcp", "host": "127.0.0.1"}],
        "sensors": [{"id": "th", "bus": "bus", "unit": 1, "profile": profile.id, "zone": "z1"}],
        "policy": {
            "limits": [
                {"quantity": quantity, "low": low, "high": high, "deadband": 0.0, "on_delay_s": 0, "off_delay_s": 0}
                for quantity, (low, high) in limits.items()
            ]
        },
    }
    state = State(Plant(msgspec.convert(document, Vault), {profile.id: profile}))
    points = tuple(point.id for point in profile.points)
    inside = count = 0
    for count, air in enumerate(hours, 1):
        step(state, Measurement(device="th", at_ns=START_NS + count * 3600 * NS, points=points, values=air))
        inside += not state.crossed
    return inside / count if count else 0.0
