"""The technician's tool: every command but `run`, which it only describes."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

import typer
from typer.exceptions import Abort, Exit, TyperException

from config.messages import LANGUAGES, Texts, is_language, language_of, load_texts, named_language
from edge.cli.commands import acts, files, importing, looks, records, replaying, rfid
from edge.cli.options import LANG, options
from edge.cli.screen import Screen
from edge.cli.trouble import BAD_INPUT, OK, Trouble

COMMANDS = (
    *("run", "check", "config", "explain", "replay", "import"),
    *("status", "devices", "alarms", "find", "trace", "history", "watch"),
    *("set", "ack", "vouch-clock", "rfid"),
)
INTERRUPTED = 130  # 128 + SIGINT


def tool(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. Nothing a person does wrong ends in a traceback."""
    named = named_language(arguments, LANG)
    texts = load_texts(language_of(named if is_language(named) else "", os.environ))
    screen = Screen(texts, is_json="--json" in arguments)
    if not is_language(named):
        screen.trouble(Trouble("unknown_language", seen=named, known=", ".join(LANGUAGES)))
        return BAD_INPUT
    try:
        result = app(texts)(args=list(arguments) or ["--help"], prog_name="lantai", standalone_mode=False)
        sys.stdout.flush()
    except Trouble as trouble:
        screen.trouble(trouble)
        return trouble.exit_code
    except Exit as leaving:
        return leaving.exit_code
    except TyperException as misuse:
        screen.trouble(Trouble("bad_usage", seen=misuse.format_message(), command=_command(arguments)))
        return BAD_INPUT
    except (KeyboardInterrupt, Abort):
        return INTERRUPTED
    except SystemExit as leaving:  # rich's own way out of a broken pipe
        if isinstance(leaving.__context__, BrokenPipeError):
            return OK
        raise
    except BrokenPipeError:  # `lantai ... | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return result if isinstance(result, int) else OK


def app(texts: Texts) -> typer.Typer:
    """The commands, with their help in this language."""
    made = typer.Typer(
        help=texts.label("help_lantai"),
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    lang_option = options(texts).lang
    version_option = typer.Option(
        False, "--version", help=texts.label("help_version"), is_eager=True, callback=_version
    )

    @made.callback()
    def common(lang: str = lang_option, is_version: bool = version_option) -> None:
        del lang, is_version  # taken from the words before anything is parsed

    for commands in (files, importing, looks, rfid, records, acts, replaying):
        commands.add(made, texts)
    return made


def _version(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"lantai {version('lantai-edge')}\n")
        raise Exit


def _command(arguments: Sequence[str]) -> str:
    """The command that was misused, as `lantai NAME` or `lantai`."""
    known = [word for word in arguments[:1] if word in COMMANDS]
    return " ".join(("lantai", *known))
