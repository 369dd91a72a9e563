"""The help of a command in the person's language, none of it cut: what typer prints knows English headings alone, and
cuts a Chinese sentence, which has no blanks, where the line ends."""

import inspect
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from config.messages import Texts

Row = tuple[str, str, str]


def in_words(command: Any, texts: Texts) -> None:
    """Let a command, as typer makes it, and all within it print their help so."""
    command.options_metavar = texts.label("help_some_options")
    command.format_help = lambda ctx, _formatter: _print(command, ctx, texts)
    if hasattr(command, "commands"):
        command.subcommand_metavar = texts.label("help_some_command")
    for inner in getattr(command, "commands", {}).values():
        in_words(inner, texts)


def _print(command: Any, ctx: Any, texts: Texts) -> None:
    console, label = Console(highlight=False), texts.label
    usage = " ".join((ctx.command_path, *command.collect_usage_pieces(ctx)))
    console.print(Padding(Text(f"{label('help_usage')}: {usage}", style="bold"), 1))
    if command.help:
        console.print(Padding(Text.from_markup(inspect.cleandoc(command.help)), (0, 1, 1, 1)))
    shown = [param for param in command.get_params(ctx) if not param.hidden]
    named = [param for param in shown if param.param_type_name == "option"]
    placed = [param for param in shown if param.param_type_name == "argument"]
    _panel(console, label("help_arguments"), [_row(param, ctx, texts) for param in placed])
    _panel(console, label("help_options"), [_row(param, ctx, texts) for param in named])
    inner = getattr(command, "commands", {}).items()
    told = ((name, one.short_help or one.help or "") for name, one in inner if not one.hidden)
    _panel(console, label("help_commands"), [(name, "", said.partition("\n\n")[0]) for name, said in told])


def _row(param: Any, ctx: Any, texts: Texts) -> Row:
    """What it is called, what it takes, what it means."""
    label, is_option = texts.label, param.param_type_name == "option"
    said = [param.help or ""]
    takes = param.display_type_rich(ctx=ctx) or ""
    if is_option and param.name == "help":
        said = [label("help_help")]
    info = param.type_descriptor.parameter_info
    least, most = getattr(info, "min", None), getattr(info, "max", None)
    if least is not None:
        said.append(label("help_at_least" if most is None else "help_between", least=least, most=most))
    if param.envvar:
        said.append(label("help_envvar", name=param.envvar))
    default = param.get_default(ctx, call=False)
    if default not in (None, "", False):
        said.append(label("help_default", value=getattr(default, "value", default)))
    if param.required:
        said.append(label("help_required"))
    return ", ".join(sorted(param.opts, key=len, reverse=True)), takes, " ".join(part for part in said if part)


def _panel(console: Console, title: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(style="bold cyan", no_wrap=True)
    if any(takes for _, takes, _ in rows):
        table.add_column(style="yellow", overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    for name, takes, said in rows:
        cells = (name, takes, said) if len(table.columns) > 2 else (name, said)
        table.add_row(*map(Text, cells))
    console.print(Panel(table, title=title, title_align="left", border_style="dim"))
