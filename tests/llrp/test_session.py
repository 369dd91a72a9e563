"""The LLRP session alone, on a manual clock: what it refuses, waits for and says last."""

import struct
from collections.abc import Callable
from typing import Any

import pytest

from config.devices import Reader
from drivers.command import CommandOutcome, Scan, Switch
from drivers.driver import DeviceError, Turn
from drivers.llrp import requests
from drivers.llrp.codec import Framer, decode_message, header
from drivers.llrp.device import LlrpSession
from drivers.llrp.phases import ORDER, REQUEST
from drivers.observation import DeviceNote, Searched, TagReads
from simulator.devices.llrp_identity import ENABLE_EXTENSIONS, IMPINJ, OK, capabilities, configuration, refused
from simulator.devices.llrp_wire import event, message, vendor_message

SECOND = 1_000_000_000
READER = Reader(id="r", host="h", segments=("a", "b"), dwell_ms=100, keepalive_s=1.0)
GREETING = event(1, 1, ConnectionAttemptEvent=0)
ANSWERS: dict[int, dict[str, Any]] = {11: capabilities(4), 12: configuration(4, set(), {}, 0)}


class Talk:
    """Answers what a session sends, one message at a time."""

    def __init__(self, reader: Reader = READER, **answers: dict[str, Any]) -> None:
        self.session = LlrpSession(reader)
        self.answers = ANSWERS | {int(kind.removeprefix("type_")): value for kind, value in answers.items()}
        self.at_ns = SECOND
        self.asked: list[int] = []
        self.turn: Turn[bytes] = self.session.opened(self.at_ns)

    def hear(self, data: bytes) -> tuple[Any, ...]:
        self.turn = self.session.received(data, self.at_ns)
        return self.turn.records

    def answer(self) -> tuple[Any, ...]:
        """Answer all that was sent; what the session made of the last answer."""
        answered = {request: number for (phase, number), _ in ORDER.items() if (request := _type(phase))}
        records: tuple[Any, ...] = ()
        framer = Framer()
        framer.push(b"".join(self.turn.send))
        while (frame := framer.pull()) is not None:
            self.asked.append(frame.type)
            if frame.type == 1023:
                answer = self.answers.get(1023, OK)
                records = self.hear(vendor_message(frame.id, IMPINJ, ENABLE_EXTENSIONS + 1, answer))
            elif frame.type in answered:
                kind = answered[frame.type]
                records = self.hear(message(kind, frame.id, self.answers.get(kind, OK)))
        return records

    def until(self, kind: int) -> None:
        """Answer until the session has asked for `kind`, and answer that."""
        if not self.asked:
            self.hear(GREETING)
        while kind not in self.asked:
            self.answer()


def _type(phase: str) -> int | None:
    types = {"ADD_ACCESSSPEC": 40, "DELETE_ACCESSSPEC": 41, "ENABLE_ACCESSSPEC": 42}
    types |= {"GET_READER_CAPABILITIES": 1, "GET_READER_CONFIG": 2, "SET_READER_CONFIG": 3, "ADD_ROSPEC": 20}
    types |= {"DELETE_ROSPEC": 21, "START_ROSPEC": 22, "STOP_ROSPEC": 23, "ENABLE_ROSPEC": 24}
    return types.get(REQUEST.get(phase, ""))


def rospec(what: int, spec_id: int = 1) -> bytes:
    return event(9, 1, ROSpecEvent={"Event": what, "ROSpecID": spec_id})


def aispec_end(place: int, spec_id: int = 1) -> bytes:
    return event(9, 1, AISpecEvent={"Event": 0, "ROSpecID": spec_id, "SpecIndex": place})


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(DeviceError) as seen:
        act()
    return str(seen.value.args[0])


def test_the_reader_is_cleared_and_configured_before_it_searches() -> None:
    talk = Talk()
    talk.until(22)
    assert talk.asked == [1, 2, 21, 41, 3, 20, 24, 22]
    assert talk.session.is_searching


def test_nothing_is_asked_before_the_reader_has_spoken() -> None:
    assert Talk().turn.send == ()


def test_searched_tells_from_when_to_when_in_vault_time() -> None:
    talk = Talk()
    talk.until(22)
    talk.at_ns = 10 * SECOND
    talk.hear(rospec(0))
    talk.at_ns = 11 * SECOND
    assert talk.hear(aispec_end(1)) == (Searched("r", 11 * SECOND, 1, 1, 10 * SECOND, 11 * SECOND),)
    talk.at_ns = 13 * SECOND
    assert talk.hear(aispec_end(2)) == (Searched("r", 13 * SECOND, 2, 1, 11 * SECOND, 13 * SECOND),)


def test_a_search_that_ended_is_started_again() -> None:
    talk = Talk()
    talk.until(22)
    talk.asked.clear()
    talk.hear(rospec(0))
    talk.hear(rospec(1))
    talk.answer()
    assert talk.asked == [22]


def test_a_search_over_before_its_start_was_answered_is_started_again() -> None:
    talk = Talk()
    talk.until(24)  # START_ROSPEC is on its way
    start = talk.turn.send
    talk.hear(rospec(0) + aispec_end(1) + aispec_end(2) + rospec(1))
    talk.turn = Turn((), start)
    talk.answer()
    talk.asked.clear()
    talk.answer()
    assert talk.asked == [22]


def test_a_search_with_an_exception_or_of_another_rospec_is_no_evidence() -> None:
    talk = Talk()
    talk.until(22)
    talk.hear(rospec(0))
    (note,) = talk.hear(event(9, 1, ReaderExceptionEvent={"Message": "hot", "AntennaID": 2}))
    assert (note.code, note.args) == ("llrp_reader_exception", {"message": "hot", "antenna": 2})
    assert len(talk.hear(aispec_end(1))) == 1
    assert talk.hear(aispec_end(2)) == ()
    assert talk.hear(aispec_end(1, spec_id=99)) == ()


@pytest.mark.parametrize(("status", "code"), [(1, "llrp_held"), (2, "llrp_held"), (3, "llrp_refused")])
def test_a_connection_that_is_not_ours_is_told_apart(status: int, code: str) -> None:
    assert code_of(lambda: Talk().hear(event(1, 1, ConnectionAttemptEvent=status))) == code


def test_a_reader_that_refuses_its_search_is_an_error_with_its_own_words() -> None:
    talk = Talk(type_30=refused(101, "bad antenna"))
    with pytest.raises(DeviceError) as seen:
        talk.until(22)
    assert seen.value.args == ("llrp_refused", "adding: the reader answers status 101 'bad antenna'")


def test_a_port_that_the_reader_does_not_have_is_an_error() -> None:
    reader = Reader(id="r", host="h", segments=(None, None, None, None, "e"))
    assert code_of(lambda: Talk(reader).until(22)) == "llrp_too_many_antennas"


def test_a_reader_without_antennas_is_an_error_not_a_crash() -> None:
    assert code_of(lambda: Talk(Reader(id="r", host="h", segments=(None,))).hear(GREETING)) == "llrp_no_antennas"


def test_reports_from_a_search_before_ours_are_counted_not_believed() -> None:
    body = bytes.fromhex("00f0001f8d3000abcdef0000000000000381000186d0820005a9e4bef862e0")
    report = bytes.fromhex("043d0000002900000001") + body
    talk = Talk()
    (note,) = talk.hear(GREETING + report)
    assert isinstance(note, DeviceNote)
    assert (note.code, note.args) == ("llrp_stale_report", {"tags": 1})


def test_three_silent_keepalives_kill_the_session() -> None:
    talk = Talk()
    assert talk.turn.due_ns == 4 * SECOND
    talk.session.due(4 * SECOND - 1)
    assert code_of(lambda: talk.session.due(4 * SECOND)) == "llrp_silent"


def test_a_reader_that_lives_but_does_not_answer_is_given_up() -> None:
    talk = Talk()
    talk.hear(GREETING)
    for second in (2, 3):
        talk.at_ns = second * SECOND
        talk.hear(message(62, 1))
    assert talk.turn.due_ns == 4 * SECOND
    assert code_of(lambda: talk.session.due(4 * SECOND)) == "llrp_no_answer"


def test_a_reader_that_lives_but_does_not_search_is_given_up() -> None:
    """3 keepalives of 1 s and twice the dwell of 0.1 s after the search began."""
    talk = Talk()
    talk.until(22)
    for second in (2, 3, 4):
        talk.at_ns = second * SECOND
        talk.hear(message(62, 1))
    assert talk.turn.due_ns == SECOND + 3_200_000_000
    assert code_of(lambda: talk.session.due(SECOND + 3_200_000_000)) == "llrp_stalled"


def test_keepalives_are_acknowledged() -> None:
    talk = Talk()
    talk.hear(message(62, 5))
    assert talk.turn.send == (bytes.fromhex("0448 0000000a 00000005"),)


def test_what_was_whole_before_the_noise_is_kept_and_the_fault_comes_next() -> None:
    talk = Talk()
    talk.until(22)
    assert len(talk.hear(aispec_end(1) + b"\xff" * 20)) == 1
    assert talk.turn.due_ns == talk.at_ns
    assert code_of(lambda: talk.session.due(talk.at_ns)) == "llrp_malformed"


def test_the_last_words_delete_the_search_and_close_the_connection() -> None:
    talk = Talk()
    talk.until(22)
    framer = Framer()
    framer.push(b"".join(talk.session.closing(talk.at_ns).send))
    assert [frame.type for frame in iter(framer.pull, None)] == [21, 14]


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


def test_a_switch_is_not_for_a_reader() -> None:
    talk = Talk()
    (outcome,) = talk.session.request(Switch("c", "r", "relay", on=True, toward_safety=True), SECOND).records
    assert isinstance(outcome, CommandOutcome)
    assert (outcome.result, outcome.reason) == ("refused", "unsupported_command")


def test_more_scans_than_a_reader_can_do_are_refused() -> None:
    talk = Talk()
    talk.until(22)
    results = [talk.session.request(Scan(str(n), "r", (1,)), SECOND).records for n in range(17)]
    (last,) = results[16]
    assert isinstance(last, CommandOutcome)
    assert (last.result, last.reason) == ("refused", "llrp_busy")
    assert not any(results[:16])


TAG = bytes.fromhex("00f000148d3000abcdef00000000000003810001")


def report(body: bytes) -> bytes:
    return header(61, 1, len(body)) + body


def test_reports_that_come_in_together_are_one_batch_and_events_between_them_keep_their_place() -> None:
    talk = Talk()
    talk.until(22)
    talk.hear(rospec(0))
    records = talk.hear(report(TAG) + message(62, 1) + report(TAG + TAG) + aispec_end(1) + report(TAG))
    assert [type(record) for record in records] == [TagReads, Searched, TagReads]
    assert [len(record.antenna) for record in (records[0], records[2])] == [3, 1]


def test_a_report_that_cannot_be_read_is_counted_and_its_round_is_no_evidence() -> None:
    talk = Talk()
    talk.until(22)
    talk.hear(rospec(0))
    reads, note = talk.hear(report(TAG) + report(TAG[:-1]) + report(TAG))
    assert len(reads.antenna) == 2
    assert (note.code, note.args) == ("llrp_report_lost", {"reports": 1})
    assert talk.hear(aispec_end(1)) == ()
    assert talk.hear(aispec_end(2)) == ()
    talk.hear(rospec(1))
    talk.answer()
    assert len(talk.hear(rospec(0) + aispec_end(1))) == 1  # the next round is evidence again


def test_a_message_or_parameter_of_a_vendor_is_counted() -> None:
    talk = Talk()
    talk.until(22)
    vendor = struct.pack("!HHII", 1023, 12, 25882, 1552)
    reads, parameter, message_note = talk.hear(report(TAG + vendor) + header(1023, 1, 5) + bytes(5))
    assert len(reads.antenna) == 1
    assert (parameter.code, parameter.args) == ("llrp_not_understood", {"parameters": 1})
    assert (message_note.code, message_note.args) == ("llrp_not_understood", {"messages": 1})


def test_a_report_turned_into_a_keepalive_by_one_bit_is_not_swallowed() -> None:
    talk = Talk()
    talk.until(22)
    assert code_of(lambda: talk.hear(header(62, 1, len(TAG)) + TAG)) == "llrp_malformed"


def test_a_length_that_swallows_the_next_messages_ends_the_session_after_what_was_whole() -> None:
    talk = Talk()
    talk.until(22)
    swallowing = header(61, 1, len(TAG) + 2 * (10 + len(TAG))) + TAG
    (reads,) = talk.hear(report(TAG) + swallowing + report(TAG) + report(TAG))
    assert len(reads.antenna) == 1
    assert code_of(lambda: talk.session.due(talk.at_ns)) == "llrp_malformed"


@pytest.mark.parametrize("kept", range(1, 10 + len(TAG)))
def test_a_report_cut_short_anywhere_takes_no_other_with_it_in_silence(kept: int) -> None:
    """So long a report that, cut after `kept` octets, it ends just where the next one does."""
    talk = Talk()
    talk.until(22)
    cut_short = header(61, 1, kept + len(TAG)) + TAG  # it claims as much as is left of it and the whole next one

    def hear_and_wait() -> None:
        talk.hear(cut_short[:kept] + report(TAG))
        talk.session.due(talk.turn.due_ns or 0)

    assert code_of(hear_and_wait) in ("llrp_malformed", "llrp_silent")
