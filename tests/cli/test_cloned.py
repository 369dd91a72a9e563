"""`lantai find` and `lantai rfid tag`: the chip of a volume's tag and another tag with its EPC, in both languages."""

import pytest

from tests.cli.beside import Tool
from tests.stories.chips import CLONE, SLOTS, a_round, chip
from tests.stories.small_vault import epc_of

OWN, OTHER = chip(0).hex(), chip(999).hex()
STANDS = "A-01L-04"  # where the other tag does


@pytest.fixture
def lantai(lantai: Tool) -> Tool:
    story = lantai.house.story
    story.catalogue(SLOTS)
    for number in range(9):
        a_round(story, CLONE if number > 5 else None)
    return lantai


async def test_both_commands_name_both_chips_the_place_and_the_next_step(lantai: Tool) -> None:
    for words, exit_code in ((("find", "v0"), 0), (("rfid", "tag", epc_of(0).hex()), 1)):
        assert await lantai.run(*words) == exit_code
        assert f"chip (TID): {OWN}" in lantai.out
        assert (
            f"CLONED: a tag with its EPC on another chip, {OTHER}, was read in {STANDS} since 2023-11-15" in lantai.out
        )
        assert "next: `lantai rfid tag EPC` shows both TIDs and places. Take both tags in hand." in lantai.out


async def test_of_a_volume_that_is_not_cloned_only_the_chip_is_told(lantai: Tool) -> None:
    for words in (("find", "v1"), ("rfid", "tag", "v1")):
        assert await lantai.run(*words) == 0
        assert f"chip (TID): {chip(1).hex()}" in lantai.out
        assert "CLONED" not in lantai.out
        assert "next:" not in lantai.out


async def test_where_no_chip_is_known_find_says_nothing_and_rfid_tag_that_it_is_unknown(lantai: Tool) -> None:
    lantai.house.story.catalogue([*SLOTS, "A-01L-04-1-09"])
    await lantai.run("find", "v12")
    assert "TID" not in lantai.out
    await lantai.run("rfid", "tag", "v12")
    assert "chip (TID): unknown" in lantai.out


async def test_json_carries_the_chip_and_the_clone_with_the_code_of_its_next_step(lantai: Tool) -> None:
    for words in (("find", "v0"), ("rfid", "tag", "v0")):
        answer = await lantai.json(*words)
        clone = answer["clone"]
        assert answer["tid"] == clone["tid"] == OWN
        assert (clone["other_tid"], clone["segment"], clone["code"]) == (OTHER, STANDS, "tag_cloned")
        assert (await lantai.json(*words[:-1], "v1"))["clone"] is None


async def test_it_is_told_in_chinese_too(lantai: Tool) -> None:
    for words in (("find", "v0"), ("rfid", "tag", "v0")):
        await lantai.run(*words, "--lang", "zh-CN")
        assert f"芯片（TID）：{OWN}" in lantai.out
        assert f"在 {STANDS} 读到同一 EPC 的另一芯片 {OTHER}" in lantai.out
        assert "请取出两个标签核对" in lantai.out


async def test_status_and_alarms_name_it(lantai: Tool) -> None:
    await lantai.run("status")
    assert "1 of them have a cloned tag" in lantai.out
    (alarm,) = [alarm for alarm in await lantai.json("alarms") if alarm["code"] == "tag_cloned"]
    assert (alarm["alarm"], alarm["severity"]) == (f"tag_cloned:{epc_of(0).hex()}", "critical")
