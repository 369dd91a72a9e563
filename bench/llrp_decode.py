"""Tag reports from raw bytes to columns, ours against sllurp's own decoder, on the same bytes in one run.

Ours is the real session (drivers/llrp/device.py), configured and searching: framing, joining, decoding, records out.
sllurp's is LLRPMessage, given each message already cut from the stream, which spares it the framing.

ratio_100, ratio_300   reports of 100 and of 300 tags, one message a chunk
ratio_1, ratio_10      reports of one and of ten tags, in chunks of 64 KiB, as a TCP stream delivers them under load:
                       a reader that reports each tag at once and a link that is read whenever the loop comes round
impinj_ratio_100       100 tags a report with an Impinj reader's phase, peak RSSI and Doppler parameters

Each tag has EPC-96, antenna, RSSI, first and last seen, count and PC, which is what our search asks for. First both
decode everything and every field is compared; then they take turns. Rates are tags per second of CPU time; the ratio is
that of two neighbouring turns, as the machine's speed changes. All are medians. Layouts are learnt before, in that
comparison: a session meets a layout once in its life.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from sllurp.llrp import LLRPMessage

from bench.llrp_far_end import greeting, reports, searching, tags
from config.devices import Reader
from drivers.llrp.device import LlrpSession
from drivers.observation import TagReads

READER = Reader(id="bench", host="127.0.0.1", segments=("a", "b", "c", "d"))
TAGS = 3_000
ROUNDS = 15
OURS_REPEATED = 20  # ours runs over the same bytes so often in a turn, so that both turns are long enough to time
CHUNK_OCTETS = 1 << 16
MS_NS = 1_000_000


class Case(NamedTuple):
    """One line of the table."""

    key: str
    tags_a_report: int
    is_stream: bool
    is_impinj: bool


CASES = (
    Case("ratio_100", 100, is_stream=False, is_impinj=False),
    Case("ratio_300", 300, is_stream=False, is_impinj=False),
    Case("ratio_1", 1, is_stream=True, is_impinj=False),
    Case("ratio_10", 10, is_stream=True, is_impinj=False),
    Case("impinj_ratio_100", 100, is_stream=False, is_impinj=True),
)


class Figures(NamedTuple):
    """Tags per second of CPU time, and the ratio of the two; medians."""

    ours: float
    sllurp: float
    ratio: float


class Ours:
    """A session that has begun to search, and its manual clock."""

    def __init__(self) -> None:
        self._session: LlrpSession = searching(READER, greeting(READER), 0)
        self._at_ns = 0

    def decode(self, chunks: list[bytes]) -> list[TagReads]:
        """All records of the chunks, which are nothing but tag reads."""
        records: list[Any] = []
        for chunk in chunks:
            self._at_ns += MS_NS
            records += self._session.received(chunk, self._at_ns).records
        return records

    def count(self, chunks: list[bytes]) -> int:
        """How many tags; what was decoded is handed over and forgotten chunk by chunk, as in the daemon."""
        seen = 0
        for chunk in chunks:
            self._at_ns += MS_NS
            for record in self._session.received(chunk, self._at_ns).records:
                assert isinstance(record, TagReads)
                seen += len(record.antenna)
        return seen


def theirs_counted(messages: list[bytes]) -> int:
    """How many tags, handed over and forgotten message by message, as to a callback of sllurp's client."""
    return sum(len(LLRPMessage(msgbytes=data).msgdict["RO_ACCESS_REPORT"]["TagReportData"]) for data in messages)


def theirs(messages: list[bytes]) -> list[dict[str, Any]]:
    """What sllurp makes of the messages: one dict per tag."""
    found: list[dict[str, Any]] = []
    for data in messages:
        found += LLRPMessage(msgbytes=data).msgdict["RO_ACCESS_REPORT"]["TagReportData"]
    return found


def compare(reads: list[TagReads], said: list[dict[str, Any]], *, is_impinj: bool) -> None:
    """Raises AssertionError when a field differs."""
    assert all(isinstance(batch, TagReads) for batch in reads)
    columns = {
        "EPC": [row.tobytes().hex() for batch in reads for row in batch.epc],
        "AntennaID": [value for batch in reads for value in batch.antenna.tolist()],
        "FirstSeenTimestampUTC": [value // 1000 for batch in reads for value in batch.first_utc_ns.tolist()],
        "LastSeenTimestampUTC": [value // 1000 for batch in reads for value in batch.last_utc_ns.tolist()],
        "TagSeenCount": [value for batch in reads for value in batch.count.tolist()],
        "C1G2PC": [value for batch in reads for value in batch.pc.tolist()],
    }
    rssi = np.concatenate([batch.rssi_dbm for batch in reads])
    if is_impinj:
        columns["ImpinjPeakRSSI"] = np.rint(100 * rssi).astype(int).tolist()
        phase = np.concatenate([batch.phase_rad for batch in reads if batch.phase_rad is not None])
        columns["ImpinjRFPhaseAngle"] = np.rint(phase * (4096 / math.tau)).astype(int).tolist()
        doppler = np.concatenate([batch.doppler_hz for batch in reads if batch.doppler_hz is not None])
        columns["ImpinjRFDopplerFrequency"] = np.rint(16 * doppler).astype(int).tolist()
    else:
        columns["PeakRSSI"] = rssi.astype(int).tolist()
    assert len(said) == TAGS
    for name, ours in columns.items():
        values = [tag[name].decode() if name == "EPC" else tag[name] for tag in said]
        assert ours == values, f"{name} differs from sllurp's"


def measure(case: Case) -> Figures:
    """Compare, then time both in turns."""
    rng = np.random.default_rng(case.tags_a_report)
    epc = rng.integers(0, 256, (TAGS, 12), np.uint8)
    messages = reports(tags(epc, impinj=case.is_impinj), case.tags_a_report)
    stream = b"".join(messages)
    chunks = messages
    if case.is_stream:
        chunks = [stream[start : start + CHUNK_OCTETS] for start in range(0, len(stream), CHUNK_OCTETS)]
    ours = Ours()
    compare(ours.decode(chunks), theirs(messages), is_impinj=case.is_impinj)
    turns: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        sllurp_s = _cpu_s(lambda: theirs_counted(messages), 1)
        ours_s = _cpu_s(lambda: ours.count(chunks), OURS_REPEATED) / OURS_REPEATED
        turns.append((ours_s, sllurp_s))
    return Figures(
        median(TAGS / ours_s for ours_s, _ in turns),
        median(TAGS / sllurp_s for _, sllurp_s in turns),
        median(sllurp_s / ours_s for ours_s, sllurp_s in turns),
    )


def _cpu_s(act: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        act()
    return time.process_time() - began


def main() -> None:
    """Print a table, and one JSON object last with --json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    figures: dict[str, float] = {}
    print(f"{'':18} {'ours, tags/s':>14} {'sllurp, tags/s':>15} {'ratio':>7}")
    for case in CASES:
        found = measure(case)
        figures[case.key] = round(found.ratio, 1)
        print(f"{case.key:18} {found.ours:14,.0f} {found.sllurp:15,.0f} {figures[case.key]:7.1f}")
    if as_json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
