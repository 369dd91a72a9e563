"""The Ørholm store: twelve years of hourly temperature and humidity of a museum's storage building.

The file is semicolon-separated Latin-1 with a blank-padded header, CRLF and DD-MM-YYYY HH:MM in local time;
the logger followed the wrong daylight-saving rule, so a few hours stand twice and others are missing. The
hours are taken in file order, as the sensor saw them; no time of the file is trusted.
"""

import gzip
from pathlib import Path

import msgspec

from config.phrase import phrase
from config.problem import shortened
from simulator.trouble import BadFile

COLUMNS = ["DATE AND TIME", "TEMP C", "%RH"]


class Hour(msgspec.Struct, frozen=True, array_like=True):
    """One line: the wall-clock text as logged, and the air."""

    logged: str
    temperature_degc: float
    humidity_pct: float


class Excursion(msgspec.Struct, frozen=True):
    """A stretch of consecutive lines in which one quantity stood beyond one limit."""

    quantity: str
    side: str
    first: int
    hours: int


def read_hours(path: Path) -> tuple[Hour, ...]:
    """Every line of the trace. Raises BadFile naming file and line where one is not as expected."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="latin-1", newline="") as lines:
        header = [name.strip() for name in next(lines, "").split(";")]
        if header != COLUMNS:
            raise BadFile(
                phrase("sim_bad_header", file=path.name, seen=";".join(header)[:200], expected=";".join(COLUMNS))
            )
        return tuple(_hour(path.name, number, line) for number, line in enumerate(lines, 2) if line.strip())


def year_of(hours: tuple[Hour, ...], year: int) -> tuple[Hour, ...]:
    """The lines logged in one calendar year."""
    return tuple(hour for hour in hours if hour.logged[6:10] == f"{year:04d}")


def excursions(values: tuple[float, ...], quantity: str, low: float, high: float) -> tuple[Excursion, ...]:
    """Every stretch below `low` or above `high`, in order."""
    found: list[Excursion] = []
    for i, value in enumerate(values):
        side = "low" if value < low else "high" if value > high else ""
        last = found[-1] if found else None
        if last and last.side == side and last.first + last.hours == i:
            found[-1] = Excursion(quantity, side, last.first, last.hours + 1)
        elif side:
            found.append(Excursion(quantity, side, i, 1))
    return tuple(found)


def _hour(name: str, number: int, line: str) -> Hour:
    fields = line.strip().split(";")
    try:
        logged, temperature, humidity = fields
        return Hour(logged, float(temperature), float(humidity))
    except ValueError:
        raise BadFile(phrase("sim_bad_hour", file=name, line=number, seen=shortened(line.strip()))) from None
