"""`lantai rfid survey`: which segment each antenna really sees, by a reference tag in every bay."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer
import yaml
from rich.progress import Progress

from config.messages import Texts
from config.problem import LineProblem, worded
from config.vault import SCHEMA, Vault
from edge.api.records import ActAnswer, LayoutAnswer
from edge.api.survey_records import Corrected, PortAnswer, SurveyAnswer
from edge.cli.client import Daemon
from edge.cli.options import described, options
from edge.cli.screen import Screen
from edge.cli.trouble import BAD_INPUT, DEGRADED, OK, Trouble

if TYPE_CHECKING:
    from config.reference_tag import ReferenceTag

_PORTION = 250  # tags in one request
_LOOK_EVERY_S = 1.0
_FOR_S = 600.0
_LONGEST_S = 3600.0  # then the daemon stops counting


def add(rfid: typer.Typer, texts: Texts) -> None:
    """`rfid survey`."""
    option = options(texts)
    file_argument = typer.Argument(None, help=texts.label("help_survey_file"))
    for_option = typer.Option(_FOR_S, "--for", min=0, max=_LONGEST_S, help=texts.label("help_survey_for"))
    show_option = typer.Option(False, "--show", help=texts.label("help_survey_show"))

    @rfid.command(
        help=described(texts, "rfid_survey", "rfid survey reference-tags.csv", "rfid survey", "rfid survey --show")
    )
    def survey(
        file: Path | None = file_argument,
        for_s: float = for_option,
        show: bool = show_option,
        role: str = option.role,
        state: Path = option.state,
        json: bool = option.json,
        lang: str = option.lang,
    ) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        if show and file is not None:
            raise Trouble("survey_show_alone", file=str(file))
        with Daemon(state) as daemon:
            if not show:
                problems = _placed(daemon, file, role) if file is not None else []
                if problems:
                    _show_problems(screen, problems)
                    return BAD_INPUT
                _begin(daemon, role)
            answer = _followed(screen, daemon, 0.0 if show else for_s)
        _show(screen, answer)
        return DEGRADED if answer.wrong else OK


def _placed(daemon: Daemon, file: Path, role: str) -> list[LineProblem]:
    """Put the tags of the file on record in place of those before; nothing at all where a line is wrong."""
    from config.places import Places  # noqa: PLC0415  numpy, for a file alone
    from config.reference_tags import read_reference_tags  # noqa: PLC0415

    layout = daemon.ask("layout", LayoutAnswer)
    vault = Vault(
        schema=SCHEMA, centre="-", vault="-", node="-", timezone="UTC", zones=layout.zones, racks=layout.racks
    )
    tags: Sequence[ReferenceTag]
    tags, problems = read_reference_tags(file, Places(vault).segment_index)
    if not problems:
        for first in range(0, len(tags), _PORTION):
            portion = tags[first : first + _PORTION]
            daemon.ask("rfid.place", ActAnswer, references=portion, anew=first == 0, role=role)
    return problems


def _begin(daemon: Daemon, role: str) -> None:
    answer = daemon.ask("act", ActAnswer, action="survey.begin", role=role)
    if answer.answer != "accepted":
        raise Trouble(answer.answer, action="survey.begin")


def _followed(screen: Screen, daemon: Daemon, for_s: float) -> SurveyAnswer:
    """Look again until nothing is to be waited for any more, or the time is over."""
    until_s = time.monotonic() + for_s
    answer = daemon.ask("rfid.survey", SurveyAnswer)
    with Progress(console=screen.err, transient=True, disable=screen.is_json) as progress:
        task = progress.add_task(screen.texts.label("survey_waits"), total=len(answer.ports))
        while answer.undecided and time.monotonic() < until_s:
            progress.update(task, completed=len(answer.ports) - len(answer.undecided))
            time.sleep(_LOOK_EVERY_S)
            answer = daemon.ask("rfid.survey", SurveyAnswer)
    return answer


def _show_problems(screen: Screen, problems: list[LineProblem]) -> None:
    if screen.is_json:
        screen.json({"problems": [worded(problem, screen.texts) for problem in problems]})
        return
    for problem in problems:
        screen.line(problem.told(screen.texts))
    screen.say("survey_bad_file", "yellow", count=len(problems))


def _show(screen: Screen, answer: SurveyAnswer) -> None:
    if screen.is_json:
        screen.json(answer)
        return
    if answer.began is None:
        screen.say("survey_never", "yellow")
        return
    columns = (
        *("column_reader", "column_port", "column_configured", "column_sees", "column_sure", "column_verdict"),
        *("column_rounds", "column_hits", "column_level", "column_next_best"),
    )
    waiting = answer.waiting
    rows = [_row(screen, port) for port in answer.ports if port not in waiting]
    if rows:
        screen.table(columns, rows)
    for reader, reason in answer.lost.items():
        segments = [port.segment for port in waiting if port.reader == reader]
        if segments:
            screen.line(f"{reader}:", "bold")
            screen.code(reason, {"reader": reader}, "yellow")
            screen.say("rfid_waiting", count=len(segments), segments=", ".join(segments))
    for port in (port for port in answer.wrong if port not in waiting):
        screen.line(f"{port.reader}/{port.port} {port.segment}:", "bold")
        fields = {
            "segment": port.segment,
            "sees": port.sees or "-",
            "other": port.other or "-",
            "next_best": port.next_best or "-",
            "more": port.more_rounds,
        }
        screen.code(f"survey_{port.verdict}", fields, "yellow")
    for corrected in answer.corrected:
        _show_corrected(screen, answer, corrected)
    count, wrong, undecided = len(answer.ports), len(answer.wrong), len(answer.undecided)
    if wrong:
        screen.say("survey_wrong", "yellow", wrong=wrong - undecided, undecided=undecided, count=count)
    else:
        screen.say("survey_right", "green", count=count, references=answer.references)


def _row(screen: Screen, port: PortAnswer) -> tuple[str, ...]:
    return (
        port.reader,
        str(port.port),
        port.segment,
        port.sees or "-",
        "-" if port.sure is None else f"{port.sure * 100:.1f} %",
        screen.texts.title(f"survey_{port.verdict}"),
        str(port.rounds),
        str(port.hits),
        "-" if port.level_dbm is None else f"{port.level_dbm:.1f} dBm",
        f"{port.next_best} ({port.next_hits})" if port.next_best else "-",
    )


def _show_corrected(screen: Screen, answer: SurveyAnswer, reader: Corrected) -> None:
    """The lines to paste, each with its port and what stood there."""
    screen.say("survey_corrected", "bold", reader=reader.reader)
    before = {port.port: port.segment for port in answer.ports if port.reader == reader.reader}
    head, *lines = yaml.safe_dump({"segments": list(reader.segments)}).splitlines()
    screen.line(f"    {head}")
    for number, (line, segment) in enumerate(zip(lines, reader.segments, strict=True), 1):
        was = before.get(number)
        is_same = was == segment
        label = "survey_port" if is_same else "survey_port_was"
        screen.line(f"      {line}  # {screen.texts.label(label, port=number, was=was or 'null')}")
