"""Spoilt bytes: a session answers with records or one of the two errors; the link outlives them all."""

import random

from drivers.driver import DeviceError
from drivers.llrp.codec import header
from drivers.llrp.device import LlrpSession
from drivers.observation import DeviceNote, Searched, TagReads
from edge.field.backoff import Backoff
from edge.state.events import DeviceBack, DeviceLost
from simulator.devices.llrp_reader import SimulatedReader
from tests.llrp.conftest import Seen, config_of, conversation


def _spoilt(data: bytes, rng: random.Random, most: int) -> bytes:
    octets = bytearray(data)
    for _ in range(rng.randint(1, most)):
        octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
    return bytes(octets)


async def test_two_thousand_spoilt_conversations_raise_nothing_but_the_two_errors(simulated: SimulatedReader) -> None:
    rng = random.Random(11)
    said = b"".join(data for is_reader, data in await conversation(simulated) if is_reader)
    errors = 0
    for _ in range(2000):
        session = LlrpSession(config_of(simulated))
        session.opened(0)
        try:
            turn = session.received(_spoilt(said, rng, 6), 1)
            assert turn.due_ns is not None
            session.due(turn.due_ns)
        except DeviceError:
            errors += 1
    assert errors == 2000  # noise, or the silence after it


async def test_spoilt_reports_are_counted_and_the_link_lives_on(simulated: SimulatedReader, seen: Seen) -> None:
    rng = random.Random(12)
    body = bytes.fromhex("00f0001f8d3000abcdef0000000000000381000186d0820005a9e4bef862e0")
    said = 60
    for _ in range(said):
        await seen.until_count(Searched, len(seen.of(Searched)) + 1)
        simulated.say(61, _spoilt(body, rng, 4))
        searched = len(seen.of(Searched))
        await seen.until_count(Searched, searched + 2, within_s=1.0)
    notes = seen.of(DeviceNote)
    lost = sum(note.args["reports"] for note in notes if note.code == "llrp_report_lost")
    other = sum(note.args["parameters"] for note in notes if note.code == "llrp_not_understood")
    read = sum(int((reads.epc[:, 0] > 2).sum()) for reads in seen.of(TagReads))  # the shelves' own start with 1 and 2
    assert lost > said / 4
    assert read > said / 4
    assert lost + other + read == said
    assert not seen.of(DeviceLost)


async def test_a_length_that_swallows_the_stream_is_seen_as_silence(simulated: SimulatedReader, seen: Seen) -> None:
    """The header of a 4 MB report: keepalives go on, but inside its body."""
    await seen.until_count(Searched, 1)
    simulated.send(header(61, 1, (4 << 20) - 10))
    took_s = await seen.until_count(DeviceLost, 1)
    assert seen.of(DeviceLost)[0].reason == "llrp_silent"
    assert took_s < 1.0
    await seen.until_count(DeviceBack, 2)


def test_the_wait_doubles_up_to_its_cap_and_is_never_the_same_twice() -> None:
    backoff, jitter = Backoff(first_s=0.5, cap_s=30.0), random.Random(1)
    waits = [backoff.wait_s(failures, jitter) for failures in range(1, 12)]
    for failures, wait_s in enumerate(waits, start=1):
        whole_s = min(30.0, 0.5 * 2 ** (failures - 1))
        assert whole_s / 2 <= wait_s <= whole_s
    assert len(set(waits)) == len(waits)
    assert backoff.wait_s(10_000, jitter) <= 30.0
