"""Framing and messages, against hand-made bytes and against what the simulated reader encodes."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.devices import Reader
from drivers.driver import ProtocolError
from drivers.llrp import requests
from drivers.llrp.codec import HEADER, MAX_MESSAGE_BYTES, Frame, Framer, decode_message, encode_request
from drivers.llrp.layouts import MESSAGES, PARAMETERS, Child, Field, Layout
from simulator.devices.llrp_identity import capabilities
from simulator.devices.llrp_wire import message

KEEPALIVE = bytes.fromhex("043e 0000000a 00000007")  # version 1, type 62, ten octets, id 7
READER = Reader(id="r", host="h", segments=("a", None, "c"), dwell_ms=750, keepalive_s=5, power_dbm=30, session=1)


def frames(*pieces: bytes) -> list[Frame]:
    framer, found = Framer(), []
    for piece in pieces:
        framer.push(piece)
        while (frame := framer.pull()) is not None:
            found.append(frame)
    return found


def one(data: bytes) -> dict[str, Any]:
    (frame,) = frames(data)
    return decode_message(frame)


def test_a_header_of_ten_octets_is_a_whole_message() -> None:
    assert frames(KEEPALIVE) == [Frame(62, 7, b"")]


def test_llrp_1_1_speaks_with_version_2_and_is_heard() -> None:
    assert frames(b"\x08" + KEEPALIVE[1:]) == [Frame(62, 7, b"")]


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("e43e 0000000a 00000007", "not LLRP"),  # reserved bits
        ("003e 0000000a 00000007", "not LLRP"),  # version 0
        ("0c3e 0000000a 00000007", "not LLRP"),  # version 3
        ("0405 0000000a 00000007", "message type 5"),
        ("043e 00000009 00000007", "9 octets"),
        ("043d ffffffff 00000007", "4294967295 octets"),
    ],
)
def test_a_header_that_cannot_be_one_is_an_error(header: str, what: str) -> None:
    with pytest.raises(ProtocolError) as seen:
        frames(bytes.fromhex(header))
    assert seen.value.args[0] == "llrp_malformed"
    assert what in seen.value.args[1]


def test_the_longest_message_is_bounded() -> None:
    assert frames(HEADER.pack(1 << 10 | 61, MAX_MESSAGE_BYTES, 1)) == []
    with pytest.raises(ProtocolError):
        frames(HEADER.pack(1 << 10 | 61, MAX_MESSAGE_BYTES + 1, 1))


def _scalars(field: Field) -> st.SearchStrategy[dict[str, Any]]:
    match field.kind:
        case "pad":
            return st.just({})
        case "flag":
            values: st.SearchStrategy[Any] = st.booleans()
        case "u":
            values = st.integers(0, (1 << field.bits) - 1)
        case "s":
            values = st.integers(-(1 << field.bits - 1), (1 << field.bits - 1) - 1)
        case "text":
            values = st.text(max_size=8)
        case "bytes":
            values = st.binary(max_size=8)
        case "u16s":
            values = st.lists(st.integers(0, 0xFFFF), max_size=4)
        case "u32s":
            values = st.lists(st.integers(0, 0xFFFFFFFF), max_size=4)
        case "octets":
            values = st.binary(min_size=field.bits // 8, max_size=field.bits // 8)
        case "bitarray":
            bits, name = field.name.split(",")
            return st.binary(max_size=5).map(lambda octets: {bits: 8 * len(octets), name: octets})
    return values.map(lambda value: {field.name: value})


def _children(child: Child, depth: int) -> st.SearchStrategy[Any]:
    if depth > 3 and child.mark != "!":
        return st.none()  # a ParameterError may hold another, without end
    known = PARAMETERS.get(child.type)
    if child.type == 1023:
        kept: st.SearchStrategy[Any] = st.fixed_dictionaries(
            {
                "VendorID": st.integers(0, 0xFFFFFFFF),
                "Subtype": st.integers(0, 0xFFFFFFFF),
                "Data": st.binary(max_size=6),
            }
        )
    elif known is None:
        return st.none()
    else:
        kept = _values(known, depth + 1)
        if known.is_bare:
            kept = kept.map(lambda value: value[known.fields[0].name])
    match child.mark:
        case "*":
            return st.none() | st.lists(kept, min_size=1, max_size=2)
        case "!":
            return kept
        case "0":
            return kept  # absent is read as zero: not the same record
        case _:
            return st.none() | kept


def _values(layout: Layout, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    fields = st.tuples(*map(_scalars, layout.fields))
    inner = st.fixed_dictionaries({child.name: _children(child, depth) for child in layout.children})
    return st.tuples(fields, inner).map(lambda pair: {k: v for part in pair[0] for k, v in part.items()} | pair[1])


ZEROS_FOR_ABSENT = {61, 63}  # an absent parameter is read as zeros there
anything = st.sampled_from(sorted(MESSAGES)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.integers(0, 0xFFFFFFFF), _values(MESSAGES[kind], 0))
)


@given(said=anything)
def test_every_message_the_simulator_encodes_is_decoded_to_the_same(said: tuple[int, int, dict[str, Any]]) -> None:
    kind, message_id, value = said
    (frame,) = frames(message(kind, message_id, value))
    assert (frame.type, frame.id) == (kind, message_id)
    assert decode_message(frame) == value


@given(said=anything, data=st.data())
def test_a_message_cut_short_anywhere_is_an_error_or_lacks_a_whole_parameter(
    said: tuple[int, int, dict[str, Any]], data: st.DataObject
) -> None:
    kind, message_id, value = said
    (frame,) = frames(message(kind, message_id, value))
    kept = data.draw(st.integers(0, max(0, len(frame.body) - 1)))
    try:
        short = decode_message(Frame(kind, message_id, frame.body[:kept]))
    except ProtocolError:
        return
    if kind not in ZEROS_FOR_ABSENT:
        assert message(kind, message_id, short)[10:] == frame.body[:kept]


def test_a_parameter_that_ends_past_its_parent_is_an_error() -> None:
    status = bytes.fromhex("011f 0008 0000 0000")  # LLRPStatus: success, no text
    assert one(_response(status))["LLRPStatus"]["Status"] == 0
    for broken in ("011f 0009 0000 0000", "011f 0003 0000 0000", "011f 0008 0000 0001", "011f 0007 0000 00"):
        with pytest.raises(ProtocolError):
            one(_response(bytes.fromhex(broken)))


def _response(body: bytes) -> bytes:
    return HEADER.pack(1 << 10 | 4, 10 + len(body), 1) + body


def test_a_missing_and_a_doubled_status_are_errors() -> None:
    with pytest.raises(ProtocolError, match="missing"):
        one(_response(b""))
    with pytest.raises(ProtocolError, match="at most one"):
        one(_response(2 * bytes.fromhex("011f 0008 0000 0000")))


def test_a_parameter_of_tomorrow_is_skipped_by_its_length() -> None:
    status = bytes.fromhex("03fe 0006 abcd 011f 0008 0000 0000")
    assert one(_response(status))["LLRPStatus"]["Status"] == 0


def test_a_text_that_is_not_utf_8_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="UTF-8"):
        one(_response(bytes.fromhex("011f 000a 0000 0002 c328")))


def test_parameters_within_parameters_without_end_are_an_error() -> None:
    """A ParameterError may hold a ParameterError: 4,000 of them fit into one message."""
    nested = b""
    for _ in range(4000):
        nested = struct.pack("!HHHH", 289, 8 + len(nested), 0, 100) + nested
    status = struct.pack("!HHHH", 287, 8 + len(nested), 0, 0) + nested
    with pytest.raises(ProtocolError, match="within one another"):
        one(_response(status))


# --- what we ask: sllurp's encoder, read back ---------------------------------------------------------------------


def test_the_configuration_asks_for_keepalives_and_the_events_that_make_searched() -> None:
    asked = one(encode_request("SET_READER_CONFIG", 3, requests.configuration(READER)))
    assert asked["KeepAliveSpec"] == {"Trigger": 1, "Interval": 5000}
    states = asked["ReaderEventNotificationSpec"]["EventNotificationStates"]
    on = {state["ReaderEventType"] for state in states if state["NotificationEnabled"]}
    assert on == {2, 3, 4, 6, 8}  # ROSpec, buffer, exception, AISpec, antenna: LLRP 1.0.1, 13.2.5.1
    assert asked["ResetToFactoryDefaults"] is False


def test_one_search_has_an_aispec_for_each_antenna_with_a_segment() -> None:
    wanted_search = requests.search(READER, capabilities(4), 7, (1, 3), is_rescan=False)
    asked = one(encode_request("ADD_ROSPEC", 5, wanted_search))["ROSpec"]
    assert (asked["ROSpecID"], asked["ROSpecCurrentState"]) == (7, 0)
    assert asked["ROBoundarySpec"]["StartTrigger"]["Trigger"] == 0
    assert asked["ROBoundarySpec"]["StopTrigger"]["Trigger"] == 0
    assert [search["AntennaIDs"] for search in asked["AISpecs"]] == [[1], [3]]
    for search in asked["AISpecs"]:
        assert search["StopTrigger"]["Trigger"] == 1
        assert search["StopTrigger"]["DurationTriggerValue"] == 750
        (inventory,) = search["InventoryParameterSpecs"]
        (antenna,) = inventory["AntennaConfigurations"]
        assert inventory["AirProtocolID"] == 1
        assert antenna["AntennaID"] == search["AntennaIDs"][0]
        assert antenna["C1G2InventoryCommand"]["SingulationControl"]["Session"] == 1
        assert antenna["C1G2InventoryCommand"]["SingulationControl"]["TagPopulation"] == 128
        # 30 dBm is the 81st step of 0.25 dB above 10 dBm
        assert antenna["RFTransmitter"] == {"HopTableID": 1, "ChannelIndex": 1, "TransmitPowerIndex": 81}
    report = asked["ROReportSpec"]
    assert (report["Trigger"], report["N"]) == (1, 0)
    wanted = {name for name, value in report["TagReportContentSelector"].items() if value is True}
    assert wanted == {
        "EnableAntennaID",
        "EnablePeakRSSI",
        "EnableFirstSeenTimestamp",
        "EnableLastSeenTimestamp",
        "EnableTagSeenCount",
    }
    assert report["TagReportContentSelector"]["C1G2EPCMemorySelector"]["PCBitsEnabled"]


def test_asking_for_all_configuration_is_all_zeros() -> None:
    asked = encode_request("GET_READER_CONFIG", 1, {"RequestedData": requests.ALL})
    assert asked == struct.pack("!HII", 1 << 10 | 2, 17, 1) + bytes(7)


def test_power_beyond_the_table_takes_the_strongest_allowed_and_below_it_the_weakest() -> None:
    def index(power_dbm: float) -> int:
        reader = Reader(id="r", host="h", segments=("a",), power_dbm=power_dbm)
        asked = one(encode_request("ADD_ROSPEC", 1, requests.search(reader, capabilities(1), 1, (1,), is_rescan=False)))
        (search,) = asked["ROSpec"]["AISpecs"]
        (antenna,) = search["InventoryParameterSpecs"][0]["AntennaConfigurations"]
        return int(antenna["RFTransmitter"]["TransmitPowerIndex"])

    assert index(33.0) == 93
    assert index(20.1) == 41
    assert index(5.0) == 1
