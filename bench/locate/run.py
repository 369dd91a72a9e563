"""Which segment is each volume in? Our locator beside what others use, and beside what Bayes could do at best.

Worlds: `bench/locate/worlds.py`. After 100 cycles of warm-up 20 % of the volumes are put into another segment at once,
each alike; counted is the share of *those* whose top candidate is their segment after 1, 3 and 10 further cycles, mean
and standard error over seeds. A cycle is 10 s, every antenna searches once in it, in a random order.

ours            given the layout and the catalogue's place of each volume (wrong for the moved ones), no parameters
bayes           all parameters given, and told which volumes were moved when: no rule finds more (bayes.py)
bayes_notified  all parameters given, and told when how many were moved, not which
bayes_untold    all parameters given, not told; expects the true average of changes at any time
last_read, most_reads_*, strongest_mean_*   over the last 1, 3 or 10 cycles, or ever (peers.py)
smurf, smurf_rate                           VLDB 2006; most reads in their windows, or highest rate (smurf.py)
edgex, edgex_garment                        EdgeX mobility rule, default and slow profile (edgex.py)

JSON, all at 30 % strays unless the key says otherwise, shares as fractions. `misses_5` ... `misses_30`, each
`cycles_1`, `cycles_3`, `cycles_10`: ours, reference world; of the same shape `bayes`, `bayes_notified`, `bayes_untold`,
`strays_50`, `hard`, `hard_strays_50` and, by name, `peers`, `hard_peers`, ...; `standard_errors` alike. `at_rest`:
share of *all* volumes in their segment just before the re-placement, which is what an eager rule pays.
`calibration_error` and `wrong_to_stated` over all tags in the ten cycles before and the ten after the re-placement,
reference world; by world and apart in `calibration`. `missing`: rounds until a tag that was taken away is declared
(vanish.py), by miss rate, and false alarms a day over 160,000 tags: in the reference world expected from the silences
at which alarms are raised (the worst miss rate), in the harder one counted. `peers_ahead`: where a peer is ahead of
ours by more than two standard errors of the difference.

Left out: strangers' tags, antennas that stop, months, and volumes that move with a robot.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from bench.locate.bayes import Bound, Notified
from bench.locate.edgex import ASSET_TRACKING, RETAIL_GARMENT, EdgexRule
from bench.locate.ours import Ours
from bench.locate.peers import LastRead, Locator, MostReads, StrongestMean
from bench.locate.report import MISSES, STRAYS, WORLDS, Setting, figures
from bench.locate.score import JUDGED_AFTER, REPLACED, WARM_UP, Followed, follow
from bench.locate.smurf import Smurf
from bench.locate.table import table
from bench.locate.vanish import Vanished, vanish
from bench.locate.worlds import Hardness, Terms, World

SEEDS, TAGS = 4, 2000
QUICK_SEEDS, QUICK_TAGS = 2, 400
VANISH_SEEDS = 2
CHANGE = REPLACED / (WARM_UP + JUDGED_AFTER[-1])  # the true average, a cycle and tag

Map = Callable[..., Iterator[Any]]


def world_of(setting: Setting, seed: int, tags: int) -> World:
    """The world of one run."""
    hardness = Hardness() if setting.world == "hard" else None
    return World(seed, Terms(miss=setting.miss, stray=setting.stray, tags=tags), hardness)


def peers_for(tags: int, segments: int) -> dict[str, Locator]:
    """What ours is held against."""
    return {
        "last_read": LastRead(tags),
        "most_reads_3": MostReads(tags, segments, 3),
        "most_reads_10": MostReads(tags, segments, 10),
        "most_reads_ever": MostReads(tags, segments, 0),
        "strongest_mean_1": StrongestMean(tags, segments, 1),
        "strongest_mean_3": StrongestMean(tags, segments, 3),
        "strongest_mean_10": StrongestMean(tags, segments, 10),
        "strongest_mean_ever": StrongestMean(tags, segments, 0),
        "smurf": Smurf(tags, segments, "reads"),
        "smurf_rate": Smurf(tags, segments, "rate"),
        "edgex": EdgexRule(tags, segments, ASSET_TRACKING),
        "edgex_garment": EdgexRule(tags, segments, RETAIL_GARMENT),
    }


def follow_one(job: tuple[Setting, int, int]) -> Followed:
    """One seed of one setting: everybody on the same reads."""
    setting, seed, tags = job
    world = world_of(setting, seed, tags)
    locators = peers_for(tags, world.terms.segments)
    if setting.world == "hard":
        return follow(world, locators, ours_for(world), ())
    told, untold = (Bound(world.terms, world.segment, world.bias_db, change) for change in (0.0, CHANGE))
    notified = Notified(world.terms, world.segment, world.bias_db, 0.0)
    bounds = {"bayes": told, "bayes_notified": notified, "bayes_untold": untold}
    return follow(world, {**bounds, **locators}, ours_for(world), (told, notified))


def vanish_one(job: tuple[Setting, int, int]) -> Vanished:
    """One seed of one setting."""
    setting, seed, tags = job
    world = world_of(setting, seed, tags)
    return vanish(world, ours_for(world), seed)


def ours_for(world: World) -> Ours:
    """Ours before anything was read; the catalogue is right at first."""
    return Ours(world.segment.copy(), world.terms.segments)


def locate_all(seeds: int, tags: int, jobs: int) -> dict[str, Any]:
    """The whole sweep."""
    began_s = time.monotonic()
    sweep = [Setting(world, stray, miss) for world in WORLDS for stray in STRAYS for miss in MISSES]
    leaving = [setting for setting in sweep if setting.stray == STRAYS[0]]
    few = min(seeds, VANISH_SEEDS)
    with _workers(jobs) as run_all:
        follows = run_all(follow_one, [(setting, seed, tags) for setting in sweep for seed in range(1, seeds + 1)])
        vanishes = run_all(vanish_one, [(setting, seed, tags) for setting in leaving for seed in range(1, few + 1)])
        followed = {setting: [next(follows) for _ in range(seeds)] for setting in sweep}
        vanished = {setting: [next(vanishes) for _ in range(few)] for setting in leaving}
    told = figures(followed, vanished)
    return told | {"seeds": seeds, "tags": tags, "seconds": round(time.monotonic() - began_s, 1)}


@contextmanager
def _workers(jobs: int) -> Iterator[Map]:
    if jobs == 1:
        yield map
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield pool.map


def main() -> None:
    """Print a table, or one JSON object with --json."""
    parser = argparse.ArgumentParser(prog="python -m bench.locate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--tags", type=int, default=TAGS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_SEEDS} seeds of {QUICK_TAGS} tags, for development"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    seeds, tags = (QUICK_SEEDS, QUICK_TAGS) if given.quick else (given.seeds, given.tags)
    told = locate_all(seeds, tags, given.jobs)
    print(table(told), file=sys.stderr if given.json else sys.stdout)
    print(f"\n{seeds} seeds of {tags} tags in {told['seconds']} s", file=sys.stderr if given.json else sys.stdout)
    if given.json:
        print(json.dumps(told))
