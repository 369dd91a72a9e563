"""Programs that are not ours read the simulated reader: sllurp's own client and tshark's LLRP dissector."""

import asyncio
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sllurp.llrp import LLRPReaderClient, LLRPReaderConfig, LLRPReaderState

from simulator.devices.llrp_reader import SimulatedReader
from tests.llrp.conftest import TAGS_AN_ANTENNA, conversation, two_shelves

READER_PORT = 5084
# tshark 4.0 takes the length of ReaderID (Identification, 8 octets) for part of it, in a real reader's body too
DISSECTOR_BUG = ("12", "", "_ws.malformed", "Incorrect length of parameter: 13 bytes decoded, but 15 bytes claimed.")
RAW_IP = 101  # pcap link type: packets start with the IP header


async def test_sllurps_client_connects_configures_and_reads_every_tag(simulated: SimulatedReader) -> None:
    selected = {"EnableAntennaID": True, "EnablePeakRSSI": True, "EnableTagSeenCount": True}
    config = LLRPReaderConfig(
        {
            "antennas": [1, 2],
            "report_every_n_tags": 10,
            "report_timeout_ms": 50,
            "tx_power_dbm": 30.0,
            "keepalive_interval": 100,
            "tag_content_selector": selected,
        }
    )
    client = LLRPReaderClient("127.0.0.1", simulated.port, config)
    tags: list[dict[str, Any]] = []
    client.add_tag_report_callback(lambda _, found: tags.extend(found))
    await asyncio.to_thread(client.connect)
    try:
        async with asyncio.timeout(20):
            while len({tag["EPC"] for tag in tags}) < 2 * TAGS_AN_ANTENNA:  # noqa: ASYNC110  a thread's
                await asyncio.sleep(0.02)
        assert client.llrp.state == LLRPReaderState.STATE_INVENTORYING
    finally:
        await asyncio.to_thread(client.disconnect, 20)
    for tag in tags:
        epc = bytes.fromhex(tag["EPC"].decode())
        assert (epc[0], epc[11]) == (tag["AntennaID"], -40 - tag["PeakRSSI"])
        assert tag["TagSeenCount"] == epc[11] + 1
    assert client.llrp.capabilities["GeneralDeviceCapabilities"]["MaxNumberOfAntennaSupported"] == 4


def _pcap(said: list[tuple[bool, bytes]]) -> bytes:
    """The conversation as TCP segments in a capture file."""
    capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535 * 4, RAW_IP)
    ports = {True: (READER_PORT, 40000), False: (40000, READER_PORT)}
    sequence = {True: 1, False: 1}
    for number, (is_reader, data) in enumerate(said):
        tcp = struct.pack(
            "!HHIIBBHHH", *ports[is_reader], sequence[is_reader], sequence[not is_reader], 5 << 4, 0x18, 65535, 0, 0
        )
        total = 40 + len(data)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, total, number, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
        capture += struct.pack("<IIII", number, 0, total, total) + ip + tcp + data
        sequence[is_reader] += len(data)
    return capture


async def test_tshark_dissects_a_whole_conversation_without_complaint(
    simulated: SimulatedReader, require_tool: Callable[[str, str], str], tmp_path: Path
) -> None:
    tshark = require_tool("tshark", "tshark")
    capture = tmp_path / "reader.pcap"
    capture.write_bytes(_pcap(await conversation(simulated)))

    def fields(*names: str) -> list[list[str]]:
        command = [tshark, "-r", str(capture), "-d", f"tcp.port=={READER_PORT},llrp", "-Y", "llrp", "-T", "fields"]
        for name in names:
            command += ["-e", name]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
        return [line.split("\t") for line in ran.stdout.splitlines()]

    rows = await asyncio.to_thread(fields, "llrp.type", "llrp.param.epc", "_ws.malformed", "_ws.expert.message")
    types = [int(one) for row in rows for one in row[0].split(",") if one]
    assert {63, 1, 11, 2, 12, 21, 31, 3, 13, 20, 30, 24, 34, 22, 32, 61, 14, 4} <= set(types)
    complaints = {tuple(row) for row in rows if row[2] or "arameter" in row[3]}
    assert complaints <= {DISSECTOR_BUG}
    epcs = {one.replace(":", "") for row in rows for one in row[1].split(",") if one}
    expected = {row.tobytes().hex() for antenna in (1, 2) for row in two_shelves(antenna, 1.0)[0]}
    assert epcs == expected
