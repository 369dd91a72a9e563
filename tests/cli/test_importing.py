"""`lantai import`: what is told of a file with mistakes, of one that changes little, and of an import cut short."""

import asyncio
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.messages import load_texts
from edge.api.answers import shown
from edge.api.catalogue import MOST_IN_ONE
from edge.api.sentences import fact_sentence
from edge.api.wire import MOST_LINES
from edge.cli.app import tool
from edge.state.events import OperatorAction
from edge.state.facts import VolumeFound, VolumesCatalogued
from edge.store.schema import open_reader
from tests.api.manual_house import ManualHouse, served
from tests.cli.beside import Tool
from tests.stories.small_vault import VAULT

ROOT = Path(__file__).resolve().parents[2]
MAIN = [sys.executable, "-c", "from edge.cli import main; raise SystemExit(main())"]
HEADER = "volume,epc,slot,thickness_mm"
GATED = 2 * MOST_LINES  # lines in the two requests before the one that waits


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words for an import into a store of its own, no daemon running."""
    monkeypatch.setenv("LANTAI_LANG", "en")
    policy, racks = VAULT["policy"], VAULT["racks"]
    assert isinstance(policy, dict)
    assert isinstance(racks, list)
    wide = {**racks[0], "rows": 60, "sections": 20, "shelves": 5, "slots_per_shelf": 20}  # 120,000 slots
    people = {"wang": {"uid": os.getuid(), "roles": ["archivist"]}}
    config = tmp_path / "vault.yaml"
    config.write_text(yaml.safe_dump({**VAULT, "racks": [wide], "policy": {**policy, "people": people}}))
    return ["--config", str(config), "--state", str(tmp_path / "s")]


def csv_of(folder: Path, *rows: str, header: str = HEADER) -> str:
    file = folder / "volumes.csv"
    file.write_text("\n".join((header, *rows)) + "\n")
    return str(file)


def answered(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


async def test_a_line_without_a_thickness_keeps_the_one_that_is_known(lantai: Tool, tmp_path: Path) -> None:
    await lantai.run("import", csv_of(tmp_path, "n1,2c14,A-01L-01-1-01,44"))
    report = await lantai.json("import", csv_of(tmp_path, "n1,2c14,A-01L-01-1-01,"))
    assert (report["new"], report["changed"], report["same"]) == (0, 0, 1)
    report = await lantai.json("import", csv_of(tmp_path, "n1,2c14,A-01L-01-1-02,"))
    assert (report["new"], report["changed"], report["same"]) == (0, 1, 0)
    assert (await lantai.json("find", "n1"))["thickness_mm"] == 44
    assert lantai.house.story.of(VolumesCatalogued)[-1].volumes[0].thickness_mm == 44  # the platform is told so too


async def test_a_file_without_the_thickness_column_is_refused_and_changes_nothing(lantai: Tool, tmp_path: Path) -> None:
    await lantai.run("import", csv_of(tmp_path, "n1,2c14,A-01L-01-1-01,44"))
    file = csv_of(tmp_path, "n1,2c14,A-01L-01-1-02", header="volume,epc,slot")
    assert await lantai.run("import", file) == 2
    assert "seen 'volume,epc,slot', without thickness_mm, expected volume,epc,slot,thickness_mm" in lantai.out
    assert "Nothing was read from" in lantai.out
    found = await lantai.json("find", "n1")
    assert (found["book_slot"], found["thickness_mm"]) == ("A-01L-01-1-01", 44)


async def test_the_trace_shows_what_changed_in_a_line_of_the_catalogue(lantai: Tool, tmp_path: Path) -> None:
    for row in ("n1,2c14,A-01L-01-1-01,", "n1,2c14,A-01L-01-1-01,44", "n1,2c15,A-01L-01-1-02,13"):
        await lantai.run("import", csv_of(tmp_path, row))
    await lantai.run("trace", "n1")
    assert [line.split("  ", 1)[1] for line in lantai.out.splitlines()] == [
        "n1 catalogued: tag 2c14, book place A-01L-01-1-01, thickness unknown",
        "n1 catalogued anew: thickness unknown -> 44 mm",
        "n1 catalogued anew: tag 2c14 -> 2c15, book place A-01L-01-1-01 -> A-01L-01-1-02, thickness 44 mm -> 13 mm",
    ]
    facts = (await lantai.json("trace", "n1"))["facts"]
    assert [fact.get("before") for fact in facts] == [
        None,
        {"thickness_mm": 0},
        {"epc": "2c14", "slot": "A-01L-01-1-01", "thickness_mm": 44},
    ]


async def test_a_file_with_a_header_alone_is_no_import(lantai: Tool, tmp_path: Path) -> None:
    assert await lantai.run("import", csv_of(tmp_path)) == 2
    assert "seen no line below the header" in lantai.out
    assert "Nothing was read from" in lantai.out
    assert (await lantai.json("import", csv_of(tmp_path)))["lines"] == 0


async def test_a_shared_slot_is_one_warning_whether_the_other_volume_is_in_the_file_or_before_it(
    lantai: Tool, tmp_path: Path
) -> None:
    first, second = "n1,2c14,A-01L-01-1-01,5", "n2,2c15,A-01L-01-1-01,5"
    assert await lantai.run("import", csv_of(tmp_path, first)) == 0
    for rows in ((second,), (first, "n2,2c15,A-01L-01-1-02,5"), (first, second)):
        report = await lantai.json("import", csv_of(tmp_path, *rows))
        warned = [(warning["line"], warning["column"]) for warning in report["warnings"]]
        assert report["taken"] == len(rows)
        assert warned == ([] if "02,5" in rows[-1] else [(len(rows) + 1, "slot")])


async def test_one_mistake_in_every_line_is_listed_as_far_as_a_person_reads(lantai: Tool, tmp_path: Path) -> None:
    """200 lines with the shelf padded, one with a tag that is none."""
    rows = [f"n{i},{i:024x},A-01L-01-01-01,5" for i in range(200)]
    file = csv_of(tmp_path, *rows, "n999,xyz,A-01L-01-1-01,5")
    assert await lantai.run("import", file) == 2
    listed = [line for line in lantai.out.splitlines() if ": seen " in line]
    assert len(listed) == 26  # of fifty, half for each of the two kinds
    assert "write A-01L-01-1-01" in listed[0]
    assert "volumes.csv:202: epc: seen 'xyz'" in listed[-1]
    assert "... and 175 more like this" in lantai.out
    assert "... and 175 more: see --json" in lantai.out
    assert "Lines left out: 201." in lantai.out
    assert len((await lantai.json("import", file))["problems"]) == 201


async def test_warnings_are_listed_as_far_as_a_person_reads(lantai: Tool, tmp_path: Path) -> None:
    file = csv_of(tmp_path, *(f"n{i},{i:024x},A-01L-01-1-01,5" for i in range(80)))
    assert await lantai.run("import", file) == 0
    assert lantai.out.count("warning, the line is taken") == 50
    assert "... and 29 more: see --json" in lantai.out
    assert len((await lantai.json("import", file))["warnings"]) == 79


def test_an_import_without_a_daemon_tells_what_is_new_changed_and_the_same(
    site: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"n{i},{i:024x},A-01L-01-1-{i:02d},5" for i in range(1, 4)]
    assert tool(["import", csv_of(tmp_path, *rows), *site]) == 0
    assert "  new 3, changed 0, the same as before 0" in capsys.readouterr().out
    rows[1] = rows[1].replace(",5", ",6")
    assert tool(["import", csv_of(tmp_path, *rows, "n4,2c14,A-01L-01-1-04,"), *site, "--json"]) == 0
    report = answered(capsys)
    assert (report["new"], report["changed"], report["same"]) == (1, 1, 2)
    tool(["import", csv_of(tmp_path, *rows), *site, "--json", "--dry-run"])
    assert answered(capsys)["new"] is None  # the store is left alone


def test_without_a_daemon_too_the_tag_of_another_volume_costs_one_line(
    site: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool(["import", csv_of(tmp_path, "n1,2c14,A-01L-01-1-01,5", "n4,2c17,A-01L-01-1-04,5"), *site])
    rows = ("n2,2c15,A-01L-01-1-02,5", "n3,2c14,A-01L-01-1-03,5", "n4,2c17,A-01L-01-1-04,5")
    capsys.readouterr()
    assert tool(["import", csv_of(tmp_path, *rows), *site, "--json"]) == 2
    report = answered(capsys)
    assert (report["taken"], report["new"], report["changed"], report["same"]) == (2, 1, 0, 1)
    assert [(refused["line"], refused["column"]) for refused in report["refused"]] == [(3, "epc")]
    assert tool(["import", csv_of(tmp_path, *rows), *site]) == 2
    assert "Lines left out: 1." in capsys.readouterr().out


WITH_TID = HEADER + ",tid"


def test_without_a_daemon_too_the_chip_of_another_volume_costs_one_line(
    site: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chip, other = "e2801191200000000000000a", "e2801191200000000000000b"
    tool(["import", csv_of(tmp_path, f"n1,2c14,A-01L-01-1-01,5,{chip}", header=WITH_TID), *site])
    file = csv_of(tmp_path, f"n2,2c15,A-01L-01-1-02,5,{chip}", f"n3,2c16,A-01L-01-1-03,5,{other}", header=WITH_TID)
    capsys.readouterr()
    assert tool(["import", file, *site, "--json"]) == 2
    report = answered(capsys)
    assert (report["taken"], report["new"]) == (1, 1)
    assert [(refused["line"], refused["column"]) for refused in report["refused"]] == [(2, "tid")]
    assert "n1 is known to carry this one" in report["refused"][0]["expected"]


async def test_the_chip_of_another_volume_costs_one_line_and_names_that_volume(lantai: Tool, tmp_path: Path) -> None:
    chip = "e2801191200000000000000a"
    await lantai.run("import", csv_of(tmp_path, f"n1,2c14,A-01L-01-1-01,5,{chip}", header=WITH_TID))
    file = csv_of(tmp_path, f"n2,2c15,A-01L-01-1-02,5,{chip}", "n3,2c16,A-01L-01-1-03,5,", header=WITH_TID)
    assert await lantai.run("import", file) == 2
    assert f"volumes.csv:2: tid: seen '{chip}', expected a chip of no other volume; n1 is known" in lantai.out
    assert "import its line first" in lantai.out
    assert await lantai.run("find", "n2") != 0
    assert await lantai.run("find", "n3") == 0


class GatedHouse(ManualHouse):
    """Takes the portions of two requests, then waits."""

    def __init__(self) -> None:
        super().__init__()
        self.is_at_gate = asyncio.Event()
        self.gate = asyncio.Event()

    async def act(self, action: OperatorAction) -> str:
        if len(self.actions) == GATED // MOST_IN_ONE:
            self.is_at_gate.set()
            await self.gate.wait()
        return await super().act(action)


async def test_an_import_interrupted_between_two_portions_says_how_far_it_came_and_goes_on_there(
    tmp_path: Path,
) -> None:
    """The third request waits: by then the first is known to the tool, perhaps the second."""
    file = csv_of(tmp_path, *(f"n{i},{i:024x},A-01L-01-1-0{1 + i % 9},5" for i in range(3 * MOST_LINES)))
    words = [*MAIN, "import", file, "--state", str(tmp_path), "--lang", "en"]
    house = GatedHouse()
    async with served(house, tmp_path):
        cut = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
        await house.is_at_gate.wait()
        cut.send_signal(signal.SIGINT)
        out, err = await cut.communicate()
        assert cut.returncode == 130
        told = re.search(rb"Interrupted: at least (8000|16000) of 24000 lines are in the catalogue. Run the same", out)
        assert told, (out, err)
        assert err == b""
        assert int(told[1]) <= len(house.state.volumes) == GATED
        house.gate.set()
        again = await asyncio.create_subprocess_exec(*words, "--json", stdout=subprocess.PIPE, cwd=ROOT)
        report = json.loads((await again.communicate())[0])
    assert (report["taken"], report["new"] + report["same"], report["interrupted"]) == (24_000, 24_000, False)
    assert report["same"] >= GATED


def test_an_import_without_a_daemon_interrupted_amid_its_writing_loses_nothing_it_told(
    site: list[str], tmp_path: Path
) -> None:
    slots = [
        f"A-{row:02d}L-{section:02d}-{shelf}-{slot:02d}"
        for row in range(1, 61)
        for section in range(1, 21)
        for shelf in range(1, 6)
        for slot in range(1, 21)
    ]
    file = csv_of(tmp_path, *(f"n{i},{i:024x},{slot},5" for i, slot in enumerate(slots)))
    words = [*MAIN, "import", file, *site, "--json", "--lang", "en"]
    while True:
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as cut:
            while not on_disk(tmp_path / "s" / "lantai.db") and cut.poll() is None:
                time.sleep(0.002)
            cut.send_signal(signal.SIGINT)
            out, err = cut.communicate()
        if cut.returncode != 0:
            break
        shutil.rmtree(tmp_path / "s")  # it was done before we looked: once more
    assert cut.returncode == 130, (out, err)
    assert err == b""
    report = json.loads(out)
    assert report["interrupted"]
    assert 0 <= report["taken"] < report["lines"] == 120_000
    kept = on_disk(tmp_path / "s" / "lantai.db")
    assert report["taken"] <= kept
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    again = json.loads(done.stdout)
    assert (again["taken"], again["same"], again["new"]) == (120_000, kept, 120_000 - kept)


def test_a_dry_run_that_is_interrupted_says_that_nothing_was_changed(site: list[str], tmp_path: Path) -> None:
    """It waits for its file: a pipe into which nobody writes."""
    pipe = tmp_path / "volumes.csv"
    os.mkfifo(pipe)
    words = [*MAIN, "import", str(pipe), *site, "--dry-run", "--lang", "en"]
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as cut,
        pipe.open("wb"),  # returns once the tool reads
    ):
        cut.send_signal(signal.SIGINT)
        out, err = cut.communicate(timeout=30)
    assert (cut.returncode, out, err) == (130, b"Interrupted: nothing was changed.\n", b"")


def on_disk(database: Path) -> int:
    """Volumes in the facts of the journal, 0 before there is one."""
    if not database.exists():
        return 0
    connection = open_reader(database)
    try:
        facts = connection.execute("SELECT body FROM fact_custody WHERE type = 'volumes_catalogued'")
        return sum(body.count(b'["n') for (body,) in facts)
    except sqlite3.OperationalError:  # its tables are being made
        return 0
    finally:
        connection.close()


def test_a_command_interrupted_before_it_is_loaded_ends_without_a_traceback() -> None:
    """The tool loads what is called edge.cli.app: here, a person who presses Ctrl-C just then."""
    begin = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'edge.cli.app': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        f"{MAIN[-1]}"
    )
    cut = subprocess.run([*MAIN[:-1], begin, "import", "x.csv"], capture_output=True, check=False, cwd=ROOT)
    assert (cut.returncode, cut.stdout, cut.stderr) == (130, b"", b"")


@pytest.mark.parametrize(
    ("book", "says"), [("A-01L-01", "v0 found in A-01L-01, its book place"), ("A-01L-02", "belongs in A-01L-02")]
)
def test_a_volume_found_in_its_place_is_not_said_to_belong_elsewhere(book: str, says: str) -> None:
    fact = VolumeFound(at_ns=1, volume="v0", segment="A-01L-01", book=book, confidence=1.0)
    assert says in fact_sentence(load_texts("en"), shown(fact))
