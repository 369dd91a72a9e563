"""The same reports read by us, by sllurp and by tshark: field for field."""

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sllurp.llrp import LLRPMessage

from drivers.llrp.codec import header
from drivers.llrp.report import ReportDecoder
from drivers.observation import TagReads
from tests.llrp.test_other_readers_of_our_wire import _pcap

IMPINJ = 25882
U16, S16, U53 = st.integers(0, 0xFFFF), st.integers(-0x8000, 0x7FFF), st.integers(0, (1 << 53) - 1)
# What a tag may say: sllurp's name, how it stands on the wire, any value.
SAYINGS: dict[str, tuple[Callable[[int], bytes], st.SearchStrategy[int]]] = {
    "AntennaID": (lambda value: struct.pack("!BH", 0x81, value), U16),
    "FirstSeenTimestampUTC": (lambda value: struct.pack("!BQ", 0x82, value), U53),
    "FirstSeenTimestampUptime": (lambda value: struct.pack("!BQ", 0x83, value), U53),
    "LastSeenTimestampUTC": (lambda value: struct.pack("!BQ", 0x84, value), U53),
    "LastSeenTimestampUptime": (lambda value: struct.pack("!BQ", 0x85, value), U53),
    "PeakRSSI": (lambda value: struct.pack("!Bb", 0x86, value), st.integers(-128, 127)),
    "ChannelIndex": (lambda value: struct.pack("!BH", 0x87, value), st.integers(1, 0xFFFF)),
    "TagSeenCount": (lambda value: struct.pack("!BH", 0x88, value), st.integers(1, 0xFFFF)),
    "C1G2CRC": (lambda value: struct.pack("!BH", 0x8B, value), U16),
    "C1G2PC": (lambda value: struct.pack("!BH", 0x8C, value), U16),
    "ImpinjRFPhaseAngle": (lambda value: _impinj(56, struct.pack("!H", value)), st.integers(0, 4095)),
    "ImpinjPeakRSSI": (lambda value: _impinj(57, struct.pack("!h", value)), S16),
    "ImpinjRFDopplerFrequency": (lambda value: _impinj(68, struct.pack("!h", value)), S16),
}
Tag = tuple[bytes, dict[str, int]]
said = st.permutations(list(SAYINGS)).flatmap(
    lambda names: st.integers(0, len(names)).flatmap(
        lambda count: st.fixed_dictionaries({name: SAYINGS[name][1] for name in names[:count]})
    )
)
epcs = st.one_of(st.binary(min_size=12, max_size=12), st.binary(min_size=1, max_size=20))


def _impinj(subtype: int, value: bytes) -> bytes:
    return struct.pack("!HHII", 1023, 12 + len(value), IMPINJ, subtype) + value


def message(tags: list[Tag]) -> bytes:
    body = b""
    for epc, values in tags:
        inner = b"\x8d" + epc if len(epc) == 12 else struct.pack("!HHH", 241, 6 + len(epc), 8 * len(epc)) + epc
        inner += b"".join(SAYINGS[name][0](value) for name, value in values.items())
        body += struct.pack("!HH", 240, 4 + len(inner)) + inner
    return header(61, 1, len(body)) + body


def ours(reads: TagReads, row: int) -> dict[str, int]:
    """What we understood of one tag in sllurp's names and units, RSSI in 1/100 dBm; what is unknown is left out."""

    def of(column: Any, unknown: float, scale: float = 1) -> int | None:
        value = unknown if column is None else column[row].item()
        return None if value in (unknown, None) or np.isnan(value) else round(scale * value)

    columns = {
        "AntennaID": of(reads.antenna, -1),
        "FirstSeenTimestampUTC": of(reads.first_utc_ns, 0),
        "FirstSeenTimestampUptime": of(reads.first_uptime_ns, 0),
        "LastSeenTimestampUTC": of(reads.last_utc_ns, 0),
        "LastSeenTimestampUptime": of(reads.last_uptime_ns, 0),
        "RSSI": of(reads.rssi_dbm, np.inf, 100),
        "ChannelIndex": of(reads.channel, 0),
        "TagSeenCount": of(reads.count, -1),
        "C1G2CRC": of(reads.crc, -1),
        "C1G2PC": of(reads.pc, -1),
        "ImpinjRFPhaseAngle": of(reads.phase_rad, -1, 4096 / (2 * np.pi)),
        "ImpinjRFDopplerFrequency": of(reads.doppler_hz, np.inf, 16),
    }
    return {name: value for name, value in columns.items() if value is not None}


def theirs(tag: dict[str, Any]) -> dict[str, int]:
    """What sllurp understood, as `ours`: the finer RSSI before the coarser; no antenna is 0, a tag was seen once."""
    named = {name: int(tag[name]) for name in SAYINGS if name in tag}
    coarse, fine = named.pop("PeakRSSI", None), named.pop("ImpinjPeakRSSI", None)
    if coarse is not None:
        named["RSSI"] = 100 * coarse
    if fine is not None:
        named["RSSI"] = fine
    times = {name: 1000 * value for name, value in named.items() if "Timestamp" in name and value}
    others = {name: value for name, value in named.items() if "Timestamp" not in name}
    return {"AntennaID": 0, "TagSeenCount": 1} | others | times


@given(tags=st.lists(st.tuples(epcs, said), min_size=1, max_size=6), times=st.integers(1, 3))
def test_sllurp_and_we_read_the_same_from_any_mix(tags: list[Tag], times: int) -> None:
    data = message(tags * times)
    decoder = ReportDecoder("r")
    decoder.decode([data[10:]], 1)
    reads = decoder.decode([data[10:]], 2).reads  # by layouts that are known
    parsed = LLRPMessage(msgbytes=data).msgdict["RO_ACCESS_REPORT"]["TagReportData"]
    assert len(parsed) == len(reads.antenna) == times * len(tags)
    for row, tag in enumerate(parsed):
        epc = bytes.fromhex(tag["EPC"].decode())
        assert reads.epc[row, : reads.epc_bits[row] // 8].tobytes() == epc == (tags * times)[row][0]
        assert ours(reads, row) == theirs(tag)


# sllurp's name of a value: tshark's field. This dissector does not know the Doppler parameter.
TSHARK = {
    "AntennaID": "llrp.antenna_id",
    "ChannelIndex": "llrp.param.channel_idx",
    "TagSeenCount": "llrp.param.tag_count",
    "C1G2CRC": "llrp.param.crc",
    "C1G2PC": "llrp.param.pc_bits",
    "ImpinjRFPhaseAngle": "llrp.param.phase_angle",
}


def test_tshark_and_we_read_the_same_from_an_impinj_readers_report(
    require_tool: Callable[[str, str], str], tmp_path: Path
) -> None:
    """Ten tags; the last five tell their RSSI in hundredths."""
    tshark = require_tool("tshark", "tshark")
    tags: list[Tag] = []
    for row in range(10):
        values = (1 + row % 4, 1 + row, 2 + row, 60_000 + row, 0x3000 + row, 400 * row)
        rssi = {"PeakRSSI": -40 - row} if row < 5 else {"ImpinjPeakRSSI": -4000 - 7 * row}
        seen = {"FirstSeenTimestampUTC": 10**15 + row, "LastSeenTimestampUTC": 10**15 + 2 * row}
        tags.append((bytes(range(row, row + 12)), dict(zip(TSHARK, values, strict=True)) | rssi | seen))
    data = message(tags)
    capture = tmp_path / "report.pcap"
    capture.write_bytes(_pcap([(True, data)]))
    fields = [*TSHARK.values(), "llrp.param.peak_rssi", "llrp.param.rssi", "llrp.param.microseconds", "llrp.param.epc"]
    command = [tshark, "-r", str(capture), "-d", "tcp.port==5084,llrp", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    *numbers, epcs_shown = (column.split(",") for column in ran.stdout.rstrip("\n").split("\t"))
    shown = dict(zip(fields, ([int(value, 0) for value in column] for column in numbers), strict=False))
    reads = ReportDecoder("r").decode([data[10:]], 1).reads
    mine = [ours(reads, row) for row in range(10)]
    assert [epc.replace(":", "") for epc in epcs_shown] == [row.tobytes().hex() for row in reads.epc]
    for key, field in TSHARK.items():
        assert shown[field] == [one[key] for one in mine], key
    # tshark shows the octet of an RSSI without its sign
    coarse = [100 * (value - 256) for value in shown["llrp.param.peak_rssi"]]
    assert coarse + shown["llrp.param.rssi"] == [one["RSSI"] for one in mine]
    times = [[one["FirstSeenTimestampUTC"], one["LastSeenTimestampUTC"]] for one in mine]
    assert [1000 * value for value in shown["llrp.param.microseconds"]] == [time for pair in times for time in pair]
