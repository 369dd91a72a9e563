"""`lantai-sim replay`: real recordings through simulated devices, into our decoders and into a daemon."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from config.messages import Texts
from config.phrase import Phrase, os_reason, phrase
from simulator.daemon_client import ApiRefused
from simulator.offline import share_of_hours_inside
from simulator.processes import ProcessDied
from simulator.recorded.climate import read_hours, year_of
from simulator.recorded.replay_climate import LIMITS, ClimateResult, replay_climate
from simulator.recorded.replay_llrp import WalkResult, replay_bodies, replay_walks
from simulator.status_block import say
from simulator.trouble import BadFile, why


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`speed`: times faster than a walk was; `hour_ms`: how long an hour of the climate lasts."""

    speed: float
    hour_ms: float
    year: int
    as_json: bool
    texts: Texts


def replay_llrp(path: Path, options: Options) -> int:
    """Recorded bodies or walks, whichever the folder holds. 0: all equal; 1: not; 2: a folder of neither."""
    if (path / "walks.csv").exists():
        with tempfile.TemporaryDirectory(prefix="lantai-") as run:
            walks = asyncio.run(replay_walks(path, Path(run), options.speed))
        return _told(walks, [walk.equal for walk in walks], [_walk(walk) for walk in walks], options)
    if not any(path.glob("*.bytes")):
        say(phrase("sim_no_recording", path=str(path)), options.texts)
        return 2
    bodies = asyncio.run(replay_bodies(path))
    differing = [
        phrase("sim_replayed_body_differs", name=body.name, detail=body.error)
        for body in bodies
        if not body.equals_twin
    ]
    return _told(bodies, [body.equals_twin for body in bodies], differing, options)


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
    return _told([result], [result.equal], [_climate(result)], options)


def run_replay(kind: str, path: Path, options: Options) -> int:
    """Exit code; results on stdout: what was held against what, and how many are equal; or one JSON object a line."""
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


def _told(results: Sequence[msgspec.Struct], equal: Sequence[bool], details: Sequence[Phrase], options: Options) -> int:
    if options.as_json:
        lines = [msgspec.json.encode(result).decode() for result in results]
    else:
        total = phrase("sim_replayed", equal=sum(equal), all=len(equal))
        lines = [options.texts.told(line) for line in (*details, total)]
    print("\n".join(lines), flush=True)
    return 0 if equal and all(equal) else 1


def _walk(walk: WalkResult) -> Phrase:
    seen = phrase("sim_replayed_walk", walk=walk.walk, reads=walk.reads, unread=walk.unread, named=walk.named_missing)
    if walk.equal:
        return seen
    extra, lacking = ", ".join(walk.extra) or "-", ", ".join(walk.lacking) or "-"
    return phrase("sim_replayed_walk_differs", seen=seen, extra=extra, lacking=lacking)


def _climate(result: ClimateResult) -> Phrase:
    return phrase(
        "sim_replayed_climate",
        hours=result.hours,
        crossed=result.crossed,
        restored=result.restored,
        crossed_expected=result.crossed_expected,
        restored_expected=result.restored_expected,
    )
