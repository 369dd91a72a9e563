"""`lantai-sim` in both languages: help, misuse and files that are not what they should be."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


def lantai_sim(*arguments: str, language: str) -> tuple[int, str, str]:
    command = Path(sys.executable).parent / "lantai-sim"
    found = subprocess.run(
        [str(command), *arguments],
        env={**os.environ, "LANTAI_LANG": language, "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return found.returncode, found.stdout, found.stderr


@pytest.mark.parametrize(("language", "says"), [("en", "Bring a vault to life"), ("zh-CN", "让一座库房运转起来")])
def test_help_is_in_the_language_of_the_person(language: str, says: str) -> None:
    code, out, _ = lantai_sim("demo", "--help", language=language)
    assert code == 0
    assert says in out
    assert bool(re.search(r"[\u4e00-\u9fff]", out)) == (language == "zh-CN")


def test_the_language_on_the_command_line_wins(tmp_path: Path) -> None:
    code, out, err = lantai_sim("--lang", "zh-CN", "replay", str(tmp_path), "--kind", "llrp", language="en")
    assert (code, out) == (2, "")
    assert err == f"{tmp_path} 中既没有 `walks.csv` 也没有 `*.bytes`；请给出一份记录的目录\n"


@pytest.mark.parametrize(
    ("arguments", "english", "chinese"),
    [
        (("dance",), "No such command 'dance'", "命令用法有误"),
        (("replay", "gone.csv", "--kind", "climate"), "no such file", "文件或目录不存在"),
        (("demo", "--config", "gone.yaml"), "expected a readable file", "期望 可读取的文件"),
        (("replay", "short.csv", "--kind", "climate"), "short.csv:2: 'x' is not", "short.csv 第 2 行：'x' 不是"),
    ],
)
def test_what_cannot_be_used_is_said_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], english: str, chinese: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short.csv").write_text("DATE AND TIME;TEMP C;%RH\nx\n")
    for language, says in (("en", english), ("zh-CN", chinese)):
        code, _, err = lantai_sim(*arguments, language=language)
        assert code == 2
        assert says in err
        assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [(), ("demo",), ("offline",), ("replay",)])
def test_the_help_of_every_command_has_examples(arguments: tuple[str, ...]) -> None:
    code, out, _ = lantai_sim(*arguments, "--help", language="en")
    assert code == 0
    assert re.search(rf"Examples:\s+(.*\n)?\s*lantai-sim {' '.join(arguments)}", out.replace("│", " "))


def test_a_wrong_configuration_is_the_only_thing_said_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    code, out, err = lantai_sim("demo", "--config", "gone.yaml", language="en")
    assert (code, out) == (2, "")
    assert err.startswith("gone.yaml")
    assert list(tmp_path.iterdir()) == []


def test_a_replay_is_told_in_a_sentence_and_in_json_when_asked(data_dir: Path) -> None:
    recorded = ("replay", str(data_dir / "rfid" / "edgex-llrp"), "--kind", "llrp")
    assert lantai_sim(*recorded, language="en") == (0, "15 of 15 equal\n", "")
    assert lantai_sim(*recorded, language="zh-CN") == (0, "共 15 项，15 项一致\n", "")
    code, out, _ = lantai_sim(*recorded, "--json", language="en")
    assert code == 0
    assert [json.loads(line)["equals_twin"] for line in out.splitlines()] == [True] * 15
