"""`lantai import`: a catalogue file into the vault, through the daemon, or straight into the store while none runs."""

import os
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer
from rich.progress import Progress

from config.load import Loaded
from config.messages import Texts
from config.problem import LineProblem
from config.vault import SCHEMA, Vault
from edge.api.records import ImportAnswer, LayoutAnswer
from edge.api.wire import MOST_LINES, Refused
from edge.cli.client import Daemon
from edge.cli.commands.beside import Beside, beside_catalogue, unmoved
from edge.cli.commands.files import checked
from edge.cli.commands.import_report import ImportReport, show
from edge.cli.options import described, options
from edge.cli.screen import Screen
from edge.cli.trouble import BAD_INPUT, INTERRUPTED, NO_DAEMON, OK, Trouble

if TYPE_CHECKING:
    from config.catalogue import CatalogueReading
    from config.catalogued import CataloguedVolume

PROGRESS_AFTER_S = 2.0
_ACTION = "catalogue.import"


class Portion(NamedTuple):
    """What became of the next `lines` lines; counts None where they are not told."""

    lines: int
    answer: ImportAnswer | None


Portions = Generator[Portion, None, None]
Lines = Iterator[list["CataloguedVolume"]]


def add(app: typer.Typer, texts: Texts) -> None:
    """`import`."""
    option = options(texts)
    dry_option = typer.Option(False, "--dry-run", help=texts.label("help_dry_run"))

    @app.command(
        "import",
        help=described(texts, "import", "import volumes.csv --dry-run", "import volumes.csv --config vault.yaml"),
    )
    def import_file(
        file: Path,
        dry_run: bool = dry_option,
        config: Path | None = option.config,
        role: str = option.role,
        state: Path = option.state,
        json: bool = option.json,
        lang: str = option.lang,
    ) -> int:
        del lang
        began_s = time.monotonic()
        screen = Screen(texts, is_json=json)
        found = _Found()
        is_interrupted = False
        try:
            from config.catalogue import CatalogueReading  # noqa: PLC0415  numpy, for this command alone
            from config.places import Places  # noqa: PLC0415

            with ExitStack() as held:
                daemon = _daemon(held, state, config)
                if daemon is not None:
                    layout = daemon.ask("layout", LayoutAnswer)
                    lines = found.take_in(CatalogueReading(file, Places(_vault_of(layout))))
                    portions = _through(daemon, lines, role, dry_run=dry_run)
                else:
                    assert config is not None
                    loaded = checked(screen, config)
                    if loaded is None:
                        return BAD_INPUT
                    lines = found.take_in(CatalogueReading(file, Places(loaded.vault)))
                    portions = _untold(lines) if dry_run else _directly(loaded, state, lines, role)
                held.enter_context(closing(portions))
                _follow(found, screen, portions, file, began_s)
        except KeyboardInterrupt:
            is_interrupted = True
        report = ImportReport(
            file=str(file),
            dry_run=dry_run,
            interrupted=is_interrupted,
            lines=found.count if is_interrupted else len(found.lines) + found.left_out,
            taken=found.taken,
            new=found.new if found.is_counted else None,
            changed=found.changed if found.is_counted else None,
            same=found.same if found.is_counted else None,
            problems=[*found.problems],
            refused=beside_catalogue(file, found.refused, texts),
            warnings=[*found.shared, *beside_catalogue(file, unmoved(found.warnings, found.lines), texts)],
            seconds=round(time.monotonic() - began_s, 3),
        )
        show(screen, report)
        if is_interrupted:
            return INTERRUPTED
        return BAD_INPUT if found.problems or found.refused else OK


def _daemon(held: ExitStack, state: Path, config: Path | None) -> Daemon | None:
    """The running daemon; None where none runs and a configuration was given to do without."""
    try:
        return held.enter_context(Daemon(state))
    except Trouble as trouble:
        if trouble.code != "no_daemon":
            raise
        if config is None:
            raise Trouble("no_daemon_for_import", NO_DAEMON, **trouble.fields) from None
        return None


def _vault_of(layout: LayoutAnswer) -> Vault:
    """As much of a vault as slots are made of."""
    return Vault(schema=SCHEMA, centre="-", vault="-", node="-", timezone="UTC", zones=layout.zones, racks=layout.racks)


def _through(daemon: Daemon, lines: "Lines", role: str, *, dry_run: bool) -> Portions:
    """The daemon works on the first lines while the next are read."""
    sent: deque[int] = deque()

    def requests() -> Iterator[dict[str, object]]:
        for portion in lines:
            sent.append(len(portion))
            yield {"lines": portion, "dry_run": dry_run, "role": role}

    for answer in daemon.ask_in_turn("import", ImportAnswer, requests()):
        yield Portion(sent.popleft(), answer)


def _untold(lines: "Lines") -> Portions:
    """A dry run without a daemon: the store is left alone, so nobody knows which lines are new."""
    for portion in lines:
        yield Portion(len(portion), None)


def _directly(loaded: Loaded, state: Path, portions: "Lines", role: str) -> Portions:
    """The same step on the same store; the person is who runs this command."""
    lines = [line for portion in portions for line in portion]
    from edge.api.people import caller, role_for  # noqa: PLC0415
    from edge.clock import VaultClock  # noqa: PLC0415  the store and the step, only while no daemon runs
    from edge.daemon.offline_import import import_offline  # noqa: PLC0415
    from edge.store.errors import StoreError  # noqa: PLC0415

    try:
        who = caller(loaded.vault.policy, os.getpid(), os.getuid())
    except Refused as refused:
        raise Trouble(refused.refusal.code, **refused.refusal.args) from None
    done = 0
    try:
        told = import_offline(
            loaded,
            state,
            lines,
            person=who.person,
            role=role_for(who, _ACTION, role),
            terminal=who.terminal,
            clock=VaultClock(time.time_ns, time.monotonic_ns, not_before_ns=0),
        )
        with closing(told):
            for upto, refusal, answer in told:
                if refusal:
                    raise Trouble(refusal, action=_ACTION, subject=f"{lines[done].volume}..{lines[upto - 1].volume}")
                yield Portion(upto - done, answer)
                done = upto
    except StoreError as error:
        raise Trouble(error.code, seen=error.said) from None


class _Found:
    """What is in the file, and the sums over all portions. Where it ends early, a portion more may have gone in than is
    known here: the daemon or the disk was at it."""

    def __init__(self) -> None:
        self.lines: list[CataloguedVolume] = []
        self.problems: Sequence[LineProblem] = ()
        self.shared: Sequence[LineProblem] = ()
        self._reading: CatalogueReading | None = None
        self.taken = self.new = self.changed = self.same = 0
        self.is_counted = True
        self.refused: list[Beside] = []
        self.warnings: list[Beside] = []

    @property
    def count(self) -> int:
        """Lines of the file, read or not."""
        return self._reading.count if self._reading else 0

    @property
    def left_out(self) -> int:
        """Lines that were read and are wrong."""
        return self._reading.left_out if self._reading else 0

    def take_in(self, reading: "CatalogueReading") -> Lines:
        """The good lines of what is being read, portion by portion; they are `lines` from then on."""
        self._reading, self.problems, self.shared = reading, reading.problems, reading.warnings
        return self._kept(reading.portions(MOST_LINES))

    def _kept(self, portions: Lines) -> Lines:
        for portion in portions:
            self.lines += portion
            yield portion


def _follow(
    found: _Found,
    screen: Screen,
    portions: Iterator[Portion],
    file: Path,
    began_s: float,
) -> None:
    """Add up every portion; a progress bar once it takes longer than two seconds. What was taken before a refusal or an
    interruption stays: the same command again goes on where it stopped."""
    done = 0
    shows = screen.err.is_terminal and not screen.is_json  # elsewhere its end is an empty line
    with Progress(console=screen.err, transient=True, disable=not shows) as progress:
        task = progress.add_task(file.name, visible=False)
        for portion in portions:
            if portion.answer is None:
                found.taken += portion.lines
                found.is_counted = False
            else:
                answer = portion.answer
                found.new, found.changed, found.same = (
                    found.new + answer.new,
                    found.changed + answer.changed,
                    found.same + answer.same,
                )
                found.taken += answer.new + answer.changed + answer.same
                found.refused += [Beside(found.lines[done + i], *what) for i, *what in answer.problems]
                found.warnings += [Beside(found.lines[done + i], *what) for i, *what in answer.warnings]
            done += portion.lines
            progress.update(
                task, total=found.count, completed=done, visible=time.monotonic() - began_s > PROGRESS_AFTER_S
            )
