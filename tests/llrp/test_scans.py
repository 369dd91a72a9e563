"""Searches that were demanded, between those a reader does by itself."""

from typing import Any

import pytest

from config.devices import Reader
from drivers.command import CommandOutcome, Scan
from drivers.driver import Turn
from drivers.llrp import requests
from drivers.llrp.codec import Framer, decode_message
from simulator.devices.llrp_identity import OK, refused
from simulator.devices.llrp_wire import event
from tests.llrp.talk import SECOND, Talk, aispec_end, rospec


def test_a_scan_whose_antenna_lost_its_cable_fails() -> None:
    talk = Talk()
    talk.until(22)
    talk.hear(event(9, 1, AntennaEvent={"Event": 0, "AntennaID": 2}))
    talk.turn = talk.session.request(Scan("c", "r", (2,)), talk.at_ns)
    for _ in range(5):  # stop, delete, add, enable, start
        talk.answer()
    records = talk.hear(rospec(0, 2) + aispec_end(1, 2) + rospec(1, 2))
    assert records == (CommandOutcome("c", "r", talk.at_ns, "failed", "llrp_not_searched"),)


def scanning(talk: Talk, *antennas: int) -> None:
    """Demand a scan and answer all that leads to it: stop, delete, add, enable, start."""
    talk.turn = talk.session.request(Scan("c", "r", antennas), talk.at_ns)
    for _ in range(5):
        talk.answer()


def test_a_demanded_scan_searches_four_times_as_long_in_session_0() -> None:
    talk = Talk()
    talk.until(22)
    added: list[dict[str, Any]] = []
    talk.turn = talk.session.request(Scan("c", "r", (2,)), talk.at_ns)
    for _ in range(3):
        framer = Framer()
        framer.push(b"".join(talk.turn.send))
        added += [decode_message(frame)["ROSpec"] for frame in iter(framer.pull, None) if frame.type == 20]
        talk.answer()
    (search,) = added[0]["AISpecs"]
    assert search["AntennaIDs"] == [2]
    assert search["StopTrigger"]["DurationTriggerValue"] == 400  # of 100
    (antenna,) = search["InventoryParameterSpecs"][0]["AntennaConfigurations"]
    assert antenna["C1G2InventoryCommand"]["SingulationControl"]["Session"] == 0


@pytest.mark.parametrize(("dwell_ms", "rescan_ms"), [(10, 40), (1250, 5000), (2000, 5000), (9000, 9000)])
def test_a_demanded_scan_is_never_shorter_than_an_ordinary_search_nor_keeps_the_others_waiting(
    dwell_ms: int, rescan_ms: int
) -> None:
    reader = Reader(id="r", host="h", segments=("a",), dwell_ms=dwell_ms)
    assert requests.dwell_ms(reader, is_rescan=False) == dwell_ms
    assert requests.dwell_ms(reader, is_rescan=True) == rescan_ms


def test_a_round_that_a_scan_cut_short_goes_on_with_the_antenna_that_was_searching() -> None:
    reader = Reader(id="r", host="h", segments=("a", "b", "c", "d"), dwell_ms=100, keepalive_s=1.0)
    talk = Talk(reader)
    talk.until(22)
    talk.hear(rospec(0) + aispec_end(1) + aispec_end(2))
    scanning(talk, 1)
    talk.hear(rospec(0, 2) + aispec_end(1, 2) + rospec(1, 2))
    for _ in range(4):  # delete, add, enable, start
        talk.answer()
    talk.hear(rospec(0, 3))
    records = talk.hear(b"".join(aispec_end(place, 3) for place in range(1, 5)))
    assert [search.antenna for search in records] == [3, 4, 1, 2]


def test_between_two_scans_an_antenna_of_the_ordinary_round_finishes() -> None:
    """Scans that come faster than the reader does them: every port still has its turn."""
    talk = Talk()
    talk.until(22)
    talk.hear(rospec(0))
    searched: list[int] = []
    scanning(talk, 1)
    for spec_id in range(2, 10, 2):
        assert talk.session.request(Scan(f"c{spec_id}", "r", (1,)), talk.at_ns).send == ()  # one is under way
        talk.hear(rospec(0, spec_id) + aispec_end(1, spec_id) + rospec(1, spec_id))
        for _ in range(4):  # delete, add the ordinary round, enable, start
            talk.answer()
        assert talk.turn.send == ()
        searched += [told.antenna for told in talk.hear(rospec(0, spec_id + 1) + aispec_end(1, spec_id + 1))]
        talk.asked.clear()
        for _ in range(5):
            talk.answer()
        assert talk.asked == [23, 21, 20, 24, 22]  # now the scan that waited
    assert searched == [1, 2, 1, 2]


def test_an_antenna_whose_search_was_cut_short_did_not_look_everywhere() -> None:
    talk = Talk()
    talk.until(22)
    talk.hear(rospec(0))
    talk.turn = talk.session.request(Scan("c", "r", (2,)), talk.at_ns)
    asked_to_stop = talk.turn.send
    assert talk.hear(aispec_end(1)) == ()
    talk.turn = Turn((), asked_to_stop)
    talk.answer()
    assert talk.hear(aispec_end(1) + rospec(1)) == ()


@pytest.mark.parametrize("kind", [30, 34, 32])
def test_a_reader_that_will_not_do_a_scan_says_so_and_searches_on_as_ever(kind: int) -> None:
    talk = Talk()
    talk.until(22)
    talk.answers[kind] = refused(101, "not in this session")
    talk.turn = talk.session.request(Scan("c", "r", (2,)), talk.at_ns)
    told: list[Any] = []
    for _ in range(5):
        told += talk.answer()
        if told and told[-1].result == "failed":
            break
    assert (told[-1].command, told[-1].result, told[-1].reason) == ("c", "failed", "llrp_scan_refused")
    talk.answers[kind] = OK
    talk.asked.clear()
    for _ in range(6):
        talk.answer()
    assert talk.asked == [21, 41, 3, 20, 24, 22]
    first, second = talk.hear(rospec(0, 3) + aispec_end(1, 3) + aispec_end(2, 3))
    assert (first.antenna, second.antenna) == (1, 2)


def test_more_scans_than_a_reader_can_do_are_refused() -> None:
    talk = Talk()
    talk.until(22)
    results = [talk.session.request(Scan(str(n), "r", (1,)), SECOND).records for n in range(17)]
    (last,) = results[16]
    assert isinstance(last, CommandOutcome)
    assert (last.result, last.reason) == ("refused", "llrp_busy")
    assert not any(results[:16])
