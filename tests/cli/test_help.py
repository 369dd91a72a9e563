"""Help: every heading and every sentence in the language of the person, none of it cut."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from config.messages import LANGUAGES, Language, load_texts
from edge.cli.app import app, tool
from simulator.cli import app as sim_app

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = re.compile(r"Usage|Options|Arguments|Commands|Show this message|default|env|required|OPTIONS|ARGS")


def commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """A command and all within it, by the words that call it."""
    inner = getattr(command, "commands", {}).items()
    return [(path, command), *(found for name, one in inner for found in commands(one, (*path, name)))]


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert tool([*words, "--help"]) == 0
    return capsys.readouterr().out


def plain(text: str) -> str:
    """Without what draws boxes and breaks lines, and without markup."""
    return re.sub(r"\[/?cyan\]|[\s│╭╮╰╯─]", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_no_sentence_of_the_help_is_cut(
    language: Language, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("LANTAI_LANG", language)
    for path, command in commands(get_command(app(load_texts(language)))):
        page = printed(capsys, *path)
        assert "…" not in page, path
        assert plain(command.help) in plain(page), path
        for inner in getattr(command, "commands", {}).values():
            assert plain(inner.help.partition("\n\n")[0]) in plain(page), path


def test_in_chinese_no_heading_is_english(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_LANG", "zh-CN")
    for path, _ in commands(get_command(app(load_texts("zh-CN")))):
        page = printed(capsys, *path)
        assert not ENGLISH.findall(page), path
        assert "用法: lantai" in page
        assert "显示本帮助并退出。" in page
    assert "─ 命令 ─" in printed(capsys)
    assert "─ 参数 ─" in printed(capsys, "import")


def test_what_an_option_takes_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_LANG", "en")
    monkeypatch.setenv("COLUMNS", "120")
    page = printed(capsys, "history")
    assert "Usage: lantai history [OPTIONS] {point}" in page
    assert "point  <str>  [required]" in page
    assert "At most so many, the newest. [1 to 10000] [default: 200]" in page
    assert "[environment: LANTAI_STATE] [default: /var/lib/lantai]" in page
    assert "volume,epc,slot,thickness_mm[,tid]" in printed(capsys, "import")


def test_the_virtual_vault_helps_in_chinese_too() -> None:
    words = [sys.executable, "-c", "from simulator.cli import main; raise SystemExit(main())", "--lang", "zh-CN"]
    for path, _ in commands(get_command(sim_app(load_texts("zh-CN")))):
        done = subprocess.run([*words, *path, "--help"], capture_output=True, text=True, check=True, cwd=ROOT)
        assert not ENGLISH.findall(done.stdout), path
        assert "…" not in done.stdout
