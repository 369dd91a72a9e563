"""`lantai replay`: a file of the input log through today's step, and what differs from the journal."""

from pathlib import Path

import typer

from config.messages import Texts
from edge.cli.commands.files import checked
from edge.cli.options import described, options
from edge.cli.screen import Screen
from edge.cli.trouble import BAD_INPUT, DEGRADED, OK

_MOST_DIFFERENCES = 20


def add(app: typer.Typer, texts: Texts) -> None:
    """`replay`."""
    option = options(texts)
    replay_state = typer.Option(None, "--state", help=texts.label("help_replay_state"))
    replay_config = typer.Option(..., "--config", help=texts.label("help_replay_config"), exists=True, dir_okay=False)

    @app.command(help=described(texts, "replay", "replay /var/lib/lantai/input/00000012.log --config vault.yaml"))
    def replay(
        log: Path,
        config: Path = replay_config,
        state: Path | None = replay_state,
        json: bool = option.json,
        lang: str = option.lang,
    ) -> int:
        del lang
        from edge.cli.replaying import replayed  # noqa: PLC0415  the store and the step, for this command alone

        screen = Screen(texts, is_json=json)
        loaded = checked(screen, config)
        if loaded is None:
            return BAD_INPUT
        report = replayed(loaded, log, state or log.resolve().parent.parent)
        if json:
            screen.json(report)
            return DEGRADED if report.differs else OK
        if report.layout_differs:
            screen.say("replay_layout", "yellow")
        if report.torn:
            screen.say("replay_torn", "yellow", detail=report.torn)
        screen.say("replay_done", events=report.events, facts=report.facts, digest=report.digest)
        if report.compared is None:
            if report.has_journal:
                screen.say("replay_uncompared")
            else:
                screen.say("replay_no_journal", "yellow", file=report.journal)
            return OK
        for difference in report.differences[:_MOST_DIFFERENCES]:
            nothing = texts.label("nothing")
            screen.say("replay_difference", place=difference.place)
            screen.line(f"  - {difference.recorded or nothing}")
            screen.line(f"  + {difference.replayed or nothing}")
        screen.say(
            "replay_differs" if report.differs else "replay_same",
            "red" if report.differs else "green",
            count=len(report.differences),
            compared=report.compared,
        )
        return DEGRADED if report.differs else OK
