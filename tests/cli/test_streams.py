"""An answer that cannot be written, a reader that has left, characters that a terminal does not know."""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from drivers.observation import Measurement
from edge.state.events import StoreState
from tests.api.manual_house import ManualHouse, served

MAIN = [sys.executable, "-c", "from edge.cli import main; raise SystemExit(main())"]
DEMO = str(Path(__file__).resolve().parents[2] / "config" / "vaults" / "demo.yaml")
ENGLISH = {**os.environ, "LANTAI_LANG": "en"}
CASE = b"\xb0\xb8\xbe\xed"  # 案卷 in GBK: no UTF-8


def run(*words: str | bytes, stdout: int, stderr: int = subprocess.PIPE, **env: str) -> tuple[int, str]:
    """Exit code and stderr of `lantai`."""
    done = subprocess.run(
        [*MAIN, *words], stdout=stdout, stderr=stderr, check=False, timeout=30, env={**ENGLISH, **env}
    )
    return done.returncode, (done.stderr or b"").decode()


def printed(*words: str | bytes, **env: str) -> bytes:
    """stdout of a `lantai` that writes nothing to stderr."""
    done = subprocess.run([*MAIN, *words], capture_output=True, check=False, timeout=30, env={**ENGLISH, **env})
    assert done.stderr == b""
    return done.stdout


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[ManualHouse]:
    found = ManualHouse()
    async with served(found, tmp_path):
        yield found


async def asked(
    tmp_path: Path, *words: str | bytes, stdout: int = subprocess.PIPE, env: Mapping[str, str] | None = None
) -> tuple[int, bytes, str]:
    """Exit code, stdout and stderr of `lantai` beside the house."""
    process = await asyncio.create_subprocess_exec(
        *MAIN,
        *words,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**ENGLISH, "LANTAI_STATE": str(tmp_path), **(env or {})},
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, out or b"", err.decode()


# --- what cannot be written -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [["explain", "leak"], ["explain", "leak", "--json"], ["check", "--help"], ["--version"]]
)
def test_a_full_disk_is_told_in_one_line_with_a_next_step_and_exits_5(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, told = run(*words, stdout=full.fileno())
    assert code == 5
    title, step = told.splitlines()
    assert "could not be written to the end: no space left on device" in title
    assert step.startswith("  next: ")


def test_a_closed_stdout_is_told_and_exits_5() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *MAIN, "explain", "leak"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=ENGLISH,
    )
    assert done.returncode == 5
    assert "not open for writing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_under_the_messages_changes_no_exit_code() -> None:
    with Path("/dev/full").open("wb") as full:
        assert run("explain", "nothing-like-it", stdout=subprocess.DEVNULL, stderr=full.fileno())[0] == 2
        assert run("run", "/nowhere.yaml", stdout=subprocess.DEVNULL, stderr=full.fileno())[0] == 2


async def test_a_full_disk_hides_no_life_safety_alarm(house: ManualHouse, tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    assert (await asked(tmp_path, "status", stdout=full))[0] == 5
    house.story.tell(StoreState(at_ns=house.now(), level="failed"))
    code, _, told = await asked(tmp_path, "status", "--json", stdout=full)
    os.close(full)
    assert code == 4
    assert "no space left" in told


# --- a reader that has left -----------------------------------------------------------------------------------------


def unread() -> int:
    """The writing end of a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["config", "show", DEMO, "--origin"], 0),
        (["check", __file__], 2),
        (["check", __file__, "--json"], 2),
        (["explain", "nothing-like-it", "--json"], 2),
    ],
)
def test_a_reader_that_has_seen_enough_changes_no_exit_code(words: list[str], code: int) -> None:
    writing = unread()
    found = run(*words, stdout=writing)
    os.close(writing)
    assert found == (code, "")


async def test_a_watch_ends_when_its_reader_has_left(house: ManualHouse, tmp_path: Path) -> None:
    writing = unread()
    async with asyncio.TaskGroup() as both:
        running = both.create_task(asked(tmp_path, "watch", stdout=writing))
        while not house.feed._subscriptions:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        house.story.leak(wet=True)
    os.close(writing)
    assert running.result() == (141, b"", "")


def test_an_answer_is_whole_where_its_pipe_is_narrow_and_does_not_block() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, False)
    with subprocess.Popen([*MAIN, "config", "show", DEMO], stdout=writing, env=ENGLISH) as process:
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            shown = pipe.read()
        assert process.wait(30) == 0
    assert len(shown) > 4096
    assert shown == printed("config", "show", DEMO)


# --- characters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "shown"),
    [
        ({"PYTHONIOENCODING": "gbk"}, "leakage 7 ?A".encode("gbk")),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, b"temperature 20 ?C"),
        ({"PYTHONIOENCODING": "utf-8"}, "leakage 7 µA".encode()),
    ],
)
async def test_a_terminal_that_lacks_a_character_shows_the_others(
    house: ManualHouse, tmp_path: Path, env: dict[str, str], shown: bytes
) -> None:
    house.story.climate(50.0)
    leakage = Measurement(device="leak-1", at_ns=house.now(), points=("leakage",), values=(7.0,))
    house.story.tell(leakage)
    _, out, err = await asked(tmp_path, "devices", env=env)
    assert shown in out
    assert err == ""


def test_json_means_the_same_whatever_the_encoding_of_the_terminal() -> None:
    words = ("explain", "leak", "--lang", "zh-CN", "--json")
    answers = [json.loads(printed(*words, PYTHONIOENCODING=name)) for name in ("utf-8", "gbk", "ascii")]
    assert answers[0]["title"] == "漏水"
    assert answers == [answers[0]] * 3


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("find", "?"),
    ("trace", "?"),
    ("history", "?/leak"),
    ("rfid", "tag", "?"),
    ("rfid", "antenna", "?"),
    ("ack", "?"),
    ("set", "?", "open"),
    ("explain", "?"),
    ("devices", "?"),
    ("check", "?"),
    ("find", "?", "--lang", "?"),
)


async def test_a_word_in_another_encoding_is_unknown_to_every_command(house: ManualHouse, tmp_path: Path) -> None:
    """One process for all: what ends in a traceback ends it."""
    del house
    program = (
        "import json, sys\n"
        "from edge.cli.streams import own_streams\n"
        "own_streams()\n"
        "from edge.cli.app import tool\n"
        "word, commands = sys.argv[1], json.loads(sys.argv[2])\n"
        "codes = [tool([part.replace('?', word) for part in words]) for words in commands]\n"
        "print(json.dumps(codes))\n"
    )
    commands = [[*words, *more] for words in COMMANDS for more in ((), ("--json",))]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, CASE, json.dumps(commands)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**ENGLISH, "LANTAI_STATE": str(tmp_path)},
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    assert json.loads(out.decode().splitlines()[-1]) == [2] * len(commands)
    assert "nothing of that name is known" in err.decode()


def test_a_file_whose_name_is_in_another_encoding_can_be_checked(tmp_path: Path) -> None:
    copy = os.fsencode(tmp_path) + b"/" + CASE + b".yaml"
    for name in ("demo.yaml", "policy-base.yaml"):
        (tmp_path / name).write_bytes((Path(DEMO).parent / name).read_bytes())
    (tmp_path / "demo.yaml").rename(os.fsdecode(copy))
    assert b"????.yaml is right" in printed("check", copy)
    rows: Any = json.loads(printed("config", "show", copy, "--json"))
    assert rows[1]["value"] == "centre-01"
    assert rows[1]["file"].endswith("????.yaml")
