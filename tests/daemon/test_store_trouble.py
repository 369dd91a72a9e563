"""The journal cannot be written, read or trusted: water is watched all the same, and nothing unexpected moves."""

import asyncio
import contextlib
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from drivers.command import Switch
from edge.daemon.house import HOLD_S
from edge.daemon.run import BUG
from edge.state.events import ClockStep, OperatorAction, Tick
from edge.state.facts import (
    ActuatorChanged,
    AlarmRaised,
    CommandEnded,
    CommandIntended,
    ContactChanged,
)
from edge.store.errors import StoreError, StoreFull
from tests.daemon.live import PATIENCE_S, Live, bury, journal, opened_store, running
from tests.daemon.small_site import VOLUMES, Site, site_in
from tests.daemon.test_process import started
from tests.store.test_disk_full import hog, small_disk  # noqa: F401  a fixture
from tests.unhurried import unhurried

SMALL = {"cap_mb": 64, "reserve_mb": 8, "input_log_mb": 4}


@pytest.fixture
def disk(small_disk: Path) -> Path:  # noqa: F811
    return small_disk


def order(live: Live, state: str) -> OperatorAction:
    return OperatorAction(
        id=f"a-{live.now()}",
        at_ns=live.now(),
        action="actuator.set",
        person="wang",
        role="technician",
        terminal="tty1",
        args={"actuator": "valve-1", "state": state},
    )


async def told(live: Live, state: str) -> str:
    async with asyncio.timeout(20):
        return await live.daemon.house.act(order(live, state))


def stood_at(live: Live, state: str) -> bool:
    standing = live.state.actuators.get("valve-1")
    return standing is not None and standing.state == state


async def leaks_and_is_closed(live: Live, site: Site) -> None:
    site.rope.leak_at_m = 2.0
    await live.until(lambda: not site.board.relays[0], "the relay off", within_s=5.0)
    assert live.state.alarms["leak:leak-1/leak"].is_active


async def test_a_daemon_started_on_a_disk_without_a_free_byte_closes_the_valve_and_has_it_on_record_once_there_is_room(
    tmp_path: Path, disk: Path
) -> None:
    async with site_in(tmp_path) as site:
        site.state_dir = disk / "state"
        loaded = site.loaded(store=SMALL)
        async with running(loaded, site.state_dir) as live:
            await live.import_volumes()
        (site.state_dir / "reserve").unlink()
        hog(disk / "hog", leave_mb=0)
        async with running(loaded, site.state_dir) as live:
            assert live.statuses() == {"present": len(VOLUMES)}  # what the journal holds is known
            await live.until(lambda: stood_at(live, "open"), "the valve known to be open")
            await live.until(lambda: "store_failed:store" in live.state.alarms, "the alarm of the disk")
            assert live.store.level() == "failed"
            await leaks_and_is_closed(live, site)
            assert live.facts == []  # nothing is committed, so nothing is told as a fact
            (disk / "hog").unlink()
            await live.until(lambda: live.raised("leak:leak-1/leak"), "the leak on record")
            await live.until(lambda: live.cleared("store_failed:store"), "the disk well again", within_s=25.0)
            assert await live.stop() == 0
        facts = journal(site.state_dir, loaded)
    assert [fact.code for fact in facts if isinstance(fact, AlarmRaised)].count("leak") == 1
    with_valve = [fact for fact in facts if isinstance(fact, CommandIntended)]
    assert [fact.wanted for fact in with_valve] == ["closed"]
    assert any(isinstance(fact, CommandEnded) and fact.result == "done" for fact in facts)


async def test_while_nothing_can_be_written_an_order_to_open_is_refused_for_good_and_one_to_close_is_carried_out(
    tmp_path: Path, disk: Path
) -> None:
    async with site_in(tmp_path) as site:
        site.state_dir = disk / "state"
        loaded = site.loaded(store=SMALL)
        site.board.relays[0] = False
        moved: list[bool] = []
        site.board.on_change = lambda _relay, on: moved.append(on)
        async with running(loaded, site.state_dir) as live:
            await live.all_ok("leak-1", "board-1")
            await live.until(lambda: live.of(ActuatorChanged, state="closed"), "the valve known to be closed")
            assert await told(live, "open") == "accepted"
            await live.until(lambda: stood_at(live, "open"), "the valve open")
            assert await told(live, "closed") == "accepted"
            await live.until(lambda: stood_at(live, "closed"), "the valve closed")
            moved.clear()
            await fails(live, disk)
            assert await told(live, "open") == "store_failed"
            assert moved == []
            ended = len(live.of(CommandEnded, result="refused", reason="store_failed"))
            assert await told(live, "closed") == "accepted"
            (disk / "hog").unlink()
            await live.until(lambda: live.store.level() != "failed", "room again")
            await live.until(
                lambda: len(live.of(CommandEnded, reason="store_failed")) == ended + 1, "the order ended, on record"
            )
            assert True not in moved  # the order of the bad time did not come later
            assert await told(live, "open") == "accepted"
            await live.until(lambda: moved == [True], "the valve open again")
            assert await live.stop() == 0


async def fails(live: Live, disk: Path) -> None:
    """Fill the disk and give up its reserve, so that the next commit fails."""
    while live.store.level() != "failed":
        live.store._disk.release_reserve()
        with contextlib.suppress(OSError):  # the daemon took the last room meanwhile
            hog(disk / "hog", leave_mb=0)
        live.put(ClockStep(live.now(), 1.0))
        await asyncio.sleep(0.02)
    await live.until(lambda: "store_failed:store" in live.state.alarms, "the alarm of the disk")


def newest(live: Live) -> int:
    """The journal sequence of the newest snapshot on the disk."""
    found = live.store.latest_snapshot()
    return found.n if found is not None else -1


async def test_facts_without_a_place_do_not_end_the_daemon_and_the_next_start_knows_what_they_said(
    tmp_path: Path, disk: Path
) -> None:
    async with site_in(tmp_path) as site:
        site.state_dir = disk / "state"
        loaded = site.loaded(store=SMALL)
        async with running(loaded, site.state_dir) as live:
            await live.until(lambda: stood_at(live, "open"), "the valve known to be open")
            # the next one that is not asked for is a minute away
            await live.until(live.store.latest_snapshot, "the first snapshot")
            await fails(live, disk)
            hard = live.store._hard_bytes
            live.store._hard_bytes = 1  # a quarter of the reserve; a test need not fill it
            await leaks_and_is_closed(live, site)
            await live.until(lambda: stood_at(live, "closed"), "the valve read as closed")
            assert live.daemon.house.has_lost_facts
            assert await told(live, "open") == "store_failed"
            assert "contact_changed" in live.store._refused
            live.store._hard_bytes = hard
            before = newest(live)
            (disk / "hog").unlink()
            await live.until(lambda: live.cleared("store_failed:store"), "the disk well again", within_s=25.0)
            await live.until(lambda: newest(live) > before, "the state in a snapshot", within_s=25.0)
            live.store.flush()  # the loop stands still: what is in the state is on the disk
            kept = dict(live.state.alarms), dict(live.state.contacts), dict(live.state.actuators)
            died = tmp_path / "died"  # what the disk would hold were the daemon killed now
            died.mkdir()
            with sqlite3.connect(site.state_dir / "lantai.db") as now, sqlite3.connect(died / "lantai.db") as copy:
                now.backup(copy)
            now.close()
            copy.close()
        facts = journal(died, loaded)
        assert not any(isinstance(fact, ContactChanged) and fact.active for fact in facts)  # it never had a place
        async with running(loaded, died) as again:
            alarms, contacts, actuators = kept
            assert again.state.contacts == contacts
            assert again.state.actuators == actuators
            assert again.state.alarms.keys() == alarms.keys()
            assert contacts["leak-1", "leak"] is True


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_writer_that_died_ends_the_daemon_in_the_safe_state(tmp_path: Path) -> None:
    def bug() -> None:
        raise ZeroDivisionError

    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await live.until(lambda: stood_at(live, "open"), "the valve known to be open")
        live.store.append([], urgent=True, done=bug)
        assert await asyncio.wait_for(live.run, PATIENCE_S) == BUG
        assert site.board.relays[0] is False
        bury(live)


async def test_an_order_that_waits_for_a_disk_that_hangs_is_refused_and_does_not_come_later(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        site.board.relays[0] = False
        moved: list[bool] = []
        site.board.on_change = lambda _relay, on: moved.append(on)
        async with running(site.loaded(), site.state_dir) as live:
            await live.all_ok("leak-1", "board-1")
            await live.until(lambda: stood_at(live, "closed"), "the valve known to be closed")
            hung, goes_on = threading.Event(), threading.Event()

            def hang() -> None:
                hung.set()
                goes_on.wait(30)

            live.store.append([], urgent=True, done=hang)
            await live.until(hung.is_set, "the disk hangs")
            assert await told(live, "open") == "store_failed"
            goes_on.set()
            await live.until(lambda: live.of(CommandEnded, reason="store_failed"), "the order ended, on record")
            assert moved == []
            assert await live.stop() == 0


# --- what the journal cannot say ----------------------------------------------------------------------------------


def spoil_every_snapshot(state_dir: Path) -> None:
    """As if another version had written them: whole, but not to be read. And the first facts are gone."""
    connection = sqlite3.connect(state_dir / "lantai.db", isolation_level=None)
    connection.execute("DELETE FROM snapshot_part")
    connection.execute("DELETE FROM fact_custody WHERE seq = 1")
    connection.execute("UPDATE lane SET first_held = 2 WHERE name = 'custody'")
    connection.close()


async def test_a_daemon_whose_history_is_lost_says_so_watches_the_water_and_writes_nothing(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        broker = {"host": "127.0.0.1", "port": 1}
        loaded = site.loaded(brokers={"central": broker}, platform={"broker": "central"})
        async with running(loaded, site.state_dir) as live:
            assert "platform" in live.daemon._everything()
            await live.import_volumes()
        spoil_every_snapshot(site.state_dir)
        held = [row.seq for row in rows(site, "event")]
        async with running(loaded, site.state_dir) as live:
            await live.until(lambda: stood_at(live, "open"), "the valve known to be open")
            assert "store_history_incomplete:store" in live.state.alarms
            assert len(live.state.volumes) == 0
            assert "platform" not in live.daemon._everything()  # it would take that for the vault
            await leaks_and_is_closed(live, site)
            assert live.store.level() == "failed"
            live.daemon.stop()
            with pytest.raises(StoreFull, match="no stored state can be read"):
                await live.run
        assert [row.seq for row in rows(site, "event")] == held


async def test_a_daemon_whose_database_is_damaged_watches_the_water_and_writes_nothing(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        loaded = site.loaded()
        async with running(loaded, site.state_dir) as live:
            await live.import_volumes()
        database = site.state_dir / "lantai.db"
        damaged = bytearray(database.read_bytes())
        damaged[4096:] = b"\x5a" * (len(damaged) - 4096)
        database.write_bytes(damaged)
        async with running(loaded, site.state_dir) as live:
            await live.until(lambda: stood_at(live, "open"), "the valve known to be open")
            assert "store_history_incomplete:store" in live.state.alarms
            await leaks_and_is_closed(live, site)
            live.daemon.stop()
            with pytest.raises(StoreFull, match="malformed"):
                await live.run
        assert database.read_bytes() == damaged
        with pytest.raises(StoreError, match="malformed") as refused:
            journal(site.state_dir, loaded)
        assert refused.value.code == "store_unusable"


def rows(site: Site, lane: Any) -> Any:
    with opened_store(site.state_dir, site.loaded()) as store:
        return store.read_lane(lane, store.first_held(lane), 10_000, 1 << 24)


# --- after a bug --------------------------------------------------------------------------------------------------


async def test_nothing_is_stored_or_deleted_from_the_state_that_a_bug_left(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await live.until(lambda: stood_at(live, "open"), "the valve known to be open")
        at_the_end: list[set[str]] = []
        submit = live.daemon._runner.submit

        def watched(command: Switch) -> None:
            at_the_end.append({task.get_name() for task in asyncio.all_tasks() if not task.done()})
            submit(command)

        live.daemon._runner.submit = watched  # type: ignore[method-assign,assignment]
        live.put(Tick(at_ns="soon"))  # type: ignore[arg-type]
        assert await asyncio.wait_for(live.run, PATIENCE_S) == BUG
        assert at_the_end
        assert all(not tasks & {"snapshots", "retention"} for tasks in at_the_end)
        assert all("bus bus-1" in tasks for tasks in at_the_end)
        bury(live)


async def test_a_polite_stop_forgets_the_crashes_before_it(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        async with running(site.loaded(), site.state_dir) as live:
            live.put(Tick(at_ns="soon"))  # type: ignore[arg-type]
            assert await asyncio.wait_for(live.run, PATIENCE_S) == BUG
            bury(live)
        assert (site.state_dir / "crash").exists()
        async with running(site.loaded(), site.state_dir) as live:
            await live.all_ok("board-1")
            assert await live.stop() == 0
        assert not (site.state_dir / "crash").exists()


async def test_nothing_is_pruned_while_the_clock_is_unsure(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        async with running(site.loaded(), site.state_dir) as live:
            live.put(ClockStep(live.now(), 3600.0))
            await live.until(lambda: not live.state.clock_is_sure, "the clock unsure")
        pruned: list[int] = []
        async with running(site.loaded(), site.state_dir) as live:
            live.store.prune = pruned.append  # type: ignore[method-assign,assignment]
            await live.all_ok("board-1")
            assert pruned == []
        async with running(site.loaded(), site.state_dir) as live:
            live.store.prune = pruned.append  # type: ignore[method-assign,assignment]
            live.state.clock_is_sure = True
            await live.until(lambda: pruned, "pruned")


async def test_a_database_that_somebody_else_holds_is_told_in_words_and_with_2(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        config = site.write()
        with opened_store(site.state_dir, site.loaded()):
            pass
        other = sqlite3.connect(site.state_dir / "lantai.db", isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        process = await started(config, site.state_dir)
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        other.close()
    assert process.returncode == 2
    assert "database is locked" in said.decode()
    assert "Store cannot be opened" in said.decode()
    assert "Traceback" not in said.decode()


async def test_the_step_waits_for_a_queue_that_is_full_but_never_long(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await live.all_ok("board-1")
        house, writer = live.daemon.house, live.store._writer
        full, writer._full_bytes = writer._full_bytes, 0
        clock = unhurried()
        begun_s = clock.time()
        await house.take([], [])
        assert HOLD_S <= clock.time() - begun_s < 1.0
        writer._full_bytes = full
        begun_s = clock.time()
        await house.take([], [])
        assert clock.time() - begun_s < HOLD_S
