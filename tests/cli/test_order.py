"""`lantai find` and `lantai rfid order`: what they say of the order on a shelf, in both languages."""

import msgspec
import pytest

from edge.state.apply import apply
from edge.state.events import CustodyChange
from edge.state.order_facts import OrderLearnt
from tests.cli.beside import Tool
from tests.stories.shelves import full_shelves, search

ORDER = ("v0", "v3", "v1", "v2", "v4")  # of A-01L-01; v1 and v2 passed together


@pytest.fixture
def lantai(lantai: Tool) -> Tool:
    story = lantai.house.story
    full_shelves(story)
    search(story, rounds=8)
    learnt = OrderLearnt(
        at_ns=story.at_ns,
        segment="A-01L-01",
        by="phase",
        volumes=ORDER,
        along=(0, 200, 500, 505, 1000),
        spread=(5, 5, 20, 20, 5),
        misfiled=("v3",),
        passed_at_ns=story.at_ns,
        came=0,
    )
    apply(story.state, learnt)
    story.advance(60)
    return lantai


async def test_find_says_between_which_two_a_volume_stands_and_what_it_cannot_be_told_apart_from(lantai: Tool) -> None:
    assert await lantai.run("find", "v1") == 0
    assert "between v3 and v4: at least 99.8 % sure, told 1.0 min ago" in lantai.out
    assert "cannot be told apart there: v2" in lantai.out
    await lantai.run("find", "v0")
    assert "at one end of what is known, beyond v3: 99.9 % sure" in lantai.out
    await lantai.run("find", "v3")
    assert "not in the order of the slots" in lantai.out


async def test_where_no_pass_told_it_find_says_nothing_of_an_order(lantai: Tool) -> None:
    for volume in ("v5", "v10"):
        await lantai.run("find", volume)
        assert "between" not in lantai.out
        assert "beyond" not in lantai.out


async def test_json_carries_the_order_or_null(lantai: Tool) -> None:
    await lantai.run("find", "v1", "--json")
    order = msgspec.json.decode(lantai.out)["order"]
    assert (order["after"], order["before"], order["untold"], order["age_s"]) == ("v3", "v4", ["v2"], 60.0)
    await lantai.run("find", "v10", "--json")
    assert msgspec.json.decode(lantai.out)["order"] is None


async def test_the_order_of_a_segment_is_a_list_with_how_sure_each_pair_is(lantai: Tool) -> None:
    assert await lantai.run("rfid", "order", "A-01L-01") == 1  # something is to be put right
    rows = [line.split() for line in lantai.out.splitlines() if " v" in line]
    assert [row[1] for row in rows[:5]] == list(ORDER)
    assert "57.0 %" in lantai.out  # 5 thousandths apart, 20 each: the normal distribution at 0.177
    assert "5 of the 9 volumes that stand there, one end first; learnt by phase" in lantai.out
    assert "Not in the order of the slots: v3" in lantai.out


async def test_a_volume_that_came_since_is_told(lantai: Tool) -> None:
    story = lantai.house.story
    story.tell(CustodyChange(story.at_ns, story.at_ns, "placed", "li", "person", ("v30",), "A-01L-01"))
    await lantai.run("find", "v1")
    assert "1 volumes came to this segment since" in lantai.out


async def test_a_segment_without_an_order_and_one_that_does_not_exist(lantai: Tool) -> None:
    assert await lantai.run("rfid", "order", "A-01L-02") == 0
    assert "A-01L-02: order not known; 9 volumes stand there." in lantai.out
    assert await lantai.run("rfid", "order", "A-01L-09") == 2


async def test_it_is_told_in_chinese_too(lantai: Tool) -> None:
    await lantai.run("find", "v1", "--lang", "zh-CN")
    assert "位于 v3 与 v4 之间：把握至少 99.8 %" in lantai.out
    await lantai.run("rfid", "order", "A-01L-01", "--lang", "zh-CN")
    assert "与格位次序不符：v3" in lantai.out
