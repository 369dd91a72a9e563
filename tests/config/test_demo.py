"""The ready vault: what the demonstration promises, and that a site can lay its own file over it."""

import time
from pathlib import Path

import msgspec
import pytest

from config.load import load
from config.places import Places
from config.vault import Vault

DEMO = Path(__file__).parents[2] / "config" / "vaults" / "demo.yaml"


def test_the_demo_has_12_000_slots_in_97_segments_each_seen_by_one_antenna() -> None:
    vault = load(DEMO).vault
    places = Places(vault)
    assert (places.slot_count, len(places.segment_ids)) == (12_000, 97)
    seen = [segment for reader in vault.readers for segment in reader.segments if segment is not None]
    assert sorted(seen) == sorted(places.segment_ids)
    assert max(len(reader.segments) for reader in vault.readers) <= 16


def test_each_zone_of_the_demo_has_three_climate_sensors_to_vote_and_a_rope_and_a_valve() -> None:
    vault = load(DEMO).vault
    for zone in vault.zones:
        inside = [sensor for sensor in vault.sensors if sensor.zone == zone.id and sensor.place == "inside"]
        assert sum(sensor.profile in ("xy-md02", "rs-ws-n01") for sensor in inside) >= 3
        assert sum(sensor.profile == "leak-rope" for sensor in inside) == 1
        (valve,) = (actuator for actuator in vault.actuators if zone.id in actuator.zones)
        assert (valve.safe, valve.energised) == ("closed", "open")


def test_the_limits_are_those_of_jgj_25() -> None:
    limits = {limit.quantity: (limit.low, limit.high) for limit in load(DEMO).vault.policy.limits}
    assert limits == {"temperature_degc": (14, 24), "humidity_pct": (45, 60)}


def test_the_vault_survives_a_round_trip_through_json() -> None:
    vault = load(DEMO).vault
    assert msgspec.json.decode(msgspec.json.encode(vault), type=Vault) == vault


def test_a_site_lays_people_ports_and_lines_over_the_demo(tmp_path: Path) -> None:
    overlay = tmp_path / "run.yaml"
    overlay.write_text(
        f"extends: {DEMO}\n"
        "brokers: {platform: {port: 40001}, local: {port: 40002}}\n"
        "platform: {issuers: {platform-1: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}}\n"
        "readers:\n  - {id: reader-7, port: 40003}\n"
        "buses:\n  - {id: bus-rtu, serial: /run/lantai/other}\n"
        "policy: {people: {me: {uid: 1000, roles: [technician, archivist]}}}\n"
    )
    vault, demo = load(overlay).vault, load(DEMO).vault
    assert vault.policy.people["me"].uid == 1000
    assert vault.brokers["platform"].port == 40001
    assert [reader.port for reader in vault.readers] == [*(reader.port for reader in demo.readers[:6]), 40003]
    assert vault.readers[6].segments == demo.readers[6].segments
    assert [bus.serial for bus in vault.buses] == ["", "/run/lantai/other"]
    assert vault.racks == demo.racks


def test_loading_the_demo_does_not_hold_up_the_start() -> None:
    def cpu_s() -> float:
        started = time.process_time()
        load(DEMO)
        return time.process_time() - started

    assert min(cpu_s() for _ in range(3)) < 0.08


@pytest.mark.parametrize("name", ["demo.yaml", "policy-base.yaml"])
def test_no_ready_vault_names_a_place_of_one_machine(name: str) -> None:
    assert "/home" not in (DEMO.parent / name).read_text()
