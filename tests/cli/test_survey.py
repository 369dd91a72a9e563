"""`lantai rfid survey`: what it prints, what it waits for and what it exits with, in both languages."""

import asyncio
from pathlib import Path
from typing import get_args

import pytest
import yaml

from config.messages import LANGUAGES, load_texts
from edge.api.survey_records import Verdict
from edge.cli.app import tool
from edge.state.events import DeviceLost
from edge.state.facts import SurveyBegan
from sensors.rfid.survey import Verdict as Found
from tests.api.test_survey import STRAIGHT, TAGS, look
from tests.cli.beside import Tool

SWAPPED = {1: 2, 2: 1, 3: 3}  # and 4 is dead


@pytest.fixture
def tags(tmp_path: Path) -> str:
    file = tmp_path / "tags.csv"
    file.write_text("".join(f"{','.join(line)}\n" for line in [["segment", "epc"], *TAGS]))
    return str(file)


async def surveyed(lantai: Tool, *words: str, cables: dict[int, int]) -> int:
    """The command waits while the antennas go round."""
    facts = lantai.house.feed.subscribe()
    running = asyncio.create_task(lantai.run("rfid", "survey", *words))
    while not any(isinstance(fact, SurveyBegan) for fact in (await facts.take(200))[0]):
        pass
    look(lantai.house.story, cables, 40)
    return await running


async def test_it_waits_until_every_port_is_decided_and_ends_well_when_all_are_right(lantai: Tool, tags: str) -> None:
    assert await surveyed(lantai, tags, cables=dict(STRAIGHT)) == 0
    assert "4 ports, each right by 4 reference tags." in lantai.out
    assert await lantai.run("rfid", "survey", "--show") == 0


async def test_what_is_wrong_is_named_with_the_next_step_and_the_list_to_paste(lantai: Tool, tags: str) -> None:
    assert await surveyed(lantai, tags, cables=SWAPPED) == 1
    assert "reader-1/1 A-01L-01:" in lantai.out
    assert "sees A-01L-02, and port reader-1/2" in lantai.out
    assert "next: Exchange the two cables" in lantai.out
    assert "neither a reference tag nor anything else" in lantai.out
    assert "3 of 4 ports are not right; 0 cannot be told yet." in lantai.out
    pasted = lantai.out[lantai.out.index("    segments:") :]
    lines = [line for line in pasted.splitlines() if line.lstrip().startswith(("segments:", "- "))]
    assert yaml.safe_load("\n".join(lines)) == {"segments": ["A-01L-02", "A-01L-01", "A-01L-03", "A-01L-04"]}
    assert "- A-01L-02  # port 1, was A-01L-01" in lantai.out
    assert "- A-01L-03  # port 3\n" in lantai.out


async def test_tags_that_stay_need_no_file_the_next_time(lantai: Tool, tags: str) -> None:
    await surveyed(lantai, tags, cables=SWAPPED)
    assert await surveyed(lantai, cables=dict(STRAIGHT)) == 0


async def test_json_is_the_daemons_answer(lantai: Tool, tags: str) -> None:
    await surveyed(lantai, tags, cables=SWAPPED)
    answer = await lantai.json("rfid", "survey", "--show")
    assert [port["verdict"] for port in answer["ports"]] == ["swapped", "swapped", "right", "dead"]
    assert answer["corrected"][0]["reader"] == "reader-1"


async def test_it_gives_up_waiting_and_says_how_many_more_rounds_would_tell(lantai: Tool, tags: str) -> None:
    assert await lantai.run("rfid", "survey", tags, "--for", "0") == 1
    assert "Wait for 13 more rounds" in lantai.out
    assert "0 of 4 ports are not right; 4 cannot be told yet." in lantai.out


async def test_the_ports_of_a_lost_reader_are_one_line_with_what_to_do_about_the_reader(
    lantai: Tool, tags: str
) -> None:
    story = lantai.house.story
    story.tell(DeviceLost(device="reader-1", at_ns=story.at_ns, reason="llrp_held"))
    assert await lantai.run("rfid", "survey", tags, "--for", "0") == 1
    assert "4 antennas wait for it: A-01L-01, A-01L-02, A-01L-03, A-01L-04" in lantai.out
    assert lantai.out.count("next:") == 1
    assert "next: Find and stop that program" in lantai.out
    assert "not searching" not in lantai.out
    assert (await lantai.json("rfid", "survey", "--show"))["lost"] == {"reader-1": "llrp_held"}


async def test_every_mistake_of_the_file_is_told_and_nothing_is_begun(lantai: Tool, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("segment,epc\nA-01L-09,e280\nA-01L-02,e28\n")
    assert await lantai.run("rfid", "survey", str(file)) == 2
    assert f"{file}:2: segment: seen 'A-01L-09'" in lantai.out
    assert f"{file}:3: epc: seen 'e28'" in lantai.out
    assert "2 mistakes. Nothing was taken" in lantai.out
    assert lantai.house.state.references == {}
    answer = await lantai.json("rfid", "survey", str(file))
    assert [(problem["line"], problem["column"]) for problem in answer["problems"]] == [(2, "segment"), (3, "epc")]


async def test_bad_input_exits_2_and_nothing_known_1(lantai: Tool, tags: str) -> None:
    assert await lantai.run("rfid", "survey") == 2
    assert "The vault knows of no reference tag." in lantai.err
    assert await lantai.run("rfid", "survey", tags, "--show") == 2
    assert await lantai.run("rfid", "survey", "--for", "7200") == 2
    assert await lantai.run("rfid", "survey", "--show") == 1
    assert "No survey was ever made here" in lantai.out


async def test_it_speaks_chinese_when_asked(lantai: Tool, tags: str) -> None:
    await surveyed(lantai, tags, "--lang", "zh-CN", cables=SWAPPED)
    assert "4 个端口中 3 个不正确" in lantai.out
    assert "# 端口 1，原为 A-01L-01" in lantai.out


def test_without_a_daemon_it_exits_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["rfid", "survey", "--state", str(tmp_path), "--lang", "en"]) == 3
    assert "systemctl start lantai" in capsys.readouterr().err


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_shows_an_example(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["rfid", "survey", "--help", "--lang", language]) == 0
    assert "lantai rfid survey reference-tags.csv" in capsys.readouterr().out


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_has_a_text_with_a_next_step(language: str) -> None:
    texts = load_texts("zh-CN" if language == "zh-CN" else "en")
    assert get_args(Verdict) == get_args(Found)
    assert [verdict for verdict in get_args(Verdict) if not texts.code(f"survey_{verdict}").next_step] == []
