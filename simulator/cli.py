"""`lantai-sim`: the virtual vault and what can be done with it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from simulator.demo import DEMO, Options, run_demo
from simulator.replay import Options as Replaying
from simulator.replay import run_replay

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The virtual vault of Lantai.")


class Kind(StrEnum):
    """What can be replayed."""

    LLRP = "llrp"
    CLIMATE = "climate"


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


@app.command()
def replay(
    path: Annotated[Path, typer.Argument(help="llrp: folder of bodies or of walks; climate: CSV or CSV.gz.")],
    kind: Annotated[Kind, typer.Option(help="What was recorded.")],
    speed: Annotated[float, typer.Option(min=1, help="Times faster than the walk was.")] = 40.0,
    hour_ms: Annotated[float, typer.Option(min=1, help="How long an hour of the climate lasts.")] = 5.0,
    year: Annotated[int, typer.Option(help="Year of the climate.")] = 2018,
) -> None:
    """Play a real recording through simulated devices and hold what comes out against it."""
    raise typer.Exit(run_replay(kind.value, path, Replaying(speed=speed, hour_ms=hour_ms, year=year)))


def main() -> None:
    """The console script."""
    app()
