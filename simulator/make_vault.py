"""A vault of any size, by rule, and its catalogue: the demo vault's kinds of racks, readers and sensors in proportion.

Segments of 168 slots hold about 150 volumes each. Of the segments 5 % are rotary cabinets and 5 % lift cabinets, half
are mobile shelving, the rest open racks, in rows of two faces of eight sections and racks of up to three rows. A zone
is about 48 segments; it has three sensors of its air, one leak rope, one valve. Every segment has an antenna.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

import config as config_package
from config.catalogued import CataloguedVolume
from config.load import load
from config.messages import Texts
from config.phrase import phrase
from config.places import Places
from config.vault import Vault
from config.volumes import as_csv, lines_by_rule
from simulator.overlay import local_people
from simulator.status_block import say
from simulator.trouble import BadFile

MOST_VOLUMES = 2_000_000
VOLUMES_PER_SEGMENT = 150
SECTIONS = 8
ROW_SEGMENTS = 2 * SECTIONS
ROWS_PER_RACK = 3
SECTION_SHELVES, SECTION_SLOTS = 6, 28
CABINET_SHELVES, CABINET_SLOTS = 12, 14
CABINETS = 0.05  # of the segments, each of the two kinds
MOBILE = 0.5
SEGMENTS_PER_ZONE = 48
PORTS = 16
DWELL_MS = 625  # sixteen of them are a cycle of 10 s
OUTPUTS = 8  # of a relay board
FIRST_READER_PORT, FIRST_BUS_PORT = 15_084, 30_020
HOST = "127.0.0.1"
SAY_EVERY_S = 2.0
POLICY = Path(config_package.__file__).parent / "vaults" / "policy-base.yaml"
LISTS = ("zones", "racks", "readers", "buses", "sensors", "boards", "actuators")


class MadeVault(msgspec.Struct, frozen=True):
    """What was written, and how much of everything it has."""

    config: str
    catalogue: str
    volumes: int
    slots: int
    segments: int
    zones: int
    racks: int
    readers: int
    sensors: int


def make_vault(volumes: int, out: Path, texts: Texts) -> MadeVault:
    """Write `vault.yaml` and `vault-volumes.csv` in `out`, made where it is not there. Raises BadFile where one of them
    is there already, OSError where they cannot be written."""
    config, catalogue = out / "vault.yaml", out / "vault-volumes.csv"
    for file in (config, catalogue):
        if file.exists():
            raise BadFile(phrase("sim_vault_exists", file=str(file)))
    out.mkdir(parents=True, exist_ok=True)
    config.write_text(as_yaml(document(volumes)), encoding="utf-8")
    vault = load(config).vault
    places = Places(vault)
    catalogue.write_text(as_csv(_told(lines_by_rule(places, volumes), volumes, texts)), encoding="utf-8")
    return MadeVault(
        config=str(config),
        catalogue=str(catalogue),
        volumes=volumes,
        slots=places.slot_count,
        segments=len(places.segment_ids),
        zones=len(vault.zones),
        racks=len(vault.racks),
        readers=len(vault.readers),
        sensors=len(vault.sensors),
    )


def document(volumes: int) -> dict[str, Any]:
    """The configuration for so many volumes, 1 to MOST_VOLUMES, as plain values."""
    segments = -(-volumes // VOLUMES_PER_SEGMENT)
    cabinets = round(segments * CABINETS)
    mobile_rows = round(segments * MOBILE / ROW_SEGMENTS)
    left = segments - 2 * cabinets - mobile_rows * ROW_SEGMENTS
    racks = [
        *_shelving("A", "open_rack", max(1, -(-left // ROW_SEGMENTS))),
        *_shelving("M", "mobile_shelving", mobile_rows),
        *(_cabinet("RC", "rotary_cabinet", number) for number in range(1, cabinets + 1)),
        *(_cabinet("LC", "lift_cabinet", number) for number in range(1, cabinets + 1)),
    ]
    sizes = [rack["rows"] * ROW_SEGMENTS if "rows" in rack else 1 for rack in racks]
    zones = [f"z{number}" for number in range(1, max(1, round(sum(sizes) / SEGMENTS_PER_ZONE)) + 1)]
    done = 0
    for rack, size in zip(racks, sizes, strict=True):
        rack["zone"] = zones[(2 * done + size - 1) * len(zones) // (2 * sum(sizes))]
        done += size
    head = {"schema": 1, "centre": "centre-01", "vault": f"sim-{volumes}", "node": "edge-1"}
    made: dict[str, Any] = {**head, "timezone": "Asia/Shanghai", "language": "zh-CN", "racks": racks}
    made["zones"] = [{"id": zone} for zone in zones]
    made["readers"] = _readers(made)
    return made | _devices(zones)


def as_yaml(made: dict[str, Any]) -> str:
    """The configuration as a file: an item a line, and the policy every vault starts from."""
    plain = {key: value for key, value in made.items() if key not in LISTS}
    lines = ["# Made by rule: lantai-sim make-vault.", _yaml(plain, is_flow=False)]
    for name in LISTS:
        lines.append(f"{name}:")
        lines += [f"  - {_yaml(item, is_flow=True)}" for item in made[name]]
    policy = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
    policy["policy"]["people"] = local_people()
    return "\n".join([*lines, _yaml(policy, is_flow=False), ""])


def _yaml(value: object, *, is_flow: bool) -> str:
    return yaml.safe_dump(
        value, default_flow_style=is_flow, sort_keys=False, allow_unicode=True, width=1 << 20
    ).rstrip()


def _shelving(prefix: str, kind: str, rows: int) -> Iterator[dict[str, Any]]:
    for number, first in enumerate(range(0, rows, ROWS_PER_RACK), 1):
        yield {
            "id": f"{prefix}{number}",
            "kind": kind,
            "rows": min(ROWS_PER_RACK, rows - first),
            "faces": ["L", "R"],
            "sections": SECTIONS,
            "shelves": SECTION_SHELVES,
            "slots_per_shelf": SECTION_SLOTS,
        }


def _cabinet(prefix: str, kind: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{prefix}{number}",
        "kind": kind,
        "faces": ["L"],
        "shelves": CABINET_SHELVES,
        "slots_per_shelf": CABINET_SLOTS,
        "segment": "rack",
    }


def _readers(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Sixteen antennas each, in layout order: two faces of a row are one reader's."""
    segments = Places(msgspec.convert(made, Vault)).segment_ids
    return [
        {
            "id": f"reader-{number}",
            "host": HOST,
            "port": FIRST_READER_PORT + number,
            "dwell_ms": DWELL_MS,
            "segments": list(segments[first : first + PORTS]),
        }
        for number, first in enumerate(range(0, len(segments), PORTS), 1)
    ]


def _devices(zones: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """A bus for each zone; a relay board for every eight valves, on the first of their zones' buses."""
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in ("buses", "sensors", "boards", "actuators")}
    for index, zone in enumerate(zones):
        bus = f"bus-{zone}"
        made["buses"].append({"id": bus, "transport": "tcp", "host": HOST, "port": FIRST_BUS_PORT + index})
        made["sensors"] += [
            {"id": f"th-{zone}-{unit}", "bus": bus, "unit": unit, "profile": profile, "zone": zone}
            for unit, profile in enumerate(("xy-md02", "xy-md02", "rs-ws-n01"), 1)
        ]
        leak = {"profile": "leak-rope", "zone": zone, "period_s": 0.5, "freshness_s": 5}
        made["sensors"].append({"id": f"leak-{zone}", "bus": bus, "unit": 11, **leak})
        board = f"board-{index // OUTPUTS + 1}"
        if index % OUTPUTS == 0:
            made["boards"].append({"id": board, "bus": bus, "unit": 21, "profile": "relay-8"})
        output = f"relay-{index % OUTPUTS + 1}"
        does = {"kind": "water_valve", "zones": [zone], "safe": "closed", "energised": "open"}
        made["actuators"].append({"id": f"valve-{zone}", "board": board, "output": output, **does})
    outside = {"profile": "rs-ws-n01", "zone": zones[0], "place": "outside"}
    made["sensors"].append({"id": "th-out", "bus": f"bus-{zones[0]}", "unit": 4, **outside})
    return made


def _told(lines: Iterator[CataloguedVolume], volumes: int, texts: Texts) -> Iterator[CataloguedVolume]:
    """The lines; on stderr how many there are, while it takes longer than a person waits without a word."""
    said_s = time.monotonic()
    for number, line in enumerate(lines, 1):
        if number % 1000 == 0 and time.monotonic() - said_s >= SAY_EVERY_S:
            said_s = time.monotonic()
            say(phrase("sim_catalogue_grows", count=number, volumes=volumes), texts)
        yield line
