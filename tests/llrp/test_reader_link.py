"""Stories of one reader over a real socket: it works, fails in every way we know, and comes back."""

import asyncio
import logging
import random

import pytest

from drivers.command import CommandOutcome, Scan
from drivers.observation import DeviceNote, Searched, TagReads
from edge.field.reader_link import ReaderLink
from edge.state.events import DeviceBack, DeviceLost, Event
from simulator.devices.llrp_reader import SimulatedReader
from tests.llrp.conftest import TAGS_AN_ANTENNA, Seen, config_of
from tests.unhurried import unhurried

SOME = Scan("c1", "reader-1", (2,))


async def test_every_antenna_is_searched_in_turn_and_its_tags_are_reported(seen: Seen) -> None:
    await seen.until_count(Searched, 6)
    searched = seen.of(Searched)[:6]
    assert [search.antenna for search in searched] == [1, 2, 1, 2, 1, 2]
    assert all(search.rounds == 1 for search in searched)
    assert all(search.to_ns > search.from_ns for search in searched)
    assert 5 * 0.015e9 < searched[-1].to_ns - searched[0].from_ns < 3e9  # six dwells of 20 ms
    first = seen.events.index(searched[0])
    reads = [event for event in seen.events[:first] if isinstance(event, TagReads)]
    assert {int(antenna) for batch in reads for antenna in batch.antenna} == {1}
    assert sum(len(batch.epc) for batch in reads) == TAGS_AN_ANTENNA
    assert [v for batch in reads for v in batch.rssi_dbm.tolist()] == [-40.0 - i for i in range(TAGS_AN_ANTENNA)]
    assert [v for batch in reads for v in batch.count.tolist()] == list(range(1, TAGS_AN_ANTENNA + 1))
    assert {v for batch in reads for v in batch.pc.tolist()} == {0x3000}  # six words of EPC
    assert abs(reads[0].last_utc_ns[0] - unhurried().wall_ns()) < 60e9
    assert (reads[0].last_utc_ns > reads[0].first_utc_ns).all()


async def test_a_reader_that_searches_is_announced_once(seen: Seen) -> None:
    await seen.until_count(Searched, 10)
    assert len(seen.of(DeviceBack)) == 1
    assert not seen.of(DeviceLost)


async def test_a_demanded_scan_searches_just_those_antennas_and_then_all_again(seen: Seen) -> None:
    await seen.until_count(Searched, 2)
    seen.link.submit(SOME)
    await seen.until_count(CommandOutcome, 2)
    sent, done = seen.of(CommandOutcome)
    assert (sent.result, done.result, done.command) == ("sent", "done", "c1")
    between = seen.events[seen.events.index(sent) : seen.events.index(done)]
    assert [event.antenna for event in between if isinstance(event, Searched)] == [2]
    count = len(seen.of(Searched))
    await seen.until_count(Searched, count + 2)
    assert {search.antenna for search in seen.of(Searched)[count : count + 2]} == {1, 2}


async def test_scans_that_make_no_sense_are_refused(seen: Seen) -> None:
    await seen.until_count(Searched, 1)
    seen.link.submit(Scan("c2", "reader-1", (3,)))
    seen.link.submit(Scan("c3", "reader-1", ()))
    await seen.until_count(CommandOutcome, 2)
    assert [(o.command, o.result, o.reason) for o in seen.of(CommandOutcome)] == [
        ("c2", "refused", "llrp_no_such_antenna"),
        ("c3", "refused", "llrp_no_such_antenna"),
    ]


async def test_a_silent_open_socket_is_seen_within_three_keepalives(simulated: SimulatedReader, seen: Seen) -> None:
    await seen.until_count(Searched, 1)
    simulated.silence()
    took_s = await seen.until_count(DeviceLost, 1)
    assert seen.of(DeviceLost)[0].reason == "llrp_silent"
    assert took_s < 1.0  # three keepalives and what a loaded machine takes; exact on the manual clock, test_session
    simulated.speak()
    await seen.until_count(DeviceBack, 2)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("garbage", "llrp_malformed"),
        ("reset", "llrp_reset"),
    ],
)
async def test_noise_and_resets_lose_the_reader_for_less_than_a_second(
    simulated: SimulatedReader, seen: Seen, kind: str, reason: str
) -> None:
    await seen.until_count(Searched, 1)
    getattr(simulated, kind)()
    await seen.until_count(DeviceLost, 1)
    assert seen.of(DeviceLost)[0].reason == reason
    assert await seen.until_count(DeviceBack, 2) < 1.0
    searched = len(seen.of(Searched))
    await seen.until_count(Searched, searched + 2)
    assert len(seen.of(DeviceLost)) == 1


async def test_half_a_message_is_silence(simulated: SimulatedReader, seen: Seen) -> None:
    await seen.until_count(Searched, 1)
    simulated.half_message()
    took_s = await seen.until_count(DeviceLost, 1)
    assert seen.of(DeviceLost)[0].reason == "llrp_silent"
    assert took_s < 1.0
    simulated.speak()
    await seen.until_count(DeviceBack, 2)


async def test_an_unplugged_reader_is_lost_once_logged_once_and_comes_back(
    simulated: SimulatedReader, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    def tries() -> list[int]:
        return [record.levelno for record in caplog.records if "trying again" in record.getMessage()]

    caplog.set_level(logging.DEBUG, "edge.field.reader_link")
    await seen.until_count(Searched, 1)
    await simulated.unplug()
    await seen.until_count(DeviceLost, 1)
    await seen.until(lambda: len(tries()) > 1)
    await simulated.plug()
    await seen.until_count(DeviceBack, 2)
    assert len(seen.of(DeviceLost)) == 1
    levels = tries()
    assert levels[0] == logging.WARNING
    assert set(levels[1:]) == {logging.DEBUG}


async def test_a_restarted_reader_is_configured_anew(simulated: SimulatedReader, seen: Seen) -> None:
    await seen.until_count(Searched, 1)
    await simulated.restart(0.1)
    await seen.until_count(DeviceBack, 2)
    searched = len(seen.of(Searched))
    await seen.until_count(Searched, searched + 2)


async def test_an_antenna_without_a_cable_gives_no_negative_evidence(simulated: SimulatedReader, seen: Seen) -> None:
    await seen.until_count(Searched, 2)
    simulated.unplug_antenna(2)
    await seen.until_count(DeviceNote, 1)
    count = len(seen.of(Searched))
    await seen.until_count(Searched, count + 3)
    assert {search.antenna for search in seen.of(Searched)[count:]} == {1}
    simulated.plug_antenna(2)
    await seen.until(lambda: seen.of(Searched)[-1].antenna == 2)
    assert [(note.code, note.args) for note in seen.of(DeviceNote)] == [
        ("llrp_antenna_disconnected", {"antenna": 2}),
        ("llrp_antenna_connected", {"antenna": 2}),
    ]


async def test_an_antenna_that_was_never_plugged_in_is_told_on_connecting(simulated: SimulatedReader) -> None:
    simulated.unplug_antenna(1)
    events: list[Event] = []
    link = ReaderLink(config_of(simulated), now=unhurried().monotonic_ns, emit=events.append, jitter=random.Random(3))
    task = asyncio.create_task(link.run())
    seen = Seen(link, events)
    await seen.until_count(Searched, 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert {search.antenna for search in seen.of(Searched)} == {2}
    assert [note.code for note in seen.of(DeviceNote)] == ["llrp_antenna_disconnected"]


async def test_a_reader_held_by_another_client_says_so(simulated: SimulatedReader, seen: Seen) -> None:
    await seen.until_count(Searched, 1)
    events: list[Event] = []
    second = ReaderLink(config_of(simulated), now=unhurried().monotonic_ns, emit=events.append, jitter=random.Random(4))
    task = asyncio.create_task(second.run())
    await seen.until(lambda: bool(events))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert isinstance(events[0], DeviceLost)
    assert events[0].reason == "llrp_held"
    assert "llrp_other_client" in [note.code for note in seen.of(DeviceNote)]
    assert not seen.of(DeviceLost)


async def test_a_cancelled_link_leaves_the_reader_free_within_a_second(simulated: SimulatedReader) -> None:
    events: list[Event] = []
    link = ReaderLink(config_of(simulated), now=unhurried().monotonic_ns, emit=events.append, jitter=random.Random(5))
    task = asyncio.create_task(link.run())
    await Seen(link, events).until_count(Searched, 1)
    loop = unhurried()
    started_s = loop.time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert loop.time() - started_s < 1.0
    await Seen(link, events).until(lambda: not simulated.is_held)


async def test_a_command_cut_off_by_a_reset_ends_as_unknown(simulated: SimulatedReader, seen: Seen) -> None:
    await seen.until_count(Searched, 1)
    simulated.silence()
    seen.link.submit(SOME)
    await seen.until_count(CommandOutcome, 1)
    (outcome,) = seen.of(CommandOutcome)
    assert (outcome.command, outcome.result) == ("c1", "unknown")
    simulated.speak()


async def test_a_command_for_a_lost_reader_is_refused_at_once(simulated: SimulatedReader, seen: Seen) -> None:
    await seen.until_count(Searched, 1)
    await simulated.unplug()
    await seen.until_count(DeviceLost, 1)
    seen.link.submit(SOME)
    (outcome,) = seen.of(CommandOutcome)
    assert (outcome.result, outcome.reason) == ("refused", "device_lost")
