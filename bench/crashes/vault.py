"""The vault of the crash bench: small and quick, so that what happens in it is a fact within seconds.

1,920 volumes on 24 segments, four readers of six antennas: 50 ms an antenna, a round of all in 0.3 s, so that the ten
silent rounds of `missing` take 3 s. Climate limits and freshness limits are short for the same reason. Everything else
is as in any vault.
"""

from pathlib import Path
from typing import Any

from simulator.overlay import local_people, write_overlay
from simulator.ports import HeldPorts

ZONES = ("z1", "z2")
YARD = ("th-out-1", "th-out-2")
YARD_BUS = "bus-yard"
VALVES = {"valve-z1": "z1", "valve-z2": "z2"}
RELAY_OF = {"valve-z1": ("board-1", 0), "valve-z2": ("board-1", 1)}
LEAK_OF = {"z1": "leak-1", "z2": "leak-2"}
SIDES = ("L", "R")
SECTIONS = 6
RACKS = {"A": ("open_rack", "z1"), "M": ("mobile_shelving", "z2")}


def write_vault(run: Path, broker_port: int, issuers: dict[str, str], held: HeldPorts) -> Path:
    """The configuration in `run`, its wires on ports of this machine that `held` keeps; returns its path."""
    path = run / "site.yaml"
    write_overlay(path, _document(run, broker_port, issuers, held))
    return path


def _document(run: Path, broker_port: int, issuers: dict[str, str], held: HeldPorts) -> dict[str, Any]:
    ports = iter(held.take(len(RACKS) * len(SIDES) + 2))
    return {
        "schema": 1,
        "centre": "c1",
        "vault": "crash",
        "node": "edge-1",
        "timezone": "Asia/Shanghai",
        "brokers": {"platform": {"host": "127.0.0.1", "port": broker_port, "keepalive_s": 5}},
        "platform": {"broker": "platform", "issuers": issuers},
        "zones": [{"id": zone} for zone in ZONES],
        "racks": [
            {
                "id": rack,
                "kind": kind,
                "zone": zone,
                "faces": list(SIDES),
                "sections": SECTIONS,
                "shelves": 4,
                "slots_per_shelf": 20,
            }
            for rack, (kind, zone) in RACKS.items()
        ],
        "readers": [
            {
                "id": f"reader-{rack}{side}",
                "host": "127.0.0.1",
                "port": next(ports),
                "dwell_ms": 50,
                "keepalive_s": 1.5,
                "segments": [f"{rack}-01{side}-{section:02d}" for section in range(1, SECTIONS + 1)],
            }
            for rack in RACKS
            for side in SIDES
        ],
        "buses": [
            {"id": "bus-air", "transport": "tcp", "host": "127.0.0.1", "port": next(ports)},
            {"id": YARD_BUS, "transport": "tcp", "host": "127.0.0.1", "port": next(ports)},
            {"id": "bus-rtu", "transport": "rtu", "serial": str(run / "bus-rtu.tty")},
        ],
        "sensors": [
            *(_air(f"th-{zone}-{unit}", "bus-air", 2 * place + unit, zone) for place, zone in enumerate(ZONES)
              for unit in (1, 2)),
            *({**_air(device, YARD_BUS, unit, "z1"), "place": "outside"} for unit, device in enumerate(YARD, 1)),
            *(
                {
                    "id": device,
                    "bus": "bus-rtu",
                    "unit": unit,
                    "profile": "leak-rope",
                    "zone": zone,
                    "period_s": 0.3,
                    "freshness_s": 3,
                }
                for unit, (zone, device) in enumerate(LEAK_OF.items(), 11)
            ),
        ],
        "boards": [
            {"id": "board-1", "bus": "bus-rtu", "unit": 21, "profile": "relay-8", "period_s": 0.5, "freshness_s": 3}
        ],
        "actuators": [
            {
                "id": valve,
                "board": "board-1",
                "output": f"relay-{RELAY_OF[valve][1] + 1}",
                "kind": "water_valve",
                "zones": [zone],
                "safe": "closed",
                "energised": "open",
            }
            for valve, zone in VALVES.items()
        ],
        "store": {"cap_mb": 512, "reserve_mb": 16, "input_log_mb": 32},
        "policy": {
            "limits": [
                {"quantity": "temperature_degc", "low": 14, "high": 24, "deadband": 0.5,
                 "on_delay_s": 1, "off_delay_s": 1},
            ],
            "people": local_people(),
            "telemetry_every_s": 5,
        },
    }  # fmt: skip


def _air(device: str, bus: str, unit: int, zone: str) -> dict[str, Any]:
    return {
        "id": device,
        "bus": bus,
        "unit": unit,
        "profile": "xy-md02",
        "zone": zone,
        "period_s": 0.5,
        "freshness_s": 2,
    }
