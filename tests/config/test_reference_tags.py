"""A file of reference tags: what is taken, and every mistake at once."""

from pathlib import Path

import pytest

from config.reference_tag import ReferenceTag
from config.reference_tags import read_reference_tags

SEGMENTS = ("A-01L-01", "A-01L-02", "A-01L-03")


def read(folder: Path, text: str) -> tuple[list[ReferenceTag], list[tuple[int, str, str]]]:
    file = folder / "tags.csv"
    file.write_text(text, encoding="utf-8")
    tags, problems = read_reference_tags(file, SEGMENTS)
    return tags, [(problem.line, problem.column, str(problem).partition("seen ")[2]) for problem in problems]


@pytest.mark.parametrize("head", ["segment,epc", "\ufeffSegment, EPC", "epc,segment"])
def test_a_line_for_every_segment_in_whatever_order_the_columns_stand(tmp_path: Path, head: str) -> None:
    line = ("A-01L-01", "E28011606000")
    cells = line if head.lower().lstrip("\ufeff").startswith("segment") else line[::-1]
    tags, problems = read(tmp_path, f"{head}\n{','.join(cells)}\n")
    assert (tags, problems) == ([ReferenceTag("A-01L-01", "e28011606000")], [])


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = "segment,epc\nA-01L-01,e280\nA-01L-09,e281\nA-01L-02,e28\nA-01L-01,e280\nA-01L-03,2.14E+23\nA-01L-03\n"
    tags, problems = read(tmp_path, text)
    assert tags == [ReferenceTag("A-01L-01", "e280")]
    assert [(line, column) for line, column, _ in problems] == [
        (3, "segment"),
        (4, "epc"),
        (5, "segment"),
        (5, "epc"),
        (6, "epc"),
        (7, ""),
    ]
    said = [sentence for _, _, sentence in problems]
    assert "did you mean 'A-01L-0" in said[0]
    assert said[1].startswith("'e28' (3 characters), expected hex digits")
    assert "compare with line 2" in said[2]
    assert "a spreadsheet turned the tag into a number" in said[4]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected segment,epc"),
        ("segment,epc\n", "expected a line for every reference tag"),
        ("segment;epc\nA-01L-01;e280\n", "save the file with commas"),
        ("place,epc\nA-01L-01,e280\n", "write the first line as segment,epc"),
    ],
)
def test_a_file_that_is_none_of_reference_tags_says_what_one_looks_like(
    tmp_path: Path, text: str, expected: str
) -> None:
    tags, ((_, _, said),) = read(tmp_path, text)
    assert tags == []
    assert expected in said


def test_a_file_that_is_not_there_is_one_mistake(tmp_path: Path) -> None:
    tags, problems = read_reference_tags(tmp_path / "nothing.csv", SEGMENTS)
    assert tags == []
    assert "no such file" in str(problems[0])


def test_a_lone_quote_costs_its_own_line_and_no_other(tmp_path: Path) -> None:
    tags, problems = read(tmp_path, 'segment,epc\n"A-01L-01,e280\nA-01L-02,e281\n')
    assert tags == [ReferenceTag("A-01L-02", "e281")]
    assert [line for line, _, _ in problems] == [2]
