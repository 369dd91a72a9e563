"""A file of reference tags to checked lines: segment,epc. Every mistake with line and column."""

from collections.abc import Collection, Sequence
from pathlib import Path

from config.advice import did_you_mean, nearest
from config.catalogue import AS_NUMBER, EPC, LONGEST_EPC_DIGITS
from config.csv_text import csv_rows, csv_text, seen_epc, seen_value
from config.phrase import Said, phrase
from config.problem import LineProblem
from config.reference_tag import ReferenceTag

HEADER = ("segment", "epc")


def read_reference_tags(path: Path, segments: Collection[str]) -> tuple[list[ReferenceTag], list[LineProblem]]:
    """The good lines, in file order, and what is wrong with the others. Never raises for what is in the file."""
    problems: list[LineProblem] = []
    text = csv_text(path, problems)
    if text is None:
        return [], problems
    reading = _Reading(str(path), segments, problems)
    reading.read(text)
    if not problems and not reading.lines:
        reading.refuse(0, "", phrase("seen_nothing"), phrase("want_reference_tag"), phrase("do_add_reference_tag"))
    return reading.lines, problems


class _Reading:
    """One pass over the file; what was seen before, by line."""

    def __init__(self, file: str, segments: Collection[str], problems: list[LineProblem]) -> None:
        self.lines: list[ReferenceTag] = []
        self._file = file
        self._segments = segments
        self._problems = problems
        self._line_of: tuple[dict[str, int], dict[str, int]] = ({}, {})

    def refuse(self, line: int, column: str, seen: Said, expected: Said, step: Said) -> None:
        self._problems.append(
            LineProblem(file=self._file, line=line, column=column, seen=seen, expected=expected, next_step=step)
        )

    def read(self, text: str) -> None:
        rows = csv_rows(text)
        _, header = next(rows, (1, []))
        order = self._order(header or ())
        if order is None:
            return
        for number, row in rows:
            if row is None:
                self.refuse(number, "", phrase("seen_stray_quote"), phrase("want_csv"), phrase("do_see_quotes"))
            elif len(row) == len(HEADER):
                self._take(number, *(row[index].strip() for index in order))
            else:
                self.refuse(number, "", phrase("seen_columns", count=len(row)), len(HEADER), phrase("do_see_commas"))

    def _order(self, header: Sequence[str]) -> tuple[int, ...] | None:
        """Where each column of HEADER stands."""
        names = [name.strip().lower() for name in header]
        if sorted(names) == sorted(HEADER):
            return tuple(names.index(name) for name in HEADER)
        step = phrase("do_write_header", header=",".join(HEADER))
        if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
            step = phrase("do_save_with_commas")
        self.refuse(1, "", seen_value(",".join(header)), ",".join(HEADER), step)
        return None

    def _take(self, line: int, segment: str, epc: str) -> None:
        """Every mistake of a line."""
        had, epc = len(self._problems), epc.lower()
        if segment not in self._segments:
            near = nearest(segment, self._segments)
            step = did_you_mean(near) if near else phrase("do_see_racks")
            self.refuse(line, "segment", seen_value(segment), phrase("want_segment"), step)
        if not EPC.fullmatch(epc):
            step = phrase("do_save_tags_as_text") if AS_NUMBER.fullmatch(epc) else phrase("do_read_tag_again")
            self.refuse(line, "epc", seen_epc(epc), phrase("want_epc", most=LONGEST_EPC_DIGITS), step)
        for column, value, known in zip(HEADER, (segment, epc), self._line_of, strict=True):
            first = known.setdefault(value, line)
            if value and first != line:
                seen, step = phrase("seen_twice", value=seen_value(value)), phrase("do_compare_lines", line=first)
                self.refuse(line, column, seen, phrase("want_column_once", column=column), step)
        if len(self._problems) == had:
            self.lines.append(ReferenceTag(segment, epc))
