"""A CSV file as text and as rows, whatever a spreadsheet made of it, and how its values are shown in a mistake."""

import csv
from collections.abc import Iterator
from pathlib import Path

from config.phrase import Said, os_reason, phrase
from config.problem import LineProblem, shortened

MAX_BYTES = 256 << 20


def csv_text(path: Path, problems: list[LineProblem]) -> str | None:
    """What is in the file; None when it cannot be read as UTF-8, and then `problems` says why."""

    def refuse(line: int, seen: Said, expected: Said, step: Said) -> None:
        problems.append(LineProblem(file=str(path), line=line, column="", seen=seen, expected=expected, next_step=step))

    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            most = phrase("range_at_most", limit=MAX_BYTES)
            refuse(0, phrase("seen_bytes", count=size), most, phrase("do_split_file"))
            return None
        raw = path.read_bytes()
    except OSError as error:
        refuse(0, os_reason(error), phrase("want_readable_file"), phrase("do_correct_path"))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        seen = phrase("seen_byte", byte=f"0x{raw[error.start]:02x}")
        refuse(line, seen, phrase("want_utf8"), _encoding_advice(raw))
        return None


def csv_rows(text: str) -> Iterator[tuple[int, list[str] | None]]:
    """The cells of each line that is not empty, with its number; None for a line whose quotes are wrong.

    A quote ends in its line: no id, tag or number holds a line break, and a stray one must not swallow what follows.
    """
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if '"' in line:
            try:
                yield number, next(csv.reader((line,), strict=True))
            except csv.Error:
                yield number, None
        elif line:
            yield number, line.split(",")


def seen_value(text: str) -> Said:
    """A value as it stands in the file, shortened."""
    return shortened(repr(text)) if text else phrase("seen_nothing")


def seen_epc(epc: str) -> Said:
    """A tag as it stands in the file, with its length."""
    return phrase("seen_epc", epc=seen_value(epc), count=len(epc)) if epc else phrase("seen_nothing")


def _encoding_advice(raw: bytes) -> Said:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return phrase("do_save_from_utf16")
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return phrase("do_save_csv_utf8")
    return phrase("do_save_from_gbk")
