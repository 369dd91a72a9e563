"""Commands on files, without a daemon: run (described here, started elsewhere), check, config show, explain, replay."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import typer

from config.load import Loaded, load, shown
from config.messages import LANGUAGES, Texts, load_texts
from config.problem import ConfigError, Problem, worded
from edge.api.nearest import MOST, in_a_row
from edge.cli.options import described, options
from edge.cli.run import RunArguments
from edge.cli.run import run as run_daemon
from edge.cli.run_logging import LEVELS
from edge.cli.screen import Screen
from edge.cli.trouble import BAD_INPUT, OK, Trouble


def add(app: typer.Typer, texts: Texts) -> None:
    """`run`, `check`, `config show`, `explain`."""
    option = options(texts)
    origin_option = typer.Option(False, "--origin", help=texts.label("help_origin"))
    metrics_option = typer.Option("", "--metrics", metavar="HOST:PORT", help=texts.label("help_metrics"))
    level_option = typer.Option("info", "--log-level", metavar="|".join(LEVELS), help=texts.label("help_log_level"))

    @app.command(help=described(texts, "run", "run /etc/lantai/vault.yaml", "run vault.yaml --metrics 127.0.0.1:9477"))
    def run(
        config: Path,
        state: Path = option.state,
        metrics: str = metrics_option,
        log_level: str = level_option,
        lang: str = option.lang,
    ) -> int:
        del lang
        if log_level not in LEVELS:
            raise Trouble("unknown_log_level", seen=log_level, known=", ".join(LEVELS))
        return run_daemon(RunArguments(config, state, metrics, log_level, texts.language))

    @app.command(help=described(texts, "check", "check vault.yaml", "check vault.yaml --json"))
    def check(file: Path, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        loaded = checked(screen, file)
        if loaded is None:
            return BAD_INPUT
        vault = loaded.vault
        counts = {
            "racks": len(vault.racks),
            "readers": len(vault.readers),
            "sensors": len(vault.sensors),
            "boards": len(vault.boards),
            "actuators": len(vault.actuators),
        }
        notes = [] if vault.policy.people else ["no_people"]
        if json:
            worded_notes = [{"code": note, "text": texts.code(note)} for note in notes]
            screen.json({"ok": True, "problems": [], "notes": worded_notes, **counts})
        else:
            screen.say("check_ok", "green", file=file, **counts)
            for note in notes:
                screen.code(note, style="yellow")
        return OK

    config = typer.Typer(help=texts.label("help_config_group"))
    app.add_typer(config, name="config")

    @config.command(help=described(texts, "config_show", "config show vault.yaml --origin"))
    def show(file: Path, origin: bool = origin_option, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        loaded = checked(screen, file)
        if loaded is None:
            return BAD_INPUT
        rows = shown(loaded)
        if json:
            screen.json(
                [
                    {
                        "path": path,
                        "value": msgspec.json.decode(value),
                        "file": place.file if place else None,
                        "line": place and place.line,
                    }
                    for path, value, place in rows
                ]
            )
            return OK
        for path, value, place in rows:
            where = f"{place.file}:{place.line}" if place else texts.label("default_value")
            screen.line(f"{path} = {value}" + (f"    # {where}" if origin else ""))
        return OK

    @app.command(help=described(texts, "explain", "explain leak_unknown", "explain no_person --lang zh-CN"))
    def explain(code: str, json: bool = option.json, lang: str = option.lang) -> int:
        del lang
        screen = Screen(texts, is_json=json)
        named = _codes_named(code)
        if not named:
            alike = dict.fromkeys(one for language in LANGUAGES for one in load_texts(language).titled_like(code))
            near = list(alike)[:MOST] or texts.nearest(code)
            raise Trouble("unknown_code", seen=code, nearest=in_a_row(f"{one} ({texts.title(one)})" for one in near))
        explained = [(one, texts.explained(one)) for one in named]
        if json:
            first, *others = [{"code": one, **msgspec.structs.asdict(text)} for one, text in explained]
            screen.json(first | ({"others": others} if others else {}))
            return OK
        for one, text in explained:
            screen.line(f"{one}: {text.title}", "bold")
            screen.line(text.meaning)
            screen.line(f"{texts.label('next_step')}: {text.next_step}")
        return OK


def _codes_named(words: str) -> list[str]:
    """Codes by id or by title in either language; of the key of an alarm, that of the alarm."""
    code = words.partition(":")[0]
    return list(dict.fromkeys(one for language in LANGUAGES for one in load_texts(language).codes_named(code)))


def checked(screen: Screen, file: Path) -> Loaded | None:
    """The configuration, or None with every problem shown."""
    try:
        return load(file)
    except ConfigError as error:
        show_problems(screen, file, error.problems)
        return None


def show_problems(screen: Screen, file: Path, problems: Sequence[Problem]) -> None:
    """Every mistake of a configuration or a profile."""
    if screen.is_json:
        screen.json({"ok": False, "problems": [worded(problem, screen.texts) for problem in problems]})
        return
    for problem in problems:
        screen.line(problem.told(screen.texts))
    screen.say("check_failed", "red", file=file, count=len(problems))
