"""How a reader itself fares: clock, share of time it searches, temperature of those that tell it."""

import asyncio
import random
from typing import Any

import pytest
from sllurp.llrp_proto import Param_struct

from drivers.driver import ProtocolError
from drivers.llrp.codec import Frame, Framer, decode_message
from drivers.llrp.condition import IMPINJ, READER_TEMPERATURE, Condition
from drivers.observation import DeviceNote, Measurement
from edge.field.reader_link import ReaderLink
from edge.state.events import Event
from simulator.devices.llrp_identity import OK, capabilities, refused, temperature
from simulator.devices.llrp_reader import SimulatedReader
from simulator.devices.llrp_wire import event, message
from tests.llrp.conftest import Seen, config_of, two_shelves
from tests.llrp.talk import SECOND, Talk
from tests.unhurried import unhurried

ADD_ROSPEC, START_ROSPEC = 20, 22


def frames(sent: tuple[bytes, ...]) -> list[Frame]:
    framer = Framer()
    framer.push(b"".join(sent))
    found = []
    while (frame := framer.pull()) is not None:
        found.append(frame)
    return found


class Search(Talk):
    """A session that searches; antennas end one after the other."""

    def __init__(self, manufacturer: int = 0, clock_ahead_ns: int = 0) -> None:
        super().__init__(type_11=capabilities(4, manufacturer))
        self.ahead_ns = clock_ahead_ns
        self.sent: list[Frame] = []
        self.until(START_ROSPEC)
        self.spec(0)

    def spec(self, what: int) -> None:
        self.say(ROSpecEvent={"Event": what, "ROSpecID": 1})

    def say(self, delay_ns: int = 0, **events: Any) -> tuple[Any, ...]:
        """An event, written with the reader's clock and heard after a delay."""
        data = event(9, (self.at_ns + self.ahead_ns) // 1000, **events)
        self.at_ns += delay_ns
        records = self.hear(data)
        self.sent += frames(self.turn.send)
        return records

    def antenna_done(self, place: int, after_ns: int, delay_ns: int = 0) -> list[Measurement]:
        self.at_ns += after_ns
        records = self.say(delay_ns, AISpecEvent={"Event": 0, "ROSpecID": 1, "SpecIndex": place})
        return [record for record in records if isinstance(record, Measurement)]

    def cycles(self, count: int, pause_ns: int = 0) -> list[Measurement]:
        """Of two antennas for 100 ms each; then a pause in which nobody searches."""
        told: list[Measurement] = []
        for _ in range(count):
            told += self.antenna_done(1, 100_000_000) + self.antenna_done(2, 100_000_000)
            self.at_ns += pause_ns
            self.spec(1)
            frame = next(frame for frame in reversed(frames(self.turn.send)) if frame.type == START_ROSPEC)
            self.hear(message(32, frame.id, OK))
            self.spec(0)
        return told


def test_the_first_word_comes_after_ten_seconds_and_then_one_a_minute() -> None:
    told = Search().cycles(620)  # 124 s
    assert [round(record.at_ns / SECOND) for record in told] == [11, 71]
    assert told[0].points == ("clock_offset_s", "searching_share", "temperature_degc")
    assert told[0].values == (0.0, 1.0, None)


def test_the_time_between_two_searches_is_no_searching() -> None:
    (told, *_) = Search().cycles(60, pause_ns=200_000_000)
    assert told.values[1] == pytest.approx(0.5, abs=0.02)


def test_the_least_delayed_event_tells_how_far_the_readers_clock_is_ahead() -> None:
    search = Search(clock_ahead_ns=7_500_000_000)
    told: list[Measurement] = []
    while not told:
        told = search.antenna_done(1, 100_000_000, delay_ns=random.Random(len(search.sent)).randrange(10_000_000))
        told += search.antenna_done(2, 100_000_000)
    assert told[0].values[0] == 7.5


def test_a_reader_of_another_make_is_never_asked_for_its_temperature() -> None:
    search = Search()
    search.cycles(400)
    assert {frame.type for frame in search.sent} == {START_ROSPEC}


def answered(search: Search, *answers: bytes) -> tuple[Any, ...]:
    """Answer what was asked last; what the session made of the last answer."""
    records: tuple[Any, ...] = ()
    for answer in answers:
        records = search.hear(answer)
    return records


def test_an_impinj_reader_whose_extensions_are_enabled_is_asked_every_minute() -> None:
    search = Search(IMPINJ)
    search.cycles(1)
    (ask,) = (frame for frame in search.sent if frame.type != START_ROSPEC)
    assert search.asked.count(1023) == 1
    assert decode_message(ask)["RequestedData"] == 1
    assert decode_message(ask)["Custom"] == [{"VendorID": 25882, "Subtype": 21, "Data": bytes.fromhex("000007d4")}]
    told = message(12, ask.id, OK | {"Custom": [temperature(-3)]})
    assert not [r for r in answered(search, told) if isinstance(r, DeviceNote)]
    (first,) = search.cycles(50)
    assert first.values[2] == -3.0
    again = search.sent[-1] if search.sent[-1].type == 2 else next(f for f in reversed(search.sent) if f.type == 2)
    assert again.id > ask.id
    (second,) = search.cycles(301)
    assert second.values[2] is None  # it was not told again


def test_a_refusal_is_no_fault_and_the_reader_is_asked_no_more() -> None:
    search = Search(IMPINJ)
    search.cycles(1)
    (ask,) = (frame for frame in search.sent if frame.type != START_ROSPEC)
    assert answered(search, message(100, ask.id, refused(109, "unsupported"))) == ()
    told = search.cycles(700)
    assert [record.values[2] for record in told] == [None] * len(told)
    assert sum(frame.type == 2 for frame in search.sent) == 1


def test_an_answer_that_cannot_be_right_is_an_error_of_the_line() -> None:
    condition = Condition("r")
    condition.extended()
    condition.told(0, 5)
    with pytest.raises(ProtocolError):
        condition.takes(Frame(12, 5, b"\x00\x01"))


def test_sllurp_reads_the_temperature_as_the_simulated_reader_writes_it() -> None:
    made = temperature(41)
    known = Param_struct["ImpinjReaderTemperature"]
    assert (known["vendorid"], known["subtype"]) == (made["VendorID"], made["Subtype"]) == (IMPINJ, READER_TEMPERATURE)
    assert known["decode"](made["Data"], "ImpinjReaderTemperature")[0] in (41, {"Temperature": 41})


async def test_over_the_wire_an_impinj_reader_tells_its_temperature() -> None:
    wall_ns = unhurried().wall_ns
    began_ns = wall_ns()

    def now() -> int:
        """A second of the vault passes in a fiftieth of one."""
        return began_ns + (wall_ns() - began_ns) * 50

    reader = SimulatedReader(
        two_shelves,
        antennas=4,
        utc_us=lambda: now() // 1000 - 5_000_000,
        noise=random.Random(1),
        temperature_degc=lambda: 43,
    )
    await reader.start()
    events: list[Event] = []
    link = ReaderLink(config_of(reader, keepalive_s=10.0), now=now, emit=events.append, jitter=random.Random(2))
    task = asyncio.create_task(link.run())
    try:
        seen = Seen(link, events)
        await seen.until_count(Measurement, 1)
        offset_s, share, degc = seen.of(Measurement)[0].values
        assert offset_s == pytest.approx(-5.0, abs=0.5)
        assert share > 0.8
        assert degc == 43.0
        assert seen.of(DeviceNote) == []
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reader.stop()
