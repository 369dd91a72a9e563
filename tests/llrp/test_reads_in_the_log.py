"""Tag reads through the input log's encoding: columns nobody said cost nothing, and logs from before them are read."""

import msgspec
import numpy as np

from drivers.llrp.report import ReportDecoder
from drivers.observation import TagReads, array_from_wire
from edge.state.events import decoder, encoder

TAG = bytes.fromhex("00f000148d3000abcdef00000000000003810001")
FIRST_COLUMNS = (
    *(
        "type",
        "device",
        "at_ns",
        "antenna",
        "epc",
        "epc_bits",
        "rssi_dbm",
        "count",
        "first_utc_ns",
        "last_utc_ns",
        "pc",
    ),
)


def test_columns_that_no_tag_said_are_not_written() -> None:
    written = encoder.encode(ReportDecoder("r").decode([TAG], 5).reads)
    assert tuple(msgspec.msgpack.decode(written, ext_hook=array_from_wire)) == FIRST_COLUMNS


def test_a_record_of_the_first_columns_alone_is_read() -> None:
    back = decoder.decode(encoder.encode(ReportDecoder("r").decode([TAG], 5).reads))
    assert isinstance(back, TagReads)
    assert (back.antenna.tolist(), back.phase_rad, back.crc, back.clock_offset_ns) == ([1], None, None, None)


def test_columns_that_were_said_come_back() -> None:
    reads = ReportDecoder("r").decode([TAG], 5).reads
    said = msgspec.structs.replace(reads, phase_rad=np.array([1.5], np.float32), clock_offset_ns=-7)
    back = decoder.decode(encoder.encode(said))
    assert isinstance(back, TagReads)
    assert back.phase_rad is not None
    assert back.phase_rad.dtype == np.float32
    assert (back.phase_rad.tolist(), back.clock_offset_ns) == ([1.5], -7)
