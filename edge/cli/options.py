"""Options that every command takes, in the words of one language."""

from typing import Any, NamedTuple

import typer

from config.messages import LANGUAGES, Texts
from edge.cli.run import DEFAULT_STATE

LANG = "--lang"


class Options(NamedTuple):
    """Defaults of command functions: typer reads them as option declarations."""

    json: Any
    state: Any
    lang: Any
    config: Any
    role: Any
    limit: Any


def options(texts: Texts) -> Options:
    """The common options with their help."""
    return Options(
        json=typer.Option(False, "--json", help=texts.label("help_json")),
        state=typer.Option(DEFAULT_STATE, "--state", envvar="LANTAI_STATE", help=texts.label("help_state")),
        lang=typer.Option("", LANG, help=texts.label("help_lang"), metavar="|".join(LANGUAGES)),
        config=typer.Option(None, "--config", help=texts.label("help_config"), exists=True, dir_okay=False),
        role=typer.Option("", "--role", help=texts.label("help_role")),
        limit=typer.Option(200, "--limit", min=1, max=10_000, help=texts.label("help_limit")),
    )


def described(texts: Texts, command: str, *examples: str) -> str:
    """The help of a command: its sentence, then examples."""
    lines = "\n\n".join(f"  [cyan]lantai {example}[/cyan]" for example in examples)
    return f"{texts.label(f'help_{command}')}\n\n{texts.label('examples')}:\n\n{lines}"
