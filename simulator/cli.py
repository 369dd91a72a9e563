"""`lantai-sim`: the virtual vault and what can be done with it."""

from pathlib import Path
from typing import Annotated

import typer

from simulator.demo import DEMO, Options, run_demo

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The virtual vault of Lantai.")


@app.callback()
def _lantai_sim() -> None:
    """The virtual vault of Lantai."""


@app.command()
def demo(
    config: Annotated[Path, typer.Option(help="Configuration of the vault to bring up.")] = DEMO,
    volumes: Annotated[Path | None, typer.Option(help="Catalogue CSV; default: NAME-volumes.csv beside it.")] = None,
    for_s: Annotated[float | None, typer.Option("--for", min=1, help="Seconds to run; default: until Ctrl-C.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object as the last thing on stdout.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of all chance in the world.")] = 1,
    state: Annotated[Path | None, typer.Option(help="Run directory to use and keep; default: a temporary one.")] = None,
) -> None:
    """Bring a vault to life: world, devices, broker, platform and daemon, shown live."""
    options = Options(site=config, volumes=volumes, for_s=for_s, as_json=as_json, seed=seed, state=state)
    raise typer.Exit(run_demo(options))


def main() -> None:
    """The console script."""
    app()
