"""Real LLRP input replayed: recorded bodies against their twins, and walks through a reader into a daemon."""

import asyncio
import csv
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import yaml
from numpy.typing import NDArray

from config.phrase import phrase
from drivers.driver import ProtocolError
from drivers.llrp.codec import Frame, Framer, decode_message
from drivers.llrp.report import decode_report
from simulator.catalogue import HEADER
from simulator.daemon_client import DaemonClient
from simulator.devices.llrp_reader import SimulatedReader
from simulator.ensemble import Ensemble
from simulator.overlay import local_people
from simulator.ports import HERE
from simulator.processes import ProcessDied
from simulator.recorded.bodies import TYPES, BodyServer, Recorded, read_bodies
from simulator.recorded.walks import Walk, columns_of, epc_of, read_panels, read_walks, volume_of

SETTLED_WITHIN_S = 60.0
REPORT = TYPES["ROAccessReport"]


class BodyResult(msgspec.Struct, frozen=True):
    """One recorded message, as our decoder read it off the wire; `tags` of a report by the column decoder."""

    name: str
    octets: int
    equals_twin: bool
    tags: int | None
    error: str = ""


class WalkResult(msgspec.Struct, frozen=True):
    """One walk: what the daemon held for missing against the tags the walk did not read."""

    walk: int
    reads: int
    unread: int
    named_missing: int
    equal: bool
    extra: list[str]
    lacking: list[str]


async def replay_bodies(folder: Path) -> list[BodyResult]:
    """Serve the bodies over TCP, take them off the wire with our framer, decode, compare. Raises ValueError."""
    bodies = read_bodies(folder)
    server = BodyServer(bodies)
    port = await server.start(HERE, 0)
    framer, results = Framer(), []
    reader, writer = await asyncio.open_connection(HERE, port)
    try:
        while data := await reader.read(4096):
            framer.push(data)
            while (frame := framer.pull()) is not None:
                results.append(_compared(bodies[frame.id - 1], frame))
    finally:
        writer.close()
        await writer.wait_closed()
        await server.close()
    return results


async def replay_walk(walk: Walk, panels: dict[int, int], run: Path, speed: float) -> WalkResult:
    """One daemon, one reader, one antenna: every round of the antenna is the whole walk, once through.

    Raises ProcessDied when the daemon ends or does not settle.
    """
    columns = columns_of(walk)

    def field(_port: int, _dwell_s: float) -> tuple[NDArray[Any], ...]:
        return columns

    reader = SimulatedReader(field, antennas=1, utc_us=lambda: time.time_ns() // 1000, noise=random.Random(walk.number))
    port = await reader.start()
    try:
        catalogue, config, state = run / "tags.csv", run / "walk.yaml", run / "state"
        state.mkdir(mode=0o700)
        _write_catalogue(catalogue, panels)
        config.write_text(yaml.safe_dump(walk_config(walk, panels, port, speed), sort_keys=False), encoding="utf-8")
        async with Ensemble(run) as ensemble:
            await ensemble.import_volumes(catalogue, config, state)
            _, daemon = await ensemble.daemon(config, state)
            missing = await _settled(ensemble, daemon)
    finally:
        await reader.stop()
    unread = {volume_of(serial) for serial in walk.unread(panels)}
    return WalkResult(
        walk.number,
        walk.serial.size,
        len(unread),
        len(missing),
        missing == unread,
        sorted(missing - unread),
        sorted(unread - missing),
    )


async def replay_walks(folder: Path, run: Path, speed: float) -> list[WalkResult]:
    """All six, one after another, each with a daemon of its own."""
    panels, results = read_panels(folder), []
    for walk in read_walks(folder):
        own = run / f"walk-{walk.number}"
        own.mkdir()
        results.append(await replay_walk(walk, panels, own, speed))
    return results


def walk_config(walk: Walk, panels: dict[int, int], port: int, speed: float) -> dict[str, object]:
    """A shop floor as one rack seen by one antenna: panels are sections, one silent round makes a tag missing."""
    fullest = max(Counter(panels.values()).values())
    return {
        "schema": 1,
        "centre": "replay",
        "vault": f"walk-{walk.number}",
        "node": "edge-1",
        "timezone": "Europe/Vienna",
        "zones": [{"id": "shop"}],
        "racks": [
            {"id": "FLOOR", "kind": "open_rack", "zone": "shop", "faces": ["L"], "sections": max(panels.values()),
             "slots_per_shelf": fullest, "segment": "rack"},
        ],
        "readers": [
            {"id": "handheld", "host": HERE, "port": port, "segments": ["FLOOR"],
             "dwell_ms": max(10, round(walk.duration_s * 1000 / speed))},
        ],
        "policy": {"presence": {"missing_after_rounds": 1}, "people": local_people()},
    }  # fmt: skip


def _write_catalogue(path: Path, panels: dict[int, int]) -> None:
    taken: Counter[int] = Counter()
    with path.open("w", newline="", encoding="utf-8") as out:
        lines = csv.writer(out)
        lines.writerow(HEADER)
        for serial, panel in panels.items():
            taken[panel] += 1
            lines.writerow((volume_of(serial), epc_of(serial).hex(), f"FLOOR-01L-{panel:02d}-1-{taken[panel]:02d}", ""))


async def _settled(ensemble: Ensemble, daemon: DaemonClient) -> set[str]:
    """The volumes held for missing once none is unseen any more."""
    until_s = time.monotonic() + SETTLED_WITHIN_S
    while True:
        ensemble.check()
        beliefs = await daemon.beliefs()
        if beliefs and all(status != "unseen" for *_, status in beliefs):
            return {volume for volume, _, _, status in beliefs if status == "missing"}
        if time.monotonic() > until_s:
            raise ProcessDied(phrase("sim_still_unseen", seconds=f"{SETTLED_WITHIN_S:.0f}", run=str(ensemble.run)))
        await asyncio.sleep(0.1)


def _compared(body: Recorded, frame: Frame) -> BodyResult:
    try:
        value = msgspec.to_builtins(decode_message(frame))  # octets become base64, as in the twins
        tags = decode_report(frame.body, "recorded", 0).count.size if frame.type == REPORT else None
    except ProtocolError as error:
        return BodyResult(body.name, len(body.frame), equals_twin=False, tags=None, error=str(error))
    return BodyResult(body.name, len(body.frame), equals_twin=value == body.twin, tags=tags)
