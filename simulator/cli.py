"""`lantai-sim`: the virtual vault and what can be done with it."""

import os
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from typer.exceptions import Abort, Exit, TyperException
from typer.main import get_command

from config.help_page import in_words
from config.load import load
from config.messages import LANGUAGES, PhrasedError, Texts, language_of, load_texts, named_language
from config.phrase import Phrase, os_reason, phrase
from config.problem import ConfigError
from simulator.catalogue import chosen_catalogue
from simulator.demo import DEMO, Options, run_demo
from simulator.make_vault import MOST_VOLUMES
from simulator.make_vault import make_vault as write_vault
from simulator.replay import Options as Replaying
from simulator.replay import run_replay
from simulator.status_block import say, shown
from simulator.steer import steer as steered
from simulator.world.cycle import MOST_ROUNDS
from simulator.world.rf import Radio
from simulator.world.vault_world import Chance

BAD_INPUT = 2
CITY_VOLUMES = 160_000
INTERRUPTED = 130  # 128 + SIGINT


class Kind(StrEnum):
    """What can be replayed."""

    LLRP = "llrp"
    CLIMATE = "climate"


def app(texts: Texts) -> typer.Typer:
    """The commands, with their help in this language."""
    told = texts.told

    def described(what: Phrase, *examples: str) -> str:
        lines = "\n\n".join(f"  [cyan]lantai-sim {example}[/cyan]" for example in examples)
        return f"{told(what)}\n\n{texts.label('examples')}:\n\n{lines}"

    made = typer.Typer(
        add_completion=False,
        help=described(phrase("sim_help"), "demo", "offline --for 600"),
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    lang_option = typer.Option(help=texts.label("help_lang"), metavar="|".join(LANGUAGES))
    volumes_option = typer.Option(help=told(phrase("sim_help_volumes")))
    json_option = typer.Option("--json", help=told(phrase("sim_help_json")))
    json_lines_option = typer.Option("--json", help=told(phrase("sim_help_json_lines")))
    seed_option = typer.Option(min=0, help=told(phrase("sim_help_seed")))

    @made.callback()
    def common(lang: Annotated[str, lang_option] = "") -> None:
        del lang  # taken from the words before anything is parsed

    @made.command(help=described(phrase("sim_help_demo"), "demo", "demo --for 60 --json", "demo --config vault.yaml"))
    def demo(
        config: Annotated[Path, typer.Option(help=told(phrase("sim_help_config")))] = DEMO,
        volumes: Annotated[Path | None, volumes_option] = None,
        for_s: Annotated[float | None, typer.Option("--for", min=1, help=told(phrase("sim_help_for")))] = None,
        *,
        as_json: Annotated[bool, json_option] = False,
        seed: Annotated[int, seed_option] = 1,
        state: Annotated[Path | None, typer.Option(help=told(phrase("sim_help_state")))] = None,
        lang: Annotated[str, lang_option] = "",
    ) -> int:
        del lang
        return run_demo(
            Options(site=config, volumes=volumes, for_s=for_s, as_json=as_json, seed=seed, state=state, texts=texts)
        )

    @made.command(
        help=described(
            phrase("sim_help_offline"),
            "offline",
            "offline --for 3600 --seed 7 --json",
            "offline --for 86400 --rounds 60",
        )
    )
    def offline(
        config: Annotated[Path, typer.Option(help=told(phrase("sim_help_config")))] = DEMO,
        volumes: Annotated[Path | None, volumes_option] = None,
        for_s: Annotated[float, typer.Option("--for", min=1, help=told(phrase("sim_help_for_offline")))] = 600.0,
        *,
        as_json: Annotated[bool, json_option] = False,
        seed: Annotated[int, seed_option] = 1,
        rounds: Annotated[int, typer.Option(min=0, max=MOST_ROUNDS, help=told(phrase("sim_help_rounds")))] = 0,
        lang: Annotated[str, lang_option] = "",
    ) -> None:
        del lang
        from simulator.offline import Offline  # noqa: PLC0415  loads the whole step, which the demo does without

        loaded = load(config)
        with tempfile.TemporaryDirectory(prefix="lantai-") as run:
            catalogue = chosen_catalogue(config, volumes, loaded.vault, Path(run), texts)
            vault = Offline(
                loaded.vault,
                loaded.profiles,
                catalogue,
                seed,
                radio=Radio(),
                chance=Chance(),
                hear=lambda _event, _facts: None,
                rounds=rounds,
            )
            result = vault.result(for_s, vault.run(for_s))
        print(shown(result, texts, as_json=as_json))

    @made.command(
        help=described(
            phrase("sim_help_steer"),
            """steer RUN '{"op": "fault", "device": "reader-4", "kind": "silence"}'""",
            """steer RUN '{"op": "leak", "zone": "z1", "on": true}'""",
        )
    )
    def steer(
        run: Annotated[Path, typer.Argument(help=told(phrase("sim_help_run")))],
        request: Annotated[str, typer.Argument(help=told(phrase("sim_help_request")))],
        *,
        lang: Annotated[str, lang_option] = "",
    ) -> None:
        del lang
        print(msgspec.json.encode(steered(run, request)).decode())

    @made.command(
        "make-vault",
        help=described(phrase("sim_help_make_vault"), "make-vault", "make-vault --volumes 160000 --out city --json"),
    )
    def make_vault(
        volumes: Annotated[
            int, typer.Option(min=1, max=MOST_VOLUMES, help=told(phrase("sim_help_how_many")))
        ] = CITY_VOLUMES,
        out: Annotated[Path | None, typer.Option(help=told(phrase("sim_help_out")))] = None,
        *,
        as_json: Annotated[bool, json_option] = False,
        lang: Annotated[str, lang_option] = "",
    ) -> None:
        del lang
        print(shown(write_vault(volumes, out or Path(f"vault-{volumes}"), texts), texts, as_json=as_json))

    @made.command(
        help=described(
            phrase("sim_help_replay"),
            "replay walks/ --kind llrp --speed 80",
            "replay climate.csv.gz --kind climate --year 2018 --json",
        )
    )
    def replay(
        path: Annotated[Path, typer.Argument(help=told(phrase("sim_help_path")))],
        kind: Annotated[Kind, typer.Option(help=told(phrase("sim_help_kind")))],
        speed: Annotated[float, typer.Option(min=1, help=told(phrase("sim_help_speed")))] = 40.0,
        hour_ms: Annotated[float, typer.Option(min=1, help=told(phrase("sim_help_hour_ms")))] = 5.0,
        year: Annotated[int, typer.Option(help=told(phrase("sim_help_year")))] = 2018,
        *,
        as_json: Annotated[bool, json_lines_option] = False,
        lang: Annotated[str, lang_option] = "",
    ) -> int:
        del lang
        return run_replay(
            kind.value, path, Replaying(speed=speed, hour_ms=hour_ms, year=year, as_json=as_json, texts=texts)
        )

    return made


def main() -> int:
    """The console script. Returns the exit code; nothing a person gives wrong ends in a traceback."""
    arguments = sys.argv[1:]
    texts = load_texts(language_of(named_language(arguments), os.environ))
    try:
        command = get_command(app(texts))
        in_words(command, texts)
        result = command(args=arguments or ["--help"], prog_name="lantai-sim", standalone_mode=False)
    except Exit as leaving:
        return leaving.exit_code
    except ConfigError as error:
        say(error.told(texts), texts)
        return BAD_INPUT
    except PhrasedError as error:
        say(error.said, texts)
        return BAD_INPUT
    except TyperException as misuse:
        say(phrase("sim_misuse", seen=misuse.format_message()), texts)
        return BAD_INPUT
    except (KeyboardInterrupt, Abort):
        return INTERRUPTED
    except OSError as error:  # a file that is not there; every other one is caught where it belongs
        if error.filename is None:
            raise
        say(phrase("seen_file", file=str(error.filename), reason=os_reason(error)), texts)
        return BAD_INPUT
    return result if isinstance(result, int) else 0
