"""A catalogue file to checked lines: volume,epc,slot,thickness_mm[,tid]. Every mistake with line and column."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from config.catalogued import CataloguedVolume
from config.csv_text import csv_rows, csv_text, seen_epc, seen_value
from config.phrase import Said, phrase
from config.places import NoSuchSlot, Places
from config.problem import LineProblem, shortened

HEADER = ("volume", "epc", "slot", "thickness_mm")
MAY_STAND = "tid"
_WANTED = f"{','.join(HEADER)}[,{MAY_STAND}]"
LONGEST_EPC_DIGITS = 124  # 31 words of 16 bits: what the length field of the C1G2 protocol control word can say
THICKNESS_MM = range(1, 101)
PORTION = 8000  # lines that are looked at together

_VOLUME = re.compile(_ID := r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VOLUMES = re.compile(rf"{_ID}(?:\n{_ID})*")
EPC = re.compile(r"(?:[0-9a-f]{4}){1,31}")
TID = re.compile(r"e[02][0-9a-f]{2}(?:[0-9a-f]{4}){1,30}")  # ISO/IEC 15963: it begins with its class, E0 or E2
_EPC_LENGTHS = frozenset(range(4, LONGEST_EPC_DIGITS + 1, 4))
AS_NUMBER = re.compile(r"[0-9a-f]+(?:[.,][0-9a-f]*)?e\+[0-9]+")  # a spreadsheet took the tag for a number: 2.14E+23
_THICKNESS = re.compile(r"[0-9]{1,3}", re.ASCII)


class CatalogueFile(NamedTuple):
    """The good lines of a file, in file order, and how many lines are left out. `warnings`: of good lines that want
    looking at."""

    lines: list[CataloguedVolume]
    left_out: int
    problems: list[LineProblem]
    warnings: list[LineProblem]


def read_catalogue(path: Path, places: Places) -> CatalogueFile:
    """The good lines, and what is wrong with the others. Never raises for what is in the file."""
    reading = CatalogueReading(path, places)
    lines = list(chain.from_iterable(reading.portions(PORTION)))
    return CatalogueFile(lines, reading.left_out, reading.problems, reading.warnings)


def line_numbers(path: Path, slots: Mapping[str, str]) -> dict[str, int]:
    """The line of each of these volumes in a file that was read before, the first that names its slot too, else the
    first; not of those gone from it."""
    found: dict[str, int] = {}
    exact: dict[str, int] = {}
    with contextlib.suppress(OSError, UnicodeDecodeError):
        rows = csv_rows(path.read_bytes().decode("utf-8-sig"))
        header = [name.strip().lower() for name in next(rows, (0, []))[1] or ()]
        column = header.index(HEADER[0]) if HEADER[0] in header else len(header)
        for number, row in rows:
            if row is not None and len(row) == len(header) > column and row[column] in slots:
                found.setdefault(row[column], number)
                if slots[row[column]] in row:
                    exact.setdefault(row[column], number)
    return found | exact


class _Seen(NamedTuple):
    """What the lines before have."""

    volumes: set[str]
    epcs: set[str]
    slots: set[str]


def _faultless(body: str, slots: frozenset[str], seen: _Seen) -> list[CataloguedVolume] | None:
    """Lines without any mistake, checked a column at a time; None when they must be read one by one."""
    # One flat list, cut into columns by stride: small lists would cost more than all the checks. The end of a line is
    # a cell of its own: a comma too many or too few, and it stands in another column.
    cells = body.replace("\n", ",\n,").split(",")
    volumes, epcs, places, thicknesses, ends = (cells[column::5] for column in range(5))
    if len(cells) % 5 != 4 or not {"\n"}.issuperset(ends):
        return None
    epcs = "\n".join(epcs).lower().split("\n")
    claims = _Seen(set(volumes), set(epcs), set(places))
    is_right = (
        all(len(column) == len(volumes) for column in claims)
        and all(map(set.isdisjoint, claims, seen))
        and slots >= claims.slots
        and all(not thickness or _is_thickness(thickness) for thickness in set(thicknesses))
        and _VOLUMES.fullmatch("\n".join(volumes)) is not None
        and _EPC_LENGTHS.issuperset(map(len, epcs))
        and not "".join(epcs).encode().translate(None, b"0123456789abcdef")
    )
    if not is_right:
        return None
    for before, now in zip(seen, claims, strict=True):
        before.update(now)
    known = {thickness: int(thickness or 0) for thickness in set(thicknesses)}
    return list(map(CataloguedVolume, volumes, epcs, places, map(known.__getitem__, thicknesses)))


def _is_thickness(text: str) -> bool:
    return _THICKNESS.fullmatch(text) is not None and int(text) in THICKNESS_MM


class CatalogueReading:
    """One pass over the file, which may be left before its end; what the good lines before claimed.

    `count`: lines below the header, as far as is known before they are read. `left_out`, `problems` and `warnings` are
    of the whole file once all of its portions were taken.
    """

    def __init__(self, path: Path, places: Places) -> None:
        self.file = str(path)
        self.places = places
        self.count = 0
        self.left_out = 0
        self.problems: list[LineProblem] = []
        self.warnings: list[LineProblem] = []
        self._text = csv_text(path, self.problems)
        self._lines: list[CataloguedVolume] = []
        self._slots = frozenset(places.slots())
        self._line_of: tuple[dict[str, int], dict[str, int], dict[str, int]] = ({}, {}, {})
        self._first_in: dict[str, str] = {}

    def portions(self, most: int) -> Iterator[list[CataloguedVolume]]:
        """The good lines, at most so many at a time: the first before the last are looked at."""
        text = self._text
        if text is None:
            return
        head, *rows = text.replace("\r\n", "\n").rstrip("\n").split("\n")
        self.count = len(rows)
        done = 0
        if rows and tuple(head.split(",")) == HEADER and '"' not in text and "\r" not in text.replace("\r\n", ""):
            seen = _Seen(set(), set(), set())
            for first in range(0, len(rows), most):
                lines = _faultless("\n".join(rows[first : first + most]), self._slots, seen)
                if lines is None:
                    break
                done += len(lines)
                yield lines
            else:
                return
        self._read(text)  # from the beginning: what is wrong with a line may lie in one before it
        for first in range(done, len(self._lines), most):
            yield self._lines[first : first + most]

    def _refuse(self, line: int, column: str, seen: Said, expected: Said, step: Said) -> None:
        self.problems.append(self._problem(line, column, seen, expected, step))

    def _problem(self, line: int, column: str, seen: Said, expected: Said, step: Said) -> LineProblem:
        return LineProblem(file=self.file, line=line, column=column, seen=seen, expected=expected, next_step=step)

    def _read(self, text: str) -> None:
        rows = csv_rows(text)
        number, header = next(rows, (1, []))
        order = self._order(number, header)
        if order is None:
            return
        for number, row in rows:
            if row is not None and len(row) == len(order):
                self._take(number, *(row[index] for index in order))
                continue
            self.left_out += 1
            if row is None:
                self._refuse(number, "", phrase("seen_stray_quote"), phrase("want_csv"), phrase("do_see_quotes"))
            else:
                seen = phrase("seen_columns", count=len(row))
                self._refuse(number, "", seen, len(order), phrase("do_see_commas"))
        if not self._lines and not self.left_out:
            self._refuse(0, "", phrase("seen_header_alone"), phrase("want_volume_lines"), phrase("do_see_export"))

    def _order(self, line: int, header: Sequence[str] | None) -> tuple[int, ...] | None:
        """Where each column of HEADER stands, and then the one that may be left out."""
        if header is None:
            self._refuse(line, "", phrase("seen_stray_quote"), _WANTED, phrase("do_see_quotes"))
            return None
        names = [name.strip().lower() for name in header]
        if sorted(names) == sorted(HEADER):
            return tuple(map(names.index, HEADER))
        if sorted(names) == sorted((*HEADER, MAY_STAND)):
            return tuple(map(names.index, (*HEADER, MAY_STAND)))
        seen: Said = seen_value(",".join(header))
        step = phrase("do_write_header", header=",".join(HEADER))
        missing = ", ".join(name for name in HEADER if name not in names)
        unknown = ", ".join(name for name in names if name not in (*HEADER, MAY_STAND))
        if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
            step = phrase("do_save_with_commas")
        elif missing:
            seen = phrase("seen_header_without", header=seen, columns=missing)
        elif unknown:
            seen = phrase("seen_header_with", header=seen, columns=shortened(unknown))
        self._refuse(line, "", seen, _WANTED, step)
        return None

    def _take(self, line: int, volume: str, epc: str, slot: str, thickness: str, tid: str = "") -> None:
        epc, tid = epc.lower(), tid.lower()
        volumes, epcs, tids = self._line_of
        is_good = (
            _VOLUME.fullmatch(volume) is not None
            and EPC.fullmatch(epc) is not None
            and slot in self._slots
            and (not thickness or _is_thickness(thickness))
            and volume not in volumes
            and epc not in epcs
            and (not tid or (TID.fullmatch(tid) is not None and tid not in tids))
        )
        if not is_good:
            self.left_out += 1
            self._explain(line, volume, epc, slot, thickness, tid)
            return
        volumes[volume] = epcs[epc] = line
        if tid:
            tids[tid] = line
        self._lines.append(CataloguedVolume(volume, epc, slot, int(thickness or 0), tid))
        first = self._first_in.setdefault(slot, volume)
        if first != volume:
            expected = phrase("want_unshared_slot", holder=first, line=volumes[first])
            self.warnings.append(self._problem(line, "slot", seen_value(slot), expected, phrase("do_leave_shared")))

    def _explain(self, line: int, volume: str, epc: str, slot: str, thickness: str, tid: str) -> None:
        """All that is wrong with a line."""
        if not _VOLUME.fullmatch(volume):
            self._refuse(line, "volume", seen_value(volume), phrase("want_volume_id"), phrase("do_correct_volume_id"))
        if not EPC.fullmatch(epc):
            expected = phrase("want_epc", most=LONGEST_EPC_DIGITS)
            is_number = AS_NUMBER.fullmatch(epc) is not None
            step = phrase("do_save_tags_as_text") if is_number else phrase("do_read_tag_again")
            self._refuse(line, "epc", seen_epc(epc), expected, step)
        if slot not in self._slots:
            self._refuse(line, "slot", seen_value(slot), phrase("want_slot"), self._advice(slot))
        if thickness and not _is_thickness(thickness):
            self._refuse(line, "thickness_mm", seen_value(thickness), phrase("want_thickness"), phrase("do_measure"))
        if tid and not TID.fullmatch(tid):
            self._refuse(line, MAY_STAND, seen_epc(tid), phrase("want_tid"), phrase("do_read_tag_again"))
        claims = zip(("volume", "epc", MAY_STAND), (volume, epc, tid), self._line_of, strict=True)
        for column, value, claimed in claims:
            first = claimed.get(value)
            if first is not None:
                seen, step = phrase("seen_twice", value=seen_value(value)), phrase("do_compare_lines", line=first)
                self._refuse(line, column, seen, phrase("want_column_once", column=column), step)

    def _advice(self, slot: str) -> Said:
        try:
            self.places.address(slot)
        except NoSuchSlot as error:
            return error.said
        return phrase("do_see_racks")
