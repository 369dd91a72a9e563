"""Commands that read what was recorded: trace, history, watch."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import typer

from config.messages import Texts
from edge.api.records import HistoryAnswer, TraceAnswer
from edge.api.sentences import fact_sentence
from edge.cli.client import Daemon
from edge.cli.commands.looking import looked, standing
from edge.cli.options import described, options
from edge.cli.screen import Screen, measured
from edge.cli.streams import fault_of_stdout
from edge.cli.trouble import OK, UNREAD, Trouble

MOST_HOURS = 876_600.0  # a hundred years: more than any store holds


def add(app: typer.Typer, texts: Texts) -> None:
    """`trace`, `history`, `watch`."""
    option = options(texts)
    hours_option = typer.Option(24.0, "--hours", min=0.01, max=MOST_HOURS, help=texts.label("help_hours"))
    count_option = typer.Option(0, "--count", min=0, help=texts.label("help_count"))

    @app.command(help=described(texts, "trace", "trace V000123", "trace V000123 --limit 20 --json"))
    def trace(
        volume: str,
        limit: int = option.limit,
        state: Path = option.state,
        json: bool = option.json,
        lang: str = option.lang,
    ) -> int:
        del lang

        def show(screen: Screen, answer: TraceAnswer) -> None:
            for fact in answer.facts:
                show_fact(screen, fact)
            if not answer.facts:
                screen.say("trace_empty", volume=volume)
            if answer.withheld:
                screen.say("trace_withheld", count=answer.withheld)

        looked(texts, state, json, "trace", TraceAnswer, show, volume=volume, limit=limit)
        return OK

    @app.command(help=described(texts, "history", "history th-01/temperature", "history leak-1/leak --hours 2 --json"))
    def history(
        point: str,
        hours: float = hours_option,
        limit: int = option.limit,
        state: Path = option.state,
        json: bool = option.json,
        lang: str = option.lang,
    ) -> int:
        del lang
        device, slash, name = point.partition("/")
        if not slash:
            raise Trouble("bad_point", seen=point)

        def show(screen: Screen, answer: HistoryAnswer) -> None:
            for at, value in answer.values:
                screen.line(f"{screen.local(at)}  {measured(texts, answer.quantity, value)}")
            if not answer.values:
                screen.say("history_empty", point=point, hours=hours)

        asked = {"device": device, "point": name, "since_s": hours * 3600, "limit": limit}
        looked(texts, state, json, "history", HistoryAnswer, show, **asked)
        return OK

    @app.command(help=described(texts, "watch", "watch", "watch --json | grep alarm_raised"))
    def watch(
        count: int = count_option, state: Path = option.state, json: bool = option.json, lang: str = option.lang
    ) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        with Daemon(state) as daemon:
            standing(screen, daemon)
            shown = 0
            try:
                for facts, dropped in daemon.watch():
                    if dropped and json:
                        screen.json_line({"type": "dropped", "count": dropped})
                    elif dropped:
                        screen.say("watch_dropped", "yellow", count=dropped)
                    for fact in facts:
                        show_fact(screen, fact)
                        if fault_of_stdout():
                            return UNREAD
                        shown += 1
                        if shown == count:
                            return OK
            except KeyboardInterrupt:
                return OK
            return OK


def show_fact(screen: Screen, fact: Mapping[str, Any]) -> None:
    """One line: local time and what happened; or the fact as JSON."""
    if screen.is_json:
        screen.json_line(fact)
        return
    style = "red" if fact["type"] == "alarm_raised" else ""
    screen.line(f"{screen.local(_time(fact['at']))}  {fact_sentence(screen.texts, fact)}", style)


def _time(at: str | datetime) -> datetime:
    return msgspec.convert(at, datetime)
