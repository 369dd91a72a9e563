"""Bugs: a task that fails is started again a few times, one in the step ends the daemon in the safe state."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from drivers.observation import Contact, Measurement, Searched
from edge.daemon.run import BUG, Daemon
from edge.state.events import Event, OperatorAction, Started, Tick
from edge.state.facts import (
    ActuatorChanged,
    AlarmRaised,
    CommandEnded,
    CommandIntended,
    ContactChanged,
    DaemonStarted,
)
from edge.supervise import RESTART_PAUSES_S, BugError, StepGuard, keep
from tests.daemon.live import PATIENCE_S, Live, bury, journal, running
from tests.daemon.small_site import site_in

NS = 1_000_000_000
AT_ONCE = (0.0, 0.0, 0.0)


class Fast(asyncio.SelectorEventLoop):
    """A loop whose clock may be moved on."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


def on_a_movable_clock(story: Callable[[Fast], Awaitable[None]]) -> None:
    async def told() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Fast)
        await story(loop)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with asyncio.Runner(loop_factory=Fast) as runner:
        runner.run(told())


def test_a_task_that_fails_is_started_again_three_times_in_five_minutes_and_the_fourth_failure_is_a_bug() -> None:
    runs: list[float] = []

    async def failing() -> None:
        runs.append(0)
        raise OSError("no such wire")

    async def story(_: Fast) -> None:
        with pytest.raises(BugError, match=r"bus b: failed 4 times in 300 s: OSError\('no such wire'\)") as raised:
            await keep("bus b", failing, AT_ONCE)
        assert isinstance(raised.value.__cause__, OSError)
        assert len(runs) == 4

    on_a_movable_clock(story)


def test_a_task_that_fails_waits_ever_longer_before_it_is_started_again() -> None:
    assert RESTART_PAUSES_S == (1.0, 5.0, 20.0)
    begun_s: list[float] = []

    async def story(loop: Fast) -> None:
        async def failing() -> None:
            begun_s.append(loop.time())
            raise KeyError("x")

        with pytest.raises(BugError, match="failed 4 times"):
            await keep("bus b", failing, (0.05, 0.1, 0.2))
        waited_s = [after - before for before, after in pairwise(begun_s)]
        assert [wait_s >= pause_s for wait_s, pause_s in zip(waited_s, (0.05, 0.1, 0.2), strict=True)] == [True] * 3

    on_a_movable_clock(story)


def test_failures_that_lie_more_than_five_minutes_apart_are_forgiven_for_ever() -> None:
    runs: list[float] = []

    async def story(loop: Fast) -> None:
        twenty = asyncio.Event()

        async def failing_now_and_then() -> None:
            runs.append(loop.time())
            if len(runs) == 20:
                twenty.set()
                await asyncio.Event().wait()
            loop.ahead_s += 101.0  # three failures in 300 s, never four
            raise KeyError("x")

        kept = asyncio.create_task(keep("reader r", failing_now_and_then, AT_ONCE))
        await twenty.wait()
        kept.cancel()
        await asyncio.gather(kept, return_exceptions=True)
        assert kept.cancelled()

    on_a_movable_clock(story)


def test_a_task_that_ends_by_itself_is_a_bug_and_one_that_is_cancelled_is_not() -> None:
    async def ends() -> None:
        pass

    async def story(_: Fast) -> None:
        with pytest.raises(BugError, match="tick: ended by itself"):
            await keep("tick", ends, AT_ONCE)
        kept = asyncio.create_task(keep("tick", asyncio.Event().wait, AT_ONCE))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        kept.cancel()
        with pytest.raises(asyncio.CancelledError):
            await kept

    on_a_movable_clock(story)


def test_a_bug_of_the_step_is_not_tried_again() -> None:
    runs: list[int] = []

    async def stepping() -> None:
        runs.append(1)
        raise BugError("step: Tick could not be taken")

    async def story(_: Fast) -> None:
        with pytest.raises(BugError, match="could not be taken"):
            await keep("step", stepping, AT_ONCE)
        assert runs == [1]

    on_a_movable_clock(story)


# --- the guard ----------------------------------------------------------------------------------------------------


def crashes(state_dir: Path, event: Event, software: str = "1.0") -> None:
    def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(BugError):
        StepGuard(state_dir, software).run(bug, event)


def search(at_ns: int, antenna: int = 1) -> Searched:
    return Searched(device="reader-1", at_ns=at_ns, antenna=antenna, rounds=1, from_ns=at_ns - NS, to_ns=at_ns)


def test_the_same_event_at_two_successive_crashes_is_passed_over_whenever_it_comes(tmp_path: Path) -> None:
    crashes(tmp_path, search(5 * NS))
    assert not StepGuard(tmp_path, "1.0").is_quarantined(search(5 * NS))
    crashes(tmp_path, search(9 * NS))
    guard = StepGuard(tmp_path, "1.0")
    assert guard.is_quarantined(search(70 * NS))
    assert not guard.is_quarantined(search(70 * NS, antenna=2))
    assert not guard.is_quarantined(Tick(at_ns=70 * NS))


@pytest.mark.parametrize("event", [Tick(at_ns=5), Started(at_ns=5, boot="b", software="s", layout="l", clean=True)])
def test_time_and_the_start_itself_are_never_passed_over(tmp_path: Path, event: Event) -> None:
    """A daemon that skips them is deaf and seems well: it stays down, in the safe state."""
    for _ in range(3):
        crashes(tmp_path, event)
    assert not StepGuard(tmp_path, "1.0").is_quarantined(event)


def test_a_polite_stop_ends_the_quarantine(tmp_path: Path) -> None:
    crashes(tmp_path, search(1))
    crashes(tmp_path, search(1))
    guard = StepGuard(tmp_path, "1.0")
    guard.forget()
    guard.forget()
    assert not StepGuard(tmp_path, "1.0").is_quarantined(search(1))
    crashes(tmp_path, search(1))
    assert not StepGuard(tmp_path, "1.0").is_quarantined(search(1))


def test_two_different_events_in_turn_are_never_passed_over(tmp_path: Path) -> None:
    for at_ns in range(1, 6):
        crashes(tmp_path, search(at_ns, antenna=1 + at_ns % 2))
        guard = StepGuard(tmp_path, "1.0")
        assert not guard.is_quarantined(search(at_ns, antenna=1))
        assert not guard.is_quarantined(search(at_ns, antenna=2))


def test_another_version_of_the_software_hears_everything_again(tmp_path: Path) -> None:
    crashes(tmp_path, search(1))
    crashes(tmp_path, search(1))
    assert StepGuard(tmp_path, "1.0").is_quarantined(search(2))
    assert not StepGuard(tmp_path, "1.1").is_quarantined(search(2))
    crashes(tmp_path, search(1), software="1.1")
    assert not StepGuard(tmp_path, "1.1").is_quarantined(search(2))


@pytest.mark.parametrize("found", [b"", b"\xff\xfe", b"nonsense\n", b"abc many 1.0\n", b"abc 2\n"])
def test_a_damaged_note_of_the_last_crash_is_no_note(tmp_path: Path, found: bytes) -> None:
    (tmp_path / "crash").write_bytes(found)
    assert not StepGuard(tmp_path, "1.0").is_quarantined(search(1))


def test_a_bug_is_a_bug_even_where_the_disk_does_not_take_the_note(tmp_path: Path) -> None:
    crashes(tmp_path / "not there", search(1))


# --- the whole daemon ---------------------------------------------------------------------------------------------


def lopsided(at_ns: int) -> Measurement:
    """What a driver with a bug would say: two points and one value."""
    return Measurement(device="hand-made", at_ns=at_ns, points=("temperature", "humidity"), values=(20.0,))


def bad_driver(when: asyncio.Event, before: Callable[[Daemon], list[Event]] = lambda _: []) -> Any:
    """A link made by hand: at `when` it emits what `before` gives and then the lopsided measurement."""

    async def run(daemon: Daemon) -> None:
        await when.wait()
        for event in [*before(daemon), lopsided(daemon.house.now())]:
            daemon._inbox.put(event)
        await asyncio.Event().wait()

    return run


async def dies(live: Live) -> None:
    assert await asyncio.wait_for(live.run, PATIENCE_S) == BUG
    bury(live)


def known_open(live: Live) -> Callable[[], object]:
    return lambda: live.of(ActuatorChanged, actuator="valve-1", state="open")


async def test_a_bug_in_the_step_closes_the_valve_and_ends_the_daemon_with_70_and_all_before_it_is_on_record(
    tmp_path: Path,
) -> None:
    """What a dirty cable said in the same batch as the bug was applied to the state, so it is in the journal."""

    def dirty(daemon: Daemon) -> list[Event]:
        return [Contact(device="leak-1", at_ns=daemon.house.now(), point="contamination", active=True)]

    async with site_in(tmp_path) as site:
        loaded = site.loaded()
        now = asyncio.Event()
        async with running(loaded, site.state_dir, bad=bad_driver(now, dirty)) as live:
            await live.until(known_open(live), "the valve known to be open")
            now.set()
            await dies(live)
        assert site.board.relays[0] is False
        facts = journal(site.state_dir, loaded)
        assert [fact.active for fact in facts if isinstance(fact, ContactChanged)][-1] is True
        assert any(isinstance(fact, AlarmRaised) and fact.code == "leak_cable_dirty" for fact in facts)
        intent = facts[-1]
        assert isinstance(intent, CommandIntended)
        assert (intent.wanted, intent.cause) == ("closed", "bug")

        async with running(loaded, site.state_dir) as live:
            await live.until(lambda: live.of(CommandEnded), "the intent ended by what is read")
            assert [fact.reason for fact in live.of(CommandEnded)] == ["found_done_after_restart"]
            assert live.raised("actuator_moved_unasked:valve-1") == 0
            assert [fact.clean for fact in live.of(DaemonStarted)] == [True]  # journal() above closed it in order


async def test_an_order_to_open_that_waits_for_its_commit_is_not_sent_once_a_bug_ended_the_step(
    tmp_path: Path,
) -> None:
    def open_it(daemon: Daemon) -> list[Event]:
        return [
            OperatorAction(
                id="a-1",
                at_ns=daemon.house.now(),
                action="actuator.set",
                person="wang",
                role="technician",
                terminal="tty1",
                args={"actuator": "valve-1", "state": "open"},
            )
        ]

    async with site_in(tmp_path) as site:
        site.board.relays[0] = False
        moved: list[bool] = []
        site.board.on_change = lambda _relay, on: moved.append(on)
        now = asyncio.Event()
        async with running(site.loaded(), site.state_dir, bad=bad_driver(now, open_it)) as live:
            await live.all_ok("leak-1", "board-1")
            await live.until(lambda: live.of(ActuatorChanged, state="closed"), "the valve known to be closed")
            now.set()
            await dies(live)
        assert moved == []
        wanted = [fact.wanted for fact in journal(site.state_dir, site.loaded()) if isinstance(fact, CommandIntended)]
        assert wanted == ["open", "closed"]


async def test_an_event_that_ended_the_daemon_twice_is_passed_over_with_an_alarm_and_all_else_goes_on(
    tmp_path: Path,
) -> None:
    async with site_in(tmp_path) as site:
        loaded = site.loaded()
        now = asyncio.Event()
        now.set()
        for _ in range(2):
            async with running(loaded, site.state_dir, bad=bad_driver(now)) as live:
                await dies(live)
        async with running(loaded, site.state_dir, bad=bad_driver(now)) as live:
            await live.until(lambda: live.of(AlarmRaised, code="event_quarantined"), "the alarm")
            assert live.of(AlarmRaised, code="event_quarantined")[0].source == "hand-made/measurement"
            assert live.daemon.house.counters.quarantined == 1
            await live.all_ok("reader-1", "th-1", "leak-1", "board-1")
            await live.import_volumes()
            assert await live.stop() == 0


async def test_an_operator_whose_action_is_passed_over_is_told_so(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        action = OperatorAction(
            id="a-1", at_ns=live.now(), action="clock.vouch", person="wang", role="technician", terminal="tty1"
        )
        for _ in range(2):
            crashes(site.state_dir, action, software=live.daemon.house._guard._software)
        guard = live.daemon.house._guard
        guard._crashes.update(StepGuard(site.state_dir, guard._software)._crashes)
        assert await live.daemon.house.act(action) == "quarantined"
        await live.until(lambda: live.of(AlarmRaised, code="event_quarantined"), "the alarm")


async def test_a_link_with_a_bug_is_started_again_and_ends_the_daemon_in_the_safe_state_at_the_fourth_failure(
    tmp_path: Path,
) -> None:
    runs: list[int] = []
    now = asyncio.Event()

    async def hopeless(_: Daemon) -> None:
        runs.append(1)
        await now.wait()
        raise IndexError("pop from an empty deque")

    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir, bad=hopeless) as live:
        live.daemon.restart_pauses_s = AT_ONCE
        await live.until(known_open(live), "the valve known to be open")
        now.set()
        await dies(live)
        assert len(runs) == 4
        assert site.board.relays[0] is False
