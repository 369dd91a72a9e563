"""Both closed loops over real wires: water closes the valve by itself, a person opens it again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.state.facts import ActionTaken, ActuatorChanged, AlarmCleared, AlarmRaised, CommandEnded, CommandIntended
from simulator.faults import break_unit
from tests.daemon.live import Live, running
from tests.daemon.small_site import Transport, site_in
from tests.unhurried import unhurried

CLOSED_WITHIN_S = 1.0
"""From water on the rope to the relay off, by the loop's clock: one poll of 0.1 s, its confirming read, one write."""


async def opened(live: Live) -> str:
    """The technician's wish, and the answer."""
    async with live.client() as client:
        args = {"actuator": "valve-1", "state": "open"}
        answer = await client.result("act", action="actuator.set", args=args)
    return str(answer["answer"])


async def ready(live: Live) -> None:
    await live.all_ok("leak-1", "board-1")
    await live.until(lambda: live.of(ActuatorChanged, state="open"), "the valve known to be open")


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
async def test_water_on_the_rope_turns_the_relay_off_and_a_person_turns_it_on_again_once_it_is_dry(
    tmp_path: Path, transport: Transport, record_property: Callable[[str, object], None]
) -> None:
    async with site_in(tmp_path, transport) as site, running(site.loaded(), site.state_dir) as live:
        await ready(live)
        clock = unhurried()
        moved: list[tuple[float, int, bool]] = []
        site.board.on_change = lambda relay, on: moved.append((clock.time(), relay, on))
        wet_s = clock.time()
        site.rope.leak_at_m = 7.0
        await live.until(lambda: moved, "the relay off")
        closed_s = moved[0][0] - wet_s
        record_property("leak_to_relay_ms", round(closed_s * 1e3))
        assert moved[0][1:] == (0, False)
        assert closed_s < CLOSED_WITHIN_S
        await live.until(lambda: live.of(ActuatorChanged, state="closed"), "the read-back on record")
        await live.until(lambda: live.of(CommandEnded), "the intent ended")
        assert [fact.wanted for fact in live.of(CommandIntended)] == ["closed"]
        assert [fact.result for fact in live.of(CommandEnded)] == ["done"]
        assert live.of(AlarmRaised, code="leak")[0].severity == "critical"

        assert await opened(live) == "zone_wet"
        assert site.board.relays[0] is False

        site.rope.leak_at_m = None
        await live.until(lambda: live.of(AlarmCleared, alarm="leak:leak-1/leak"), "dry again")
        assert await opened(live) == "accepted"
        await live.until(lambda: site.board.relays[0], "the relay on")
        await live.until(lambda: len(live.of(ActuatorChanged, state="open")) == 2, "the read-back on record")
        await live.until(lambda: not live.state.intents, "the intent ended")
        assert [(fact.wanted, fact.cause) for fact in live.of(CommandIntended)][-1] == ("open", "operator wang")
        assert [fact.result for fact in live.of(ActionTaken)] == ["zone_wet", "accepted"]
        assert live.raised("actuator_moved_unasked:valve-1") == 0
        assert site.board.writes == 2


async def test_the_intent_to_open_is_committed_before_the_relay_moves(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await ready(live)
        site.board.relays[0] = False
        await live.until(lambda: live.of(ActuatorChanged, state="closed"), "found closed")
        on_record: list[int] = []
        site.board.on_change = lambda _relay, _on: on_record.append(live.store.committed()["event"])
        assert await opened(live) == "accepted"
        await live.until(lambda: on_record, "the relay moved")
        bodies = [row.body for row in live.store.read_lane("event", 1, 10_000, 1 << 24)][: on_record[0]]
        assert any(b'"type":"command_intended"' in body for body in bodies)


async def test_a_floor_that_was_wet_when_the_daemon_was_stopped_is_still_wet_when_only_the_board_comes_back(
    tmp_path: Path,
) -> None:
    """Board dead, water comes, daemon restarts, rope dead by then: the board's return must close the valve."""
    async with site_in(tmp_path) as site:
        async with running(site.loaded(), site.state_dir) as live:
            await ready(live)
            break_unit(site.board, "silent")
            site.rope.leak_at_m = 1.0
            await live.until(lambda: live.raised("leak:leak-1/leak"), "the leak")
            break_unit(site.rope, "silent")
            await live.until(lambda: live.raised("device_lost:leak-1"), "the rope lost")
        async with running(site.loaded(), site.state_dir) as live:
            await live.until(lambda: live.state.started_ns, "the start")
            assert site.board.relays[0] is True
            break_unit(site.board, "none")
            await live.until(lambda: not site.board.relays[0], "the relay off")
            await live.until(lambda: live.of(ActuatorChanged, state="closed"), "the read-back")
