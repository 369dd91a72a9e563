"""kill -9 of daemon, broker and platform at random moments under load: what is lost, told twice, left out.

What runs, each a process of its own: mosquitto (amqtt where it is absent; memory only, or with --persistent-broker its
database on disk), the reference platform (SQLite, synchronous=FULL, acknowledges after its commit), the site
(simulated readers on LLRP over TCP, sensors and a relay board on Modbus TCP and RTU), the daemon (`lantai run`). The
vault is small and quick (bench/crashes/vault.py): 1,920 volumes, a round of every antenna in 0.3 s; the radio misses
10 % of reads and strays 10 %, so that what is lost is lost by a crash and not by physics.

Load: about three acts of people a second (taken out, brought back, put elsewhere); in each zone pipes that burst, are
repaired, and an operator who asks over the local API until the valve is open again; air that runs hot and back;
sensors that fall silent and a line that is pulled; a signed `snapshot.request` every few seconds.

Kills: one each 5 s on the average, at moments drawn uniformly over the run, 60 % of the daemon, 20 % each of broker and
platform; so some fall within starts and commits. Two in five of the daemon's are aimed: most within 0.05 s after an
operator asks to open a valve over a dry floor (a command between its intent and its outcome), some within 0.6 s after a
pipe bursts (a safe-side command whose intent is not yet committed), some within 0.1 s of its first snapshot. What was
killed is started again at once.

lost          changes of the world's truth journal that stood for 5 s or longer within one life of the daemon, counted
              from when that life was up (first poll sent and local API answering), and that no fact of the platform
              tells: at no moment from the change until 3 s after it was undone did the fold of the platform's facts
              say so. 5 s are 16 rounds of every antenna, where `missing` takes 10. Changes: volumes, wet and dry
              floors, valves, limits, lost and returned devices, the alarms that go with them. Also counted: whatever
              the platform's fold says otherwise than the truth at the end (every volume's place among it), and an
              operator's request that was answered `accepted` without its audit fact and intent.
duplicates    one physical change under two ids: a fact that repeats the state its subject was in, or that tells a stay
              of the world which an earlier fact told already (missing, found, missing of one absence); two ends of one
              command, two intents of one request, two facts of one start or platform command, one id twice.
gaps          sequences of a lane without a row at the platform, chain values that do not follow, rows that only one
              side has, a second epoch, vault time that went backwards over a restart.
mirror_equal  every snapshot the platform held its mirror against during the run was equal, and so is one asked for
              after the last restart when everything was drained.
restart_p99_s from just before exec of the daemon to its first request to a device and its first answer on the local
              API, whichever came later; over all starts that were not killed before. Both parts are printed too.
blind_double_writes
              writes to the relay board that open a valve, beyond one for each committed intent to open it (a write
              belongs to the newest intent before it), and writes before any. Closing writes may repeat.
commands_cut  intents that a kill left open and the next start ended by what it read (`_done`: found done).
false_alarms  alarms `actuator_moved_unasked`: in this run nobody moves a valve by hand.
untrue        facts that name a state their subject was not in: the locator's errors (reported, not a crash's doing).

Not in it: power cuts (the page cache survives a kill -9), a full disk, a clock that jumps, two daemons, rewinds,
readers that fail (volumes unseen are not lost), and kills of `lantai import`.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bench.crashes.ledger import FOREVER_S, LATE_S
from bench.crashes.load import Load, Moment
from bench.crashes.records import read_journal, read_platform, read_truth
from bench.crashes.stage import TARGETS, Stage, Target
from bench.crashes.verdict import SEEN_S, Findings, judge
from edge.daemon.tasks import FIRST_SNAPSHOT_S

WEIGHTS = (6, 2, 2)  # daemon, broker, platform
Aim = Moment | Literal["snapshot"]
AIMED = 0.4  # share of the daemon's kills
AIMED_AT: dict[Aim, tuple[int, float]] = {"open": (3, 0.05), "leak": (1, 0.6), "snapshot": (1, 0.1)}
"""What is aimed at -> how often, within how many seconds. Intent to outcome takes 0.03 s, burst to alarm up to 0.4."""
AIM_WITHIN_S = 20.0
DRAIN_WITHIN_S = 60.0
SHOWN = 12


class Pace(NamedTuple):
    """`settle_s`: load off, before anything is compared: a breaker's probe, ten rounds, a limit's delay. A change that
    stood for `seen_s` must be told, up to `late_s` after its end: more where the machine has other things to do."""

    warm_up_s: float = 8.0
    mean_gap_s: float = 5.0
    settle_s: float = 12.0
    seen_s: float = SEEN_S
    late_s: float = LATE_S


class Kill(NamedTuple):
    """At `at_s` of the run; an aimed one waits for the next such moment and then `after_s`."""

    at_s: float
    target: Target
    aim: Aim | None
    after_s: float


def plan(kills: int, mean_gap_s: float, rng: random.Random) -> list[Kill]:
    """When and whom: uniform over kills x mean gap."""
    planned = []
    for at_s in sorted(rng.uniform(0, kills * mean_gap_s) for _ in range(kills)):
        (target,) = rng.choices(TARGETS, WEIGHTS)
        is_aimed = target == "daemon" and rng.random() < AIMED
        (aim,) = rng.choices(list(AIMED_AT), [weight for weight, _ in AIMED_AT.values()])
        after_s = rng.uniform(0, AIMED_AT[aim][1])
        planned.append(Kill(at_s, target, aim, after_s) if is_aimed else Kill(at_s, target, None, 0.0))
    return planned


async def crash(run: Path, kills: int, seed: int, pace: Pace, *, is_broker_persistent: bool) -> dict[str, Any]:
    """One run in a directory that exists; its figures. Everything is stopped when this returns."""
    began_s = time.monotonic()
    async with Stage(run, seed, is_broker_persistent=is_broker_persistent) as stage:
        load = Load(stage, seed)
        load.start()
        try:
            await asyncio.sleep(pace.warm_up_s)
            await _kill_all(stage, load, plan(kills, pace.mean_gap_s, random.Random(seed)))
        finally:
            await load.stop()
        _say("load stops; everything settles")
        await load.calm()
        await stage.up()
        await asyncio.sleep(pace.settle_s)
        await _drain(stage)
        drained_s = time.time()
        is_equal = await _compare(stage, load)
        stage.check()
    truth = read_truth(stage.truth, stage.volumes)
    held = read_platform(stage.database)
    found = judge(
        truth, held, read_journal(stage.journal, drained_s), stage.lives(), load.requests, pace.seen_s, pace.late_s
    )
    _explain(found, load)
    took = [start.took_s() for start in stage.starts]
    measured = sorted(took_s for took_s in took if took_s is not None)
    return {
        "kills": sum(stage.kills.values()),
        "lost": len(found.lost),
        "duplicates": len(found.duplicates),
        "gaps": len(found.gaps),
        "mirror_equal": is_equal and all(one.is_equal for one in load.compared),
        "restart_p99_s": _p99(measured),
        "first_poll_p99_s": _p99(sorted(start.poll_s for start in stage.starts if start.poll_s is not None)),
        "api_p99_s": _p99(sorted(start.api_s for start in stage.starts if start.api_s is not None)),
        "restarts": len(stage.starts) - 1,
        "starts_cut": took.count(None),
        "longest_cut_s": round(max((s.lived_s for s in stage.starts if s.took_s() is None), default=0.0), 3),
        "kills_by_target": stage.kills,
        "facts": len(held.facts),
        "changes": truth.changes,
        "changes_judged": found.judged,
        "snapshots_compared": len(load.compared),
        "valves_opened": sum(map(len, truth.opened_s.values())),
        "commands_cut": found.cut_commands,
        "commands_cut_done": found.found_done,
        "blind_double_writes": len(found.blind),
        "false_alarms": len(found.false_alarms),
        "untrue": len(found.untrue),
        "seconds": round(time.monotonic() - began_s, 1),
    }


def is_good(figures: dict[str, Any]) -> bool:
    """Whether a run shows what it must show."""
    zeros = ("lost", "duplicates", "gaps", "blind_double_writes", "false_alarms")
    return all(figures[key] == 0 for key in zeros) and figures["mirror_equal"] and figures["restart_p99_s"] <= 3


async def _kill_all(stage: Stage, load: Load, planned: Sequence[Kill]) -> None:
    began_s = time.monotonic()
    tasks = [asyncio.ensure_future(_kill_one(stage, load, kill, began_s)) for kill in planned]
    try:
        for count, done in enumerate(asyncio.as_completed(tasks), 1):
            await done
            load.check()
            if count % 10 == 0 or count == len(planned):
                _say(f"{count} of {len(planned)} kills in {time.monotonic() - began_s:.0f} s")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kill_one(stage: Stage, load: Load, kill: Kill, began_s: float) -> None:
    await asyncio.sleep(max(0.0, began_s + kill.at_s - time.monotonic()))
    if kill.aim == "snapshot":
        await stage.daemon_is_old(FIRST_SNAPSHOT_S, AIM_WITHIN_S)
    elif kill.aim is not None:
        await load.next(kill.aim, AIM_WITHIN_S)
    await asyncio.sleep(kill.after_s)
    await stage.kill(kill.target)


async def _drain(stage: Stage) -> None:
    """Until the platform has acknowledged all that was committed when this began. Raises TimeoutError."""
    until_s = time.monotonic() + DRAIN_WITHIN_S
    committed = (await stage.ask_daemon("status"))["store"]["committed"]
    while True:
        acked = (await stage.ask_daemon("status"))["store"]["acked"]
        waiting = {lane: upto - acked[lane] for lane, upto in committed.items() if acked[lane] < upto}
        if not waiting:
            return
        if time.monotonic() > until_s:
            raise TimeoutError(f"not acknowledged within {DRAIN_WITHIN_S:.0f} s: {waiting}")
        await asyncio.sleep(0.2)


async def _compare(stage: Stage, load: Load) -> bool:
    """One more snapshot, after the last restart; False when none was compared in time."""
    before = {one.snapshot for one in load.compared}
    await stage.ask_platform("snapshot")
    until_s = time.monotonic() + DRAIN_WITHIN_S
    while time.monotonic() < until_s:
        load.note_comparing(await stage.ask_platform("status"))
        if {one.snapshot for one in load.compared} - before:
            return load.compared[-1].is_equal
        await asyncio.sleep(0.2)
    return False


def _explain(found: Findings, load: Load) -> None:
    """Every fault on stderr, the first dozen of each kind."""
    unequal = [f"snapshot {one.snapshot}: {line}" for one in load.compared for line in one.differences]
    named = {
        "lost": found.lost, "duplicates": found.duplicates, "gaps": found.gaps, "mirror": unequal,
        "blind": found.blind, "false alarm": found.false_alarms, "untrue": found.untrue,
    }  # fmt: skip
    for kind, lines in named.items():
        for line in lines[:SHOWN]:
            _say(f"{kind}: {line}")


def _p99(values: Sequence[float]) -> float:
    """Nearest rank; infinite for no values."""
    return round(values[max(0, -(-99 * len(values) // 100) - 1)], 3) if values else FOREVER_S


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Print a table, or one JSON object with --json. Exit code 1 when something was lost, doubled or left out."""
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--persistent-broker", action="store_true")
    parser.add_argument("--keep", type=Path, help="run here and keep logs and databases")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    run = given.keep or Path(tempfile.mkdtemp(prefix="crash-"))
    run.mkdir(parents=True, exist_ok=True)
    figures = asyncio.run(crash(run, given.kills, given.seed, Pace(), is_broker_persistent=given.persistent_broker))
    if is_good(figures) and given.keep is None:
        shutil.rmtree(run, ignore_errors=True)
    else:
        _say(f"logs and databases are in {run}")
    if given.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:22} {value!s:>12}")
    sys.exit(0 if is_good(figures) else 1)


if __name__ == "__main__":
    main()
