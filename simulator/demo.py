"""The demo: world, devices, broker, platform and daemon as separate processes, shown live and stopped cleanly.

The daemon is started by the command a person would type and reads a configuration like any other: it cannot tell that
what answers on its wires is simulated.
"""

import asyncio
import contextlib
import math
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

import config as config_package
from config.load import load
from config.messages import Texts, load_texts
from config.phrase import Phrase, phrase
from config.vault import Vault
from simulator.catalogue import chosen_catalogue
from simulator.control import ControlClient, ControlError
from simulator.daemon_client import ApiRefused, DaemonClient
from simulator.ensemble import Ensemble, lantai
from simulator.far_platform import FarPlatform
from simulator.happenings import burst_or_repair, changes
from simulator.operator import Operator
from simulator.overlay import overlay, write_overlay
from simulator.processes import Child, ProcessDied
from simulator.scenario import Scenario, demo_scenario, due
from simulator.score import score
from simulator.status_block import Glance, StatusBlock, say, shown
from simulator.trouble import why
from simulator.where_to_look import where_to_look

DEMO = Path(config_package.__file__).parent / "vaults" / "demo.yaml"
DRAIN_WITHIN_S = 60.0
FIRST_REQUEST_WITHIN_S = 20.0
LOOK_EVERY_S = 1.0
FINISH_WITHIN_S = 20.0  # a run does not end while somebody turns the water on again, unless that takes for ever
GONE_WITHIN_S = 5.0
SHOWN_FOR_S = 180.0  # without an end the scenario is laid out as in a run of three minutes


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asked for. `for_s` None: until Ctrl-C."""

    site: Path = DEMO
    volumes: Path | None = None
    for_s: float | None = None
    as_json: bool = False
    seed: int = 1
    state: Path | None = None
    texts: Texts = msgspec.field(default_factory=lambda: load_texts("en"))


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run. Shares are fractions; None: not known, and stderr says why."""

    volumes: int
    located: int
    located_right: float
    displaced: int
    displaced_right: float
    facts: int
    facts_acked: int
    mirror_equal: bool | None
    reads: int
    reads_per_s: float
    moves: int
    rss_mb: float | None
    startup_s: float | None
    seconds: float


class Stage(msgspec.Struct, frozen=True):
    """Everything that runs, and the lines to it."""

    ensemble: Ensemble
    platform: FarPlatform
    site: ControlClient
    daemon: DaemonClient
    daemon_process: Child
    vault: Vault
    texts: Texts
    where: tuple[Phrase, ...]


def run_demo(options: Options) -> int:
    """Exit code: 0; 1 when a process died or ended badly, the mirror differs or the drain did not end.

    Raises ConfigError for the site's file, before anything is made. The run directory is removed after a good run
    unless it was given.
    """
    vault = load(options.site).vault
    run = options.state.resolve() if options.state else Path(tempfile.mkdtemp(prefix="lantai-"))
    run.mkdir(parents=True, exist_ok=True)
    texts = options.texts
    say(phrase("sim_run_directory", run=str(run)), texts)
    try:
        outcome, is_tidy = asyncio.run(play(options, vault, run))
    except (ProcessDied, ControlError, ApiRefused, ConnectionError) as error:
        say(phrase("sim_demo_ends", reason=why(error, texts), run=str(run)), texts)
        return 1
    print(shown(outcome, texts, as_json=options.as_json), flush=True)
    is_good = is_tidy and outcome.mirror_equal is True and outcome.facts_acked == outcome.facts
    if is_good and options.state is None:
        shutil.rmtree(run, ignore_errors=True)
    return 0 if is_good else 1


async def play(options: Options, vault: Vault, run: Path) -> tuple[Outcome, bool]:
    """Set up, run for as long as asked, drain, compare, stop; the figures, and whether every process ended well."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup asks to outlive the terminal
            loop.add_signal_handler(number, _end_once(loop, ended, number))
    async with Ensemble(run) as ensemble:
        say(phrase("sim_starting"), options.texts)
        try:
            stage = await set_up(options, vault, ensemble)
            startup_s = await _startup_s(stage)
            live = sys.stderr.isatty() and not options.as_json
            with StatusBlock(options.texts, live=live, where=stage.where) as block:
                seconds = await _run(stage, options, block, ended)
                outcome = await _finish(stage, seconds, startup_s, block)
        except ConnectionError:
            await ensemble.check_for(GONE_WITHIN_S)  # a line closes a moment before its process is seen to be gone
            raise
    for untidy in ensemble.untidy:
        say(untidy, options.texts)
    return outcome, not ensemble.untidy


async def set_up(options: Options, vault: Vault, ensemble: Ensemble) -> Stage:
    """Start everything, in the order of dependence. Raises ProcessDied."""
    run = ensemble.run
    volumes = chosen_catalogue(options.site, options.volumes, vault, run, options.texts)
    platform = await FarPlatform.start(ensemble, vault)
    config = run / "site.yaml"
    wires = overlay(vault, options.site, run, platform.port, platform.issuers, ensemble.ports)
    write_overlay(config, wires)
    control = run / "site.sock"
    site_process = ensemble.module(
        "site", "simulator.site", str(config), "--volumes", str(volumes), "--control", str(control),
        "--truth", str(run / "truth.jsonl"), "--seed", str(options.seed),
    )  # fmt: skip
    site = await ensemble.control(control, site_process)
    state = run / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    await ensemble.import_volumes(volumes, config, state)
    daemon_process, daemon = await ensemble.daemon(config, state)
    where = where_to_look(lantai(), config, state, wires)
    return Stage(ensemble, platform, site, daemon, daemon_process, vault, options.texts, where)


async def _run(stage: Stage, options: Options, block: StatusBlock, ended: asyncio.Event) -> float:
    """Let the vault live, the scenario happen; the seconds it took."""
    zone = stage.vault.zones[0].id
    valves = tuple(item.id for item in stage.vault.actuators if item.kind == "water_valve" and zone in item.zones)
    scenario: Scenario = demo_scenario(zone, valves, options.for_s or SHOWN_FOR_S)
    operator = Operator(stage.daemon, options.texts)
    before: dict[str, Any] = await stage.site.ask("glance")
    began_s = time.monotonic()
    done_s, reads = 0.0, 0

    def left_s() -> float:
        return math.inf if options.for_s is None else options.for_s - done_s

    def is_over() -> bool:
        return left_s() <= 0 and not (operator.is_busy and left_s() > -FINISH_WITHIN_S)

    while not ended.is_set() and not is_over():
        stage.ensemble.check()
        now_s = time.monotonic() - began_s
        happened: list[Phrase] = []
        for step in due(scenario, done_s, now_s):
            if step.by == "operator":
                operator.take(step.args, now_s)
            else:
                await stage.site.ask(step.op, **step.args)
                happened.append(burst_or_repair(step.args))
        glance = await stage.site.ask("glance")
        happened += changes(before, glance)
        happened += await operator.look(now_s, glance["closed_valves"])
        rate = (glance["reads"] - reads) / max(now_s - done_s, 1e-3)
        block.show(await _glance(stage, glance, now_s, rate, phrase("sim_running")), tuple(happened))
        before = glance
        done_s, reads = now_s, glance["reads"]
        pause_s = LOOK_EVERY_S if left_s() <= 0 else min(LOOK_EVERY_S, left_s())
        if not is_over():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), max(pause_s, 0.01))
    return time.monotonic() - began_s


async def _finish(stage: Stage, seconds: float, startup_s: float | None, block: StatusBlock) -> Outcome:
    """World still, beliefs against truth, the outbox drained, the mirror compared at a mark."""
    await stage.site.ask("people", on=False)
    glance = await stage.site.ask("glance")
    block.show(await _glance(stage, glance, seconds, None, phrase("sim_comparing")))
    truth, beliefs = await stage.site.ask("truth"), await stage.daemon.beliefs()
    where = dict(zip(truth["volumes"], truth["segments"], strict=True))
    book = dict(zip(truth["volumes"], truth["books"], strict=True))
    away = frozenset(volume for volume, segment in where.items() if segment and segment != book[volume])
    found = score(beliefs, where, away)
    rss_mb = stage.daemon_process.peak_rss_mb()
    facts, acked = await _drain(stage)
    is_equal, differences = await stage.platform.compare(DRAIN_WITHIN_S)
    for difference in differences:
        block.say(phrase("sim_mirror_differs", difference=difference))
    return Outcome(
        volumes=found.volumes,
        located=found.located,
        located_right=found.located_right,
        displaced=found.displaced,
        displaced_right=found.displaced_right,
        facts=facts,
        facts_acked=acked,
        mirror_equal=is_equal,
        reads=glance["reads"],
        reads_per_s=round(glance["reads"] / seconds, 1),
        moves=glance["moves"],
        rss_mb=stage.daemon_process.peak_rss_mb() or rss_mb,
        startup_s=startup_s,
        seconds=round(seconds, 1),
    )


async def _drain(stage: Stage) -> tuple[int, int]:
    """Facts committed until now, and how many of them the platform has acknowledged when all are or time is up."""
    committed: dict[str, int] = (await stage.daemon.ask("status"))["store"]["committed"]
    until_s = time.monotonic() + DRAIN_WITHIN_S
    while True:
        stage.ensemble.check()
        acked = (await stage.daemon.ask("status"))["store"]["acked"]
        have = sum(min(acked.get(lane, 0), upto) for lane, upto in committed.items())
        if have == sum(committed.values()) or time.monotonic() > until_s:
            return sum(committed.values()), have
        await asyncio.sleep(LOOK_EVERY_S / 5)


async def _glance(stage: Stage, site: dict[str, Any], elapsed_s: float, rate: float | None, what: Phrase) -> Glance:
    status = await stage.daemon.ask("status")
    volumes: dict[str, int] = status["volumes"]
    return Glance(
        elapsed_s=round(elapsed_s, 1),
        stage=what,
        volumes=sum(volumes.values()),
        located=volumes.get("present", 0) + volumes.get("misplaced", 0),
        missing=volumes.get("missing", 0),
        reads=site["reads"],
        reads_per_s=rate,
        facts=sum(status["store"]["committed"].values()),
        acked=sum(status["store"]["acked"].values()),
        moves=site["moves"],
        wet_zones=tuple(site["wet"]),
        closed_valves=tuple(site["closed_valves"]),
        rss_mb=stage.daemon_process.peak_rss_mb(),
    )


async def _startup_s(stage: Stage) -> float | None:
    """Seconds from just before the daemon's exec to the first request that a device heard."""
    until_s = time.monotonic() + FIRST_REQUEST_WITHIN_S
    while time.monotonic() < until_s:
        stage.ensemble.check()
        first_s: float | None = (await stage.site.ask("glance"))["first_request_s"]
        if first_s is not None:
            return round(first_s - stage.daemon_process.began_s, 3)
        await asyncio.sleep(0.05)
    say(phrase("sim_no_request", seconds=f"{FIRST_REQUEST_WITHIN_S:.0f}"), stage.texts)
    return None


def _end_once(loop: asyncio.AbstractEventLoop, ended: asyncio.Event, number: int) -> Callable[[], None]:
    def end() -> None:
        ended.set()
        loop.remove_signal_handler(number)  # a second one ends at once

    return end
