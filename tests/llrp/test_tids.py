"""What a chip says it is: decoded as others decode it, asked for where it can be told, done without where not."""

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sllurp.llrp import LLRPMessage

from drivers.command import CommandOutcome, Scan
from drivers.driver import ProtocolError
from drivers.llrp.codec import Frame, Framer, decode_message, header
from drivers.llrp.report import ReportDecoder, decode_report
from drivers.observation import DeviceNote, TagReads
from simulator.devices.llrp_identity import IMPINJ, OK, capabilities, refused
from simulator.devices.llrp_wire import message
from tests.conformance.kit import reads_one_by_one
from tests.llrp.talk import SECOND, Talk, aispec_end, rospec

EPC_96 = bytes.fromhex("8d 3000abcdef00000000000003")
TID = bytes.fromhex("e2801191 2000 1234 5678 9abc")  # Impinj M730, a serial number of 48 bits
ZEBRA = 161


def tag(*parameters: bytes) -> bytes:
    inner = b"".join((EPC_96, *parameters))
    return struct.pack("!HH", 240, 4 + len(inner)) + inner


def fast_id(tid: bytes, words: int | None = None, more: bytes = b"") -> bytes:
    """ImpinjSerializedTID."""
    said = struct.pack("!H", len(tid) // 2 if words is None else words) + tid + more
    return struct.pack("!HHII", 1023, 12 + len(said), IMPINJ, 55) + said


def read_result(tid: bytes, result: int = 0, operation: int = 1, words: int | None = None) -> bytes:
    """C1G2ReadOpSpecResult."""
    said = struct.pack("!BHH", result, operation, len(tid) // 2 if words is None else words) + tid
    return struct.pack("!HH", 349, 4 + len(said)) + said


def tids(body: bytes) -> list[str]:
    """By tag, as hexadecimal digits, '' for none; walked and by layout alike."""
    walked = decode_report(body, "r", 5)
    decoder = ReportDecoder("r")
    decoder.decode([body], 5)
    fast = decoder.decode([body], 5).reads
    assert reads_one_by_one(without_clock(fast)) == reads_one_by_one(without_clock(walked))
    if walked.tid is None:
        return [""] * len(walked.antenna)
    return [row.tobytes().rstrip(b"\0").hex() for row in walked.tid]


def without_clock(reads: TagReads) -> TagReads:
    """What a batch says of its tags."""
    return TagReads(**{name: getattr(reads, name) for name in reads.__struct_fields__ if name != "clock_offset_ns"})


@pytest.mark.parametrize("said", [fast_id(TID), read_result(TID), fast_id(TID) + read_result(TID)])
def test_a_tid_is_read_from_either_parameter(said: bytes) -> None:
    assert tids(tag(said)) == [TID.hex()]


def test_a_reader_that_says_no_tid_gives_no_column() -> None:
    assert decode_report(tag(b"\x81\x00\x01"), "r", 5).tid is None


def test_tags_without_a_tid_among_others_have_zeros_and_shorter_ones_are_padded() -> None:
    reads = decode_report(tag(fast_id(TID)) + tag() + tag(fast_id(TID[:4])), "r", 5)
    assert reads.tid is not None
    assert [row.tobytes() for row in reads.tid] == [TID, bytes(12), TID[:4] + bytes(8)]


@pytest.mark.parametrize("result", [1, 2, 3, 4])
def test_a_read_that_failed_is_no_tid(result: int) -> None:
    """Non-specific tag error, no response from tag, non-specific reader error, memory overrun or locked."""
    assert tids(tag(read_result(b"", result)) + tag(read_result(TID))) == ["", TID.hex()]
    assert tids(tag(read_result(TID, result))) == [""]


def test_what_another_operation_read_is_no_tid() -> None:
    assert tids(tag(read_result(TID[::-1], operation=7), read_result(TID))) == [TID.hex()]


def test_of_two_tids_in_one_tag_the_first_counts() -> None:
    assert tids(tag(fast_id(TID), read_result(TID[::-1]))) == [TID.hex()]


def test_a_vendors_parameter_may_hold_more_than_the_tid() -> None:
    more = struct.pack("!HHII", 1023, 12, IMPINJ, 99)
    assert tids(tag(fast_id(TID, more=more))) == [TID.hex()]


@pytest.mark.parametrize(
    "said",
    [
        fast_id(TID[:11], words=6),  # an odd number of octets
        fast_id(TID, words=5),  # two octets that are nothing
        fast_id(TID, words=7),
        fast_id(bytes(64)),  # 32 words
        fast_id(b"", words=0, more=b"\0"),
        struct.pack("!HHIIB", 1023, 13, IMPINJ, 55, 0),
        read_result(TID[:11], words=6),
        read_result(TID, words=5),
        read_result(TID, words=7),
        struct.pack("!HHBHB", 349, 8, 0, 1, 0),
    ],
)
def test_a_tid_whose_length_cannot_be_right_is_no_report(said: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_report(tag(said), "r", 5)
    assert ReportDecoder("r").decode([tag(said), tag(fast_id(TID))], 5).lost == (0,)


words = st.integers(0, 12).flatmap(lambda count: st.binary(min_size=2 * count, max_size=2 * count))
said_of_a_chip = st.one_of(
    st.just(b""),
    words.map(fast_id),
    st.builds(read_result, words, st.sampled_from((0, 0, 0, 2)), st.just(1)),
)


@given(chips=st.lists(said_of_a_chip, min_size=1, max_size=6), times=st.integers(1, 3))
def test_sllurp_and_we_read_the_same_tids(chips: list[bytes], times: int) -> None:
    body = b"".join(tag(said) for said in chips) * times
    parsed = LLRPMessage(msgbytes=header(61, 1, len(body)) + body).msgdict["RO_ACCESS_REPORT"]["TagReportData"]
    theirs = []
    for one in parsed:
        read = one.get("C1G2ReadOpSpecResult") or {}
        data = one.get("ImpinjSerializedTID", {}).get("TID") or (
            b"" if read.get("Result") else read.get("ReadData", b"")
        )
        theirs.append(data.rstrip(b"\0").hex())
    assert tids(body) == theirs


# --- what a reader is asked ---------------------------------------------------------------------------------------


def sent(talk: Talk, kind: int) -> list[dict[str, Any]]:
    """Messages of a type among those that were just sent."""
    framer = Framer()
    framer.push(b"".join(talk.turn.send))
    return [decode_message(frame) for frame in iter(framer.pull, None) if frame.type == kind]


def content(talk: Talk) -> dict[str, Any]:
    """The ROReportSpec of the first search that is asked for from now on, which is answered."""
    while not (specs := sent(talk, 20)):
        talk.answer()
    talk.answer()
    report: dict[str, Any] = specs[0]["ROSpec"]["ROReportSpec"]
    return report


def greeted(manufacturer: int = 0, refusing: int = 0) -> Talk:
    talk = Talk(type_11=capabilities(4, manufacturer))
    if refusing:
        talk.answers[refusing] = refused(100, "not this selector")
    talk.hear(greeting())
    return talk


def greeting() -> bytes:
    return message(63, 1, {"ReaderEventNotificationData": {"UTCTimestamp": 1, "ConnectionAttemptEvent": 0}})


def test_every_reader_is_asked_for_pc_and_crc() -> None:
    report = content(greeted())
    memory = report["TagReportContentSelector"]["C1G2EPCMemorySelector"]
    assert (memory["CRCEnabled"], memory["PCBitsEnabled"]) == (True, True)
    assert report["Custom"] is None


def test_an_impinj_reader_is_asked_for_phase_rssi_and_tid_once_its_extensions_are_enabled() -> None:
    talk = greeted(IMPINJ)
    report = content(talk)
    assert talk.asked == [1, 2, 21, 41, 3, 1023, 20]
    (selector,) = report["Custom"]
    assert (selector["VendorID"], selector["Subtype"]) == (25882, 50)
    # 51 serialized TID, 52 phase angle, 53 peak RSSI: each a parameter of its own, its mode 1
    modes = [struct.unpack_from("!HHIIH", selector["Data"], at) for at in range(0, len(selector["Data"]), 14)]
    assert modes == [(1023, 14, 25882, subtype, 1) for subtype in (51, 52, 53)]
    assert report["TagReportContentSelector"]["EnableChannelIndex"]


def test_a_zebra_reader_is_asked_for_the_phase() -> None:
    """MotoTagReportContentSelector: the fourth flag of four octets."""
    assert content(greeted(ZEBRA))["Custom"] == [{"VendorID": 161, "Subtype": 708, "Data": bytes.fromhex("10000000")}]


@pytest.mark.parametrize("manufacturer", [0, IMPINJ, ZEBRA])
@pytest.mark.parametrize("kind", [30, 34, 32])
def test_a_reader_that_refuses_so_much_is_asked_for_less_and_searches(manufacturer: int, kind: int) -> None:
    talk = greeted(manufacturer, kind)
    content(talk)
    notes: list[Any] = []
    while not notes:
        notes += [record for record in talk.turn.records if isinstance(record, DeviceNote)]
        if not notes:
            talk.answer()
    del talk.answers[kind]
    assert [(note.code, note.args) for note in notes] == [
        ("llrp_content_refused", {"detail": "the reader answers status 100 'not this selector'"})
    ]
    report = content(talk)
    assert report["Custom"] is None
    assert not report["TagReportContentSelector"]["C1G2EPCMemorySelector"]["CRCEnabled"]
    talk.answer()
    talk.answer()
    assert talk.session.is_searching


@pytest.mark.parametrize("is_error_message", [False, True])
def test_an_impinj_reader_that_does_not_enable_its_extensions_is_asked_for_less(is_error_message: bool) -> None:
    talk = greeted(IMPINJ, 1023)
    while 1023 not in [frame.type for frame in frames(talk)]:
        talk.answer()
    (frame,) = frames(talk)
    records = talk.hear(message(100, frame.id, refused(109, "no"))) if is_error_message else talk.answer()
    assert [record.code for record in records] == ["llrp_content_refused"]
    assert content(talk)["Custom"] is None


def frames(talk: Talk) -> list[Frame]:
    framer = Framer()
    framer.push(b"".join(talk.turn.send))
    return list(iter(framer.pull, None))


# --- TIDs by an AccessSpec ----------------------------------------------------------------------------------------

SWEEP = Scan("c", "r", (2,), with_tids=True)


def scanning(talk: Talk, scan: Scan = SWEEP) -> list[Any]:
    """Demand a scan and answer until the reader searches; what was told on the way."""
    told: list[Any] = []
    talk.until(22)
    talk.hear(rospec(0))
    talk.asked.clear()
    talk.turn = talk.session.request(scan, talk.at_ns)
    while 22 not in talk.asked:
        told += talk.answer()
    return told


def test_a_scan_with_tids_adds_an_accessspec_and_takes_it_away_again() -> None:
    talk = Talk()
    scanning(talk)
    assert talk.asked == [23, 21, 20, 40, 42, 24, 22]
    talk.hear(rospec(0, 2) + aispec_end(1, 2))
    records = talk.hear(rospec(1, 2))
    assert records == (CommandOutcome("c", "r", talk.at_ns, "done", ""),)
    talk.asked.clear()
    while 22 not in talk.asked:
        talk.answer()
    assert talk.asked == [41, 21, 20, 24, 22]


def test_the_accessspec_reads_six_words_of_the_tid_bank_of_every_tag_of_that_search() -> None:
    talk = Talk()
    talk.until(22)
    talk.turn = talk.session.request(SWEEP, talk.at_ns)
    while not (asked := sent(talk, 40)):
        talk.answer()
    spec = asked[0]["AccessSpec"]
    assert (spec["AntennaID"], spec["ROSpecID"], spec["AccessReportSpec"]) == (0, 2, 0)
    assert spec["AccessCommand"]["C1G2Read"] == {
        "OpSpecID": 1, "AccessPassword": 0, "C1G2MemoryBank": 2, "WordAddress": 0, "WordCount": 6,
    }  # fmt: skip
    assert spec["AccessCommand"]["C1G2TagSpec"]["TagPatterns"][0]["TagMaskNumBits"] == 0


def test_an_ordinary_scan_and_one_on_a_reader_with_fast_id_need_no_accessspec() -> None:
    talk = Talk()
    scanning(talk, Scan("c", "r", (2,)))
    assert talk.asked == [23, 21, 20, 24, 22]
    talk = Talk(type_11=capabilities(4, IMPINJ))
    scanning(talk)
    assert talk.asked == [23, 21, 20, 24, 22]


@pytest.mark.parametrize("kind", [50, 52])
def test_a_reader_that_refuses_the_accessspec_fails_the_scan_and_searches_on(kind: int) -> None:
    talk = Talk()
    talk.answers[kind] = refused(109, "no access")
    told = scanning(talk)
    assert [(record.code if isinstance(record, DeviceNote) else record.reason) for record in told] == [
        "llrp_no_tids",
        "llrp_no_tids",
    ]
    talk.hear(rospec(0, 3))
    assert len(talk.hear(aispec_end(1, 3) + aispec_end(2, 3))) == 2
    (outcome,) = talk.session.request(SWEEP, talk.at_ns).records  # it is not tried again
    assert isinstance(outcome, CommandOutcome)
    assert (outcome.result, outcome.reason) == ("refused", "llrp_no_tids")


@pytest.mark.parametrize("kind", [40, 42])
def test_an_accessspec_that_is_never_answered_costs_a_keepalive_and_no_session(kind: int) -> None:
    talk = Talk()
    talk.until(22)
    talk.turn = talk.session.request(SWEEP, talk.at_ns)
    while not [frame for frame in frames(talk) if frame.type == kind]:
        talk.answer()
    (unanswered,) = frames(talk)
    assert talk.turn.due_ns == talk.at_ns + SECOND
    talk.at_ns += SECOND
    talk.turn = talk.session.due(talk.at_ns)
    assert [(r.code if isinstance(r, DeviceNote) else r.reason) for r in talk.turn.records] == ["llrp_no_tids"] * 2  # type: ignore[union-attr]
    waiting = talk.turn
    assert talk.hear(message(kind + 10, unanswered.id, OK)) == ()  # its answer comes late
    talk.turn = waiting
    talk.asked.clear()
    while 22 not in talk.asked:
        talk.answer()
    talk.hear(rospec(0, 3))
    assert len(talk.hear(aispec_end(1, 3))) == 1


def test_a_reader_without_accessspecs_is_never_asked_for_one() -> None:
    answer = capabilities(4)
    limits = answer["LLRPCapabilities"] | {"MaxAccessSpecs": 0}
    talk = Talk(type_11=answer | {"LLRPCapabilities": limits})
    talk.until(22)
    assert 41 not in talk.asked
    (outcome,) = talk.session.request(SWEEP, talk.at_ns).records
    assert isinstance(outcome, CommandOutcome)
    assert (outcome.result, outcome.reason) == ("refused", "llrp_no_tids")


def test_a_reader_that_has_no_accessspec_to_delete_is_configured_all_the_same() -> None:
    talk = Talk(type_51=refused(101, "no such AccessSpec"))
    talk.until(22)
    assert talk.session.is_searching


def test_reads_of_a_scan_with_tids_bring_them() -> None:
    talk = Talk()
    scanning(talk)
    talk.hear(rospec(0, 2))
    body = tag(b"\x81\x00\x02", read_result(TID))
    (reads,) = talk.hear(header(61, 1, len(body)) + body)
    assert np.array_equal(reads.tid, np.frombuffer(TID, np.uint8)[None])
