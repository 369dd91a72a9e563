"""How answers are put on the screen: tables and sentences for people, one JSON value for programs."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.messages import Texts
from config.phrase import Phrase
from edge.cli.trouble import Trouble

PIPE_COLUMNS = 200  # a pipe has no width: lines are not cut at 80


class Screen:
    """stdout takes the answer, stderr everything else. Rich honours NO_COLOR and leaves colours out of a pipe."""

    def __init__(self, texts: Texts, *, is_json: bool) -> None:
        self.texts = texts
        self.is_json = is_json
        self.zone: ZoneInfo | None = None
        self.out = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS, highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def json(self, value: object) -> None:
        """One JSON value, times in UTC."""
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")

    def json_line(self, value: object) -> None:
        """One JSON value on a line of its own, at once."""
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
        sys.stdout.flush()

    def line(self, text: str, style: str = "") -> None:
        """A sentence."""
        self.out.print(escape(text), style=style or None)

    def say(self, label: str, style: str = "", /, **args: object) -> None:
        """A sentence by its id."""
        self.line(self.texts.label(label, **args), style)

    def code(self, code: str, args: Mapping[str, object] | None = None, style: str = "") -> None:
        """A code: what it says, and the next step below."""
        text = self.texts.code(code, args)
        self.line(text.title if not text.meaning else f"{text.title}: {text.meaning}", style)
        if text.next_step:
            self.line(f"  {self.texts.label('next_step')}: {text.next_step}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Column titles are label ids."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(self.texts.label(column), overflow="fold")
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        self.out.print(table, soft_wrap=False)

    def local(self, at: datetime | None) -> str:
        """A time as the vault's clock shows it; this machine's zone until the vault's is known."""
        if at is None:
            return "-"
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def trouble(self, trouble: Trouble) -> None:
        """Why a command stops, and what to do about it."""
        fields = {
            name: self.texts.told(value) if isinstance(value, Phrase) else value
            for name, value in trouble.fields.items()
        }
        text = self.texts.code(trouble.code, fields)
        if self.is_json:
            error = {"code": trouble.code, "args": fields, "text": text}
            self.json({"error": error})
            return
        self.err.print(escape(f"lantai: {text.title}" + (f": {text.meaning}" if text.meaning else "")), style="red")
        if text.next_step:
            self.err.print(escape(f"  {self.texts.label('next_step')}: {text.next_step}"))


def measured(texts: Texts, quantity: str, value: float | None) -> str:
    """A value of a point with its unit, or the word it stands for."""
    if value is None:
        return "-"
    if quantity == "leak":
        return texts.label("leak_wet" if value else "leak_dry")
    if quantity in {"cable_break", "contamination"}:
        return texts.label("is_yes" if value else "is_no")
    units = (("_degc", " °C"), ("_pct", " %RH"), ("_m", " m"), ("_ua", " µA"))
    return f"{value:g}" + next((unit for ending, unit in units if quantity.endswith(ending)), "")


def seconds(value: float | None) -> str:
    """An age or a span, short."""
    if value is None:
        return "-"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.1f} s"
