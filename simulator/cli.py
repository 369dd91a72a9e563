"""`lantai-sim`: the virtual vault and what can be done with it."""

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from config.load import load
from config.problem import ConfigError
from simulator.catalogue import chosen_catalogue
from simulator.demo import DEMO, Options, run_demo
from simulator.replay import Options as Replaying
from simulator.replay import run_replay
from simulator.status_block import say, shown
from simulator.world.rf import Radio
from simulator.world.vault_world import Chance

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
def offline(
    config: Annotated[Path, typer.Option(help="Configuration of the vault.")] = DEMO,
    volumes: Annotated[Path | None, typer.Option(help="Catalogue CSV; default: NAME-volumes.csv beside it.")] = None,
    for_s: Annotated[float, typer.Option("--for", min=1, help="Seconds of vault time.")] = 600.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object as the last thing on stdout.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of all chance in the world.")] = 1,
) -> None:
    """Run the daemon's own step on a manual clock, as fast as it goes: no wire, no real time."""
    from simulator.offline import Offline  # noqa: PLC0415  loads the whole step, which the demo does without

    loaded = load(config)
    with tempfile.TemporaryDirectory(prefix="lantai-") as run:
        catalogue = chosen_catalogue(config, volumes, loaded.vault, Path(run))
        vault = Offline(
            loaded.vault,
            loaded.profiles,
            catalogue,
            seed,
            radio=Radio(),
            chance=Chance(),
            hear=lambda _event, _facts: None,
        )
        result = vault.result(for_s, vault.run(for_s))
    print(shown(result, as_json=as_json))


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
    """The console script; a configuration with mistakes ends it with 2 and all of them on stderr."""
    try:
        app()
    except ConfigError as error:
        say(str(error))
        raise SystemExit(2) from None
