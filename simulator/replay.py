"""`lantai-sim replay`: real recordings through simulated devices, into our decoders and into a daemon."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from config.messages import Texts
from config.phrase import os_reason, phrase
from simulator.daemon_client import ApiRefused
from simulator.offline import share_of_hours_inside
from simulator.processes import ProcessDied
from simulator.recorded.climate import read_hours, year_of
from simulator.recorded.replay_climate import LIMITS, replay_climate
from simulator.recorded.replay_llrp import replay_bodies, replay_walks
from simulator.status_block import say
from simulator.trouble import BadFile, why


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`speed`: times faster than a walk was; `hour_ms`: how long an hour of the climate lasts."""

    speed: float
    hour_ms: float
    year: int
    texts: Texts


def replay_llrp(path: Path, options: Options) -> int:
    """Recorded bodies or walks, whichever the folder holds. 0: all equal; 1: not; 2: a folder of neither."""
    if (path / "walks.csv").exists():
        with tempfile.TemporaryDirectory(prefix="lantai-") as run:
            walks = asyncio.run(replay_walks(path, Path(run), options.speed))
        return _told(walks, all(walk.equal for walk in walks))
    if not any(path.glob("*.bytes")):
        say(phrase("sim_no_recording", path=str(path)), options.texts)
        return 2
    bodies = asyncio.run(replay_bodies(path))
    return _told(bodies, bool(bodies) and all(body.equals_twin for body in bodies))


def replay_store(path: Path, options: Options) -> int:
    """One year of the store through a sensor. 0 when what the daemon said is what the trace says."""
    hours = read_hours(path)
    limits = {quantity: limit[:2] for quantity, limit in LIMITS.items()}
    share = share_of_hours_inside(((hour.temperature_degc, hour.humidity_pct) for hour in hours), limits)
    say(phrase("sim_hours_inside", hours=len(hours), share=f"{share:.1%}"), options.texts)
    year = year_of(hours, options.year)
    if not year:
        say(phrase("sim_no_hour", year=options.year), options.texts)
        return 2
    with tempfile.TemporaryDirectory(prefix="lantai-") as run:
        result = asyncio.run(replay_climate(year, Path(run), options.hour_ms))
    return _told([result], result.equal)


def run_replay(kind: str, path: Path, options: Options) -> int:
    """Exit code; results on stdout, one JSON object a line."""
    try:
        return replay_llrp(path, options) if kind == "llrp" else replay_store(path, options)
    except (ProcessDied, ApiRefused, ConnectionError) as error:
        say(why(error, options.texts), options.texts)
        return 1
    except BadFile as error:
        say(error.said, options.texts)
        return 2
    except OSError as error:
        say(phrase("seen_file", file=str(error.filename or path), reason=os_reason(error)), options.texts)
        return 2
    except ValueError as error:  # a file of no text, or text where a number should be
        say(phrase("sim_unreadable", path=str(path), detail=str(error)), options.texts)
        return 2


def _told(results: Sequence[msgspec.Struct], is_good: bool) -> int:
    for result in results:
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 0 if is_good else 1
