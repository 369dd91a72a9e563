"""What a login that may not read something is told, and what a taken port is called."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.stories.small_vault import VAULT

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "config" / "vaults" / "demo.yaml"
MAIN = "from edge.cli import main; raise SystemExit(main())"
NOBODY = 65534
# once as who runs the test, so that everything is loaded that a stranger might not read; then as the stranger
PROGRAM = f"""
import os, sys
from edge.cli.app import tool
closed, mode, words = sys.argv[1], int(sys.argv[2], 8), sys.argv[3:]
tool(words)
os.chmod(closed, mode)
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
    os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
print("-- the stranger", flush=True)
print("-- the stranger", file=sys.stderr, flush=True)
sys.exit(tool(words))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody may enter; pytest's own is for its owner alone."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        for file in ("demo.yaml", "policy-base.yaml", "demo-volumes.csv"):
            (place / file).write_bytes((DEMO.parent / file).read_bytes())
            (place / file).chmod(0o644)
        (place / "00000001.log").write_bytes(b"LANTAI1\n")
        (place / "state").mkdir(mode=0o755)
        yield place


def stranger(place: Path, closed: str, *words: str, mode: int = 0) -> tuple[int, str]:
    """Exit code and what is said, once `closed` may not be read, or has this mode."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(place / closed), f"{mode:o}", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "LANTAI_LANG": "en", "LANTAI_STATE": str(place / "state")},
    )
    return done.returncode, "".join(text.partition("-- the stranger")[2] for text in (done.stdout, done.stderr))


@pytest.mark.parametrize("words", [["status"], ["set", "valve-z1", "open"], ["import", "{}/demo-volumes.csv"]])
def test_a_login_outside_the_group_is_told_to_join_it(place: Path, words: list[str]) -> None:
    code, said = stranger(place, "state", *(word.format(place) for word in words))
    assert code == 3
    assert "Have yourself added to the group lantai" in said
    assert "--help" not in said


@pytest.mark.parametrize(
    ("closed", "words"),
    [
        ("demo.yaml", ["check", "{}/demo.yaml"]),
        ("demo.yaml", ["config", "show", "{}/demo.yaml"]),
        ("demo.yaml", ["import", "{}/demo-volumes.csv", "--config", "{}/demo.yaml", "--state", "{}/none", "--dry-run"]),
        (
            "demo-volumes.csv",
            ["import", "{}/demo-volumes.csv", "--config", "{}/demo.yaml", "--state", "{}/none", "--dry-run"],
        ),
        ("00000001.log", ["replay", "{}/00000001.log", "--config", "{}/demo.yaml"]),
    ],
)
def test_a_file_that_may_not_be_read_is_named_with_the_next_step(place: Path, closed: str, words: list[str]) -> None:
    code, said = stranger(place, closed, *(word.format(place) for word in words))
    assert code == 2
    assert f"{place / closed}" in said
    assert "permission denied" in said
    assert "--help" not in said


def test_a_configuration_that_may_not_be_read_is_a_matter_of_its_mode(place: Path) -> None:
    assert "see the mode of the file" in stranger(place, "demo.yaml", "check", f"{place}/demo.yaml")[1]


def test_a_state_directory_that_may_not_be_written_is_not_called_full(place: Path) -> None:
    """To root's stranger nothing in it is open for writing; to any other login's the directory alone is closed."""
    config = place / "vault.yaml"
    people = {name: {"uid": uid, "roles": ["archivist"]} for name, uid in (("li", NOBODY), ("wang", os.getuid()))}
    policy = VAULT["policy"]
    assert isinstance(policy, dict)
    config.write_text(yaml.safe_dump({**VAULT, "policy": {**policy, "people": people}}))
    config.chmod(0o644)
    (place / "volumes.csv").write_text("volume,epc,slot,thickness_mm\nn1,2c14,A-01L-01-1-01,5\n")
    words = ("import", f"{place}/volumes.csv", "--config", str(config), "--state", f"{place}/state")
    code, said = stranger(place, "state", *words, mode=0o555)
    assert code == 2
    assert "State directory not writable" in said
    assert f"{place}/state/l" in said  # the lock, or the database
    assert "correct owner and mode" in said
    assert "disk space" not in said


def test_a_taken_metrics_port_is_named_and_not_the_state_directory(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", MAIN, "run", str(DEMO), "--state", str(tmp_path / "s"), "--metrics", address],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            cwd=ROOT,
            env={**os.environ, "LANTAI_LANG": "en"},
        )
    assert done.returncode == 2
    told = done.stderr.splitlines()[-2]
    assert f"'{address}' (--metrics): address already in use" in told
    assert str(tmp_path) not in told
