"""What the daemon recorded while it ran gives the same facts again, byte for byte; and its store the same state."""

import contextlib
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import msgspec

from config.load import Loaded
from drivers.observation import Measurement
from edge.daemon.recover import recover
from edge.daemon.replay import Difference, Replayed, differences, replay
from edge.state.apply import apply
from edge.state.facts import ActuatorChanged, CommandEnded, DataGap, VolumeMissing
from edge.state.plant import Plant
from edge.state.snapshot import encode_folded, freeze
from edge.state.state import State
from edge.store.input_log import log_files, read_log
from tests.daemon.live import journal, opened_store, running
from tests.daemon.small_site import Site, site_in


async def an_eventful_run(site: Site, loaded: Loaded, gone: str) -> bytes:
    """Volumes, a missing one, water, a person, a lost reader; the folded state at its end."""
    async with running(loaded, site.state_dir) as live:
        await live.all_ok("reader-1", "th-1", "leak-1", "board-1")
        if not live.state.volumes.lines:
            await live.import_volumes()
        site.absent.add(gone)
        await live.until(lambda: live.of(VolumeMissing, volume=gone), "the missing volume")
        site.rope.leak_at_m = 5.0
        await live.until(lambda: live.of(ActuatorChanged, state="closed"), "the valve closed")
        site.rope.leak_at_m = None
        await live.until(lambda: live.state.contacts["leak-1", "leak"] is False, "dry again")
        site.reader.reset()
        async with live.client() as client:
            args = {"actuator": "valve-1", "state": "open"}
            await client.result("act", action="actuator.set", args=args)
        await live.until(lambda: site.board.relays[0] and not live.state.intents, "the valve open again")
        await live.until(lambda: live.is_ok("reader-1"), "the reader back")
        assert await live.stop() == 0
        return encode_folded(freeze(live.state))


async def test_two_recorded_runs_replayed_twice_give_the_journal_byte_for_byte(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        loaded = site.loaded()
        for gone in ("v11", "v42"):
            await an_eventful_run(site, loaded, gone)
        recorded = [msgspec.json.encode(fact) for fact in journal(site.state_dir, loaded)]
        logs = log_files(site.state_dir / "input")
        starts = [read_log(path).header.n for path in logs]
        assert starts[0] == 0
        for path, (first, last) in zip(logs, pairwise([*starts, len(recorded)]), strict=True):
            once, twice = replay(loaded, path), replay(loaded, path)
            assert once.torn == ""
            assert once.events > 100
            assert once.facts == twice.facts
            assert once.facts == recorded[first:last]


async def test_a_log_that_begins_anew_amid_a_run_starts_from_the_state_of_that_moment(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        loaded = site.loaded(store={"cap_mb": 64, "reserve_mb": 8, "input_log_mb": 1})
        async with running(loaded, site.state_dir) as live:
            await live.all_ok("reader-1", "th-1", "leak-1", "board-1")
            before = len(log_files(site.state_dir / "input"))
            points = tuple(f"point-{number}" for number in range(50))
            while _begun_anew(site.state_dir) is None:
                for number in range(50):
                    live.put(Measurement("th-1", live.now(), points, (float(number % 3),) * 50))
                await live.until(lambda: len(live.daemon._inbox) == 0, "taken")
            site.rope.leak_at_m = 5.0
            await live.until(lambda: live.of(ActuatorChanged, state="closed"), "the valve closed")
            await live.until(lambda: live.of(CommandEnded, result="done"), "the order ended")  # by a second look
            assert await live.stop() == 0
        path = _begun_anew(site.state_dir)
        assert path is not None
        assert int(path.stem) > before
        header = read_log(path).header
        recorded = [msgspec.json.encode(fact) for fact in journal(site.state_dir, loaded)][header.n :]
        again = replay(loaded, path)
        assert again.torn == ""
        assert again.facts == recorded[: len(again.facts)]
        assert any(b'"type":"command_ended"' in fact for fact in again.facts)


def _begun_anew(state_dir: Path) -> Path | None:
    """The newest file of the ring that holds a state and is not the boot's first."""
    anew: list[Path] = []
    for path in log_files(state_dir / "input"):
        with contextlib.suppress(ValueError):  # its first record is being written
            header = read_log(path).header
            anew += [path] if header.n > 0 and not header.continues else []
    return anew[-1] if anew else None


def test_a_journal_and_a_replay_that_part_are_told_apart_fact_by_fact() -> None:
    facts = [DataGap(1, "measured", 1), DataGap(2, "measured", 1)]
    bodies = [msgspec.json.encode(fact) for fact in facts]
    same = Replayed(facts=bodies, events=2, after_n=0, torn="", layout_differs=False)
    assert differences(same, enumerate(facts)) == []
    assert differences(same, enumerate(facts[:1])) == [Difference(1, None, bodies[1].decode())]
    other = [facts[0], DataGap(2, "measured", 9)]
    assert differences(same, enumerate(other)) == [
        Difference(1, msgspec.json.encode(other[1]).decode(), bodies[1].decode())
    ]


async def test_snapshot_plus_later_facts_is_the_state_that_ran_through(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        loaded = site.loaded()
        await an_eventful_run(site, loaded, "v11")
        ran_through = await an_eventful_run(site, loaded, "v42")
    plant = Plant(loaded.vault, loaded.profiles)
    with opened_store(site.state_dir, loaded) as store:
        from_its_end = recover(store, plant)
        from_nothing = State(plant)
        for _, fact in store.facts(0):
            apply(from_nothing, fact)
    with closing(sqlite3.connect(site.state_dir / "lantai.db")) as connection, connection:
        dropped = connection.execute("DELETE FROM snapshot WHERE n = (SELECT max(n) FROM snapshot)").rowcount
        assert dropped == 1
    with opened_store(site.state_dir, loaded) as store:
        older = store.latest_snapshot()
        assert older is not None
        assert older.n < store.n - 20
        from_the_first_run_on = recover(store, plant)
    for state in (from_its_end, from_nothing, from_the_first_run_on):
        assert encode_folded(freeze(state)) == ran_through
