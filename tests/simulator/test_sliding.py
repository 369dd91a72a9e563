"""A bank that slides along at read level: the law of a pass, and the order learnt from it by the whole step."""

from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from config.vault import Vault
from edge.state.events import Event
from edge.state.facts import Fact
from edge.state.order_facts import OrderLearnt
from simulator.offline import Offline
from simulator.world.passing import WAVELENGTH_M, PassRadio, Shelf, draw_pass
from simulator.world.rf import Radio
from simulator.world.vault_world import Chance

CLEAR = PassRadio(misses=0.0, phase_noise_rad=0.0, level_noise_db=0.0, tag_bias_sd_db=0.0, sensitivity_dbm=-200.0)
SEGMENTS = [f"M-01L-0{section}" for section in range(1, 4)]


def one_tag(place_m: float) -> Shelf:
    return Shelf(np.array([place_m]), np.array([0.5]), np.zeros(1), np.zeros(1))


def test_the_phase_turns_once_for_half_a_wavelength_and_the_level_falls_by_40_db_a_tenfold_distance() -> None:
    # 0.5 m away when it passes; 1.2 m further along it is 1.3 m away, 12 m further 12.01 m
    heard = draw_pass(CLEAR, one_tag(0.0), np.array([0.0, 1.2, 12.0]), 1.0, np.random.default_rng(1))
    turns = (1.3 - 0.5) / (WAVELENGTH_M / 2)
    assert (heard.phase_rad[1] - heard.phase_rad[0]) % (2 * np.pi) == pytest.approx(turns % 1 * 2 * np.pi, abs=1e-4)
    assert heard.rssi_dbm[0] == pytest.approx(-50.0, abs=1e-4)
    assert heard.rssi_dbm[1] - heard.rssi_dbm[0] == pytest.approx(-16.6, abs=0.05)  # 40 log10(1.3 / 0.5)
    assert heard.rssi_dbm[2] - heard.rssi_dbm[0] == pytest.approx(-55.22, abs=0.05)  # 40 log10(12.0104 / 0.5)


def test_looks_miss_and_what_is_too_faint_is_not_read() -> None:
    far = msgspec.structs.replace(CLEAR, sensitivity_dbm=-60.0, misses=0.25)
    heard = draw_pass(far, one_tag(0.0), np.linspace(-3, 3, 4001), 0.001, np.random.default_rng(2))
    within_m = 0.5 * np.sqrt(10 ** (10 / 20) - 1)  # -60 dBm is 10 dB below the level at 0.5 m
    reach = np.abs(heard.at_s / 0.001 * 6 / 4000 - 3)
    assert reach.max() == pytest.approx(within_m, abs=0.02)
    assert len(reach) == pytest.approx(0.75 * 2 * within_m / 6 * 4000, rel=0.06)


def vault(dwell_ms: int) -> Vault:
    return msgspec.convert(
        {
            "schema": 1,
            "centre": "c",
            "vault": "v",
            "node": "n",
            "timezone": "UTC",
            "zones": [{"id": "z1"}],
            "racks": [
                {
                    "id": "M",
                    "kind": "mobile_shelving",
                    "slides": "along",
                    "zone": "z1",
                    "faces": ["L"],
                    "sections": 3,
                    "shelves": 2,
                    "slots_per_shelf": 10,
                }
            ],
            "readers": [{"id": "r1", "host": "127.0.0.1", "segments": SEGMENTS, "dwell_ms": dwell_ms}],
        },
        Vault,
    )


def slid(tmp_path: Path, dwell_ms: int, radio: PassRadio) -> list[OrderLearnt]:
    """The orders learnt when the bank of sixty volumes slides by once, in 20 s."""
    slots = [f"{segment}-{shelf}-{slot:02}" for segment in SEGMENTS for shelf in (1, 2) for slot in range(1, 11)]
    catalogue = tmp_path / "volumes.csv"
    lines = [f"v{n},{n:024x},{slot},20" for n, slot in enumerate(slots, start=1)]
    catalogue.write_text("\n".join(["volume,epc,slot,thickness_mm", *lines]) + "\n", encoding="utf-8")
    heard: list[Fact] = []

    def hear(_: Event, facts: tuple[Fact, ...]) -> None:
        heard.extend(facts)

    chance = Chance(displaced=0.0, act_every_s=0.0)
    vault_ = Offline(vault(dwell_ms), {}, catalogue, 1, radio=Radio(), chance=chance, hear=hear)
    vault_.run(20.0)
    vault_.slide("M", 20.0, radio)
    vault_.run(90.0)
    return [fact for fact in heard if isinstance(fact, OrderLearnt)]


def test_a_bank_that_slides_by_tells_the_order_of_each_of_its_sections(tmp_path: Path) -> None:
    told = slid(tmp_path, 40, PassRadio(phase_noise_rad=0.3, misses=0.2, reflection=0.1))
    assert [fact.segment for fact in told] == SEGMENTS
    right = pairs = 0
    for first, fact in zip((1, 21, 41), told, strict=True):
        assert fact.misfiled == ()
        for shelf in (first, first + 10):
            place = [fact.volumes.index(f"v{n}") for n in range(shelf, shelf + 10) if f"v{n}" in fact.volumes]
            right += sum(one < other for one, other in pairwise(place))
            pairs += len(place) - 1
    assert pairs >= 50
    assert right / pairs > 0.95


def test_antennas_that_look_too_seldom_tell_nothing(tmp_path: Path) -> None:
    assert slid(tmp_path, 1500, PassRadio()) == []  # four looks each while the bank passes
