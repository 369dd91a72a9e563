"""A catalogue file to checked lines: volume,epc,slot,thickness_mm. Every mistake with line and column."""

import contextlib
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from config.catalogued import CataloguedVolume
from config.csv_text import csv_text, seen_epc, seen_value
from config.phrase import Said, phrase
from config.places import NoSuchSlot, Places
from config.problem import LineProblem, shortened

HEADER = ("volume", "epc", "slot", "thickness_mm")
LONGEST_EPC_DIGITS = 124  # 31 words of 16 bits: what the length field of the C1G2 protocol control word can say
THICKNESS_MM = range(1, 101)

_VOLUME = re.compile(_ID := r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VOLUMES = re.compile(rf"{_ID}(?:\n{_ID})*")
EPC = re.compile(r"(?:[0-9a-f]{4}){1,31}")
_EPC_LENGTHS = frozenset(range(4, LONGEST_EPC_DIGITS + 1, 4))
AS_NUMBER = re.compile(r"[0-9a-f]+(?:[.,][0-9a-f]*)?e\+[0-9]+")  # a spreadsheet took the tag for a number: 2.14E+23
_THICKNESS = re.compile(r"[0-9]{1,3}", re.ASCII)


def read_catalogue(path: Path, places: Places) -> tuple[list[CataloguedVolume], list[LineProblem]]:
    """The good lines, in file order, and what is wrong with the others. Never raises for what is in the file."""
    problems: list[LineProblem] = []
    text = csv_text(path, problems)
    if text is None:
        return [], problems
    reading = _Reading(str(path), places, problems)
    lines = _faultless(text, reading.slots)
    if lines is not None:
        return lines, problems
    reading.read(text)
    return reading.lines, problems


def line_numbers(path: Path, volumes: frozenset[str]) -> dict[str, int]:
    """The first line of each of these volumes in a file that was read before; not those gone from it."""
    found: dict[str, int] = {}
    with contextlib.suppress(OSError, UnicodeDecodeError, csv.Error):
        rows = csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip().lower() for name in next(rows, [])]
        column = header.index(HEADER[0]) if HEADER[0] in header else len(header)
        for row in rows:
            if len(row) == len(header) > column and row[column] in volumes:
                found.setdefault(row[column], rows.line_num)
    return found


def _faultless(text: str, slots: frozenset[str]) -> list[CataloguedVolume] | None:
    """The lines of a file without any mistake, checked a column at a time; None when it must be read line by line."""
    if '"' in text or "\r" in text.replace("\r\n", ""):
        return None
    head, _, body = text.replace("\r\n", "\n").rstrip("\n").partition("\n")
    # One flat list, cut into columns by stride: 160,000 small lists would cost more than all the checks. The end of a
    # line is a cell of its own: a comma too many or too few, and it stands in another column.
    cells = body.replace("\n", ",\n,").split(",")
    volumes, epcs, places, thicknesses, ends = (cells[column::5] for column in range(5))
    if tuple(head.split(",")) != HEADER or len(cells) % 5 != 4 or not {"\n"}.issuperset(ends):
        return None
    epcs = "\n".join(epcs).lower().split("\n")
    booked = set(places)
    is_right = (
        len(booked) == len(set(volumes)) == len(set(epcs)) == len(volumes)
        and slots >= booked
        and all(not thickness or _is_thickness(thickness) for thickness in set(thicknesses))
        and _VOLUMES.fullmatch("\n".join(volumes)) is not None
        and _EPC_LENGTHS.issuperset(map(len, epcs))
        and not "".join(epcs).encode().translate(None, b"0123456789abcdef")
    )
    if not is_right:
        return None
    known = {thickness: int(thickness or 0) for thickness in set(thicknesses)}
    return list(map(CataloguedVolume, volumes, epcs, places, map(known.__getitem__, thicknesses)))


def _is_thickness(text: str) -> bool:
    return _THICKNESS.fullmatch(text) is not None and int(text) in THICKNESS_MM


class _Reading:
    """One pass over the file; what was seen before, by line."""

    def __init__(self, file: str, places: Places, problems: list[LineProblem]) -> None:
        self.file = file
        self.places = places
        self.problems = problems
        self.lines: list[CataloguedVolume] = []
        self.slots = frozenset(places.slots())
        self.line_of: tuple[dict[str, int], dict[str, int], dict[str, int]] = ({}, {}, {})

    def refuse(self, line: int, column: str, seen: Said, expected: Said, step: Said) -> None:
        self.problems.append(
            LineProblem(file=self.file, line=line, column=column, seen=seen, expected=expected, next_step=step)
        )

    def read(self, text: str) -> None:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            header = next(rows, [])
            order = self._order(header)
            if order is None:
                return
            width = len(header)
            for row in rows:
                if len(row) == width:
                    self._take(rows.line_num, *(row[index] if index >= 0 else "" for index in order))
                elif row:
                    seen = phrase("seen_columns", count=len(row))
                    self.refuse(rows.line_num, "", seen, width, phrase("do_see_commas"))
        except csv.Error as error:
            seen = phrase("seen_broken_csv", detail=shortened(str(error)))
            self.refuse(rows.line_num, "", seen, phrase("want_csv"), phrase("do_see_quotes"))

    def _order(self, header: Sequence[str]) -> tuple[int, ...] | None:
        """Where each column of HEADER stands, -1 for a thickness that is not there."""
        names = [name.strip().lower() for name in header]
        missing = [name for name in HEADER[:3] if name not in names]
        unknown = [name for name in names if name not in HEADER]
        if not missing and not unknown and len(set(names)) == len(names):
            return tuple(names.index(name) if name in names else -1 for name in HEADER)
        step = phrase("do_write_header", header=",".join(HEADER))
        if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
            step = phrase("do_save_with_commas")
        self.refuse(1, "", seen_value(",".join(header)), ",".join(HEADER), step)
        return None

    def _take(self, line: int, volume: str, epc: str, slot: str, thickness: str) -> None:
        epc = epc.lower()
        volumes, epcs, slots = self.line_of
        is_good = (
            _VOLUME.fullmatch(volume) is not None
            and EPC.fullmatch(epc) is not None
            and slot in self.slots
            and (not thickness or _is_thickness(thickness))
            and volumes.setdefault(volume, line) == line
            and epcs.setdefault(epc, line) == line
            and slots.setdefault(slot, line) == line
        )
        if is_good:
            self.lines.append(CataloguedVolume(volume, epc, slot, int(thickness or 0)))
        else:
            self._explain(line, volume, epc, slot, thickness)

    def _explain(self, line: int, volume: str, epc: str, slot: str, thickness: str) -> None:
        """All that is wrong with a line."""
        if not _VOLUME.fullmatch(volume):
            self.refuse(line, "volume", seen_value(volume), phrase("want_volume_id"), phrase("do_correct_volume_id"))
        if not EPC.fullmatch(epc):
            expected = phrase("want_epc", most=LONGEST_EPC_DIGITS)
            is_number = AS_NUMBER.fullmatch(epc) is not None
            step = phrase("do_save_tags_as_text") if is_number else phrase("do_read_tag_again")
            self.refuse(line, "epc", seen_epc(epc), expected, step)
        if slot not in self.slots:
            self.refuse(line, "slot", seen_value(slot), phrase("want_slot"), self._advice(slot))
        if thickness and not _is_thickness(thickness):
            self.refuse(line, "thickness_mm", seen_value(thickness), phrase("want_thickness"), phrase("do_measure"))
        for column, value, known in zip(HEADER, (volume, epc, slot), self.line_of, strict=False):
            first = known.setdefault(value, line)
            if value and first != line:
                seen, step = phrase("seen_twice", value=seen_value(value)), phrase("do_compare_lines", line=first)
                self.refuse(line, column, seen, phrase("want_column_once", column=column), step)

    def _advice(self, slot: str) -> Said:
        try:
            self.places.address(slot)
        except NoSuchSlot as error:
            return error.said
        return phrase("do_see_racks")
