"""Small words: hints that can be typed as they stand, names near to a wrong one, counts that agree with each other."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.cli.app import COMMANDS, tool
from edge.cli.commands.rfid import _percent
from tests.cli.beside import Tool, tool_of
from tests.stories.shelves import full_shelves

VOLUMES = Path(__file__).resolve().parents[2] / "config" / "vaults" / "demo-volumes.csv"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_LANG", "en")


@pytest.fixture
async def lantai(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Tool]:
    async with tool_of(tmp_path, capsys) as found:
        yield found


def test_every_volume_and_tag_in_the_help_stands_in_the_demo_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (*((name,) for name in COMMANDS), ("rfid", "tag")):
        tool([*words, "--help"])
    named = set(re.findall(r"\b(V\d{6}|[0-9a-f]{24})\b", capsys.readouterr().out))
    catalogued = {cell for line in VOLUMES.read_text().splitlines() for cell in line.split(",")}
    assert len(named) == 2
    assert named <= catalogued


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["rfid", "antenna"], "lantai rfid antenna"),
        (["config", "show"], "lantai config show"),
        (["config"], "lantai config"),
        (["status", "--colour"], "lantai status"),
        (["bogus"], "lantai"),
    ],
)
def test_a_hint_names_the_whole_command(words: list[str], command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(words) == 2
    assert f"See `{command} --help`." in capsys.readouterr().err


async def test_nothing_is_said_of_names_near_to_one_where_there_are_none(lantai: Tool) -> None:
    assert await lantai.run("find", "zzzz") == 2
    assert "The catalogue has no volume or tag zzzz.\n" in lantai.err
    assert (await lantai.json("find", "zzzz"))["error"]["args"]["nearest"] == "-"
    assert await lantai.run("explain", "qqqqqqqqqq") == 2
    assert "Near to it" not in lantai.err


def test_explain_offers_the_codes_whose_title_contains_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["explain", "失联", "--lang", "zh-CN"]) == 2
    assert "device_lost (设备失联)" in capsys.readouterr().err
    assert tool(["explain", "失联"]) == 2
    assert "device_lost (Device lost)" in capsys.readouterr().err


def test_one_mistake_is_not_called_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "none.yaml"
    assert tool(["check", str(file)]) == 2
    assert capsys.readouterr().out.endswith(f"Mistakes in {file}: 1.\n")


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0.0 %"), (1 / 10_667, "< 0.1 %"), (0.0005, "0.1 %"), (0.999_95, "> 99.9 %"), (1.0, "100.0 %"), (None, "-")],
)
def test_a_share_is_shown_as_none_or_all_only_where_it_is(share: float | None, shown: str) -> None:
    assert _percent(share) == shown


async def test_coverage_says_how_many_volumes_were_never_read(lantai: Tool) -> None:
    full_shelves(lantai.house.story)
    await lantai.run("rfid", "coverage")
    assert "36 (100.0 %) were never read" in lantai.out
