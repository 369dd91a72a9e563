"""What commands that look have in common: ask the daemon, then show its answer, as JSON or in words."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from config.messages import Texts
from edge.api.records import StatusAnswer
from edge.cli.client import Daemon
from edge.cli.screen import Screen

Answer = TypeVar("Answer")


def looked(
    texts: Texts,
    state: Path,
    is_json: bool,
    op: str,
    answer: type[Answer],
    show: Callable[[Screen, Answer], None],
    **args: object,
) -> Answer:
    """The answer to `op`, after it was shown. Raises Trouble without a daemon, and with its refusal."""
    screen = Screen(texts, is_json=is_json)
    with Daemon(state) as daemon:
        found = daemon.ask(op, answer, **args)
        if is_json:
            screen.json(found)
        else:
            standing(screen, daemon)
            show(screen, found)
    return found


def standing(screen: Screen, daemon: Daemon) -> StatusAnswer:
    """The daemon's status; from here on times are shown in its vault's zone."""
    answer = daemon.ask("status", StatusAnswer)
    screen.zone = ZoneInfo(answer.timezone)
    return answer
