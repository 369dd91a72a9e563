"""The tool against a live socket: what it prints, what it exits with, what it says when nobody answers."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.reference_tag import ReferenceTag
from drivers.command import Switch
from edge.cli.app import COMMANDS, tool
from edge.state.chip_facts import ClonedTagSeen, TagsIdentified
from edge.state.custody_facts import CustodyDoubted, CustodyUpheld, PlacementConfirmed, VolumePlaced, VolumeTaken
from edge.state.events import ClockStep, Dropped, OperatorAction, StoreState
from edge.state.facts import (
    LANE_OF,
    DuplicateEpcSeen,
    Fact,
    PlaceGone,
    PlatformCommandTaken,
    ShelvingChanged,
    VolumesTogether,
)
from edge.state.order_facts import OrderLearnt, OrderUpheld
from tests.api.manual_house import ManualHouse, Roles
from tests.cli.beside import Tool, everything_known, tool_of
from tests.store.samples import ONE_OF_EACH

AUDITOR: Roles = ("auditor",)


async def test_status_exits_by_the_vaults_health(lantai: Tool) -> None:
    assert await lantai.run("status") == 1
    assert "leak-1/leak: Not known to be dry." in lantai.out
    everything_known(lantai.house)
    assert await lantai.run("status") == 0
    assert "Vault v1 (n1): ok" in lantai.out
    lantai.house.story.tell(StoreState(at_ns=lantai.house.now(), level="failed"))
    assert await lantai.run("status") == 4


async def test_times_are_local_to_the_vault_on_the_screen_and_utc_in_json(lantai: Tool) -> None:
    lantai.house.story.leak(wet=True)
    assert (await lantai.json("alarms"))[0]["raised"] == "2023-11-14T22:13:20Z"
    await lantai.run("alarms")
    assert "2023-11-15 06:13:20" in lantai.out  # Asia/Shanghai is eight hours ahead


async def test_the_tool_speaks_chinese_when_asked(lantai: Tool) -> None:
    everything_known(lantai.house)
    await lantai.run("status", "--lang", "zh-CN")
    assert "库房 v1（n1）：正常" in lantai.out


async def test_find_prints_place_and_candidates(lantai: Tool) -> None:
    lantai.house.story.catalogue(["A-01L-01-1-01"])
    assert await lantai.run("find", "v0") == 0
    assert "book place A-01L-01-1-01 in A-01L-01" in lantai.out
    assert "may be in A-01L-01" in lantai.out
    assert (await lantai.json("find", "v0"))["status"] == "unseen"


async def test_a_refusal_says_why_and_what_next_and_exits_2(lantai: Tool) -> None:
    assert await lantai.run("find", "nobody") == 2
    assert "The catalogue has no volume or tag nobody." in lantai.err
    assert "next: Check the id" in lantai.err
    assert lantai.out == ""
    assert (await lantai.json("find", "nobody"))["error"]["code"] == "unknown_volume"


@pytest.mark.parametrize("words", ["V0", " v0 ", "V0 "])
async def test_a_volume_is_found_whatever_its_case_and_the_blanks_around(lantai: Tool, words: str) -> None:
    lantai.house.story.catalogue(["A-01L-01-1-01"])
    assert (await lantai.json("find", words))["volume"] == "v0"
    assert await lantai.run("trace", words) == 0


async def test_what_nobody_knows_is_told_with_the_names_near_to_it(lantai: Tool) -> None:
    lantai.house.story.catalogue(["A-01L-01-1-01", "A-01L-01-1-02"])
    lantai.house.story.leak(wet=True)
    for words, near in (
        (("find", "v"), "v0, v1"),
        (("history", "th-1/temprature"), "th-1/temperature"),
        (("set", "Valve1", "open"), "valve-1"),
        (("ack", "leak:leak-1"), "leak:leak-1/leak"),
    ):
        assert await lantai.run(*words) == 2
        assert f"Near to it: {near}" in lantai.err


async def test_a_valve_is_opened_and_its_outcome_awaited(lantai: Tool) -> None:
    everything_known(lantai.house)

    async def board() -> None:
        while not lantai.house.state.intents:  # noqa: ASYNC110  the board polls too
            await asyncio.sleep(0.01)
        (intent,) = lantai.house.state.intents.values()
        assert isinstance(intent.command, Switch)
        lantai.house.story.outcome(intent.command.id, "done")

    async with asyncio.TaskGroup() as both:
        both.create_task(board())
        running = both.create_task(lantai.run("set", "valve-1", "open"))
    assert running.result() == 0
    assert "valve-1 is open." in lantai.out


async def test_a_valve_stays_shut_while_the_floor_is_not_known_to_be_dry(lantai: Tool) -> None:
    lantai.house.story.regain("board-1")
    assert await lantai.run("set", "valve-1", "open") == 2
    assert "Not known to be dry" in lantai.err
    assert lantai.house.state.intents == {}


async def test_a_command_that_fails_says_why_and_exits_1(lantai: Tool) -> None:
    everything_known(lantai.house)

    async def board() -> None:
        while not lantai.house.state.intents:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        lantai.house.story.outcome(next(iter(lantai.house.state.intents)), "failed", "read_back_differs")

    async with asyncio.TaskGroup() as both:
        both.create_task(board())
        running = both.create_task(lantai.run("set", "valve-1", "open"))
    assert running.result() == 1
    assert "Output did not follow" in lantai.out


async def test_a_command_without_an_outcome_in_time_is_said_to_be_open(lantai: Tool) -> None:
    everything_known(lantai.house)
    assert await lantai.run("set", "valve-1", "open", "--wait", "0") == 1
    assert "has no outcome after 0 s" in lantai.out


async def test_an_alarm_is_acknowledged_once(lantai: Tool) -> None:
    lantai.house.story.leak(wet=True)
    assert await lantai.run("ack", "leak:leak-1/leak") == 0
    assert lantai.house.state.alarms["leak:leak-1/leak"].acknowledged_by == "wang"
    assert await lantai.run("ack", "leak:leak-1/leak") == 2
    assert "Already acknowledged" in lantai.err


async def test_vouching_alone_waits_for_the_second_person(lantai: Tool) -> None:
    lantai.house.story.tell(ClockStep(at_ns=lantai.house.now(), step_s=60.0))
    assert await lantai.run("vouch-clock") == 1
    assert "Another person runs the same command within 60 s" in lantai.out


async def test_a_trace_tells_a_volumes_story(lantai: Tool) -> None:
    lantai.house.story.catalogue(["A-01L-01-1-01"])
    for _ in range(6):
        lantai.house.story.round({3: [0]})
    await lantai.run("trace", "v0")
    assert "v0 catalogued: tag" in lantai.out
    assert "v0 misplaced: in A-01L-03, belongs in A-01L-01" in lantai.out


async def test_history_wants_a_device_and_a_point(lantai: Tool) -> None:
    lantai.house.story.climate(51.5)
    assert await lantai.run("history", "th-1/humidity") == 0
    assert lantai.out.strip().endswith("  51.5 %RH")
    assert await lantai.run("history", "th-1") == 2
    assert "not DEVICE/POINT" in lantai.err


async def test_watch_prints_facts_as_they_are_committed(lantai: Tool) -> None:
    async with asyncio.TaskGroup() as both:
        running = both.create_task(lantai.run("watch", "--count", "3"))
        while not lantai.house.feed._subscriptions:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        lantai.house.story.leak(wet=True)
    assert running.result() == 0
    assert "ALARM Water, leak-1/leak z1" in lantai.out


async def test_an_import_goes_through_the_daemon_and_is_resumable(lantai: Tool, tmp_path: Path) -> None:
    file = tmp_path / "volumes.csv"
    rows = [f"n{i},{i:024x},A-01L-0{1 + i // 9}-1-{1 + i % 9:02d},20" for i in range(20)]
    file.write_text("\n".join(["volume,epc,slot,thickness_mm", *rows, "n99,zz,A-01L-04-1-09,20"]) + "\n")
    report = await lantai.json("import", str(file), "--dry-run")
    assert (report["taken"], report["new"], len(report["problems"])) == (20, 20, 1)
    assert len(lantai.house.state.volumes) == 0
    assert await lantai.run("import", str(file)) == 2
    assert "volumes.csv:22: epc: seen 'zz'" in lantai.out
    assert "20 of 21 lines are in the catalogue" in lantai.out
    report = await lantai.json("import", str(file))
    assert (report["new"], report["same"]) == (0, 20)


async def test_a_tag_or_slot_of_another_volume_is_told_with_its_line_and_holder(lantai: Tool, tmp_path: Path) -> None:
    """v0 and v1 stand in the first two slots. n1 has the tag of v0; n2 the place of v1; v0 makes room for n3."""
    lantai.house.story.catalogue(["A-01L-01-1-01", "A-01L-01-1-02"])
    tag = lantai.house.state.volumes.lines[0].epc
    rows = (
        f"n1,{tag},A-01L-01-1-05,20",
        f"n2,{2:024x},A-01L-01-1-02,20",
        f"n3,{3:024x},A-01L-01-1-01,20",
        f"v0,{4:024x},A-01L-01-1-06,20",
    )
    file = tmp_path / "volumes.csv"
    file.write_text("\n".join(["volume,epc,slot,thickness_mm", *rows]) + "\n")
    report = await lantai.json("import", str(file), "--dry-run")
    (refused,), (warning,) = report["refused"], report["warnings"]
    assert (refused["line"], refused["column"], refused["seen"]) == (2, "epc", f"'{tag}'")
    assert "gives this one to v0" in refused["expected"]
    assert (warning["line"], warning["column"], warning["seen"]) == (3, "slot", "'A-01L-01-1-02'")
    assert await lantai.run("import", str(file)) == 2
    assert "volumes.csv:2: epc: seen" in lantai.out
    assert "warning, the line is taken" in lantai.out
    assert "3 of 4 lines are in the catalogue" in lantai.out


async def test_a_clock_that_is_sure_needs_nobody_to_vouch_for_it(lantai: Tool) -> None:
    assert await lantai.run("vouch-clock") == 0
    assert "not in doubt" in lantai.out
    assert lantai.house.actions == []


async def test_devices_and_history_tell_units_and_words(lantai: Tool) -> None:
    everything_known(lantai.house)
    await lantai.run("devices")
    assert "temperature 20 °C" in lantai.out
    assert "humidity 50 %RH" in lantai.out
    assert "leak dry" in lantai.out
    assert "valve-1 closed" in lantai.out
    await lantai.run("history", "leak-1/leak")
    await lantai.run("history", "th-1/humidity")
    assert "  50 %RH" in lantai.out


async def test_a_file_that_is_refused_as_a_whole_is_said_to_be_unread(lantai: Tool, tmp_path: Path) -> None:
    file = tmp_path / "volumes.csv"
    for content in ("volume,epc,slot,thickness_mm\n卷,00,A,1\n".encode("gbk"), b""):
        file.write_bytes(content)
        assert await lantai.run("import", str(file)) == 2
        assert "Nothing was read from" in lantai.out
    file.write_text("volume,epc,slot,thickness_mm\nn1,2.C14E+23,A-01L-01-1-01,20\n")
    await lantai.run("import", str(file))
    assert "a spreadsheet turned the tag into a number" in lantai.out


async def test_an_auditor_may_look_and_not_act(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANTAI_LANG", "en")
    async with tool_of(tmp_path, capsys, AUDITOR) as lantai:
        assert await lantai.run("alarms") == 0
        assert await lantai.run("ack", "leak:leak-1/leak") == 2
        assert "None of your roles may do this" in lantai.err


@pytest.mark.parametrize("words", [["status"], ["devices"], ["watch"], ["find", "v0"], ["set", "valve-1", "open"]])
def test_without_a_daemon_every_command_exits_3_with_the_next_step(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool([*words, "--state", str(tmp_path), "--lang", "en"]) == 3
    assert "systemctl start lantai" in capsys.readouterr().err


async def test_a_daemon_that_hangs_up_is_reported_and_not_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4)
        writer.close()

    server = await asyncio.start_unix_server(hang_up, str(tmp_path / "lantai.sock"))
    async with server:
        code = await asyncio.to_thread(tool, ["status", "--state", str(tmp_path), "--lang", "en"])
    assert code == 3
    assert "The daemon closed the connection" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["bogus"], ["status", "--colour"], ["find"], ["history", "a/b", "--hours", "x"], ["config"]]
)
def test_misuse_exits_2_and_names_the_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert tool([*words, "--lang", "en"]) == 2
    assert "--help`" in capsys.readouterr().err


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    "command",
    [name for name in COMMANDS if name != "config"],
)
def test_every_command_has_help_with_an_example(
    command: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool([command, "--help", "--lang", language]) == 0
    assert f"lantai {command}" in capsys.readouterr().out.split("\n", 4)[-1]


def test_every_type_of_fact_can_be_said(lantai_facts: list[Fact]) -> None:
    from config.messages import load_texts
    from edge.api.answers import shown
    from edge.api.sentences import fact_sentence

    for language in ("en", "zh-CN"):
        texts = load_texts("zh-CN" if language == "zh-CN" else "en")
        for fact in lantai_facts:
            sentence = fact_sentence(texts, shown(fact))
            assert "{" not in sentence, sentence


# holders, banks, TIDs
_OF_NOBODY_HERE = {VolumeTaken, VolumePlaced, PlacementConfirmed, CustodyDoubted, CustodyUpheld}
_OF_NOBODY_HERE |= {ShelvingChanged, OrderLearnt, OrderUpheld, TagsIdentified, ClonedTagSeen}


@pytest.fixture
def lantai_facts() -> list[Fact]:
    """At least one fact of every type there is."""
    house = ManualHouse()
    story = house.story
    everything_known(house)
    story.catalogue(["A-01L-01-1-01", "A-01L-02-1-01"])
    for _ in range(6):
        story.round({3: [0, 7], 2: [1]})
    for _ in range(8):
        story.round({1: [0]})
    for _ in range(30):
        story.round({1: [0]})
    for _ in range(6):
        story.round({2: [1], 1: [0]})
    for humidity_pct in (*(80.0,) * 5, *(50.0,) * 5):  # longer than the delays of 60 s
        story.climate(humidity_pct)
        story.advance(seconds=20)
    story.tell(Dropped(at_ns=house.now(), what="tag_reads", count=3))
    story.relay(on=True)
    story.leak(wet=True)
    story.outcome(next(iter(house.state.intents)), "done")
    story.leak(wet=False)
    story.act("alarm.acknowledge", "technician", alarm="leak:leak-1/leak")
    story.tell(ClockStep(at_ns=house.now(), step_s=60.0))
    story.act("clock.vouch", "technician", second_person="li")
    story.lose("th-1")
    story.regain("th-1")
    tag = ReferenceTag("A-01L-01", "e280")
    story.tell(OperatorAction("a", house.now(), "survey.place", "wang", "technician", "pts/1", references=(tag,)))
    story.act("survey.begin", "technician")
    told = PlatformCommandTaken(
        at_ns=house.now(), command="c1", issuer="k1", counter=1, action="rewind", result="expired"
    )
    twice = DuplicateEpcSeen(at_ns=house.now(), epc="30", volume="v1", segment="A-01L-01", other="A-01L-04")
    together = VolumesTogether(
        at_ns=house.now(),
        alarm="antenna_silent:reader-1/1",
        code="antenna_silent",
        segments=("A-01L-01",),
        others=("",),
        volumes=9,
        standing=9,
    )
    gone = PlaceGone(at_ns=house.now(), volume="v1")
    samples = [fact for fact in ONE_OF_EACH if type(fact) in _OF_NOBODY_HERE]
    facts: list[Fact] = [*story.facts, told, twice, together, gone, *samples]
    assert {type(fact) for fact in facts} == set(LANE_OF)
    return facts


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """`lantai ... | head -1` on a long answer."""
    main = [sys.executable, "-c", "from edge.cli import main; raise SystemExit(main())"]
    config = Path(__file__).resolve().parents[2] / "config" / "vaults" / "demo.yaml"
    with subprocess.Popen(
        [*main, "config", "show", str(config), "--origin"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LANTAI_LANG": "en"},
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read().decode()
        assert process.wait(20) == 0, errors
    assert errors == ""
