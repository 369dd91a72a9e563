"""A simulated month of loans, moves, mistakes and dead antennas, judged against the truth of its world.

The demo vault (or, for any other number of volumes, one made by rule) runs at cycle level, `--rounds` cycles at a time;
behind the inbox everything is the daemon's own code, without journal. Left out: sensors, relays and water.

silent_errors        a wrong belief of 0.99 and more, past the tag's own detection bound after its last change
  _held              of these, believed so without a break for as long as the bound itself; the others passed sooner
  _behind_dead       the same while only a dead or weak antenna keeps the bound from passing; each may be both in turn
longest_silent_rounds  what the longest of them lasted since that change, in rounds of a well antenna
misplacements        volumes that stood in a wrong segment past the bound; _found: a fact named that segment meanwhile
losses               volumes that were out past the bound; _found: they were told as missing meanwhile
never_judged         misplacements and losses that ended, or had a dead antenna, before the bound
false_alarms         misplaced or missing told of a volume that stands where it belongs (or of one that is out)
  _at_faults         of these, where the antenna was dead or weak or had just been mended
misnamed             misplaced or missing told of a volume that is misplaced, but somewhere else
told_right           share of volumes whose last fact is true at the end; no errors are no art where little is told
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.month.happenings import DAY_S, LIKE_VOLUMES, Month
from bench.month.judge import Judge, Verdict
from config.load import load
from config.messages import load_texts
from simulator.demo import DEMO
from simulator.make_vault import make_vault
from simulator.offline import Offline
from simulator.world.rf import Radio
from simulator.world.vault_world import Chance

SAY_EVERY_S = 10.0
RADIO = Radio(extra_reads=0.0)  # counts of a batch are then the rounds in which a tag was read


def run(volumes: int, days: float, rounds: int, seed: int) -> tuple[Verdict, Judge, dict[str, float]]:
    """The whole month."""
    judge = Judge(RADIO.misses)
    with tempfile.TemporaryDirectory(prefix="lantai-") as folder:
        config, catalogue = DEMO, DEMO.with_name("demo-volumes.csv")
        if volumes != LIKE_VOLUMES:
            made = make_vault(volumes, Path(folder), load_texts("en"))
            config, catalogue = Path(made.config), Path(made.catalogue)
        loaded = load(config)
        vault = msgspec.structs.replace(loaded.vault, buses=(), sensors=(), boards=(), actuators=())
        chance = Chance(displaced=0.0, act_every_s=0.0)
        offline = Offline(
            vault, loaded.profiles, catalogue, seed, radio=RADIO, chance=chance, hear=judge.hear, rounds=rounds
        )
    judge.begin(offline.state, offline.world)
    month = Month(offline.world, days, seed)
    begun_s = said_s = time.monotonic()
    happened = 0
    now_s, batch_s = 0.0, offline.tick_ns / 1e9
    while now_s < days * DAY_S:
        offline.run(batch_s)
        now_s += batch_s
        judge.look()
        for one in month.due(now_s):
            happened += 1
            judge.change(one)
            if one.tag < 0:
                offline.world.weaken(one.segment, one.hearing)
            else:
                offline.world.move(offline.world.volumes.ids[one.tag], offline.world.segment_name(one.segment))
        if time.monotonic() - said_s > SAY_EVERY_S:
            said_s = time.monotonic()
            print(
                f"day {now_s / DAY_S:.1f} after {said_s - begun_s:.0f} s: {judge.verdict}", file=sys.stderr, flush=True
            )
    judge.end()
    ran = {"happenings": happened, "reads": offline.world.reads, "facts": offline.facts}
    return judge.verdict, judge, ran | {"seconds": round(time.monotonic() - begun_s, 1)}


def main() -> None:
    """Run it and print it."""
    told = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m bench.month", description=told)
    parser.add_argument("--volumes", type=int, default=LIKE_VOLUMES)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=60, help="cycles told at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    verdict, judge, ran = run(asked.volumes, asked.days, asked.rounds, asked.seed)
    figures = {"volumes": asked.volumes, "days": asked.days, "rounds": asked.rounds, "seed": asked.seed}
    found = figures | msgspec.structs.asdict(verdict) | ran
    if asked.json:
        print(json.dumps(found | {"cases": [case._asdict() for case in judge.cases]}, ensure_ascii=False))
        return
    for name, value in found.items():
        print(f"{name:27} {value:>16,}")
    for case in judge.cases:
        print(f"\n{case.kind}, day {case.day}: {case.volume}: {case.happened}\n    believed: {case.believed}")


if __name__ == "__main__":
    main()
