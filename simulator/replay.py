"""`lantai-sim replay`: real recordings through simulated devices, into our decoders and into a daemon."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from simulator.daemon_client import ApiRefused
from simulator.offline import share_of_hours_inside
from simulator.processes import ProcessDied
from simulator.recorded.climate import read_hours, year_of
from simulator.recorded.replay_climate import LIMITS, replay_climate
from simulator.recorded.replay_llrp import replay_bodies, replay_walks
from simulator.status_block import say


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`speed`: times faster than a walk was; `hour_ms`: how long an hour of the climate lasts."""

    speed: float
    hour_ms: float
    year: int


def replay_llrp(path: Path, options: Options) -> int:
    """Recorded bodies or walks, whichever the folder holds. 0: all equal; 1: not; 2: a folder of neither."""
    if (path / "walks.csv").exists():
        with tempfile.TemporaryDirectory(prefix="lantai-") as run:
            walks = asyncio.run(replay_walks(path, Path(run), options.speed))
        return _told(walks, all(walk.equal for walk in walks))
    if not any(path.glob("*.bytes")):
        say(f"{path} holds neither walks.csv nor *.bytes; give the folder of one recording")
        return 2
    bodies = asyncio.run(replay_bodies(path))
    return _told(bodies, bool(bodies) and all(body.equals_twin for body in bodies))


def replay_store(path: Path, options: Options) -> int:
    """One year of the store through a sensor. 0 when what the daemon said is what the trace says."""
    hours = read_hours(path)
    limits = {quantity: limit[:2] for quantity, limit in LIMITS.items()}
    share = share_of_hours_inside(((hour.temperature_degc, hour.humidity_pct) for hour in hours), limits)
    say(f"{len(hours)} hours through the step offline, {share:.1%} inside both limits")
    year = year_of(hours, options.year)
    if not year:
        say(f"the trace has no hour of {options.year}")
        return 2
    with tempfile.TemporaryDirectory(prefix="lantai-") as run:
        result = asyncio.run(replay_climate(year, Path(run), options.hour_ms))
    return _told([result], result.equal)


def run_replay(kind: str, path: Path, options: Options) -> int:
    """Exit code; results on stdout, one JSON object a line."""
    try:
        return replay_llrp(path, options) if kind == "llrp" else replay_store(path, options)
    except (ProcessDied, ApiRefused, ConnectionError) as error:
        say(str(error))
        return 1
    except (OSError, ValueError) as error:
        say(str(error))
        return 2


def _told(results: Sequence[msgspec.Struct], is_good: bool) -> int:
    for result in results:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 0 if is_good else 1
