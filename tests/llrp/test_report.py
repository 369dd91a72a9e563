"""RO_ACCESS_REPORT to columns: by hand, there and back, and spoilt."""

import random
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import ProtocolError
from drivers.llrp.codec import Frame, Framer, decode_message
from drivers.llrp.report import decode_report
from drivers.llrp.tag_layout import OPSPEC_TID
from drivers.observation import TagReads
from simulator.devices.llrp_wire import Reads, Selector, reports

EPC_96 = bytes.fromhex("8d 3000abcdef00000000000003")


def tag(*parameters: bytes) -> bytes:
    inner = b"".join(parameters)
    return struct.pack("!HH", 240, 4 + len(inner)) + inner


def epc_data(bits: int, octets: bytes) -> bytes:
    return struct.pack("!HHH", 241, 6 + len(octets), bits) + octets


def read(body: bytes) -> TagReads:
    return decode_report(body, "r", 5)


def test_every_known_parameter_becomes_a_column() -> None:
    reads = read(
        tag(
            EPC_96,
            bytes.fromhex("81 0002"),  # antenna 2
            bytes.fromhex("86 c4"),  # -60 dBm
            bytes.fromhex("82 00000000000f4240"),  # first seen at 1 s
            bytes.fromhex("84 00000000001e8480"),  # last seen at 2 s
            bytes.fromhex("88 0105"),  # 261 times
            bytes.fromhex("8c 3400"),  # PC
            bytes.fromhex("89 00000007"),  # ROSpec id: not ours to keep
        )
    )
    assert reads.antenna.tolist() == [2]
    assert reads.rssi_dbm.tolist() == [-60.0]
    assert reads.first_utc_ns.tolist() == [1_000_000_000]
    assert reads.last_utc_ns.tolist() == [2_000_000_000]
    assert reads.count.tolist() == [261]
    assert reads.pc.tolist() == [0x3400]
    assert reads.epc.tobytes() == EPC_96[1:]


def test_what_the_reader_did_not_say_is_unknown_not_zero() -> None:
    reads = read(tag(EPC_96))
    assert np.isnan(reads.rssi_dbm[0])
    assert (reads.pc[0], reads.count[0], reads.first_utc_ns[0], reads.antenna[0]) == (-1, 1, 0, 0)


def test_epcs_of_any_length_stand_side_by_side() -> None:
    others = ((13, b"\xab\xc8"), (128, bytes(range(16))), (0, b""))
    reads = read(tag(EPC_96) + b"".join(tag(epc_data(bits, octets)) for bits, octets in others))
    assert reads.epc_bits.tolist() == [96, 13, 128, 0]
    assert reads.epc.shape == (4, 16)
    assert reads.epc[1].tobytes() == b"\xab\xc8" + bytes(14)
    assert reads.epc[2].tobytes() == bytes(range(16))


def test_the_longest_epc_there_is_is_read_and_one_bit_more_is_malformed() -> None:
    """C1G2 counts an EPC in five bits of words: 31 x 16 bits. One claim of 65,535 would widen every row to 8 KiB."""
    longest = bytes(range(62))
    reads = read(tag(EPC_96) + tag(epc_data(496, longest)))
    assert reads.epc.shape == (2, 62)
    assert reads.epc[1].tobytes() == longest
    for bits in (497, 65_535):
        with pytest.raises(ProtocolError) as caught:
            read(tag(EPC_96) + tag(epc_data(bits, bytes((bits + 7) // 8))))
        assert caught.value.args[0] == "llrp_malformed"


def test_vendor_and_unknown_parameters_are_skipped_by_their_length() -> None:
    phase = struct.pack("!HHIIH", 1023, 14, 25882, 56, 1234)  # Impinj RF phase angle
    op_result = struct.pack("!HHBHH", 349, 9, 0, 1, 0)
    tomorrow = struct.pack("!HHI", 900, 8, 0xFFFFFFFF)
    reads = read(phase + tag(EPC_96, phase, bytes.fromhex("810001"), op_result, tomorrow) + tomorrow + tag(EPC_96))
    assert reads.antenna.tolist() == [1, 0]


def test_an_empty_report_has_no_rows() -> None:
    reads = read(b"")
    assert len(reads.antenna) == len(reads.epc) == len(reads.pc) == 0


@pytest.mark.parametrize(
    "body",
    [
        tag(EPC_96)[:-1],
        tag(EPC_96) + b"\x00",
        tag(EPC_96, b"\x81\x00"),  # antenna id cut short
        tag(EPC_96, b"\xff\x00\x00"),  # type-value parameter 127: nobody knows its size
        tag(EPC_96, b"\x81\x00\x01", b"\x81\x00\x02"),  # two antennas
        tag(EPC_96, EPC_96),
        tag(b"\x81\x00\x01"),  # no EPC
        tag(epc_data(97, bytes(12))),  # one octet short
        tag(epc_data(8, bytes(2))),  # one too many
        tag(struct.pack("!HHB", 241, 5, 0)),
        tag(EPC_96, struct.pack("!HH", 1023, 3)),
        tag(EPC_96, struct.pack("!HH", 1023, 400)),
        tag(EPC_96, struct.pack("!HH", 0xFC00 | 349, 4)),  # reserved bits
        tag(EPC_96, struct.pack("!HH", 0, 4)),
        tag(EPC_96, b"\x82" + b"\xff" * 8),  # a time past the year 2262
    ],
)
def test_a_report_is_read_whole_or_not_at_all(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(tag(EPC_96) + body)


flags = st.fixed_dictionaries({name: st.booleans() for name in Selector.__struct_fields__}).map(
    lambda drawn: drawn | {"tid_read_by": OPSPEC_TID * drawn["tid_read_by"]}
)


@given(wanted=flags, n=st.integers(0, 12), seed=st.integers(0, 1000), tags_a_message=st.integers(1, 15))
def test_what_the_simulator_reports_comes_back(wanted: dict[str, Any], n: int, seed: int, tags_a_message: int) -> None:
    rng = np.random.default_rng(seed)
    epc = rng.integers(0, 256, (n, 12), np.uint8)
    rssi = rng.integers(-90, -20, n).astype(np.float32)
    count = rng.integers(1, 65535, n).astype(np.uint16)
    tid = rng.integers(1, 256, (n, 12), np.uint8)
    made = reports(Reads(7, epc, rssi, count, 10, 20, 1, 1, tid), Selector(**wanted), tags_a_message, 1)
    framer = Framer()
    framer.push(b"".join(made))
    back = []
    while (frame := framer.pull()) is not None:
        back.append(read(frame.body))
        assert len(decode_message(frame)["TagReportData"]) == len(back[-1].antenna) <= tags_a_message
    assert sum(len(reads.antenna) for reads in back) == n
    if not n:
        return
    assert (np.concatenate([reads.epc for reads in back]) == epc).all()
    got = {name: np.concatenate([getattr(reads, name) for reads in back]) for name in ("antenna", "rssi_dbm", "count")}
    assert set(got["antenna"].tolist()) == {7 if wanted["antenna"] else 0}
    assert got["count"].tolist() == (count.tolist() if wanted["count"] else [1] * n)
    tells_rssi = wanted["rssi"] or wanted["fine_rssi"]
    assert (got["rssi_dbm"] == rssi).all() if tells_rssi else np.isnan(got["rssi_dbm"]).all()
    tids = [reads.tid for reads in back if reads.tid is not None]
    assert np.array_equal(np.concatenate(tids), tid) if wanted["tid"] or wanted["tid_read_by"] else not tids


@given(body=st.binary(max_size=120))
def test_noise_for_a_report_gives_columns_or_a_protocol_error(body: bytes) -> None:
    try:
        reads = read(body)
    except ProtocolError:
        return
    assert len(reads.antenna) == len(reads.epc) == len(reads.epc_bits) == len(reads.rssi_dbm)


def test_mutated_reports_give_columns_or_a_protocol_error_and_nothing_else() -> None:
    """5,000 reports of nine tags with one to four octets changed, removed or added."""
    rng = random.Random(7)
    epc = np.arange(108, dtype=np.uint8).reshape(9, 12)
    seen = Reads(1, epc, np.full(9, -50, np.float32), np.ones(9, np.uint16), 1, 2, 1, 1)
    (whole,) = reports(seen, Selector(count=True, pc=True, first_seen=True, last_seen=True), 20, 1)
    body = whole[10:]
    errors = 0
    for _ in range(5000):
        spoilt = bytearray(body)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(spoilt))
            match rng.randrange(3):
                case 0:
                    spoilt[place] ^= 1 << rng.randrange(8)
                case 1:
                    del spoilt[place]
                case _:
                    spoilt.insert(place, rng.randrange(256))
        try:
            reads = read(bytes(spoilt))
        except ProtocolError:
            errors += 1
            continue
        # what is accepted has every tag that its own lengths speak of
        assert len(reads.antenna) == len(decode_message(Frame(61, 1, bytes(spoilt)))["TagReportData"] or ())
    assert 1000 < errors < 5000
