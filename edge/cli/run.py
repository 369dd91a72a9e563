"""`lantai run`: read the configuration, set up the log, run the daemon. Nothing here loads typer or rich."""

import gc
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from config.load import Loaded, load
from config.messages import Texts, Unusable, is_language, language_of, load_texts
from config.phrase import Said, os_reason, phrase
from config.problem import ConfigError
from config.secrets import SecretError
from edge.cli.run_logging import LEVELS, set_up
from edge.cli.trouble import BAD_INPUT

if TYPE_CHECKING:
    from edge.daemon.run import Daemon
    from edge.metrics import Figures

DEFAULT_STATE = "/var/lib/lantai"
_OPTIONS = {"--state": "state", "--metrics": "metrics", "--log-level": "log_level", "--lang": "language"}


class RunArguments(msgspec.Struct, frozen=True):
    """`metrics` is HOST:PORT on loopback, '' for none; `language` as asked for, '' for the environment's."""

    config: Path
    state: Path
    metrics: str = ""
    log_level: str = "info"
    language: str = ""


def run_if_plain(arguments: list[str]) -> int | None:
    """Run the daemon and return its exit code; None where the arguments ask for help or are not understood."""
    plain = parsed(arguments)
    return run(plain) if plain else None


def parsed(arguments: list[str]) -> RunArguments | None:
    """`CONFIG [--state DIR] [--metrics HOST:PORT] [--log-level LEVEL] [--lang LANGUAGE]`, None for anything else."""
    values: dict[str, str] = {}
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        name, is_joined, value = word.partition("=")
        if name in _OPTIONS:
            if not is_joined:
                if not waiting:
                    return None
                value = waiting.pop(0)
            values[_OPTIONS[name]] = value
        elif word.startswith("-") or "config" in values:
            return None
        else:
            values["config"] = word
    if "config" not in values or values.get("log_level", "info") not in LEVELS:
        return None
    if not is_language(values.get("language", "")):
        return None
    state = values.get("state") or os.environ.get("LANTAI_STATE") or DEFAULT_STATE
    return RunArguments(
        config=Path(values["config"]),
        state=Path(state),
        metrics=values.get("metrics", ""),
        log_level=values.get("log_level", "info"),
        language=values.get("language", ""),
    )


def run(arguments: RunArguments) -> int:
    """Until the daemon is stopped: 0; 2 for a configuration or store it cannot use; 70 after a bug."""
    try:
        loaded = load(arguments.config)
    except ConfigError as error:
        texts = _texts(arguments)
        sys.stderr.write(error.told(texts) + "\n")
        sys.stderr.write(texts.label("run_config_unusable", count=len(error.problems), file=arguments.config) + "\n")
        return BAD_INPUT
    set_up(loaded.vault.timezone, arguments.log_level)
    import asyncio  # noqa: PLC0415  the tool asks this module for its options only

    from edge.store.errors import StoreError  # noqa: PLC0415

    try:
        return asyncio.run(_run(loaded, arguments))
    except StoreError as error:
        return _refused(arguments, error.code, error.said)
    except SecretError as error:
        return _refused(arguments, "secret_unreadable", error.said)
    except Unusable as error:
        return _refused(arguments, "run_refused", error.said)
    except ValueError as error:  # a state directory that cannot be
        return _refused(arguments, "run_refused", str(error))
    except OSError as error:
        seen = phrase("seen_file", file=str(error.filename or arguments.state), reason=os_reason(error))
        return _refused(arguments, "run_refused", seen)


async def _run(loaded: Loaded, arguments: RunArguments) -> int:
    from edge.daemon.run import Daemon  # noqa: PLC0415

    def made() -> Daemon:
        daemon = Daemon(loaded, arguments.state, wall_ns=time.time_ns, monotonic_ns=time.monotonic_ns)
        # what was recovered stays: to look it all through for garbage holds the loop up for 20 ms at 160,000 volumes
        gc.freeze()
        return daemon

    if not arguments.metrics:
        return await made().run()
    from edge.metrics import MetricsPage, address_of  # noqa: PLC0415  a tenth of the start-up budget, for those who ask

    host, port = address_of(arguments.metrics)
    daemon = made()
    page = MetricsPage(lambda: figures(daemon))
    try:
        await page.start(host, port)
    except OSError as error:
        raise Unusable(phrase("metrics_refused", address=arguments.metrics, reason=os_reason(error))) from None
    try:
        return await daemon.run()
    finally:
        await page.close()


def figures(daemon: "Daemon") -> "Figures":
    """What the daemon counts, as Prometheus wants it: whole numbers only grow, the others come and go."""
    from edge.metrics import Figures  # noqa: PLC0415

    measured = daemon.house.measured()
    standing = daemon.house.store_standing()
    return Figures(
        counters={name: value for name, value in measured.items() if isinstance(value, int)},
        gauges={name: value for name, value in measured.items() if isinstance(value, float)}
        | {"backlog_facts": float(standing.backlog)},
        committed={str(lane): seq for lane, seq in standing.committed.items()},
        acked={str(lane): seq for lane, seq in standing.acked.items()},
        devices={device: known.is_ok for device, known in daemon.house.state.devices.items()},
    )


def _refused(arguments: RunArguments, code: str, said: Said) -> int:
    texts = _texts(arguments)
    seen = texts.told(said)
    text = texts.code(code, {"seen": seen})
    sys.stderr.write(f"lantai: {text.title}: {seen}\n{text.next_step}\n")
    return BAD_INPUT


def _texts(arguments: RunArguments) -> Texts:
    return load_texts(language_of(arguments.language, os.environ))
