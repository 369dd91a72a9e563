"""`lantai import`: a catalogue file into the vault, through the daemon, or straight into the store while none runs."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import typer
from rich.progress import Progress

from config.load import Loaded
from config.messages import Texts
from config.problem import LineProblem, worded
from config.vault import SCHEMA, Vault
from edge.api.records import ImportAnswer, LayoutAnswer
from edge.api.wire import MOST_LINES, Refused
from edge.cli.client import Daemon
from edge.cli.commands.beside import Beside, beside_catalogue, unmoved
from edge.cli.commands.files import checked
from edge.cli.options import described, options
from edge.cli.screen import Screen
from edge.cli.trouble import BAD_INPUT, NO_DAEMON, OK, Trouble

if TYPE_CHECKING:
    from config.catalogued import CataloguedVolume

PROGRESS_AFTER_S = 2.0
_ACTION = "catalogue.import"


class ImportReport(msgspec.Struct, frozen=True):
    """`taken`: lines that are in the catalogue now (with a dry run: would be), those that were before among them.
    `refused`: lines that are right in themselves but not beside what the catalogue holds; `warnings`: lines that were
    taken and want looking at."""

    file: str
    dry_run: bool
    lines: int
    taken: int
    new: int | None
    changed: int | None
    same: int | None
    problems: list[LineProblem]
    refused: list[LineProblem]
    warnings: list[LineProblem]
    seconds: float


class Portion(NamedTuple):
    """What became of the next `lines` lines; counts None where they are not told."""

    lines: int
    answer: ImportAnswer | None


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
        from config.catalogue import read_catalogue  # noqa: PLC0415  numpy, for this command alone
        from config.places import Places  # noqa: PLC0415

        began_s = time.monotonic()
        screen = Screen(texts, is_json=json)
        with ExitStack() as held:
            daemon = _daemon(held, state, config)
            if daemon is not None:
                layout = daemon.ask("layout", LayoutAnswer)
                lines, problems = read_catalogue(file, Places(_vault_of(layout)))
                portions = _through(daemon, lines, role, dry_run=dry_run)
            else:
                assert config is not None
                loaded = checked(screen, config)
                if loaded is None:
                    return BAD_INPUT
                lines, problems = read_catalogue(file, Places(loaded.vault))
                portions = iter((Portion(len(lines), None),)) if dry_run else _directly(loaded, state, lines, role)
            found = _followed(screen, portions, lines, file, began_s)
        report = ImportReport(
            file=str(file),
            dry_run=dry_run,
            lines=len(lines) + len({problem.line for problem in problems}),
            taken=found.taken,
            new=found.new if daemon is not None else None,
            changed=found.changed if daemon is not None else None,
            same=found.same if daemon is not None else None,
            problems=problems,
            refused=beside_catalogue(file, found.refused, texts),
            warnings=beside_catalogue(file, unmoved(found.warnings, lines), texts),
            seconds=round(time.monotonic() - began_s, 3),
        )
        _show(screen, report)
        return BAD_INPUT if problems or found.refused else OK


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


def _through(daemon: Daemon, lines: Sequence["CataloguedVolume"], role: str, *, dry_run: bool) -> Iterator[Portion]:
    portions = [lines[start : start + MOST_LINES] for start in range(0, len(lines), MOST_LINES)]
    requests: Iterator[dict[str, object]] = (
        {"lines": portion, "dry_run": dry_run, "role": role} for portion in portions
    )
    for portion, answer in zip(portions, daemon.ask_in_turn("import", ImportAnswer, requests), strict=True):
        yield Portion(len(portion), answer)


def _directly(loaded: Loaded, state: Path, lines: Sequence["CataloguedVolume"], role: str) -> Iterator[Portion]:
    """The same step on the same store; the person is who runs this command."""
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
        for upto, answer in import_offline(
            loaded,
            state,
            lines,
            person=who.person,
            role=role_for(who, _ACTION, role),
            terminal=who.terminal,
            clock=VaultClock(time.time_ns, time.monotonic_ns, not_before_ns=0),
        ):
            if answer != "accepted":
                raise Trouble(answer, action=_ACTION, subject=f"{lines[done].volume}..{lines[upto - 1].volume}")
            yield Portion(upto - done, None)
            done = upto
    except StoreError as error:
        raise Trouble(error.code, seen=error.said) from None


class _Found:
    """The sums over all portions."""

    def __init__(self) -> None:
        self.taken = self.new = self.changed = self.same = 0
        self.refused: list[Beside] = []
        self.warnings: list[Beside] = []


def _followed(
    screen: Screen, portions: Iterator[Portion], lines: Sequence["CataloguedVolume"], file: Path, began_s: float
) -> _Found:
    """Take every portion; a progress bar once it takes longer than two seconds. What was taken before a refusal or an
    interruption stays: the same command again goes on where it stopped."""
    found = _Found()
    done = 0
    with Progress(console=screen.err, transient=True, disable=screen.is_json) as progress:
        task = progress.add_task(file.name, total=len(lines), visible=False)
        for portion in portions:
            if portion.answer is None:
                found.taken += portion.lines
            else:
                answer = portion.answer
                found.new, found.changed, found.same = (
                    found.new + answer.new,
                    found.changed + answer.changed,
                    found.same + answer.same,
                )
                found.taken += answer.new + answer.changed + answer.same
                found.refused += [Beside(lines[done + i], *what) for i, *what in answer.problems]
                found.warnings += [Beside(lines[done + i], *what) for i, *what in answer.warnings]
            done += portion.lines
            progress.update(task, completed=done, visible=time.monotonic() - began_s > PROGRESS_AFTER_S)
    return found


def _show(screen: Screen, report: ImportReport) -> None:
    if screen.is_json:
        lists = {"problems": report.problems, "refused": report.refused, "warnings": report.warnings}
        in_words = {name: [worded(problem, screen.texts) for problem in found] for name, found in lists.items()}
        screen.json(msgspec.structs.asdict(report) | in_words)
        return
    for problem in (*report.problems, *report.refused):
        screen.line(problem.told(screen.texts))
    for warning in report.warnings:
        screen.line(screen.texts.label("import_warning", text=warning.told(screen.texts)), "yellow")
    if report.taken == 0 and len(report.problems) == 1 and not report.problems[0].column:
        screen.say("import_nothing_read", "yellow", file=report.file)
        return
    label = "import_would" if report.dry_run else "import_done"
    screen.say(label, taken=report.taken, lines=report.lines, seconds=f"{report.seconds:.1f}")
    if report.new is not None:
        screen.say("import_counts", new=report.new, changed=report.changed, same=report.same)
    bad = report.lines - report.taken
    if bad:
        screen.say("import_bad", "yellow", count=bad)
