"""From LLRP bytes to a fused belief, with the journal on: how many reads a second one core takes.

`--readers` readers of 16 antennas, each antenna before volumes / (readers * 16) volumes; 10 % misses, 30 % strays,
halving with each further segment. Every byte goes the daemon's way: the session of each reader frames and decodes, the
input log writes every event, the step takes it in, judges, decides and applies, facts are committed to a journal on
disk, and a tick comes after each turn of the antennas. Left out, because it is not the product's: drawing the world and
making the bytes. Left out too: the first cycles, in which the catalogue enters and every volume is placed (`--warm-up`,
given as columns). The figure counts CPU time of the whole process, its writer threads included.

reads_per_s_core   tag reports (entries of RO_ACCESS_REPORT) per second of CPU time
longest_step_ms    of all timed steps, by the clock; `longest_step_cpu_ms` without what else runs on the machine
bytes_per_volume   of evidence: columns, hash table, spare rows, and what waits to be thought over
rss_mb             peak of the process, world and bytes included; `world_mb`: before the state was built
"""

import argparse
import gc
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.llrp_far_end import UTC_US, greeting, searching
from config.catalogued import CataloguedVolume
from config.policy import Retention
from config.vault import Vault
from drivers.llrp.device import LlrpSession
from drivers.observation import Searched, TagReads
from edge.state.events import Event, OperatorAction, Started, Tick
from edge.state.plant import Plant
from edge.state.state import State
from edge.step import step
from edge.store.input_log import InputLog
from edge.store.journal import Store
from simulator.devices.llrp_wire import Reads, Selector, event, reports
from simulator.world.rf import Radio, Reach, draw_round, reach

NS = 1_000_000_000
PORTS = 16
DWELL_NS = 625_000_000  # 16 of them are the 10 s of a cycle
REACH_SEGMENTS = 3
CHUNK = 500
MOST_ON_A_SHELF = 999  # slots: what a rack's rule allows
SELECTED = Selector(first_seen=True, last_seen=True, count=True, pc=True)


class Figures(msgspec.Struct, frozen=True):
    """What is printed."""

    volumes: int
    readers: int
    reads: int
    reads_per_s_core: int
    decode_share: float
    longest_step_ms: float
    longest_step_cpu_ms: float
    located_right: float
    facts: int
    bytes_per_volume: float
    rss_mb: float
    world_mb: float
    seconds: float


class World(NamedTuple):
    """What stands where: epc (n, 12), book (n,) int64 segment; by segment what its antenna can read."""

    epc: NDArray[np.uint8]
    book: NDArray[np.int64]
    reaches: list[Reach]


def made(volumes: int, segments: int) -> World:
    """Volumes over segments in lines of 16, one line for each reader."""
    rng = np.random.default_rng(1)
    epc = np.zeros((volumes, 12), np.uint8)
    epc[:, 0] = 0x2C
    epc[:, 4:] = np.arange(volumes, dtype=">u8").view(np.uint8).reshape(-1, 8)
    book = np.arange(volumes) * segments // volumes
    bias = (rng.standard_normal(volumes) * 4.0).astype(np.float32)
    bounds = np.searchsorted(book, np.arange(segments + 1))
    reaches = []
    for segment in range(segments):
        line = segment // PORTS * PORTS
        near = range(max(line, segment - REACH_SEGMENTS), min(line + PORTS, segment + REACH_SEGMENTS + 1))
        tag = np.arange(bounds[near.start], bounds[near.stop])
        reaches.append(reach(Radio(), tag, np.abs(book[tag] - segment).astype(np.int32), bias[tag]))
    return World(epc, book, reaches)


def shelving(volumes: int, segments: int) -> tuple[int, int]:
    """Shelves of a section, and slots of a shelf, that hold what stands in it."""
    slots = -(-volumes // segments)
    shelves = -(-slots // MOST_ON_A_SHELF)
    return shelves, -(-slots // shelves)


def vault_of(readers: int, volumes: int) -> Vault:
    """A rack of one line of 16 sections for each reader."""
    shelves, slots = shelving(volumes, readers * PORTS)
    document = {
        "schema": 1,
        "centre": "c1",
        "vault": "bench",
        "node": "n1",
        "timezone": "UTC",
        "zones": [{"id": "z1"}],
        "racks": [
            {
                "id": "A",
                "kind": "open_rack",
                "zone": "z1",
                "rows": readers,
                "faces": ["L"],
                "sections": PORTS,
                "shelves": shelves,
                "slots_per_shelf": slots,
                "segment": "section",
            }
        ],
        "readers": [
            {
                "id": f"r{reader:02}",
                "host": "127.0.0.1",
                "segments": [f"A-{reader + 1:02}L-{port:02}" for port in range(1, PORTS + 1)],
            }
            for reader in range(readers)
        ],
    }
    return msgspec.convert(document, Vault)


class Bench:
    """The state, its journal and its log; and what they took."""

    def __init__(self, folder: Path, vault: Vault, world: World) -> None:
        self.world = world
        self.vault = vault
        self.state = State(Plant(vault, {}))
        self.store = Store.open(folder, vault="c1/bench", cap_mb=8192, reserve_mb=8, retention=Retention())
        self.log = InputLog(folder, 1024, boot="b", software="bench", layout="", config="")
        self.log.begin(None, 0)
        self.at_ns = 1_700_000_000 * NS
        self.facts = 0
        self.longest_s = self.longest_cpu_s = 0.0
        self.tell([Started(at_ns=self.at_ns, boot="b", software="bench", layout="", clean=True)])

    def tell(self, events: list[Event]) -> None:
        """Events as the step loop takes them: logged, stepped, their facts appended."""
        self.log.write(events)
        for one in events:
            begun, begun_cpu = time.perf_counter(), time.thread_time()
            decision = step(self.state, one)
            self.longest_cpu_s = max(self.longest_cpu_s, time.thread_time() - begun_cpu)
            self.longest_s = max(self.longest_s, time.perf_counter() - begun)
            if decision.facts:
                self.store.append(decision.facts, urgent=False, done=None)
                self.facts += len(decision.facts)

    def catalogue(self) -> None:
        """Every volume enters at its book place."""
        names = self.state.plant.places.segment_ids
        book = self.world.book.tolist()
        _, slots = shelving(len(book), len(names))
        shelf, slot = np.divmod(np.arange(len(book)) - np.searchsorted(book, book), slots)
        at = [f"{shelf}-{slot:02}" for shelf, slot in zip((shelf + 1).tolist(), (slot + 1).tolist(), strict=True)]
        for first in range(0, len(book), CHUNK):
            lines = tuple(
                CataloguedVolume(f"V{i:07}", self.world.epc[i].tobytes().hex(), f"{names[book[i]]}-{at[i]}", 0)
                for i in range(first, min(first + CHUNK, len(book)))
            )
            action = OperatorAction(
                id=f"i{first}",
                at_ns=self.at_ns,
                action="catalogue.import",
                person="bench",
                role="archivist",
                terminal="-",
                volumes=lines,
            )
            decision = step(self.state, action)
            if decision.answer != "accepted":
                raise RuntimeError(f"import of {lines[0]}: {decision.answer}")

    def warm_up(self, cycles: int, rng: np.random.Generator) -> None:
        """Cycles given as columns, until every volume stands where it stands."""
        for _ in range(cycles):
            for turn in range(PORTS):
                self.at_ns += DWELL_NS
                for number, reader in enumerate(self.vault.readers):
                    found = draw_round(Radio(), self.world.reaches[number * PORTS + turn], rng)
                    n = len(found.tag)
                    batch = TagReads(
                        device=reader.id,
                        at_ns=self.at_ns,
                        antenna=np.full(n, turn + 1, np.uint16),
                        epc=self.world.epc[found.tag],
                        epc_bits=np.full(n, 96, np.uint16),
                        rssi_dbm=found.rssi_dbm,
                        count=found.count,
                        first_utc_ns=np.zeros(n, np.int64),
                        last_utc_ns=np.zeros(n, np.int64),
                        pc=np.full(n, 0x3000, np.int32),
                    )
                    for one in (batch, _searched(reader.id, turn + 1, self.at_ns)):
                        self.facts += len(step(self.state, one).facts)
                self._tick()

    def _tick(self) -> None:
        self.facts += len(step(self.state, Tick(at_ns=self.at_ns)).facts)


def _searched(reader: str, port: int, at_ns: int) -> Searched:
    return Searched(device=reader, at_ns=at_ns, antenna=port, rounds=1, from_ns=at_ns - DWELL_NS, to_ns=at_ns)


def turn_bytes(world: World, readers: int, turn: int, rng: np.random.Generator) -> tuple[list[bytes], int]:
    """What each reader sends in one dwell: its reports of 200 tags, and that the search is over."""
    sent, count = [], 0
    for reader in range(readers):
        found = draw_round(Radio(), world.reaches[reader * PORTS + turn], rng)
        count += len(found.tag)
        read = Reads(turn + 1, world.epc[found.tag], found.rssi_dbm, found.count, UTC_US, UTC_US + 1, 1, turn + 1)
        over = event(1, UTC_US, AISpecEvent={"Event": 0, "ROSpecID": 1, "SpecIndex": turn + 1})
        sent.append(b"".join(reports(read, SELECTED, 200, 1)) + over)
    return sent, count


def timed(bench: Bench, sessions: list[LlrpSession], cycles: int, rng: np.random.Generator) -> tuple[int, float, float]:
    """Reads, CPU seconds in all, CPU seconds of the sessions."""
    reads = 0
    all_s = decode_s = 0.0
    for turn in range(cycles * PORTS):
        sent, count = turn_bytes(bench.world, len(sessions), turn % PORTS, rng)
        reads += count
        bench.at_ns += DWELL_NS
        begun = time.process_time()
        for session, data in zip(sessions, sent, strict=True):
            before = time.process_time()
            records = session.received(data, bench.at_ns).records
            decode_s += time.process_time() - before
            bench.tell(list(records))
        bench.tell([Tick(at_ns=bench.at_ns)])
        all_s += time.process_time() - begun
    begun = time.process_time()
    bench.store.flush()
    bench.log.close()
    return reads, all_s + time.process_time() - begun, decode_s


def run(volumes: int, readers: int, cycles: int, warm_up: int) -> Figures:
    """The whole benchmark."""
    began = time.monotonic()
    world = made(volumes, readers * PORTS)
    vault = vault_of(readers, volumes)
    world_mb = _rss_mb()
    rng = np.random.default_rng(2)
    with tempfile.TemporaryDirectory(prefix="lantai-") as folder:
        bench = Bench(Path(folder), vault, world)
        bench.catalogue()
        _say(f"catalogue of {volumes} after {time.monotonic() - began:.0f} s")
        bench.warm_up(warm_up, rng)
        _say(f"warm after {time.monotonic() - began:.0f} s")
        bench.longest_s = bench.longest_cpu_s = 0.0
        gc.freeze()  # as the daemon does with the state that it recovered
        sessions = [searching(reader, greeting(reader, is_terse=True), bench.at_ns) for reader in vault.readers]
        reads, cpu_s, decode_s = timed(bench, sessions, cycles, rng)
        tags = bench.state.volumes.tag
        right = float((bench.state.evidence.believed[tags] == world.book).mean())
        evidence = (bench.state.evidence.nbytes + bench.state.unjudged.nbytes) / volumes
        bench.store.close()
    return Figures(
        volumes=volumes,
        readers=readers,
        reads=reads,
        reads_per_s_core=round(reads / cpu_s),
        decode_share=round(decode_s / cpu_s, 3),
        longest_step_ms=round(1000 * bench.longest_s, 1),
        longest_step_cpu_ms=round(1000 * bench.longest_cpu_s, 1),
        located_right=round(right, 5),
        facts=bench.facts,
        bytes_per_volume=round(evidence, 1),
        rss_mb=_rss_mb(),
        world_mb=world_mb,
        seconds=round(time.monotonic() - began, 1),
    )


def _rss_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run it and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fusion", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--volumes", type=int, default=160_000)
    parser.add_argument("--readers", type=int, default=64)
    parser.add_argument("--cycles", type=int, default=2, help="timed cycles")
    parser.add_argument("--warm-up", type=int, default=8, help="cycles before")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = run(asked.volumes, asked.readers, asked.cycles, asked.warm_up)
    found = msgspec.structs.asdict(figures)
    if asked.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:20} {value:>14,}")


if __name__ == "__main__":
    main()
