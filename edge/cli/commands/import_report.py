"""What `lantai import` says when it is done: the whole of it in JSON, as much as can be read on the screen."""

from collections.abc import Callable

import msgspec

from config.phrase import Phrase, Said
from config.problem import LineProblem, worded
from edge.cli.screen import Screen

MOST_LISTED = 50  # a screen; a file with one mistake in every line has no other news than that


class ImportReport(msgspec.Struct, frozen=True):
    """`lines`: those that were read, right or wrong; none where the header or the file as a whole cannot be used.
    `taken`: lines that are in the catalogue now (with a dry run: would be), those that were before among them; where
    `interrupted`, at least so many. `new`, `changed`, `same`: None for a dry run without a daemon.
    `refused`: lines that are right in themselves but not beside what the catalogue holds; `warnings`: lines that were
    taken and want looking at."""

    file: str
    dry_run: bool
    interrupted: bool
    lines: int
    taken: int
    new: int | None
    changed: int | None
    same: int | None
    problems: list[LineProblem]
    refused: list[LineProblem]
    warnings: list[LineProblem]
    seconds: float


def show(screen: Screen, report: ImportReport) -> None:
    """The report; of one that was interrupted only what to do."""
    if screen.is_json:
        lists = {"problems": report.problems, "refused": report.refused, "warnings": report.warnings}
        in_words = {name: [worded(problem, screen.texts) for problem in found] for name, found in lists.items()}
        screen.json(msgspec.structs.asdict(report) | in_words)
        return
    if report.interrupted:
        label = "import_interrupted" if report.lines and not report.dry_run else "import_interrupted_idle"
        screen.say(label, "yellow", taken=report.taken, lines=report.lines)
        return
    texts = screen.texts
    _list(screen, [*report.problems, *report.refused], lambda problem: problem.told(texts))
    warning = "import_would_warn" if report.dry_run else "import_warning"
    _list(screen, report.warnings, lambda one: texts.label(warning, text=one.told(texts)), "yellow")
    if not report.lines:
        screen.say("import_nothing_read", "yellow", file=report.file)
        return
    label = "import_would" if report.dry_run else "import_done"
    screen.say(label, taken=report.taken, lines=report.lines, seconds=f"{report.seconds:.1f}")
    if report.new is not None:
        screen.say("import_counts", new=report.new, changed=report.changed, same=report.same)
    bad = report.lines - report.taken
    if bad:
        screen.say("import_bad", "yellow", count=bad)


def _list(screen: Screen, found: list[LineProblem], told: Callable[[LineProblem], str], style: str = "") -> None:
    """All in the order of the file; where they are too many, some of each kind and how many more there are."""
    kinds: dict[tuple[str, ...], list[LineProblem]] = {}
    for problem in found if len(found) > MOST_LISTED else ():
        kinds.setdefault(_kind(problem), []).append(problem)
    groups = [*kinds.values()] or [found]
    most = max(1, MOST_LISTED // len(groups))
    hidden = 0
    for group in groups:
        for problem in group[:most]:
            screen.line(told(problem), style)
        more = len(group) - most
        if more > 0:
            hidden += more
            if len(groups) > 1:
                screen.say("import_more_alike", count=more)
    if hidden:
        screen.say("and_more", count=hidden)


def _kind(problem: LineProblem) -> tuple[str, ...]:
    """What mistakes of one kind have in common, whatever was seen in their lines."""
    return problem.column, _id_of(problem.expected), _id_of(problem.next_step)


def _id_of(said: Said) -> str:
    return said.id if isinstance(said, Phrase) else str(said)
