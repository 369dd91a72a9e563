"""The technician's tool: every command but `run`, which it only describes."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import typer
from typer.exceptions import Abort, Exit, TyperException
from typer.main import get_command

from config.help_page import in_words
from config.messages import LANGUAGES, Texts, is_language, language_of, load_texts, named_language
from config.phrase import os_reason
from edge.cli.commands import acts, files, importing, looks, profile, records, replaying, rfid
from edge.cli.options import LANG, options
from edge.cli.screen import Screen
from edge.cli.streams import fault_of_stdout
from edge.cli.trouble import INTERRUPTED, LIFE_SAFETY, OK, UNWRITTEN, Trouble

COMMANDS = (
    *("run", "check", "config", "explain", "replay", "import"),
    *("status", "devices", "alarms", "find", "trace", "history", "watch"),
    *("set", "ack", "vouch-clock", "rfid", "profile"),
)


def tool(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. Nothing a person does wrong ends in a traceback."""
    named = named_language(arguments, LANG)
    texts = load_texts(language_of(named if is_language(named) else "", os.environ))
    screen = Screen(texts, is_json="--json" in arguments)
    try:
        code = _done(texts, arguments, named)
    except Trouble as trouble:
        screen.trouble(trouble)
        code = trouble.exit_code
    except (KeyboardInterrupt, Abort):
        return INTERRUPTED
    fault = fault_of_stdout()
    if fault is None or isinstance(fault, BrokenPipeError):  # `lantai ... | head`: the reader has seen enough
        return code
    Screen(texts, is_json=False).trouble(Trouble("answer_unwritten", seen=os_reason(fault)))
    return code if code == LIFE_SAFETY else UNWRITTEN


def _done(texts: Texts, arguments: Sequence[str], language: str) -> int:
    """The exit code of the command. Raises Trouble for whatever stops it."""
    if not is_language(language):
        raise Trouble("unknown_language", seen=language, known=", ".join(LANGUAGES))
    command = get_command(app(texts))
    _leave_files_to_their_readers(command)
    in_words(command, texts)
    try:
        result = command(args=list(arguments) or ["--help"], prog_name="lantai", standalone_mode=False)
    except Exit as leaving:
        return leaving.exit_code
    except TyperException as misuse:
        raise Trouble("bad_usage", seen=misuse.format_message(), command=_command(misuse, arguments)) from None
    except UnicodeEncodeError as error:  # a word in another encoding than the terminal's: no id, no name
        raise Trouble("not_text", seen=error.object) from None
    except OSError as error:
        raise Trouble("file_unusable", file=str(error.filename or "-"), seen=os_reason(error)) from None
    return result if isinstance(result, int) else OK


def _leave_files_to_their_readers(command: Any) -> None:
    """No path is called unreadable before it is opened: who opens it knows what it is for and says what to do."""
    for parameter in command.params:
        parameter.type_descriptor.parameter_info.readable = False
    for inner in getattr(command, "commands", {}).values():
        _leave_files_to_their_readers(inner)


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

    for commands in (files, importing, looks, rfid, profile, records, acts, replaying):
        commands.add(made, texts)
    return made


def _version(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"lantai {version('lantai-edge')}\n")
        raise Exit


def _command(misuse: TyperException, arguments: Sequence[str]) -> str:
    """The command that was misused, as `lantai NAME`, `lantai GROUP NAME` or `lantai`."""
    context = getattr(misuse, "ctx", None)
    if context is not None:
        return str(context.command_path)
    return " ".join(("lantai", *(word for word in arguments[:1] if word in COMMANDS)))
