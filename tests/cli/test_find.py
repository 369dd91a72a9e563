"""`lantai find`: the words about a place agree with how sure the vault is of it."""

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from tests.api.manual_house import TECHNICIAN, ManualHouse, people, served
from tests.cli.beside import Tool
from tests.stories.shelves import PER_SEGMENT, full_shelves, search
from tests.stories.test_forged import CHANGES, FIRST, LAST, settled

HOME, AWAY = "A-01L-02", "A-01L-04"


@pytest.fixture
def lantai(lantai: Tool) -> Tool:
    full_shelves(lantai.house.story)
    search(lantai.house.story, rounds=30)
    return lantai


def a_round(lantai: Tool, without: Collection[int] = (), besides: Mapping[int, Collection[int]] | None = None) -> None:
    """Everything is read where it stands, but `without`; and by an antenna some more."""
    lantai.house.story.round(
        {
            antenna: [
                *(v for v in range((antenna - 1) * PER_SEGMENT, antenna * PER_SEGMENT) if v not in without),
                *(besides or {}).get(antenna, ()),
            ]
            for antenna in range(1, 5)
        }
    )


async def test_a_volume_that_stands_where_it_belongs_is_in_place(lantai: Tool) -> None:
    await lantai.run("find", "v10")
    assert lantai.out.startswith("v10: in place\n  stands in A-01L-02, zone z1\n")
    assert "99.9 % sure" in lantai.out or "100.0 % sure" in lantai.out
    assert (await lantai.json("find", "v10"))["doubt"] == ""


async def test_one_that_was_just_moved_is_believed_elsewhere_until_that_is_confirmed(lantai: Tool) -> None:
    a_round(lantai, without=[10], besides={4: [10]})
    await lantai.run("find", "v10")
    assert lantai.out.startswith(
        f"v10: believed to have moved to {AWAY}, being confirmed; last told: in place\n  last told in {HOME}, zone z1\n"
    )
    assert "0.0 % sure that it is still there" in lantai.out
    assert f"may be in {AWAY}: 98.0 %" in lantai.out
    found = await lantai.json("find", "v10")
    assert (found["doubt"], found["status"], found["segment"]) == ("moving", "present", HOME)
    await lantai.run("find", "v10", "--lang", "zh-CN")
    assert lantai.out.startswith(f"v10：应已移至 {AWAY}，待证实；最近通报：在位")
    for _ in range(3):
        a_round(lantai, without=[10], besides={4: [10]})
    await lantai.run("find", "v10")
    assert lantai.out.startswith(f"v10: misplaced\n  stands in {AWAY}")


async def test_one_that_falls_silent_is_probably_there_then_not_sure_and_then_missing(lantai: Tool) -> None:
    said: list[str] = []
    while not said or "missing" not in said[-1]:
        a_round(lantai, without=[3])
        await lantai.run("find", "v3")
        said.append(lantai.out)
    heads = [text.partition("\n")[0] for text in said]
    assert list(dict.fromkeys(heads)) == [
        "v3: in place",
        "v3: probably in place",
        "v3: not sure where, being confirmed; last told: in place",
        "v3: missing",
    ]
    assert "stands in A-01L-01" in said[heads.index("v3: probably in place")]
    assert "last told in A-01L-01" in said[-1]
    assert "0.0 % sure that it is still there" in said[-1]


async def test_the_words_never_claim_a_place_that_the_figure_denies(lantai: Tool) -> None:
    """A second tag with its EPC: what is believed goes to and fro."""
    for _ in range(12):
        a_round(lantai, besides={4: [12]})
        found = await lantai.json("find", "v12")
        if found["doubt"] == "":
            assert found["confidence"] >= 0.95
        if found["doubt"] == "likely":
            assert found["confidence"] >= 0.5
        if found["doubt"] == "moving":
            assert found["candidates"][0]["segment"] != found["segment"]


async def test_one_that_was_never_read_has_no_place_that_is_told(lantai: Tool) -> None:
    lantai.house.story.catalogue(
        [f"A-01L-0{s}-1-0{slot}" for s in range(1, 5) for slot in range(1, 10)] + ["A-01L-01-1-01"]
    )
    await lantai.run("find", "v36")
    assert lantai.out.startswith("v36: not seen yet\n  where it stands is not known\n")
    assert "stands in" not in lantai.out


async def test_a_second_tag_is_not_ruled_out_while_the_epc_is_read_by_turns_and_then_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = ManualHouse()
    house.story = settled({**CHANGES, **people(TECHNICIAN)})
    async with served(house, tmp_path):
        lantai = Tool(house, tmp_path, capsys)
        assert (await lantai.json("find", "v7"))["twice"] is None
        said: list[str] = []
        while not said or "TWO TAGS" not in said[-1]:
            house.story.round({1: FIRST, 4: [7, *LAST]})
            await lantai.run("find", "v7")
            said.append(lantai.out)
        assert "TWO TAGS: its EPC is read both in A-01L-01 and in B-01R-01" in said[-1]
        assert "not ruled out" not in said[-1]
        perhaps = [text for text in said if "a second tag with its EPC is not ruled out: it is read by turns" in text]
        assert len(perhaps) > 1
        assert "next: " in perhaps[0]
        await lantai.run("find", "v8")
        assert "ruled out" not in lantai.out
        epc = house.state.volumes.lines[7].epc
        await lantai.run("alarms")
        assert f"v7 ({epc})" in lantai.out.replace("\n", "")
        assert (await lantai.json("alarms"))[0]["volume"] == "v7"
