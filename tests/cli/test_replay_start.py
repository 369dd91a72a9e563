"""A log file that goes on where another ended: the refusal names the one to begin with."""

from pathlib import Path

import pytest

from drivers.observation import Contact
from edge.cli.app import tool
from edge.store.input_log import InputLog, read_log
from tests.cli.test_streams import DEMO


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """Four files of at most 512 KB: 1 and 3 begin with a state, 2 and 4 go on."""
    directory = tmp_path / "input"
    log = InputLog(directory, 2, boot="b", software="test", layout="l", config="c")
    events = [Contact(device="leak-1", at_ns=n, point="leak" * 50, active=False) for n in range(2500)]  # 650 KB
    for _ in range(2):
        log.begin(None, 0)
        log.write(events)
    log.close()
    return directory


def file(ring: Path, number: int) -> Path:
    return ring / f"{number:08d}.log"


def refused(log: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert tool(["replay", str(log), "--config", DEMO, "--lang", "en"]) == 2
    return capsys.readouterr().err


def test_the_newest_file_that_starts_with_a_state_is_named(ring: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [read_log(path).header.continues for path in sorted(ring.iterdir())] == [False, True, False, True]
    assert f"Give {file(ring, 3)}:" in refused(file(ring, 4), capsys)
    assert f"Give {file(ring, 1)}:" in refused(file(ring, 2), capsys)


def test_a_damaged_file_is_passed_over(ring: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file(ring, 3).write_bytes(b"LANTAI1\n\0\0\0")
    assert f"Give {file(ring, 1)}:" in refused(file(ring, 4), capsys)


def test_a_ring_that_has_lost_its_beginning_says_so(ring: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file(ring, 1).unlink()
    assert "no file that starts with a state is left" in refused(file(ring, 2), capsys)
