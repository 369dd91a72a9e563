"""How answers are put on the screen: tables and sentences for people, one JSON value for programs."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.messages import Texts
from config.phrase import Phrase
from config.profile import CONTACTS
from edge.api.nearest import NONE
from edge.cli.columns import fit
from edge.cli.trouble import Trouble

_YES_OR_NO = CONTACTS - {"leak", "input", "output"}
_UNITS = {
    "_degc": " °C",
    "_pct": " %RH",
    "_m": " m",
    "_ua": " µA",
    "_v": " V",
    "_a": " A",
    "_kw": " kW",
    "_kwh": " kWh",
    "_hz": " Hz",
}
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
        sys.stdout.write(_portable(msgspec.json.format(_encoded(value), indent=2).decode()) + "\n")

    def json_line(self, value: object) -> None:
        """One JSON value on a line of its own, at once."""
        sys.stdout.write(_portable(_encoded(value).decode()) + "\n")
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

    def next_step(self, code: str) -> None:
        """Only the next step of a code, below a sentence that said the rest."""
        self.line(f"  {self.texts.label('next_step')}: {self.texts.code(code).next_step}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str] = ()) -> None:
        """Column titles are label ids. A screen too narrow for all goes without those of `spare`, first the first."""
        titles = [self.texts.label(column) for column in columns]
        texts = [[title, *(row[i] for row in rows)] for i, title in enumerate(titles)]
        fitted = fit(texts, self.out.width, [columns.index(column) for column in spare])
        table = Table(box=None, pad_edge=False, header_style="bold")
        for i, width in zip_longest(fitted.shown, fitted.widths):
            table.add_column(titles[i], overflow="fold", width=width)
        for row in rows:
            table.add_row(*(escape(row[i]) for i in fitted.shown))
        self.out.print(table, soft_wrap=False)
        missing = [title for i, title in enumerate(titles) if i not in fitted.shown]
        if missing:
            self.say("columns_left_out", columns=", ".join(missing))

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
        near = fields.get("nearest", NONE)
        text = self.texts.code(
            trouble.code,
            fields | {"nearest": "" if near == NONE else self.texts.label("near_to_it", names=near)},
        )
        if self.is_json:
            error = {"code": trouble.code, "args": fields, "text": text}
            self.json({"error": error})
            return
        self.err.print(escape(f"lantai: {text.title}" + (f": {text.meaning}" if text.meaning else "")), style="red")
        seen = trouble.fields.get("seen")
        if isinstance(seen, Phrase) and (words := self.texts.told(seen)) not in text.meaning:
            self.err.print(escape(f"  {words}"))
        if text.next_step:
            self.err.print(escape(f"  {self.texts.label('next_step')}: {text.next_step}"))


def _encoded(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # a word or the name of a file in another encoding
        return json.dumps(msgspec.to_builtins(value), ensure_ascii=False).encode("utf-8", "replace")


def _portable(text: str) -> str:
    """JSON text that is read as the same value whatever the encoding of stdout."""
    if (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8":
        return text
    return re.sub(r"[^\x00-\x7f]+", lambda found: json.dumps(found[0])[1:-1], text)


def measured(texts: Texts, quantity: str, value: float | None) -> str:
    """A value of a point with its unit, or the word it stands for."""
    if value is None:
        return "-"
    if quantity == "leak":
        return texts.label("leak_wet" if value else "leak_dry")
    if quantity in _YES_OR_NO:
        return texts.label("is_yes" if value else "is_no")
    return f"{value:g}" + next((unit for ending, unit in _UNITS.items() if quantity.endswith(ending)), "")


def seconds(value: float | None) -> str:
    """An age or a span, short."""
    if value is None:
        return "-"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:.1f} s"
