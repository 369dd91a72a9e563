"""`lantai rfid`: what it prints and what it exits with, in both languages."""

from pathlib import Path
from typing import get_args

import pytest

from config.messages import LANGUAGES, load_texts
from drivers.observation import Measurement
from edge.api.rfid_records import Blindness, Silence
from edge.cli.app import tool
from edge.state.events import CustodyChange, DeviceLost
from sensors.rfid.health import Verdict
from tests.cli.beside import Tool
from tests.stories.shelves import full_shelves, search
from tests.stories.small_vault import NS

COMMANDS = (["health"], ["coverage"], ["antenna", "A-01L-04"], ["tag", "v30"])


@pytest.fixture
def lantai(lantai: Tool) -> Tool:
    full_shelves(lantai.house.story)
    return lantai


async def test_all_is_well_where_every_antenna_reads_its_shelf(lantai: Tool) -> None:
    search(lantai.house.story, rounds=30)
    for words in COMMANDS:
        assert await lantai.run("rfid", *words) == 0, words
    await lantai.run("rfid", "health")
    assert "4 antennas: none is ill; 0 cannot be told yet." in lantai.out
    await lantai.run("rfid", "coverage")
    assert "4 segments, no blind spot." in lantai.out


async def test_a_dead_antenna_is_told_with_the_next_step_and_exits_1(lantai: Tool) -> None:
    search(lantai.house.story, rounds=30, dead=[4])
    assert await lantai.run("rfid", "health") == 1
    assert "1 of 4 antennas are ill" in lantai.out
    assert "next: Check that the cable is plugged in at both ends" in lantai.out
    assert await lantai.run("rfid", "coverage") == 1
    assert "1 of 4 segments are blind, 9 volumes are affected:" in lantai.out
    assert "75.0 % of 36 volumes stand before an antenna that works; 9 (25.0 %) were never read." in lantai.out
    assert await lantai.run("rfid", "antenna", "A-01L-04") == 1
    assert "A-01L-04: reader-1 port 4, 30 rounds, 0 volumes beyond doubt" in lantai.out
    assert await lantai.run("rfid", "antenna", "A-01L-01") == 0


async def test_a_reader_is_told_with_what_is_wrong_and_the_next_step(lantai: Tool) -> None:
    story = lantai.house.story
    search(story, rounds=30)
    points = ("clock_offset_s", "searching_share", "temperature_degc")
    story.tell(Measurement(device="reader-1", at_ns=story.at_ns, points=points, values=(-5.0, 0.97, 72.0)))
    assert await lantai.run("rfid", "health") == 1
    assert "-5.0 s" in lantai.out
    assert "72 °C" in lantai.out
    assert "97.0 %" in lantai.out
    assert "next: Give the reader a time server" in lantai.out
    assert "next: Give it air" in lantai.out
    story.tell(DeviceLost(device="reader-1", at_ns=story.at_ns, reason="llrp_held"))
    await lantai.run("rfid", "health")
    assert "held by another client" in lantai.out
    assert "next: Find and stop that program" in lantai.out


async def test_the_antennas_of_a_lost_reader_are_one_line_with_what_to_do_about_the_reader(lantai: Tool) -> None:
    story = lantai.house.story
    search(story, rounds=30)
    story.tell(DeviceLost(device="reader-1", at_ns=story.at_ns, reason="llrp_held"))
    assert await lantai.run("rfid", "health") == 1
    assert "4 antennas wait for it: A-01L-01, A-01L-02, A-01L-03, A-01L-04" in lantai.out
    assert lantai.out.count("next:") == 1
    assert "next: Find and stop that program" in lantai.out
    assert "not searching" not in lantai.out
    assert "4 of 4 antennas are ill" in lantai.out
    found = [antenna["verdict"] for antenna in (await lantai.json("rfid", "health"))["antennas"]]
    assert found == ["not_searching"] * 4


async def test_since_when_an_antenna_is_silent_is_told_in_the_vaults_own_time(lantai: Tool) -> None:
    search(lantai.house.story, rounds=40)
    search(lantai.house.story, rounds=7, dead=[4])
    assert await lantai.run("rfid", "health") == 1
    assert "It has read nothing at all since about 2023-11-15 06:16:" in lantai.out


async def test_a_tag_is_told_in_words(lantai: Tool) -> None:
    search(lantai.house.story, rounds=30)
    await lantai.run("rfid", "tag", "v10")
    assert "own antenna reads it in 100 % of" in lantai.out
    assert "not silent" in lantai.out
    search(lantai.house.story, rounds=8, dead=[2])
    assert await lantai.run("rfid", "tag", "v10") == 1
    assert "silent for 8 rounds, which says nothing: the antenna there is dead" in lantai.out


async def test_a_volume_in_hand_is_told_with_its_holder(lantai: Tool) -> None:
    search(lantai.house.story, rounds=6)
    story = lantai.house.story
    volumes = ("v10", "v11")
    story.tell(CustodyChange(story.at_ns, story.at_ns - 60 * NS, "taken", "robot-1", "robot", volumes, "A-01L-02"))
    story.tell(CustodyChange(story.at_ns, story.at_ns, "placed", "wang", "person", ("v11",), "A-01L-03"))
    assert await lantai.run("rfid", "tag", "v10") == 0
    assert "v10: in transit" in lantai.out
    assert "with robot-1: 99.9 %" in lantai.out
    await lantai.run("find", "v10")
    assert "with robot robot-1 since 2023-11-15" in lantai.out
    assert "taken out of A-01L-02" in lantai.out
    assert "stands in" not in lantai.out
    await lantai.run("find", "v11")
    assert "v11: misplaced" in lantai.out
    assert "put into A-01L-03 by person wang at 2023-11-15" in lantai.out
    found = await lantai.json("find", "v10")
    assert (found["status"], found["segment"], found["holder"]) == ("in_transit", None, "robot-1")
    assert found["custody"]["is_held"] is True
    await lantai.run("status")
    assert "1 in transit" in lantai.out
    assert await lantai.run("rfid", "coverage") == 0
    assert "100.0 % of 36 volumes" in lantai.out


async def test_json_is_the_daemons_answer(lantai: Tool) -> None:
    search(lantai.house.story, rounds=30, dead=[4])
    assert [item["verdict"] for item in (await lantai.json("rfid", "health"))["antennas"]] == ["ok"] * 3 + ["dead"]
    assert (await lantai.json("rfid", "coverage"))["blind_spots"][0]["segment"] == "A-01L-04"
    assert (await lantai.json("rfid", "antenna", "A-01L-04"))["antenna"]["port"] == 4
    assert (await lantai.json("rfid", "tag", "v0"))["candidates"][0]["segment"] == "A-01L-01"


async def test_it_speaks_chinese_when_asked(lantai: Tool) -> None:
    search(lantai.house.story, rounds=30, dead=[4])
    await lantai.run("rfid", "health", "--lang", "zh-CN")
    assert "4 个天线中 1 个异常" in lantai.out
    await lantai.run("rfid", "coverage", "--lang", "zh-CN")
    assert "天线失效" in lantai.out


async def test_bad_input_exits_2_and_says_what_is_near(lantai: Tool) -> None:
    assert await lantai.run("rfid", "antenna", "A-01L-09") == 2
    assert "Near to it: A-01L-0" in lantai.err
    assert await lantai.run("rfid", "tag", "nobody") == 2
    assert await lantai.run("rfid", "antenna") == 2


@pytest.mark.parametrize("words", COMMANDS)
def test_without_a_daemon_it_exits_3(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["rfid", *words, "--state", str(tmp_path), "--lang", "en"]) == 3
    assert "systemctl start lantai" in capsys.readouterr().err


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("command", [words[0] for words in COMMANDS])
def test_help_shows_an_example(command: str, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool(["rfid", command, "--help", "--lang", language]) == 0
    assert f"lantai rfid {command}" in capsys.readouterr().out.split("\n", 4)[-1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_blindness_and_silence_has_a_text_with_a_next_step(language: str) -> None:
    texts = load_texts("zh-CN" if language == "zh-CN" else "en")
    codes = [f"antenna_{verdict}" for verdict in get_args(Verdict)]
    codes += [f"blind_{reason}" for reason in get_args(Blindness)]
    assert [code for code in codes if not texts.code(code).next_step] == []
    assert all(texts.label(f"tag_silence_{silence}") for silence in get_args(Silence))
