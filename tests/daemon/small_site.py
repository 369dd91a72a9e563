"""A vault of twenty volumes with real far ends on loopback: an LLRP reader, a Modbus line with three climate sensors, a
leak rope and a relay board. Its configuration is a file, as in production."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from config.load import Loaded, load
from simulator.devices.llrp_connection import Field
from simulator.devices.llrp_reader import SimulatedReader
from simulator.devices.modbus_server import ModbusTcpServer
from simulator.devices.modbus_units import LeakRope, RelayBoard8, Unit, XyMd02
from simulator.devices.pty_line import PtyLine
from tests.unhurried import unhurried

Transport = Literal["tcp", "rtu"]
VOLUMES_A_SEGMENT = 5
DWELL_MS = 20
SEGMENTS = ("A-01L-01", "A-01L-02", "A-01L-03", "A-01L-04")
VOLUMES = [f"v{segment}{place}" for segment in range(1, 5) for place in range(1, VOLUMES_A_SEGMENT + 1)]
CLIMATE = ("th-1", "th-2", "th-3")
UNIT_NUMBER = {"th-1": 1, "th-2": 2, "th-3": 3, "leak-1": 4, "board-1": 9}


def epc_of(volume: str) -> bytes:
    """A raw EPC of 96 bits that ends in the volume's number."""
    return b"\x00" * 10 + bytes((int(volume[1]), int(volume[2])))


def catalogue() -> list[list[object]]:
    """The lines of the import: volume, EPC, book slot, thickness."""
    return [[volume, epc_of(volume).hex(), f"{SEGMENTS[int(volume[1]) - 1]}-1-0{volume[2]}", 0] for volume in VOLUMES]


class Limits(NamedTuple):
    """How long silence is borne, in s: by a reader's keepalive, a point's freshness, one Modbus answer."""

    keepalive_s: float
    freshness_s: float
    timeout_s: float


QUICK = Limits(keepalive_s=0.2, freshness_s=1.0, timeout_s=0.1)
PATIENT = Limits(keepalive_s=3.0, freshness_s=15.0, timeout_s=2.0)
"""For a daemon in a process of its own, whose clock goes on while the far ends stand still."""


class Site:
    """The far ends. `absent` volumes stand on no shelf: no antenna reads them; `shy` ones are read only by a search
    that is longer than the ordinary one. `field`: what the antennas read, another one in its place is a world's. An
    Impinj reader tells TIDs where its field does."""

    def __init__(self, directory: Path, transport: Transport = "tcp", *, is_impinj: bool = False) -> None:
        self.directory = directory
        self.limits = QUICK
        self.state_dir = directory / "state"
        self.absent: set[str] = set()
        self.shy: set[str] = set()
        self.rope = LeakRope()
        self.board = RelayBoard8()
        self.board.relays[0] = True  # valve-1 stands open
        self.units: dict[str, Unit] = {name: XyMd02() for name in CLIMATE}
        self.units |= {"leak-1": self.rope, "board-1": self.board}
        numbered = {UNIT_NUMBER[name]: unit for name, unit in self.units.items()}
        self.line: ModbusTcpServer | PtyLine = (
            ModbusTcpServer(numbered) if transport == "tcp" else PtyLine(numbered, directory / "bus")
        )
        wall_ns = unhurried().wall_ns
        self.field: Field = self._field
        self.reader = SimulatedReader(
            self._read,
            antennas=4,
            utc_us=lambda: wall_ns() // 1000,
            noise=random.Random(1),
            temperature_degc=(lambda: 40) if is_impinj else None,
        )

    def _read(self, antenna: int, dwell_s: float) -> tuple[NDArray[Any], ...]:
        return self.field(antenna, dwell_s)

    def _field(self, antenna: int, dwell_s: float) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        hidden = self.absent | (self.shy if dwell_s <= DWELL_MS / 1e3 else set())
        seen = [volume for volume in VOLUMES if int(volume[1]) == antenna and volume not in hidden]
        epc = np.frombuffer(b"".join(map(epc_of, seen)), np.uint8).reshape(len(seen), 12)
        return epc, np.full(len(seen), -50, np.float32), np.ones(len(seen), np.uint16)

    def document(self) -> dict[str, Any]:
        bus = (
            {"transport": "tcp", "host": "127.0.0.1", "port": self.line.port}
            if isinstance(self.line, ModbusTcpServer)
            else {"transport": "rtu", "serial": str(self.line.path), "baud": 115200}
        )
        often = {"bus": "bus-1", "period_s": 0.1, "freshness_s": self.limits.freshness_s}
        return {
            "schema": 1,
            "centre": "c1",
            "vault": "v1",
            "node": "edge-1",
            "timezone": "Asia/Shanghai",
            "zones": [{"id": "z1"}],
            "racks": [
                {"id": "A", "kind": "open_rack", "zone": "z1", "faces": ["L"], "sections": 4, "slots_per_shelf": 9}
            ],
            "readers": [
                {
                    "id": "reader-1",
                    "host": "127.0.0.1",
                    "port": self.reader.port,
                    "segments": list(SEGMENTS),
                    "dwell_ms": DWELL_MS,
                    "keepalive_s": self.limits.keepalive_s,
                }
            ],
            "buses": [{"id": "bus-1", "timeout_s": self.limits.timeout_s, **bus}],
            "sensors": [
                *(
                    {"id": name, "unit": UNIT_NUMBER[name], "profile": "xy-md02", "zone": "z1", **often}
                    for name in CLIMATE
                ),
                {"id": "leak-1", "unit": UNIT_NUMBER["leak-1"], "profile": "leak-rope", "zone": "z1", **often},
            ],
            "boards": [
                {"id": "board-1", "unit": 9, "profile": "relay-8", **often},
            ],
            "actuators": [
                {
                    "id": "valve-1",
                    "board": "board-1",
                    "output": "relay-1",
                    "kind": "water_valve",
                    "zones": ["z1"],
                    "energised": "open",
                }
            ],
            "store": {"cap_mb": 64, "reserve_mb": 8, "input_log_mb": 16},
            "policy": {
                "telemetry_every_s": 0.2,
                "people": {"wang": {"uid": os.getuid(), "roles": ["archivist", "technician", "safety_officer"]}},
            },
        }

    def write(self, **changes: object) -> Path:
        """The configuration as a file, some of its top-level keys changed."""
        path = self.directory / "vault.yaml"
        path.write_text(yaml.safe_dump({**self.document(), **changes}), encoding="utf-8")
        return path

    def loaded(self, **changes: object) -> Loaded:
        return load(self.write(**changes))

    async def start(self) -> None:
        await self.reader.start()
        if isinstance(self.line, ModbusTcpServer):
            await self.line.start()
        else:
            self.line.plug()

    async def stop(self) -> None:
        await self.reader.stop()
        if isinstance(self.line, ModbusTcpServer):
            await self.line.stop()
        elif self.line.is_plugged:
            self.line.unplug()
        await asyncio.sleep(0)


@asynccontextmanager
async def site_in(directory: Path, transport: Transport = "tcp", *, is_impinj: bool = False) -> AsyncIterator[Site]:
    """Far ends that answer inside the block."""
    site = Site(directory, transport, is_impinj=is_impinj)
    await site.start()
    try:
        yield site
    finally:
        await site.stop()
