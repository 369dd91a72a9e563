"""The parts of the demo: overlay, score, scenario, catalogue, processes."""

import asyncio
import io
import os
import socket
import sys
import time
from pathlib import Path

import msgspec
import pytest
import yaml
from rich.cells import cell_len
from rich.console import Console

from config.load import load
from config.messages import LANGUAGES, Language, load_texts
from config.phrase import phrase
from config.places import Places
from simulator.catalogue import write_catalogue
from simulator.daemon_client import PREFIX, DaemonClient
from simulator.demo import DEMO
from simulator.ensemble import Ensemble
from simulator.happenings import changes
from simulator.offline import OfflineResult
from simulator.operator import Operator
from simulator.overlay import overlay, write_overlay
from simulator.ports import HeldPorts
from simulator.processes import Child, ProcessDied
from simulator.scenario import Step, demo_scenario, due
from simulator.score import score
from simulator.status_block import Glance, block_of, shown
from simulator.where_to_look import where_to_look
from simulator.world.vault_world import read_volumes
from tests.simulator.small_vault import small_vault


def written(run: Path, site: Path) -> Path:
    path = run / "overlay.yaml"
    with HeldPorts() as held:
        write_overlay(path, overlay(load(site).vault, site, run, 18830, {"platform": "A" * 43}, held))
    return path


def test_the_overlay_of_the_demo_vault_loads_and_changes_nothing_but_wires_key_and_person(tmp_path: Path) -> None:
    site, over = load(DEMO).vault, load(written(tmp_path, DEMO)).vault
    assert (over.zones, over.racks, over.sensors, over.boards, over.actuators) == (
        site.zones, site.racks, site.sensors, site.boards, site.actuators,
    )  # fmt: skip
    assert [reader.segments for reader in over.readers] == [reader.segments for reader in site.readers]
    assert over.brokers["platform"].port == 18830
    assert over.platform is not None
    assert over.platform.issuers["platform"] == "A" * 43
    ports = [reader.port for reader in over.readers] + [bus.port for bus in over.buses if bus.transport == "tcp"]
    assert len(set(ports)) == len(ports)
    assert all(bus.serial.startswith(str(tmp_path)) for bus in over.buses if bus.transport == "rtu")


def test_where_to_look_names_the_state_directory_and_every_kind_of_wire() -> None:
    wires = {
        "brokers": {"platform": {"host": "127.0.0.1", "port": 18830}},
        "readers": [{"id": "r1", "port": 4003}, {"id": "r2", "port": 4001}],
        "buses": [{"id": "b1", "port": 5020}, {"id": "b2", "serial": "/run/b2.tty"}],
    }
    lines = where_to_look("/opt/lantai", Path("/run/site.yaml"), Path("/run/a b/state"), wires)
    assert [load_texts("en").told(line) for line in lines] == [
        "look in another shell: /opt/lantai status --state '/run/a b/state'",
        "broker: 127.0.0.1:18830",
        "Modbus TCP: 127.0.0.1:5020",
        "2 LLRP readers: 127.0.0.1, ports from 4001 to 4003, each in /run/site.yaml",
    ]


def test_the_local_user_gets_the_roles_of_the_command_line_under_the_name_the_site_knows(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    person = {"policy": {"people": {"li": {"uid": os.getuid(), "roles": ["auditor"]}}}}
    site.write_text(yaml.safe_dump({"extends": str(DEMO), "schema": 1, **person}))
    people = load(written(tmp_path, site)).vault.policy.people
    assert people["li"].roles == ("archivist", "technician", "safety_officer")
    assert [person.uid for person in people.values()].count(os.getuid()) == 1


async def test_ports_that_are_held_are_all_different_refuse_who_connects_and_are_a_servers_again_and_again() -> None:
    with HeldPorts() as held:
        ports = held.take(20)
        assert len(set(ports)) == 20
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", ports[0])
            server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", ports[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", ports[0])
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", ports[0]))


def test_a_catalogue_by_rule_has_a_volume_in_every_slot_and_the_world_reads_it(tmp_path: Path) -> None:
    vault = small_vault()
    assert write_catalogue(vault, tmp_path / "v.csv") == 860
    volumes = read_volumes(tmp_path / "v.csv", Places(vault))
    assert len(set(volumes.ids)) == len({epc.tobytes() for epc in volumes.epc}) == 860


def test_the_score_counts_a_volume_outside_the_vault_right_only_when_it_is_missing_or_placeless() -> None:
    beliefs = [
        ("a", "S1", 0.99, "present"),
        ("b", "S2", 0.99, "present"),
        ("c", "S1", 0.5, "missing"),
        ("d", "S1", 0.99, "present"),
        ("e", None, 0.0, "unseen"),
    ]
    truth = {"a": "S1", "b": "S1", "c": "", "d": "", "e": "S2", "f": "S2"}
    found = score(beliefs, truth, frozenset({"a", "b"}))
    assert (found.volumes, found.located, found.displaced) == (6, 4, 2)
    assert found.located_right == pytest.approx(2 / 6, abs=1e-5)
    assert found.displaced_right == 0.5


def test_a_scenario_gives_each_step_once_in_order_of_time() -> None:
    scenario = (Step(5.0, "b"), Step(1.0, "a"), Step(9.0, "c"))
    assert [step.op for step in due(scenario, 0.0, 5.0)] == ["a", "b"]
    assert [step.op for step in due(scenario, 5.0, 9.0)] == ["c"]


@pytest.mark.parametrize("for_s", [5.0, 60.0, 600.0])
def test_the_demo_leaks_once_is_repaired_and_the_water_turned_on_again_before_the_end(for_s: float) -> None:
    burst, repair, opening = demo_scenario("z1", ("valve-z1",), for_s)
    assert 0 < burst.at_s < repair.at_s < opening.at_s < for_s
    assert (burst.args["on"], repair.args["on"]) == (True, False)
    assert (burst.by, repair.by, opening.by) == ("site", "site", "operator")
    assert opening.args == {"action": "actuator.set", "args": {"actuator": "valve-z1", "state": "open"}}


def test_what_happens_is_the_difference_of_two_glances() -> None:
    before = {"wet": ["z1"], "closed_valves": []}
    now = {"wet": ["z2"], "closed_valves": ["valve-z1"]}
    english = load_texts("en").told
    assert [english(item) for item in changes(before, now)] == [
        "the floor of z2 is wet",
        "valve valve-z1 is closed",
        "the floor of z1 is dry",
    ]
    assert [english(item) for item in changes(now, {**now, "closed_valves": []})] == ["valve valve-z1 is open"]


async def test_an_operator_who_is_refused_says_so_and_asks_again_until_the_valve_is_open(tmp_path: Path) -> None:
    # Answers as the local API gives them: the command of the first request is refused by the interlock, the floor
    # being wet; the second is carried out.
    replies = [
        {"answer": "accepted", "command": "c1"},
        {"stage": "ended", "result": "refused", "reason": "zone_wet"},
        {"answer": "accepted", "command": "c2"},
    ]
    asked: list[str] = []
    english = load_texts("en")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, reply in enumerate(replies, 1):
            (length,) = PREFIX.unpack(await reader.readexactly(PREFIX.size))
            asked.append(msgspec.json.decode(await reader.readexactly(length))["op"])
            body = msgspec.json.encode({"id": number, "v": 1, "ok": True, "result": reply})
            writer.write(PREFIX.pack(len(body)) + body)
        writer.close()

    server = await asyncio.start_unix_server(answer, str(tmp_path / "s"))
    client = await DaemonClient.connect(tmp_path / "s")
    operator = Operator(client, english)
    operator.take({"action": "actuator.set", "args": {"actuator": "valve-z1", "state": "open"}}, 10.0)
    heard = [
        english.told(item)
        for now_s, closed in ((10.0, ["valve-z1"]), (11.0, ["valve-z1"]), (13.0, ["valve-z1"]), (20.0, []), (30.0, []))
        for item in await operator.look(now_s, closed)
    ]
    await client.close()
    server.close()
    await server.wait_closed()
    assert asked == ["act", "command", "act"]
    asks = "an operator asks for valve-z1 to be opened"
    assert heard == [asks, f"refused: {english.title('zone_wet')}", asks]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_block_is_a_frame_whose_every_line_has_the_same_width(language: Language) -> None:
    glance = Glance(
        elapsed_s=21.5, stage=phrase("sim_running"), volumes=10_667, located=9_000, missing=3, reads=1_234_567,
        reads_per_s=2_345.6, facts=10_700, acked=10_690, moves=12, wet_zones=("z1",), closed_valves=("valve-z1",),
        rss_mb=123.4,
    )  # fmt: skip
    texts = load_texts(language)
    console = Console(width=120, file=io.StringIO(), color_system=None)
    console.print(block_of(glance, ["  21.0 s  " + texts.told(phrase("sim_floor_wet", zone="z1"))], texts))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert {cell_len(line) for line in lines} == {72}
    assert all(number in "".join(lines) for number in ("10,667", "1,234,567", "2,345.6", "valve-z1"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_result_for_people_has_its_figures_in_one_column(language: Language) -> None:
    result = OfflineResult(
        volumes=10, seconds=60.0, wall_s=1.5, times_real=40.0, reads=9, facts=8, located=7, located_right=0.75,
        displaced_right=1.0, moves=2,
    )  # fmt: skip
    lines = shown(result, load_texts(language), as_json=False).splitlines()
    assert len(lines) == 10
    assert len({cell_len(line) - cell_len(line.rsplit("  ", 1)[1]) for line in lines}) == 1


def test_a_child_that_dies_is_named_with_the_tail_of_its_log(tmp_path: Path) -> None:
    script = "print('the last words', flush=True); raise SystemExit(3)"
    child = Child("daemon", (sys.executable, "-c", script), tmp_path / "d.log")
    assert child.wait(20.0) == 3
    with pytest.raises(ProcessDied, match=r"(?s)daemon ended with code 3.*the last words"):
        child.check()


def test_the_peak_memory_of_a_child_is_read_while_it_runs(tmp_path: Path) -> None:
    script = "import time; held = bytearray(50_000_000); print('ready', flush=True); time.sleep(60)"
    child = Child("daemon", (sys.executable, "-c", script), tmp_path / "d.log")
    while "ready" not in child.log.read_text():
        time.sleep(0.02)
    peak_mb = child.peak_rss_mb()
    child.stop()
    assert peak_mb is not None
    assert 48 < peak_mb < 200
    assert child.peak_rss_mb() is None


async def a_run_in_which_one_process_dies(run: Path, started: list[Child]) -> None:
    async with Ensemble(run) as ensemble:
        started.append(ensemble.start("long", (sys.executable, "-c", "import time; time.sleep(600)")))
        ensemble.start("short", (sys.executable, "-c", "raise SystemExit(1)")).wait(20.0)
        ensemble.check()


async def test_whatever_happens_inside_an_ensemble_its_processes_end(tmp_path: Path) -> None:
    started: list[Child] = []
    with pytest.raises(ProcessDied, match="short ended"):
        await a_run_in_which_one_process_dies(tmp_path, started)
    assert not started[0].is_running()
