"""Tables on a narrow screen: no id is broken in the middle, and what is left out is named."""

from itertools import chain
from pathlib import Path

import pytest

from config.messages import load_texts
from edge.cli.columns import Fit, fit
from edge.cli.screen import Screen
from tests.cli.beside import Tool, everything_known, tool_of

IDS = ["SEGMENT", "A-01L-01"]
WORDS = ["SAYS", "the antenna is well"]
NUMBERS = ["ROUNDS", "17"]


def test_a_table_that_fits_is_left_as_it_is() -> None:
    assert fit([IDS, WORDS], 8 + 2 + 19, [1]) == Fit((0, 1), ())


def test_sentences_are_folded_between_words_before_a_column_is_left_out() -> None:
    """8 for the id, 2 between, 7 for 'antenna': 17 columns are enough, 20 give the sentence 10."""
    assert fit([IDS, WORDS], 17, [1]) == Fit((0, 1), (8, 7))
    assert fit([IDS, WORDS], 20, [1]) == Fit((0, 1), (8, 10))


def test_columns_that_may_go_are_left_out_in_their_order_until_the_ids_are_whole() -> None:
    assert fit([IDS, WORDS, NUMBERS], 24, [2, 1]) == Fit((0, 1), (8, 14))
    assert fit([IDS, WORDS, NUMBERS], 16, [2, 1]) == Fit((0,), ())


def test_a_sentence_without_blanks_may_be_broken_where_it_is_chinese() -> None:
    assert fit([["区段", "A-01L-01"], ["说明", "天线搜索但读不到任何标签"]], 8 + 2 + 10, []) == Fit((0, 1), (8, 10))


async def test_sixty_columns_break_no_id_and_name_what_they_leave_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANTAI_LANG", "en")
    monkeypatch.setattr("edge.cli.screen.PIPE_COLUMNS", 60)
    async with tool_of(tmp_path, capsys) as lantai:
        await _shown_narrow(lantai)


async def _shown_narrow(lantai: Tool) -> None:
    everything_known(lantai.house)
    lantai.house.story.lose("th-1")
    lantai.house.story.leak(wet=True)
    await lantai.run("devices")
    words = set(lantai.out.split())
    assert {"reader-1", "board-1", "valve-1", "contamination", "leak_distance", "cable_length"} <= words
    await lantai.run("alarms")
    assert {"leak:leak-1/leak", "device_lost:th-1"} <= set(lantai.out.split())
    assert "Left out for want of width: SOURCE" in lantai.out
    await lantai.run("rfid", "health")
    assert {"A-01L-01", "A-01L-04", "reader-1"} <= set(lantai.out.split())
    assert "Left out for want of width: " in lantai.out
    for answer in ("devices", "alarms"):
        await lantai.run(answer)
        assert max(len(line) for line in lantai.out.splitlines() if "Left out" not in line) <= 60


def test_a_table_of_two_hundred_columns_leaves_nothing_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe: everything is there, each row on one line."""
    rows = [(f"A-01L-{i:02d}", "reader-1", "text " * 10) for i in range(3)]
    Screen(load_texts("en"), is_json=False).table(
        ("column_segment", "column_reader", "column_reason"), rows, spare=("column_reader",)
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(cell.strip() in line for line, cell in zip(lines[1:], chain(*(row[:1] for row in rows)), strict=True))
