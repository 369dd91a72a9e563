"""The catalogue file: good lines as they are, every other one with what is wrong and what to do."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.catalogue import CatalogueReading, line_numbers, read_catalogue
from config.catalogued import CataloguedVolume
from config.load import load
from config.places import Places, slot_name
from config.vault import Rack, Vault, Zone
from config.volumes import COMPANY_PREFIX, DEMO_VOLUMES, DOCUMENT_TYPE, FOLDER, as_csv, gdti_96, lines_by_rule

HEADER = "volume,epc,slot,thickness_mm\n"
GOOD = "V1,2c14257bf400020000000001,A-01L-01-1-01,25\n"


def vault_of(*racks: Rack) -> Places:
    return Places(
        Vault(schema=1, centre="c", vault="v", node="n", timezone="Asia/Shanghai", zones=(Zone(id="z1"),), racks=racks)
    )


PLACES = vault_of(Rack(id="A", kind="open_rack", zone="z1"))


def written(folder: Path, text: str) -> Path:
    file = folder / "v.csv"
    file.write_bytes(text.encode())
    return file


def read(folder: Path, raw: str | bytes) -> tuple[list[CataloguedVolume], list[str]]:
    file = folder / "v.csv"
    file.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    lines, _, problems, _ = read_catalogue(file, PLACES)
    return lines, [str(problem).removeprefix(f"{file}:") for problem in problems]


def test_a_line_is_read_and_its_epc_becomes_lower_case(tmp_path: Path) -> None:
    lines, problems = read(tmp_path, HEADER + "V1,2C14257BF400020000000001,A-01L-01-1-01,25\r\n\r\n")
    assert problems == []
    assert lines == [CataloguedVolume("V1", "2c14257bf400020000000001", "A-01L-01-1-01", 25)]


def test_the_byte_order_mark_of_spreadsheets_is_no_mistake(tmp_path: Path) -> None:
    assert len(read(tmp_path, b"\xef\xbb\xbf" + (HEADER + GOOD).encode())[0]) == 1


def test_columns_may_stand_in_any_order_and_a_thickness_may_be_empty(tmp_path: Path) -> None:
    lines, problems = read(tmp_path, "thickness_mm,slot,volume,epc\n,A-01L-01-1-01,V1,2c14\n")
    assert (lines, problems) == ([CataloguedVolume("V1", "2c14", "A-01L-01-1-01", 0)], [])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("V 1,2c14,A-01L-01-1-01,5", "volume: seen 'V 1'"),
        (",2c14,A-01L-01-1-01,5", "volume: seen nothing"),
        ("V2,,A-01L-01-1-01,5", "epc: seen nothing"),
        ("V2,2c1,A-01L-01-1-01,5", "epc: seen '2c1' (3 characters)"),
        ("V2,2c1x,A-01L-01-1-01,5", "epc: seen '2c1x'"),
        ("V2," + "ab" * 64 + ",A-01L-01-1-01,5", "(128 characters), expected hex digits, a multiple of 4, at most 124"),
        ("V2,2c14,B-01L-01-1-01,5", "no rack 'B'; racks are A"),
        ("V2,2c14,A-01L-01-1-99,5", "is not a slot of rack 'A' (1 rows"),
        ("V2,2c14,A-01L-01-1-99,5", "slots are written like A-01L-01-1-01"),
        ("V2,2c14,A-01L-01-1-1,5", "slot: seen 'A-01L-01-1-1', expected a slot of this vault; write A-01L-01-1-01"),
        ("V2,2c14,1L-01-1-1,5", "is not a slot id; expected RACK-ROWFACE-SECTION-SHELF-SLOT, e.g. A-01L-01-1-01"),
        ("V2,2c14,,5", "slot: seen nothing"),
        ("V2,2c14,A-01L-01-1-02,0", "thickness_mm: seen '0', expected 1..100"),
        ("V2,2c14,A-01L-01-1-02,101", "thickness_mm: seen '101'"),
        ("V2,2c14,A-01L-01-1-02,2.5", "thickness_mm: seen '2.5'"),
        ("V2,2c14,A-01L-01-1-02,٢", "thickness_mm: seen '٢'"),
        ("V1,2c14,A-01L-01-1-02,5", "volume: seen 'V1' a second time, expected each volume once; compare with line 2"),
        ("V2,2C14257BF400020000000001,A-01L-01-1-02,5", "epc: seen '2c14257bf400020000000001' a second time"),
        ("V2,2c14,A-01L-01-1-02", "seen 3 columns, expected 4"),
        ('V2,2c14,"A-01L', "a quote that is not closed in its line"),
        ('"V2"x,2c14,A-01L-01-1-02,5', "a quote that is not closed in its line"),
    ],
)
def test_a_bad_line_is_told_by_number_and_column_and_the_others_are_kept(tmp_path: Path, line: str, says: str) -> None:
    lines, problems = read(tmp_path, HEADER + GOOD + line + "\n")
    assert len(lines) == 1
    assert any(says in problem for problem in problems)
    assert all(problem.startswith("3: ") for problem in problems)


def test_a_lone_quote_costs_its_own_line_and_no_other(tmp_path: Path) -> None:
    rows = [f"V{i},{i:04x},A-01L-01-1-{i:02d},25" for i in range(1, 13)]
    rows[1] = '"' + rows[1]  # line 3 of the file
    rows[5] = rows[5].replace(",25", ',"25"')  # quotes that are in order
    found = read_catalogue(written(tmp_path, HEADER + "\n".join(rows) + "\n"), PLACES)
    assert [problem.line for problem in found.problems] == [3]
    assert (len(found.lines), found.left_out) == (11, 1)


def test_a_line_that_is_left_out_claims_neither_volume_nor_tag_nor_slot(tmp_path: Path) -> None:
    rows = ("V1,xyz,A-01L-01-1-01,5", "V2,2c14,A-01L-01-1-01,500", "V2,2c14,A-01L-01-1-01,5", "V1,2c15,A-01L-01-1-02,5")
    found = read_catalogue(written(tmp_path, HEADER + "\n".join(rows) + "\n"), PLACES)
    assert [problem.line for problem in found.problems] == [2, 3]
    assert [line.volume for line in found.lines] == ["V2", "V1"]
    assert (found.left_out, found.warnings) == (2, [])


def test_two_thin_volumes_may_share_a_slot_and_the_second_is_told(tmp_path: Path) -> None:
    rows = ("V1,2c14,A-01L-01-1-01,5", "V2,2c15,A-01L-01-1-02,5", "V3,2c16,A-01L-01-1-01,5")
    found = read_catalogue(file := written(tmp_path, HEADER + "\n".join(rows) + "\n"), PLACES)
    assert [line.volume for line in found.lines] == ["V1", "V2", "V3"]
    assert found.problems == []
    (warning,) = found.warnings
    assert str(warning) == (
        f"{file}:4: slot: seen 'A-01L-01-1-01', expected a book place of its own; V1 in line 2 has the same; "
        "correct one of the two, or leave it if both shall stand there"
    )


def test_lines_are_counted_as_left_out_once_whatever_is_wrong_with_them(tmp_path: Path) -> None:
    found = read_catalogue(written(tmp_path, HEADER + "V 1,xyz,B,0\n" + GOOD + "x\n"), PLACES)
    assert (len(found.lines), found.left_out, len(found.problems)) == (1, 2, 5)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_numbered_alike_whatever_ends_them(tmp_path: Path, end: str) -> None:
    file = written(tmp_path, end.join([HEADER.strip(), "", GOOD.strip(), 'V2,"2c', "V3,2c16,A-01L-01-1-03,5", ""]))
    assert [problem.line for problem in read_catalogue(file, PLACES).problems] == [4]
    assert line_numbers(file, {"V1": "", "V3": ""}) == {"V1": 3, "V3": 5}


def test_of_two_lines_of_a_volume_the_one_with_the_slot_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, HEADER + "V1,2c16,A-01L-01-1-02,5\n" + "V1,2c17,A-01L-01-1-03,5\n")
    assert line_numbers(file, {"V1": "A-01L-01-1-03"}) == {"V1": 3}
    assert line_numbers(file, {"V1": "A-01L-01-1-09"}) == {"V1": 2}


def test_all_that_is_wrong_with_a_line_is_said_at_once(tmp_path: Path) -> None:
    problems = read(tmp_path, HEADER + "V 1,xyz,B,0\n")[1]
    assert [problem.split(": ")[1] for problem in problems] == ["volume", "epc", "slot", "thickness_mm"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "write the first line as volume,epc,slot,thickness_mm"),
        (b"volume;epc;slot;thickness_mm\n", "commas between its columns"),
        (
            b"volume,epc\n",
            "'volume,epc', without slot, thickness_mm, expected volume,epc,slot,thickness_mm[,tid]",
        ),
        (b"volume,epc,slot\nV1,2c14,A-01L-01-1-01\n", "without thickness_mm, expected"),
        (
            b"volume,epc,slot,thickness_mm,title\n",
            "with title, expected volume,epc,slot,thickness_mm[,tid]; write the first",
        ),
        (b"volume,epc,slot,volume,thickness_mm\n", "write the first line as"),
        (b'volume,epc,"slot,thickness_mm\n', "correct the quotes"),
        (b"volume,epc,slot,thickness_mm\n\n", "seen no line below the header, expected one line for each volume"),
        ("volume,epc,slot,题名\n".encode("gbk"), "it looks like GBK: save it as 'CSV UTF-8'"),
        ("volume,epc,slot\n".encode("utf-16"), "it is UTF-16"),
    ],
)
def test_a_file_that_cannot_be_a_catalogue_says_how_to_save_it(tmp_path: Path, raw: bytes, says: str) -> None:
    lines, problems = read(tmp_path, raw)
    assert lines == []
    assert len(problems) == 1
    assert says in problems[0]


def test_a_missing_file_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    lines, _, problems, _ = read_catalogue(tmp_path / "none.csv", PLACES)
    assert lines == []
    assert [str(problem) for problem in problems] == [
        f"{tmp_path}/none.csv: seen no such file or directory, expected a readable file; correct the path"
    ]


def test_160_000_lines_are_read_well_within_the_two_seconds_of_an_import(tmp_path: Path) -> None:
    places = vault_of(Rack(id="A", kind="open_rack", zone="z1", rows=50, sections=16, shelves=5, slots_per_shelf=20))
    file = tmp_path / "v.csv"
    file.write_text(as_csv(lines_by_rule(places, 160_000)))
    took_s = []
    for _ in range(3):
        started_s = time.process_time()
        lines, _, problems, _ = read_catalogue(file, places)
        took_s.append(time.process_time() - started_s)
        assert (len(lines), problems) == (160_000, [])
    assert min(took_s) < 1.5  # of processor time, and the best of three: what else runs here is not its matter


def test_a_file_reads_the_same_at_once_and_line_by_line(tmp_path: Path) -> None:
    whole = as_csv(lines_by_rule(PLACES, 15))
    at_once, none = read(tmp_path, whole)
    by_line, one = read(tmp_path, whole + "x\n")
    assert at_once == by_line
    assert (len(at_once), none, len(one)) == (15, [], 1)


ROWS = st.sampled_from(
    [
        *(f"V{i},2c1{i},A-01L-01-1-0{i},5" for i in range(1, 8)),
        "V9,2c11,A-01L-01-1-09,5",  # the tag of V1
        "V8,2c18,A-01L-01-1-01,5",  # in the slot of V1
        "V 1,2c14,A-01L-01-1-01,5",
        "V1,2c14",
        '"V6",2c16,A-01L-01-1-06,',
        "",
    ]
)


@given(st.lists(ROWS, max_size=12), st.integers(1, 13))
def test_a_file_reads_the_same_in_portions_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], most: int
) -> None:
    file = written(tmp_path_factory.mktemp("v"), HEADER + "\n".join(rows) + "\n")
    reading, whole = CatalogueReading(file, PLACES), read_catalogue(file, PLACES)
    portions = list(reading.portions(most))
    assert [line for portion in portions for line in portion] == whole.lines
    assert all(0 < len(portion) <= most for portion in portions)
    assert (reading.left_out, reading.problems, reading.warnings) == whole[1:]


def test_the_first_lines_are_there_before_the_last_are_looked_at(tmp_path: Path) -> None:
    rows = [f"V{i},2c1{i},A-01L-01-1-0{i},5" for i in range(1, 5)]
    reading = CatalogueReading(written(tmp_path, HEADER + "\n".join([*rows, "x"])), PLACES)
    portions = reading.portions(2)
    assert [line.volume for line in next(portions)] == ["V1", "V2"]
    assert (reading.count, reading.problems) == (5, [])
    assert [line.volume for portion in portions for line in portion] == ["V3", "V4"]
    assert [problem.line for problem in reading.problems] == [6]


def test_a_cell_that_slid_into_the_next_line_is_not_taken_for_right(tmp_path: Path) -> None:
    lines, problems = read(tmp_path, HEADER + "V1,2c14,A-01L-01-1-01\n5,V2,2c15,A-01L-01-1-02,7\n")
    assert lines == []
    assert len(problems) == 2


def test_slots_are_listed_by_the_same_rule_that_names_them() -> None:
    places = vault_of(Rack(id="B-2", kind="open_rack", zone="z1", rows=2, sections=2, shelves=11, slots_per_shelf=101))
    slots = places.slots()
    assert len(slots) == places.slot_count == 2 * 2 * 2 * 11 * 101
    assert slots[0] == "B-2-01L-01-1-01"
    assert slots[-1] == "B-2-02R-02-11-101"
    assert [slot_name(places.address(slot)) for slot in slots] == slots


def test_gdti_96_is_the_example_of_the_tag_data_standard() -> None:
    # GS1 TDS, GDTI-96: urn:epc:tag:gdti-96:3.0614141.12345.400; header 2C, filter 011, partition 101, then by hand.
    assert gdti_96("0614141", "12345", 400, filter_value=3) == "2c74257bf460720000000190"


@pytest.mark.parametrize(("prefix", "kind", "serial"), [("061414", "12345", 1), ("0614141", "12345", 1 << 41)])
def test_gdti_96_refuses_what_does_not_fit(prefix: str, kind: str, serial: int) -> None:
    with pytest.raises(ValueError, match=r"seen|must have 12 digits"):
        gdti_96(prefix, kind, serial)


def test_the_demo_catalogue_is_what_its_rule_gives() -> None:
    places = Places(load(FOLDER / "demo.yaml").vault)
    assert as_csv(lines_by_rule(places, DEMO_VOLUMES)) == (FOLDER / "demo-volumes.csv").read_text()


def test_the_demo_catalogue_holds_10_667_volumes_and_imports_without_a_problem() -> None:
    lines, _, problems, _ = read_catalogue(FOLDER / "demo-volumes.csv", Places(load(FOLDER / "demo.yaml").vault))
    assert problems == []
    assert len(lines) == 10_667
    assert lines[0] == CataloguedVolume("V000001", gdti_96(COMPANY_PREFIX, DOCUMENT_TYPE, 1), "A-01L-01-1-02", 27)
    assert all(10 <= line.thickness_mm <= 50 for line in lines)


def test_a_wrong_header_is_told_with_the_column_that_may_stand_there_too(tmp_path: Path) -> None:
    for header in ("volume,epc,slot\n", "volume,epc,slot,thickness_mm,chip\n", '"volume\n'):
        _, problems = read(tmp_path, header)
        assert "expected volume,epc,slot,thickness_mm[,tid]" in problems[0]
