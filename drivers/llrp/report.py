"""RO_ACCESS_REPORT to columns: the data path."""

import struct

import numpy as np
from numpy.typing import NDArray

from drivers.llrp.codec import TYPE_VALUE_OCTETS, malformed, parameter_at
from drivers.llrp.layouts import EPC_DATA, TAG_REPORT_DATA
from drivers.observation import TagReads

EPC_96 = 13
# The type-value parameters that become columns, and the octets of their values.
ANTENNA, FIRST_UTC, LAST_UTC, PEAK_RSSI, SEEN_COUNT, PC = 1, 2, 4, 6, 8, 12
_COLUMNS = {kind: TYPE_VALUE_OCTETS[kind] for kind in (ANTENNA, FIRST_UTC, LAST_UTC, PEAK_RSSI, SEEN_COUNT, PC)}
MAX_EPC_BITS = 496  # 31 words: the length field of the protocol control word has five bits, EPC C1G2 2.0.1, 6.3.2.1.2
_MAX_UTC_US = (1 << 63) // 1000 - 1  # what int64 nanoseconds can hold: the year 2262


def decode_report(body: bytes, device: str, at_ns: int) -> TagReads:
    """All tags of one report, in its order; parameters nobody asked for are skipped by their length.

    Raises ProtocolError when anything does not fit, a tag has not exactly one EPC, or a parameter stands twice: a
    report is read whole or not at all.
    """
    places: dict[int, list[int]] = {kind: [] for kind in _COLUMNS}
    epc_starts: list[int] = []
    epc_bits: list[int] = []
    start = 0
    while start < len(body):
        kind, inner, stop = parameter_at(body, start, len(body), "RO_ACCESS_REPORT")
        if kind == TAG_REPORT_DATA:
            _find(body, inner, stop, places, epc_starts, epc_bits)
        start = stop
    octets = np.frombuffer(body, dtype=np.uint8)
    at = {kind: np.array(found, dtype=np.int64) for kind, found in places.items()}
    bits = np.array(epc_bits, dtype=np.uint16)
    first, last = (_microseconds(octets, at[kind]) for kind in (FIRST_UTC, LAST_UTC))
    rssi = _gather(octets, at[PEAK_RSSI], 1).astype(np.uint8).view(np.int8).astype(np.float32)
    rssi[at[PEAK_RSSI] < 0] = np.nan
    pc = _gather(octets, at[PC], 2).astype(np.int32)
    pc[at[PC] < 0] = -1
    return TagReads(
        device=device,
        at_ns=at_ns,
        antenna=_gather(octets, at[ANTENNA], 2).astype(np.uint16),
        epc=_epcs(octets, np.array(epc_starts, dtype=np.int64), bits),
        epc_bits=bits,
        rssi_dbm=rssi,
        # a tag that is reported was seen, whatever a reader counts
        count=np.maximum(_gather(octets, at[SEEN_COUNT], 2), 1).astype(np.uint16),
        first_utc_ns=first,
        last_utc_ns=last,
        pc=pc,
    )


def _find(body: bytes, start: int, end: int, places: dict[int, list[int]], starts: list[int], bits: list[int]) -> None:
    """Where the values of one TagReportData stand: appended to `places`, -1 for a parameter that is not there."""
    seen = dict.fromkeys(places, -1)
    epcs = 0
    while start < end:
        kind, inner, stop = parameter_at(body, start, end, "TagReportData")
        if kind == EPC_96:
            epcs += 1
            starts.append(inner)
            bits.append(96)
        elif kind == EPC_DATA:
            epcs += 1
            bits.append(_epc_data_bits(body, inner, stop))
            starts.append(inner + 2)
        elif kind in seen:
            if seen[kind] >= 0:
                raise malformed(f"TagReportData: parameter {kind} stands twice, at {seen[kind]} and {inner}")
            seen[kind] = inner
        start = stop
    if epcs != 1:
        raise malformed(f"TagReportData ending at octet {end}: {epcs} EPCs, expected one")
    for kind, place in seen.items():
        places[kind].append(place)


def _epc_data_bits(body: bytes, inner: int, stop: int) -> int:
    if stop - inner < 2:
        raise malformed(f"EPCData at octet {inner}: {stop - inner} octets, the bit count takes 2")
    (count,) = struct.unpack_from("!H", body, inner)
    if count > MAX_EPC_BITS:  # the widest EPC of a report is the width of every row
        raise malformed(f"EPCData at octet {inner}: {count} bits, an EPC has at most {MAX_EPC_BITS}")
    if stop - inner - 2 != (count + 7) // 8:
        raise malformed(f"EPCData at octet {inner}: {count} bits in {stop - inner - 2} octets")
    return int(count)


def _gather(octets: NDArray[np.uint8], at: NDArray[np.int64], width: int) -> NDArray[np.uint64]:
    """Big-endian values of `width` octets; 0 where `at` is negative."""
    value = np.zeros(len(at), dtype=np.uint64)
    there = at >= 0
    places = at[there]
    for step in range(width):
        value[there] = value[there] << np.uint64(8) | octets[places + step]
    return value


def _microseconds(octets: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """UTC in nanoseconds, 0 where the reader did not say."""
    value = _gather(octets, at, 8)
    if len(value) and int(value.max()) > _MAX_UTC_US:
        raise malformed(f"timestamp of {int(value.max())} microseconds: past the year 2262")
    return value.astype(np.int64) * 1000


def _epcs(octets: NDArray[np.uint8], starts: NDArray[np.int64], bits: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """(n, w) raw EPC octets, zero-padded to the widest."""
    lengths = (bits.astype(np.int64) + 7) // 8
    width = int(lengths.max()) if len(lengths) else 12
    column = np.arange(width)
    there = column < lengths[:, None]
    epc = np.zeros((len(starts), width), dtype=np.uint8)
    epc[there] = octets[(starts[:, None] + column)[there]]
    return epc
