"""Commands on files: check, config show, explain, run's arguments, the import and the replay without a daemon."""

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import yaml

from config.load import load
from config.messages import load_texts
from drivers.observation import Contact
from edge.cli.app import tool
from edge.cli.names import OURS, foreign_package
from edge.cli.run import RunArguments, parsed
from edge.cli.run_logging import LocalLines
from edge.state.events import Event, Started
from edge.state.plant import Plant
from edge.state.state import State
from edge.step import step
from edge.store.input_log import InputLog
from edge.store.journal import Store
from tests.stories.small_vault import VAULT

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "config" / "vaults" / "demo.yaml"
NS = 1_000_000_000
MAIN = [sys.executable, "-c", "from edge.cli import main; raise SystemExit(main())"]

pytestmark = pytest.mark.usefixtures("_english")


@pytest.fixture
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_LANG", "en")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The small vault as a file, in which whoever runs the test may import."""
    policy = VAULT["policy"]
    assert isinstance(policy, dict)
    people = {"wang": {"uid": os.getuid(), "roles": ["archivist", "technician"]}}
    path = tmp_path / "vault.yaml"
    path.write_text(yaml.safe_dump({**VAULT, "policy": {**policy, "people": people}}))
    return path


def catalogue(tmp_path: Path, count: int) -> Path:
    rows = [f"n{i},{i + 1:024x},A-01L-0{1 + i // 9}-1-{1 + i % 9:02d},20" for i in range(count)]
    path = tmp_path / "volumes.csv"
    path.write_text("\n".join(["volume,epc,slot,thickness_mm", *rows]) + "\n")
    return path


def answered(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_right_configuration_is_said_to_be_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["check", str(DEMO)]) == 0
    assert "is right: 4 racks, 7 readers, 9 sensors" in capsys.readouterr().out


def test_a_wrong_configuration_shows_every_mistake_and_exits_2(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = yaml.safe_load(small.read_text())
    document["timezone"] = "Mars/Olympus"
    document["sensors"][0]["unit"] = 700
    small.write_text(yaml.safe_dump(document))
    assert tool(["check", str(small)]) == 2
    shown = capsys.readouterr().out
    assert "timezone" in shown
    assert "sensor 'th-1'" in shown
    assert f"Mistakes in {small}: 2." in shown
    assert tool(["check", str(small), "--json"]) == 2
    report = answered(capsys)
    assert not report["ok"]
    assert {problem["path"] for problem in report["problems"]} == {"timezone", "sensors[0].unit"}
    keys = {"file", "line", "device", "path", "seen", "expected", "next_step", "ids"}
    assert set(report["problems"][0]) == keys


def test_config_show_names_the_file_and_line_of_each_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["config", "show", str(DEMO), "--origin"]) == 0
    shown = capsys.readouterr().out.splitlines()
    line = next(i for i, text in enumerate(DEMO.read_text().splitlines(), 1) if text.startswith("timezone:"))
    assert f'timezone = "Asia/Shanghai"    # {DEMO}:{line}' in shown
    assert any(text.startswith("policy.telemetry_every_s = 60") and "policy-base.yaml:" in text for text in shown)
    assert any(text.endswith("# default") for text in shown)


def test_explain_gives_meaning_and_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["explain", "leak_unknown"]) == 0
    assert "next: Bring the sensor back" in capsys.readouterr().out
    assert tool(["explain", "leak_unknown", "--lang", "zh-CN", "--json"]) == 0
    assert answered(capsys)["title"] == "不能确认干燥"


def test_explain_takes_the_key_of_an_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["explain", "tag_cloned:30000000000000000000000a", "--lang", "en"]) == 0
    assert capsys.readouterr().out.startswith("tag_cloned: Cloned tag\n")
    assert tool(["explain", "leak_unknwon:z1", "--lang", "en"]) == 2
    assert "Near to it: leak_unknown" in capsys.readouterr().err


def test_explain_offers_the_nearest_codes_for_one_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["explain", "leak_unknwon"]) == 2
    assert "Near to it: leak_unknown" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["v.yaml", "--state", "/s"], RunArguments(Path("v.yaml"), Path("/s"))),
        (["--state=/s", "v.yaml", "--metrics", "127.0.0.1:1"], RunArguments(Path("v.yaml"), Path("/s"), "127.0.0.1:1")),
        (
            ["v.yaml", "--log-level=debug", "--state", "/s"],
            RunArguments(Path("v.yaml"), Path("/s"), log_level="debug"),
        ),
        ([], None),
        (["--help"], None),
        (["v.yaml", "--state"], None),
        (["v.yaml", "w.yaml"], None),
        (["v.yaml", "--colour"], None),
        (["v.yaml", "--log-level", "loud"], None),
    ],
)
def test_run_takes_plain_arguments_itself_and_leaves_the_rest(words: list[str], wanted: RunArguments | None) -> None:
    assert parsed(words) == wanted


def test_run_loads_nothing_of_the_tool() -> None:
    """Within its start-up budget of a second it can afford neither typer nor rich, nor the simulator ever."""
    code = (
        "import sys; sys.argv = ['lantai', 'run', '/nowhere.yaml']\n"
        "from edge.cli import main; code = main()\n"
        "import edge.daemon.run\n"
        "heavy = {'typer', 'rich', 'simulator', 'numba', 'networkx', 'prometheus_client'}\n"
        "print(code, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "2 []"
    assert "nothing was started" in done.stderr


def test_the_daemon_starts_answers_stops_and_refuses_a_second_one(small: Path, tmp_path: Path) -> None:
    state = tmp_path / "s"
    with subprocess.Popen(
        [*MAIN, "run", str(small), "--state", str(state)], stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as daemon:
        assert daemon.stderr is not None
        log = ""
        for line in daemon.stderr:
            log += line
            if "runs" in line:
                break
        second = subprocess.run(
            [*MAIN, "run", str(small), "--state", str(state)], capture_output=True, text=True, check=False, timeout=30
        )
        assert second.returncode == 2
        assert str(daemon.pid) in second.stderr
        assert "Store in use" in second.stderr
        asked = subprocess.run(
            [*MAIN, "status", "--json", "--state", str(state)], capture_output=True, text=True, check=False, timeout=30
        )
        assert asked.returncode == 1  # nothing answers in this vault
        assert json.loads(asked.stdout)["vault"] == "v1"
        daemon.send_signal(signal.SIGTERM)
        log += daemon.stderr.read()
        assert daemon.wait(20) == 0, log
    assert "Traceback" not in log
    assert not (state / "lantai.sock").exists()


def test_a_metrics_address_off_this_machine_is_refused(small: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [*MAIN, "run", str(small), "--state", str(tmp_path / "s"), "--metrics", "0.0.0.0:9477"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert "not on loopback" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_import_without_a_daemon_goes_into_the_store(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, file = tmp_path / "s", catalogue(tmp_path, 30)
    assert tool(["import", str(file), "--config", str(small), "--state", str(state), "--json"]) == 0
    report = answered(capsys)
    assert (report["lines"], report["taken"], report["problems"]) == (30, 30, [])
    store = opened(small, state)
    facts = [fact for _, fact in store.facts(0)]
    store.close()
    assert [type(fact).__name__ for fact in facts] == ["ActionTaken", "VolumesCatalogued"]


def test_an_import_without_daemon_or_configuration_names_both_ways_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool(["import", str(catalogue(tmp_path, 1)), "--state", str(tmp_path / "s")]) == 3
    assert "Start the daemon, or give --config" in capsys.readouterr().err


def test_a_dry_run_without_a_daemon_leaves_no_store(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = catalogue(tmp_path, 3)
    file.write_text(file.read_text() + "n9,00,A-77L-01-1-01,20\n")
    state = tmp_path / "s"
    words = ["import", str(file), "--config", str(small), "--state", str(state), "--dry-run", "--json"]
    assert tool(words) == 2
    report = answered(capsys)
    assert (report["lines"], report["taken"], [problem["line"] for problem in report["problems"]]) == (4, 3, [5, 5])
    assert not state.exists()


def test_an_import_by_somebody_the_policy_does_not_know_is_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = yaml.safe_load(small.read_text())
    document["policy"]["people"]["wang"]["uid"] = os.getuid() + 1
    small.write_text(yaml.safe_dump(document))
    words = ["import", str(catalogue(tmp_path, 1)), "--config", str(small), "--state", str(tmp_path / "s")]
    assert tool(words) == 2
    assert f"uid {os.getuid()}" in capsys.readouterr().err


def opened(config: Path, state_dir: Path) -> Store:
    vault = load(config).vault
    return Store.open(
        state_dir,
        vault=f"{vault.centre}/{vault.vault}",
        cap_mb=vault.store.cap_mb,
        reserve_mb=vault.store.reserve_mb,
        retention=vault.policy.retention,
    )


def recorded(config: Path, state_dir: Path) -> tuple[Path, list[bytes]]:
    """A short life: its input log, and the facts its journal holds."""
    loaded = load(config)
    state = State(Plant(loaded.vault, loaded.profiles))
    store = opened(config, state_dir)
    log = InputLog(state_dir / "input", 64, boot=store.boot, software="test", layout=state.plant.layout, config="c")
    log.begin(None, store.n)
    events: list[Event] = [
        Started(at_ns=NS, boot="b", software="test", layout="l", clean=True),
        Contact(device="leak-1", at_ns=2 * NS, point="leak", active=False),
        Contact(device="board-1", at_ns=3 * NS, point="relay-1", active=True),
        Contact(device="leak-1", at_ns=4 * NS, point="leak", active=True),
    ]
    facts: list[bytes] = []
    for event in events:
        log.write([event])
        decision = step(state, event)
        facts += [msgspec.json.encode(fact) for fact in decision.facts]
        store.append(decision.facts, urgent=False, done=None)
    log.close()
    store.flush()
    store.close()
    return state_dir / "input" / "00000001.log", facts


def test_a_replay_equals_the_journal_and_itself(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, facts = recorded(small, tmp_path / "s")
    words = ["replay", str(log), "--config", str(small), "--state", str(tmp_path / "s"), "--json"]
    assert tool(words) == 0
    first = answered(capsys)
    assert (first["events"], first["facts"], first["compared"], first["differences"]) == (4, len(facts), len(facts), [])
    assert first["digest"] == hashlib.sha256(b"\n".join(facts)).hexdigest()
    assert tool(words) == 0
    assert answered(capsys)["digest"] == first["digest"]


def test_a_replay_compares_with_the_journal_of_the_state_directory_its_log_lies_in(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, facts = recorded(small, tmp_path / "s")
    assert tool(["replay", str(log), "--config", str(small)]) == 0
    assert f"Equal to the journal: {len(facts)} facts" in capsys.readouterr().out
    lone = tmp_path / "elsewhere" / "input" / log.name
    lone.parent.mkdir(parents=True)
    log.rename(lone)
    assert tool(["replay", str(lone), "--config", str(small)]) == 0
    assert f"Nothing was compared: there is no journal at {tmp_path / 'elsewhere'}" in capsys.readouterr().out


def test_the_version_is_said_and_a_language_without_texts_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["--version"]) == 0
    assert capsys.readouterr().out.startswith("lantai 0.")
    assert tool(["explain", "leak", "--lang", "fr"]) == 2
    assert "fr is none of zh-CN, en" in capsys.readouterr().err
    assert parsed(["vault.yaml", "--lang", "fr"]) is None


def test_a_replay_under_another_policy_shows_what_differs(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, _ = recorded(small, tmp_path / "s")
    document = yaml.safe_load(small.read_text())
    document["actuators"][0]["id"] = "valve-9"
    small.write_text(yaml.safe_dump(document))
    assert tool(["replay", str(log), "--config", str(small), "--state", str(tmp_path / "s")]) == 1
    shown = capsys.readouterr().out
    assert '- {"type":"actuator_changed","at_ns":3000000000,"actuator":"valve-1"' in shown
    assert '+ {"type":"actuator_changed","at_ns":3000000000,"actuator":"valve-9"' in shown


@pytest.mark.parametrize("content", [b"", b"hello, this is no log", b"LANTAI1\n"])
def test_a_file_that_is_no_log_is_refused(
    content: bytes, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.log").write_bytes(content)
    assert tool(["replay", str(tmp_path / "x.log"), "--config", str(small), "--state", str(tmp_path)]) == 2
    assert "cannot be replayed" in capsys.readouterr().err


def test_a_log_line_is_local_time_level_and_text() -> None:
    at = datetime(2026, 3, 1, 6, 5, 9, tzinfo=UTC)
    record = logging.LogRecord("edge.x", logging.WARNING, "x", 1, "%s: silent for %d s", ("reader-1", 15), None)
    record.created = at.timestamp()
    line = LocalLines(ZoneInfo("Asia/Shanghai")).format(record)
    assert line == "2026-03-01 14:05:09 WARNING  reader-1: silent for 15 s"


def test_no_other_distribution_owns_one_of_our_package_names() -> None:
    owners = packages_distributions()
    for name in (*OURS, "simulator"):
        assert set(owners.get(name, ["lantai-edge"])) == {"lantai-edge"}


def test_lantai_notices_a_package_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "sensors").mkdir()
    (tmp_path / "sensors" / "__init__.py").touch()
    assert foreign_package() == ""
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['lantai', 'status']\n"
        "import edge.cli; print(edge.cli.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "2"
    assert "package 'sensors' is imported from" in done.stderr


def test_check_says_that_nobody_may_use_the_tool_while_policy_names_no_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = {name: value for name, value in VAULT["policy"].items() if name != "people"}  # type: ignore[attr-defined]
    file = tmp_path / "vault.yaml"
    file.write_text(yaml.safe_dump({**VAULT, "policy": policy}), encoding="utf-8")
    assert tool(["check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "policy.people is empty" in said
    assert "{people: {wang: {uid: 1000" in said
    assert tool(["check", str(file), "--json"]) == 0
    assert [note["code"] for note in json.loads(capsys.readouterr().out)["notes"]] == ["no_people"]
    assert tool(["check", str(DEMO), "--json"]) == 0


def test_config_show_gives_values_of_their_own_type_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["config", "show", str(DEMO), "--json"]) == 0
    values = {row["path"]: row["value"] for row in json.loads(capsys.readouterr().out)}
    assert values["timezone"] == "Asia/Shanghai"
    assert values["schema"] == 1


def test_explain_takes_a_title_in_either_language(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("Water", "no_PERSON", load_texts("zh-CN").title("leak")):
        assert tool(["explain", words]) == 0
    said = capsys.readouterr().out
    assert said.count("leak: Water") == 2
    assert "This login (uid see `id -u`) is no person" in said
