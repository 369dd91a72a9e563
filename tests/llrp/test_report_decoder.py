"""The decoder by remembered layouts, held against the walk of every tag, on any mix, any cut and any spoilt octet."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import ProtocolError
from drivers.llrp.report import MOST_LAYOUTS, Decoded, ReportDecoder, decode_report
from drivers.observation import TagReads
from tests.conformance.kit import reads_one_by_one

AT_NS = 5


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, 4 + len(value)) + value


def vendor(number: int, subtype: int, value: bytes) -> bytes:
    return tlv(1023, struct.pack("!II", number, subtype) + value)


def tag(*parameters: bytes) -> bytes:
    return tlv(240, b"".join(parameters))


def fixed(kind: int, octets: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=octets, max_size=octets).map(lambda value: bytes((0x80 | kind,)) + value)


def time(kind: int) -> st.SearchStrategy[bytes]:
    return st.integers(0, (1 << 53) - 1).map(lambda value: struct.pack("!BQ", 0x80 | kind, value))


def own(number: int, subtype: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=2, max_size=2).map(lambda value: vendor(number, subtype, value))


epc_data = st.integers(0, 128).flatmap(
    lambda bits: st.binary(min_size=(bits + 7) // 8, max_size=(bits + 7) // 8).map(
        lambda octets: tlv(241, struct.pack("!H", bits) + octets)
    )
)
words = st.integers(0, 8).flatmap(lambda count: st.binary(min_size=2 * count, max_size=2 * count))
EPC = st.one_of(fixed(13, 12), fixed(13, 12), epc_data)
REST = (
    fixed(1, 2), time(2), time(3), time(4), time(5), fixed(6, 1), fixed(7, 2), fixed(8, 2), fixed(9, 4), fixed(10, 2),
    fixed(11, 2), fixed(12, 2), fixed(14, 2), fixed(16, 4), own(25882, 56), own(25882, 57), own(25882, 68),
    own(161, 709), words.map(lambda tid: vendor(25882, 55, struct.pack("!H", len(tid) // 2) + tid)),
    st.tuples(st.sampled_from((0, 0, 2)), st.sampled_from((1, 1, 9)), words).map(
        lambda read: tlv(349, struct.pack("!BHH", read[0], read[1], len(read[2]) // 2) + read[2])
    ), st.binary(max_size=6).map(lambda value: tlv(900, value)),
)  # fmt: skip
layouts = st.tuples(st.permutations(range(len(REST))), st.integers(0, 8)).map(lambda drawn: drawn[0][: drawn[1]])


def tags_of(layout: list[int]) -> st.SearchStrategy[bytes]:
    return st.tuples(EPC, *(REST[place] for place in layout)).map(lambda parts: tag(*parts))


# A few layouts, and reports that mix them.
mixes = st.lists(layouts, min_size=1, max_size=3).flatmap(
    lambda some: st.lists(
        st.lists(st.sampled_from(some).flatmap(tags_of), max_size=5).map(b"".join), min_size=1, max_size=6
    )
)


def walked(bodies: list[bytes]) -> tuple[list[tuple[object, ...]], int]:
    """Every report by itself, every tag walked; and how many could not be read."""
    reads: list[tuple[object, ...]] = []
    lost = 0
    for body in bodies:
        try:
            reads += reads_one_by_one(decode_report(body, "r", AT_NS))
        except ProtocolError:
            lost += 1
    return reads, lost


def rows(decoded: Decoded) -> list[tuple[object, ...]]:
    return reads_one_by_one(decoded.reads)


@given(bodies=mixes)
def test_any_mix_of_parameters_gives_what_walking_every_tag_gives(bodies: list[bytes]) -> None:
    decoder = ReportDecoder("r")
    for _ in range(2):  # layouts to be learnt, and learnt
        decoded = decoder.decode(bodies, AT_NS)
        assert (rows(decoded), decoded.lost, decoded.skipped) == (walked(bodies)[0], (), 0)


@given(bodies=mixes, data=st.data())
def test_spoilt_reports_are_lost_whole_and_counted_and_no_other_is(bodies: list[bytes], data: st.DataObject) -> None:
    decoder = ReportDecoder("r")
    decoder.decode(bodies, AT_NS)
    spoilt = [bytearray(body) for body in bodies]
    for _ in range(data.draw(st.integers(1, 3))):
        victim = data.draw(st.sampled_from(spoilt))
        if not victim:
            continue
        place = data.draw(st.integers(0, len(victim) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert"])):
            case "flip":
                victim[place] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del victim[place:]
            case _:
                victim.insert(place, data.draw(st.integers(0, 255)))
    decoded = decoder.decode([bytes(body) for body in spoilt], AT_NS)
    assert (rows(decoded), len(decoded.lost)) == walked([bytes(body) for body in spoilt])


@given(body=mixes.map(b"".join), data=st.data())
def test_a_tag_cut_in_two_by_a_wrong_length_is_in_neither_report(body: bytes, data: st.DataObject) -> None:
    """Joined, the halves would fit the layout."""
    decoder = ReportDecoder("r")
    decoder.decode([body], AT_NS)
    place = data.draw(st.integers(0, len(body)))
    halves = [body[:place], body[place:]]
    decoded = decoder.decode(halves, AT_NS)
    assert (rows(decoded), len(decoded.lost)) == walked(halves)


@given(noise=st.lists(st.binary(max_size=80), min_size=1, max_size=4))
def test_noise_gives_what_walking_it_gives(noise: list[bytes]) -> None:
    decoded = ReportDecoder("r").decode(noise, AT_NS)
    assert (rows(decoded), len(decoded.lost)) == walked(noise)


EPC_96 = bytes.fromhex("8d 3000abcdef00000000000003")


def read(*parameters: bytes) -> TagReads:
    return ReportDecoder("r").decode([tag(EPC_96, *parameters)], AT_NS).reads


def test_an_impinj_readers_phase_is_a_turn_in_4096_its_rssi_in_hundredths_its_doppler_in_sixteenths() -> None:
    reads = read(
        b"\x86\xc4",  # -60 dBm
        vendor(25882, 56, struct.pack("!H", 1024)),
        vendor(25882, 57, struct.pack("!h", -6043)),
        vendor(25882, 68, struct.pack("!h", -24)),
    )
    assert reads.phase_rad is not None
    assert reads.doppler_hz is not None
    assert reads.phase_rad[0] == pytest.approx(math.pi / 2)
    assert reads.rssi_dbm[0] == pytest.approx(-60.43)
    assert reads.doppler_hz[0] == -1.5


def test_a_zebra_readers_phase_is_a_turn_in_65536_and_may_be_negative() -> None:
    reads = read(vendor(161, 709, struct.pack("!h", 0x4000)))
    assert reads.phase_rad is not None
    assert reads.phase_rad[0] == pytest.approx(math.pi / 2)
    reads = read(vendor(161, 709, struct.pack("!h", -0x4000)))
    assert reads.phase_rad is not None
    assert reads.phase_rad[0] == pytest.approx(3 * math.pi / 2)


def test_crc_channel_and_uptimes_become_columns_and_are_none_where_nobody_said_them() -> None:
    reads = read(b"\x8b\xff\xfe", b"\x87\x00\x05", struct.pack("!BQ", 0x83, 7), struct.pack("!BQ", 0x85, 9))
    assert [column.tolist() for column in (reads.crc, reads.channel) if column is not None] == [[0xFFFE], [5]]
    assert reads.first_uptime_ns is not None
    assert reads.last_uptime_ns is not None
    assert (reads.first_uptime_ns[0], reads.last_uptime_ns[0], reads.first_utc_ns[0]) == (7000, 9000, 0)
    bare = read()
    assert {bare.crc, bare.channel, bare.phase_rad, bare.doppler_hz, bare.first_uptime_ns, bare.last_uptime_ns} == {
        None
    }


def test_one_tag_of_a_batch_that_says_more_leaves_the_others_unknown() -> None:
    bodies = [tag(EPC_96), tag(EPC_96, vendor(25882, 56, b"\x08\x00")), tag(EPC_96, b"\x8b\x00\x01")]
    reads = ReportDecoder("r").decode(bodies, AT_NS).reads
    assert reads.phase_rad is not None
    assert reads.crc is not None
    assert np.isnan(reads.phase_rad).tolist() == [True, False, True]
    assert reads.crc.tolist() == [-1, -1, 1]


@pytest.mark.parametrize(
    "parameter",
    [
        vendor(25882, 56, b"\x00"),  # a phase of one octet
        vendor(25882, 57, b"\x00\x00\x00"),
        2 * vendor(25882, 56, b"\x00\x00"),
        tlv(240, b"\x00\x00"),  # a tag within a tag: the length of the outer one is wrong
        tlv(137, b""),
        b"\x89\x00\x00\x00\x01\x89\x00\x00\x00\x01",  # two ROSpecIDs
        b"\x92\x00\x00\x00\x00",  # singulation details do not stand in a tag
        struct.pack("!BQ", 0x84, 1 << 53),
    ],
)
def test_what_cannot_stand_in_a_tag_loses_the_report(parameter: bytes) -> None:
    decoded = ReportDecoder("r").decode([tag(EPC_96), tag(EPC_96, parameter), tag(EPC_96)], AT_NS)
    assert (decoded.lost, len(decoded.reads.antenna)) == ((1,), 2)


def test_what_stands_beside_the_tags_is_counted_not_dropped_in_silence() -> None:
    """A flipped bit makes 0x01f0 of a tag's 0x00f0, which is a parameter of tomorrow."""
    body = tag(EPC_96) + tlv(0x01F0, EPC_96) + vendor(25882, 1552, b"") + tlv(242, b"")
    decoded = ReportDecoder("r").decode([body], AT_NS)
    assert (len(decoded.reads.antenna), decoded.skipped, len(decoded.lost)) == (1, 3, 0)
    decoded = ReportDecoder("r").decode([tag(EPC_96) + tlv(241, EPC_96)], AT_NS)
    assert (len(decoded.reads.antenna), decoded.skipped, len(decoded.lost)) == (0, 0, 1)


def test_more_layouts_than_are_remembered_are_all_read() -> None:
    """Custom parameters of 0 to 99 octets: a hundred layouts, twice."""
    decoder = ReportDecoder("r")
    bodies = [tag(EPC_96, vendor(1, 1, bytes(octets))) for octets in range(3 * MOST_LAYOUTS)]
    for _ in range(2):
        assert len(decoder.decode(bodies, AT_NS).reads.antenna) == 3 * MOST_LAYOUTS
        for body in bodies:
            assert len(decoder.decode([body], AT_NS).reads.antenna) == 1


def test_long_and_short_batches_of_one_layout_are_compared_to_their_last_octet() -> None:
    """A tile holds 8192 octets: reports of less, of just one tile and of several, spoilt in the last tag."""
    one = tag(EPC_96, b"\x81\x00\x01")
    for count in (1, 2, 8192 // len(one), 8192 // len(one) + 1, 1000):
        decoder = ReportDecoder("r")
        decoder.decode([one], AT_NS)
        reads = decoder.decode([one * count], AT_NS).reads
        assert (len(reads.antenna), set(reads.antenna.tolist()), set(reads.epc_bits.tolist())) == (count, {1}, {96})
        spoilt = bytearray(one * count)
        spoilt[-3] ^= 0x40  # 0x81 becomes an unknown type-value parameter
        assert decoder.decode([bytes(spoilt)], AT_NS).lost == (0,)


def test_the_offset_of_the_readers_clock_comes_with_the_second_instant() -> None:
    body = tag(EPC_96, struct.pack("!BQ", 0x84, 1_000_000))  # last seen at 1 s of the reader's clock
    decoder = ReportDecoder("r")
    assert decoder.decode([body], 3_000_000_000).reads.clock_offset_ns is None
    assert decoder.decode([body], 3_100_000_000).reads.clock_offset_ns == 2_000_000_000
