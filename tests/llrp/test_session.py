"""The LLRP session alone, on a manual clock: what it refuses, waits for and says last."""

import struct

import pytest

from config.devices import Reader
from drivers.command import CommandOutcome, Switch
from drivers.driver import DeviceError, Turn
from drivers.llrp.codec import Framer, header
from drivers.observation import DeviceNote, Searched, TagReads
from simulator.devices.llrp_identity import refused
from simulator.devices.llrp_wire import event, message
from tests.llrp.talk import GREETING, SECOND, Talk, aispec_end, code_of, rospec


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


def test_a_switch_is_not_for_a_reader() -> None:
    talk = Talk()
    (outcome,) = talk.session.request(Switch("c", "r", "relay", on=True, toward_safety=True), SECOND).records
    assert isinstance(outcome, CommandOutcome)
    assert (outcome.result, outcome.reason) == ("refused", "unsupported_command")


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
