"""What the demo shows while it runs: one calm block on a terminal, one line now and then elsewhere."""

import sys
from types import TracebackType
from typing import Any, Self

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table

LINE_EVERY_S = 5.0


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the running demo; None is not known yet."""

    elapsed_s: float
    stage: str
    volumes: int | None = None
    located: int | None = None
    missing: int | None = None
    reads: int | None = None
    reads_per_s: float | None = None
    facts: int | None = None
    acked: int | None = None
    moves: int | None = None
    wet_zones: tuple[str, ...] = ()
    closed_valves: tuple[str, ...] = ()
    rss_mb: float | None = None


ROWS: tuple[tuple[str, str], ...] = (
    ("stage", "stage"),
    ("elapsed_s", "running, s"),
    ("volumes", "volumes"),
    ("located", "located"),
    ("missing", "missing"),
    ("reads", "tag reads"),
    ("reads_per_s", "reads a second"),
    ("facts", "facts"),
    ("acked", "acknowledged"),
    ("moves", "moves by people"),
    ("wet_zones", "wet zones"),
    ("closed_valves", "valves closed"),
    ("rss_mb", "daemon, MiB"),
)


class StatusBlock:
    """Shows glances on stderr until left. stdout stays free for the result."""

    def __init__(self, title: str, *, live: bool) -> None:
        self._title = title
        self._live = Live(console=Console(stderr=True), auto_refresh=False) if live else None
        self._next_line_s = 0.0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, glance: Glance) -> None:
        """Redraw the block; without a terminal, a line every few seconds and at each new stage."""
        if self._live is not None:
            self._live.update(_table(self._title, glance), refresh=True)
        elif glance.elapsed_s >= self._next_line_s:
            self._next_line_s = glance.elapsed_s + LINE_EVERY_S
            say(_line(glance))


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


def shown(result: msgspec.Struct, *, as_json: bool) -> str:
    """A result for stdout: one JSON object, or a line for each figure."""
    if as_json:
        return msgspec.json.encode(result).decode()
    return "\n".join(f"{name:16} {value}" for name, value in msgspec.structs.asdict(result).items())


def _table(title: str, glance: Glance) -> Table:
    table = Table(title=title, show_header=False, min_width=44)
    table.add_column()
    table.add_column(justify="right", min_width=20)
    for field, label in ROWS:
        table.add_row(label, _text(getattr(glance, field)))
    return table


def _line(glance: Glance) -> str:
    shown = [(label, getattr(glance, field)) for field, label in ROWS]
    return "  ".join(f"{label} {_text(value)}" for label, value in shown if value not in (None, ()))


def _text(value: Any) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
