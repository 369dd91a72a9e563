"""The unit file and the operations manual say what the program does."""

import configparser
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from config.messages import load_texts
from edge.api.server import GROUP
from edge.cli import trouble
from edge.cli.app import COMMANDS
from edge.cli.run import DEFAULT_STATE, parsed
from edge.rules.actions import ROLES

ROOT = Path(__file__).resolve().parents[2]
MANUAL = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNIT = ROOT / "deploy" / "lantai.service"


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser


def test_the_service_is_watched_and_restarted_without_limit(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert (service["Type"], service["Restart"], unit["Unit"]["StartLimitIntervalSec"]) == ("notify", "always", "0")
    assert 3 <= int(service["WatchdogSec"]) <= 60  # the step loop ticks once a second
    assert service["Group"] == GROUP


def test_the_service_starts_the_daemon_the_short_way_in_its_state_directory(unit: configparser.ConfigParser) -> None:
    words = shlex.split(unit["Service"]["ExecStart"])
    assert words[1] == "run"
    arguments = parsed(words[2:])
    assert arguments is not None
    assert str(arguments.state) == DEFAULT_STATE == f"/var/lib/{unit['Service']['StateDirectory']}"


def test_systemd_finds_nothing_to_say_about_the_unit(require_tool: Callable[[str, str], str], tmp_path: Path) -> None:
    """`systemd-analyze verify` wants the program to exist: it is shown /bin/true."""
    analyze = require_tool("systemd-analyze", "systemd")
    copy = tmp_path / "lantai.service"
    text = re.sub(r"ExecStart=\S+", f"ExecStart={shutil.which('true')}", UNIT.read_text())
    copy.write_text(text.replace("User=lantai\n", "").replace("Group=lantai\n", ""))
    done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, check=False, timeout=30)
    assert [line for line in done.stderr.splitlines() if "lantai.service" in line] == []


def test_the_manual_names_commands_that_exist() -> None:
    commands = [
        shlex.split(line)[1]
        for block in re.findall(r"```sh\n(.*?)```", MANUAL, re.DOTALL)
        for line in block.splitlines()
        if line.startswith("lantai ")
    ]
    assert len(commands) > 10
    assert set(commands) <= set(COMMANDS)


def test_the_manual_names_every_exit_code_there_is() -> None:
    named = re.findall(r"^\| (\d+) \|", MANUAL, re.MULTILINE)
    codes = {value for name, value in vars(trouble).items() if name.isupper() and isinstance(value, int)}
    assert len(codes) == 8
    assert [int(code) for code in named] == sorted(codes)


def test_the_manual_gives_each_role_what_the_rules_give_it() -> None:
    words = {
        "catalogue.import": "import the catalogue",
        "alarm.acknowledge": "acknowledge alarms",
        "actuator.set": "set actuators",
        "clock.vouch": "vouch for the clock",
        "survey.place": "place reference tags",
        "survey.begin": "begin a survey",
    }
    assert set(words) == set(ROLES)
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", MANUAL, re.MULTILINE))
    for action, roles in ROLES.items():
        for role in ("archivist", "technician", "safety_officer", "system_administrator", "auditor"):
            assert (words[action] in rows[role]) == (role in roles), f"{role}: {action}"


def test_every_alarm_in_the_manual_has_a_text() -> None:
    texts = load_texts("en")
    table = MANUAL[MANUAL.index("| code | what to do first |") : MANUAL.index("## The catalogue")]
    codes = [code for line in table.splitlines() if "|" in line for code in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert len(codes) >= 9
    assert [code for code in codes if not texts.is_known(code)] == []
