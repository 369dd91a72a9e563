"""A vault small enough to reason about: one open rack, one face of eight sections, a cabinet, two zones."""

from collections.abc import Callable

import numpy as np

from config.devices import Actuator, Board, Bus, Reader, Sensor
from config.places import Places
from config.vault import Rack, Vault, Zone
from simulator.world.rf import Radio
from simulator.world.truth import Change
from simulator.world.vault_world import Chance, VaultWorld, Volumes

SECTIONS = 8
SHELVES = 5
SLOTS = 20


def small_vault(llrp_port: int = 5084, modbus_port: int = 5020) -> Vault:
    """800 slots on one row face and 60 in a cabinet; r1 sees the sections, r2 the cabinet."""
    return Vault(
        schema=1,
        centre="c1",
        vault="v1",
        node="n1",
        timezone="Asia/Shanghai",
        zones=(Zone(id="z1"), Zone(id="z2")),
        racks=(
            Rack(id="A", kind="open_rack", zone="z1", faces=("L",), sections=SECTIONS, shelves=SHELVES),
            Rack(id="RC1", kind="rotary_cabinet", zone="z2", faces=("L",), shelves=3, segment="rack"),
        ),
        readers=(
            Reader(
                id="r1",
                host="127.0.0.1",
                port=llrp_port,
                segments=tuple(f"A-01L-{s:02d}" for s in range(1, SECTIONS + 1)),
                dwell_ms=50,
            ),
            Reader(id="r2", host="127.0.0.1", port=llrp_port + 1, segments=(None, "RC1"), dwell_ms=50),
        ),
        buses=(Bus(id="b1", transport="tcp", host="127.0.0.1", port=modbus_port),),
        sensors=(
            Sensor(id="th-1", bus="b1", unit=1, profile="xy-md02", zone="z1"),
            Sensor(id="leak-1", bus="b1", unit=2, profile="leak-rope", zone="z1"),
        ),
        boards=(Board(id="io-1", bus="b1", unit=3, profile="relay-8"),),
        actuators=(
            Actuator(
                id="valve-1",
                board="io-1",
                output="relay-1",
                kind="water_valve",
                zones=("z1",),
                energised="closed",
            ),
        ),
    )


def small_volumes(vault: Vault) -> Volumes:
    """One volume in every slot; the EPC is the volume's number."""
    places = Places(vault)
    slots = places.slots()
    epc = np.zeros((len(slots), 12), np.uint8)
    epc[:, 0] = 0x30
    epc[:, 8:] = np.arange(len(slots), dtype=">u4").view(np.uint8).reshape(-1, 4)
    book = np.array([places.segment_of(slot) for slot in slots], dtype=np.int32)
    return Volumes(tuple(f"V{i:04d}" for i in range(len(slots))), epc, book)


def small_world(
    *,
    seed: int = 7,
    radio: Radio | None = None,
    chance: Chance | None = None,
    record: Callable[[Change], None] | None = None,
) -> VaultWorld:
    """The world of the small vault."""
    vault = small_vault()
    return VaultWorld(
        vault,
        small_volumes(vault),
        seed,
        radio=radio or Radio(),
        chance=chance or Chance(),
        record=record or (lambda _: None),
    )
