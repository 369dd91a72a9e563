"""Message bodies of a real Impinj reader (EdgeX device-rfid-llrp-go) against their JSON twins and against sllurp."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from sllurp.llrp import LLRPMessage
from sllurp.llrp_errors import LLRPError
from sllurp.llrp_proto import EventState_Name2Value, ROReportTrigger_Name2Value

from drivers.llrp.codec import HEADER, Frame, Framer, decode_message
from drivers.llrp.report import decode_report

TYPE_OF = {
    "CloseConnectionResponse": 4,
    "GetReaderCapabilitiesResponse": 11,
    "GetReaderConfigResponse": 12,
    "GetROSpecsResponse": 36,
    "GetAccessSpecsResponse": 54,
    "ROAccessReport": 61,
    "ReaderEventNotification": 63,
}
ONLY_OURS = {36, 54}  # sllurp has no decoder for these
BODIES = [
    *(f"{name}-000" for name in TYPE_OF if name != "ROAccessReport"),
    *(f"ROAccessReport-{n:03d}" for n in range(1, 10)),
]


@pytest.fixture
def edgex(data_dir: Path) -> Path:
    return data_dir / "rfid" / "edgex-llrp"


def _type(name: str) -> int:
    return TYPE_OF[name.partition("-")[0]]


def _message(edgex: Path, name: str) -> bytes:
    body = (edgex / f"{name}.bytes").read_bytes()
    return HEADER.pack(1 << 10 | _type(name), HEADER.size + len(body), 7) + body


def _frame(message: bytes) -> Frame:
    framer = Framer()
    framer.push(message)
    frame = framer.pull()
    assert frame is not None
    return frame


def test_all_fifteen_bodies_are_there(edgex: Path) -> None:
    assert sorted(path.stem for path in edgex.glob("*.bytes")) == sorted(BODIES)
    assert len(BODIES) == 15


@pytest.mark.parametrize("name", BODIES)
def test_a_real_body_decodes_to_its_twin_field_for_field(edgex: Path, name: str) -> None:
    twin = msgspec.json.decode((edgex / f"{name}.json").read_bytes())
    decoded = decode_message(_frame(_message(edgex, name)))
    assert msgspec.to_builtins(decoded) == twin  # octets become base64, as in the twins


# sllurp says enumerations by name, and lengths we do not keep
SLLURP_NUMBER = {"Success": 0, "MAC Address": 0, "Null": 0, **EventState_Name2Value, **ROReportTrigger_Name2Value}
SLLURP_ONLY = {"Ver", "Type", "ID", "FirmwareVersionByteCount", "NumHops", "NumProtocols", "NumRCs"}


def _leaves(value: Any) -> list[str]:
    """All values of a decoded message as text, sorted: names differ between the two, contents must not."""
    match value:
        case dict():
            inner = (leaf for name, one in value.items() if name not in SLLURP_ONLY for leaf in _leaves(one))
        case list() | tuple():
            inner = (leaf for one in value for leaf in _leaves(one))
        case None | "" | b"":
            return []
        case bytes():
            return [value.hex()]
        case bool() | int():
            return [str(int(value))]
        case _:
            return [str(value)]
    return sorted(inner)


def _as_ours(value: Any) -> Any:
    """sllurp's values in our types: names to numbers, hexadecimal text to octets, UTF-8 octets to text."""
    match value:
        case dict():
            return {name: _as_ours(one) for name, one in value.items()}
        case list():
            return [_as_ours(one) for one in value]
        case str() if value in SLLURP_NUMBER:
            return SLLURP_NUMBER[value]
        case bytes():
            return value.decode()
        case _:
            return value


@pytest.mark.parametrize("name", [name for name in BODIES if _type(name) not in ONLY_OURS])
def test_sllurp_reads_the_same_from_a_real_body(edgex: Path, name: str) -> None:
    message = _message(edgex, name)
    parsed = LLRPMessage(msgbytes=message)
    theirs = _as_ours(dict(parsed.msgdict[parsed.getName()]))
    for tag in theirs.get("TagReportData", ()):
        del tag["EPC"]  # said twice: EPC and EPC-96
    ours = decode_message(_frame(message))
    for tag in ours.get("TagReportData") or ():
        del tag["EPCData"]
    for ports in (ours.get("GeneralDeviceCapabilities") or {}).get("PerAntennaAirProtocols", ()):
        ports["AirProtocolIDs"] = list(ports["AirProtocolIDs"])  # octets here, numbers there
    event = ours.get("ReaderEventNotificationData")
    if event:
        del event["Uptime"]  # absent in the message
    assert _leaves(theirs) == _leaves(ours)


def test_sllurp_cannot_read_the_two_that_are_ours_alone(edgex: Path) -> None:
    for name in ("GetROSpecsResponse-000", "GetAccessSpecsResponse-000"):
        with pytest.raises(LLRPError):
            LLRPMessage(msgbytes=_message(edgex, name))


def test_a_real_report_becomes_columns(edgex: Path) -> None:
    """Body 003 by hand: EPC 30 14 30 a5 ..., antenna 1, 0xca = -54 dBm, first seen 1594174805147920 us."""
    reads = decode_report(_frame(_message(edgex, "ROAccessReport-003")).body, "reader-1", 99)
    assert (reads.device, reads.at_ns) == ("reader-1", 99)
    assert reads.epc[0].tobytes() == bytes.fromhex("301430a55c0ac30000000009")
    assert reads.epc_bits.tolist() == [96]
    assert reads.antenna.tolist() == [1]
    assert reads.rssi_dbm.tolist() == [-54.0]
    assert reads.first_utc_ns.tolist() == [1594174805147920000]
    assert reads.last_utc_ns.tolist() == [0]
    assert reads.count.tolist() == [1]
    assert reads.pc.tolist() == [-1]
