"""`lantai status` says why a vault is not well, and how much room its journal wants."""

import pytest

from drivers.observation import Contact
from edge.cli.app import tool
from edge.state.events import DeviceLost, LinkState, StoreState
from tests.cli.beside import Tool, everything_known


@pytest.fixture
def lantai(lantai: Tool) -> Tool:
    everything_known(lantai.house)
    return lantai


async def test_a_broker_that_is_away_is_named_with_what_is_wrong(lantai: Tool) -> None:
    assert await lantai.run("status") == 0
    assert "Device lost" not in lantai.out
    lantai.house.story.tell(LinkState(link="platform", at_ns=lantai.house.now(), is_up=False))
    assert await lantai.run("status") == 1
    assert "1 warning;" in lantai.out
    assert "  Device lost, platform: The connection to the broker is down. Facts wait in the journal." in lantai.out
    await lantai.run("status", "--lang", "zh-CN")
    assert "  设备失联，platform：" in lantai.out


async def test_open_alarms_are_told_in_words(lantai: Tool) -> None:
    lantai.house.story.tell(Contact(device="leak-1", at_ns=lantai.house.now(), point="contamination", active=True))
    assert await lantai.run("status") == 1
    assert "  Leak rope dirty, leak-1/contamination: The leak rope reports contamination" in lantai.out


async def test_a_lost_device_is_told_once_and_the_others_are_counted(lantai: Tool) -> None:
    for device in ("th-1", "th-2", "th-3", "reader-1", "board-1", "leak-1"):
        lantai.house.story.tell(DeviceLost(device=device, at_ns=lantai.house.now(), reason="silent"))
    await lantai.run("status")
    assert lantai.out.count("th-1: Device lost.") == 1
    assert "Device lost, th-1" not in lantai.out
    assert "`lantai alarms`" not in lantai.out  # all six stand among what is unknown


async def test_the_gravest_alarms_are_told_first_each_with_its_next_step(lantai: Tool) -> None:
    story = lantai.house.story
    story.tell(Contact(device="leak-1", at_ns=lantai.house.now(), point="contamination", active=True))
    story.tell(Contact(device="leak-1", at_ns=lantai.house.now(), point="leak", active=True))
    assert await lantai.run("status") == 1
    lines = lantai.out.splitlines()
    water, dirty = (
        next(n for n, line in enumerate(lines) if word in line) for word in ("leak-1/leak:", "Leak rope dirty")
    )
    assert water < dirty
    assert lines[water + 1].startswith("    ")
    assert lines[dirty + 1].startswith("    ")


async def test_a_journal_on_its_reserve_says_what_is_free_and_what_is_needed(lantai: Tool) -> None:
    lantai.house.level, lantai.house.room = "reserve", (121.0, 128.0)
    lantai.house.story.tell(StoreState(at_ns=lantai.house.now(), level="reserve"))
    assert await lantai.run("status") == 1
    assert "Disk: 121 MB free; the journal leaves its reserve from 128 MB free on" in lantai.out
    store = (await lantai.json("status"))["store"]
    assert (store["free_mb"], store["needed_mb"]) == (121.0, 128.0)


@pytest.mark.parametrize(("language", "twice"), [("en", "twice that"), ("zh-CN", "两倍")])
def test_explain_says_when_the_journal_leaves_its_reserve(
    language: str, twice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool(["explain", "store_reserve", "--lang", language]) == 0
    said = capsys.readouterr().out
    assert "store.reserve_mb" in said
    assert twice in said
    assert "`lantai status`" in said
