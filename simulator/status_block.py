"""What the demo shows while it runs: one calm block on a terminal, one line now and then elsewhere."""

import sys
from collections import deque
from collections.abc import Collection
from types import TracebackType
from typing import Any, Self

import msgspec
from rich import box
from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from config.messages import Texts
from config.phrase import Phrase, Said, phrase

LINE_EVERY_S = 5.0
HAPPENINGS_SHOWN = 8
BLOCK_COLUMNS = 72


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the running demo; None is not known yet."""

    elapsed_s: float
    stage: Phrase
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


LABELS: dict[str, Phrase] = {
    "stage": phrase("sim_stage"),
    "elapsed_s": phrase("sim_elapsed_s"),
    "volumes": phrase("sim_volumes"),
    "located": phrase("sim_located"),
    "missing": phrase("sim_missing"),
    "moves": phrase("sim_moves"),
    "reads": phrase("sim_reads"),
    "reads_per_s": phrase("sim_reads_per_s"),
    "facts": phrase("sim_facts"),
    "acked": phrase("sim_acked"),
    "wet_zones": phrase("sim_wet_zones"),
    "closed_valves": phrase("sim_closed_valves"),
    "rss_mb": phrase("sim_rss_mb"),
    # of a result only
    "located_right": phrase("sim_located_right"),
    "displaced": phrase("sim_displaced"),
    "displaced_right": phrase("sim_displaced_right"),
    "facts_acked": phrase("sim_acked"),
    "mirror_equal": phrase("sim_mirror_equal"),
    "startup_s": phrase("sim_startup_s"),
    "seconds": phrase("sim_seconds"),
    "wall_s": phrase("sim_wall_s"),
    "times_real": phrase("sim_times_real"),
    # of a vault that was made
    "config": phrase("sim_configuration"),
    "catalogue": phrase("sim_catalogue"),
    "slots": phrase("sim_slots"),
    "segments": phrase("sim_segments"),
    "zones": phrase("sim_zones"),
    "racks": phrase("sim_racks"),
    "readers": phrase("sim_readers"),
    "sensors": phrase("sim_sensors"),
}
PAIRS = (
    ("volumes", "located"),
    ("missing", "moves"),
    ("reads", "reads_per_s"),
    ("facts", "acked"),
    ("wet_zones", "closed_valves"),
    ("elapsed_s", "rss_mb"),
)
"""The block, two figures a line."""


class StatusBlock:
    """Shows glances and what happens on stderr until left. stdout stays free for the result."""

    def __init__(self, texts: Texts, *, live: bool, where: tuple[Phrase, ...] = ()) -> None:
        """`where`: lines that tell where to look; under the block as long as it is shown, else once."""
        self._texts = texts
        self._where = where
        self._live = Live(console=Console(stderr=True), auto_refresh=False) if live else None
        self._next_line_s = 0.0
        self._happened: deque[str] = deque(maxlen=HAPPENINGS_SHOWN)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            return self
        for line in self._where:
            say(line, self._texts)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, glance: Glance, happened: tuple[Phrase, ...] = ()) -> None:
        """Redraw the block; without a terminal, what happened, and a line every few seconds and at each new stage."""
        told = [f"{glance.elapsed_s:6.1f} s  {self._texts.told(item)}" for item in happened]
        self._happened.extend(told)
        if self._live is not None:
            # outside the frame, so that a command can be copied whole
            below = (Text(self._texts.told(line)) for line in self._where)
            self._live.update(Group(block_of(glance, self._happened, self._texts), *below), refresh=True)
            return
        for item in told:
            say(item, self._texts)
        if glance.elapsed_s >= self._next_line_s:
            self._next_line_s = glance.elapsed_s + LINE_EVERY_S
            say(_line(glance, self._texts), self._texts)

    def say(self, said: Said) -> None:
        """A line that stays, above the block."""
        if self._live is not None:
            self._live.console.print(Text(self._texts.told(said)))
        else:
            say(said, self._texts)


def say(said: Said, texts: Texts) -> None:
    """A line on stderr."""
    print(texts.told(said), file=sys.stderr, flush=True)


def shown(result: msgspec.Struct, texts: Texts, *, as_json: bool) -> str:
    """A result for stdout: one JSON object, or a line for each figure."""
    if as_json:
        return msgspec.json.encode(result).decode()
    rows = [(_label(field, texts), _text(value, texts)) for field, value in msgspec.structs.asdict(result).items()]
    width = max(cell_len(label) for label, _ in rows)
    return "\n".join(f"{label}{' ' * (width - cell_len(label))}  {value}" for label, value in rows)


def block_of(glance: Glance, happened: Collection[str], texts: Texts) -> Panel:
    """The block: figures, and below them the last that happened."""
    figures = Table(box=None, show_header=False, expand=True, pad_edge=False, padding=(0, 1))
    for _ in PAIRS[0]:
        figures.add_column(no_wrap=True)
        figures.add_column(justify="right", no_wrap=True, ratio=1)
    for pair in PAIRS:
        cells = [
            cell
            for field in pair
            for cell in (
                Text(_label(field, texts), style="dim"),
                Text(_text(getattr(glance, field), texts), style=_style(field, glance)),
            )
        ]
        figures.add_row(*cells)
    lines = Text("\n".join(happened) or texts.told(phrase("sim_quiet")), style="" if happened else "dim")
    heading = Text(texts.told(phrase("sim_happened")), style="bold")
    return Panel(
        Group(figures, Text(), heading, lines),
        title=f"[bold]{texts.told(phrase('sim_title'))}[/bold]  {texts.told(glance.stage)}",
        width=BLOCK_COLUMNS,
        box=box.ROUNDED,
    )


def _style(field: str, glance: Glance) -> str:
    if field == "wet_zones" and glance.wet_zones:
        return "bold blue"
    return "bold yellow" if field == "closed_valves" and glance.closed_valves else "bold"


def _line(glance: Glance, texts: Texts) -> str:
    fields = [(field, getattr(glance, field)) for field in msgspec.structs.asdict(glance)]
    return "  ".join(
        f"{_label(field, texts)} {_text(value, texts)}" for field, value in fields if value not in (None, ())
    )


def _label(field: str, texts: Texts) -> str:
    return texts.told(LABELS[field])


def _text(value: Any, texts: Texts) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return texts.told(phrase("sim_yes") if value else phrase("sim_no"))
    if isinstance(value, Phrase):
        return texts.told(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, float):
        return f"{value:.4g}" if 0 < value < 1 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
