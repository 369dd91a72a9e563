"""Commands by which a person acts: set, ack, vouch-clock. Each is on record under the person's name."""

import time
from pathlib import Path

import typer

from config.messages import Texts
from edge.api.nearest import in_a_row
from edge.api.records import ActAnswer, CommandAnswer, StatusAnswer
from edge.cli.client import Daemon
from edge.cli.options import described, options
from edge.cli.screen import Screen
from edge.cli.trouble import BAD_INPUT, DEGRADED, OK, Trouble

OUTCOME_S = 30.0
ASK_EVERY_S = 0.1


def add(app: typer.Typer, texts: Texts) -> None:
    """`set`, `ack`, `vouch-clock`."""
    option = options(texts)
    wait_option = typer.Option(OUTCOME_S, "--wait", min=0.0, help=texts.label("help_wait"))

    @app.command("set", help=described(texts, "set", "set valve-z1 open", "set valve-z1 closed --role safety_officer"))
    def set_actuator(
        actuator: str,
        wanted: str = typer.Argument(..., metavar="open|closed"),
        role: str = option.role,
        wait: float = wait_option,
        state: Path = option.state,
        json: bool = option.json,
        lang: str = option.lang,
    ) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        with Daemon(state) as daemon:
            args = {"actuator": actuator, "state": wanted}
            answer = accepted(daemon, "actuator.set", args, role)
            outcome = _outcome(daemon, answer.command, wait)
            if json:
                screen.json(outcome)
            elif outcome.result == "done":
                screen.say("set_done", "green", actuator=actuator, state=texts.label(f"state_{wanted}"))
            elif outcome.stage == "open":
                screen.say("set_open", "yellow", command=outcome.command, seconds=wait)
            else:
                screen.say("set_ended", "red", actuator=actuator, result=texts.label(f"result_{outcome.result}"))
                if outcome.reason:
                    screen.code(outcome.reason, {"subject": actuator})
            return OK if outcome.result == "done" else DEGRADED

    @app.command(help=described(texts, "ack", "ack leak:leak-1/leak"))
    def ack(
        alarm: str,
        role: str = option.role,
        state: Path = option.state,
        json: bool = option.json,
        lang: str = option.lang,
    ) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        with Daemon(state) as daemon:
            answer = accepted(daemon, "alarm.acknowledge", {"alarm": alarm}, role)
            if json:
                screen.json(answer)
            else:
                screen.say("acknowledged", "green", alarm=alarm)
            return OK

    @app.command("vouch-clock", help=described(texts, "vouch_clock", "vouch-clock"))
    def vouch_clock(
        role: str = option.role, state: Path = option.state, json: bool = option.json, lang: str = option.lang
    ) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        with Daemon(state) as daemon:
            if daemon.ask("status", StatusAnswer).clock_is_sure:
                if json:
                    screen.json(ActAnswer("clock_not_in_doubt"))
                else:
                    screen.say("clock_not_in_doubt", "green")
                return OK
            answer = daemon.ask("act", ActAnswer, action="clock.vouch", args={}, role=role)
            if answer.answer not in ("accepted", "second_person_needed"):
                raise Trouble(answer.answer, action="clock.vouch", subject="clock")
            if json:
                screen.json(answer)
            elif answer.held_s:
                screen.say("second_person", "yellow", seconds=answer.held_s)
            else:
                screen.say("clock_vouched", "green")
            return DEGRADED if answer.held_s else OK


def accepted(daemon: Daemon, action: str, args: dict[str, str], role: str) -> ActAnswer:
    """The answer to an action that was accepted. Raises Trouble with the reason of a refusal."""
    answer = daemon.ask("act", ActAnswer, action=action, args=args, role=role)
    if answer.answer != "accepted":
        raise Trouble(
            answer.answer,
            BAD_INPUT,
            action=action,
            subject=" ".join(args.values()),
            nearest=in_a_row(answer.nearest),
            **args,
        )
    return answer


def _outcome(daemon: Daemon, command: str, wait_s: float) -> CommandAnswer:
    """What became of the command by the end of the wait."""
    until = time.monotonic() + wait_s
    while True:
        answer = daemon.ask("command", CommandAnswer, command=command)
        if answer.stage != "open" or time.monotonic() >= until:
            return answer
        time.sleep(ASK_EVERY_S)
