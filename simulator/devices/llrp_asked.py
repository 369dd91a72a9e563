"""What a client asked the simulated reader to tell of each tag: the content selectors, standard and Impinj's own."""

import struct
from collections.abc import Iterable
from typing import Any

from drivers.llrp.codec import parameter_at
from simulator.devices.llrp_wire import IMPINJ, Selector

TID_BANK = 2
TAG_REPORT_CONTENT = 50  # ImpinjTagReportContentSelector
SERIALIZED_TID, PHASE, PEAK_RSSI = 51, 52, 53  # what it may hold


def selector(rospec: dict[str, Any], accessspecs: Iterable[dict[str, Any]]) -> Selector:
    """What is to be told of the tags of a ROSpec, while these AccessSpecs stand."""
    if rospec["ROReportSpec"] is None:
        return Selector()
    chosen = rospec["ROReportSpec"]["TagReportContentSelector"]
    memory = chosen["C1G2EPCMemorySelector"] or {}
    modes = _modes(rospec)
    return Selector(
        antenna=chosen["EnableAntennaID"],
        rssi=chosen["EnablePeakRSSI"],
        first_seen=chosen["EnableFirstSeenTimestamp"],
        last_seen=chosen["EnableLastSeenTimestamp"],
        count=chosen["EnableTagSeenCount"],
        crc=memory.get("CRCEnabled", False),
        pc=memory.get("PCBitsEnabled", False),
        rospec_id=chosen["EnableROSpecID"],
        spec_index=chosen["EnableSpecIndex"],
        channel=chosen["EnableChannelIndex"],
        inventory_id=chosen["EnableInventoryParamSpecID"],
        access_id=chosen["EnableAccessSpecID"],
        phase=modes.get(PHASE, 0) > 0,
        fine_rssi=modes.get(PEAK_RSSI, 0) > 0,
        tid=modes.get(SERIALIZED_TID, 0) > 0,
        tid_read_by=next((_reads_tid(spec, rospec["ROSpecID"]) for spec in accessspecs), 0),
    )


def asks_for_more(rospec: dict[str, Any], *, vendor_only: bool = False) -> bool:
    """Whether a ROSpec asks for what not every reader can tell."""
    told = rospec["ROReportSpec"] or {}
    memory = (told.get("TagReportContentSelector") or {}).get("C1G2EPCMemorySelector") or {}
    return bool(told.get("Custom")) or (memory.get("CRCEnabled", False) and not vendor_only)


def _reads_tid(spec: dict[str, Any], rospec_id: int) -> int:
    """The operation of an active AccessSpec that reads the TID of this ROSpec's tags, else 0."""
    read = spec["AccessCommand"]["C1G2Read"]
    is_its = spec["IsActive"] and spec["ROSpecID"] in (0, rospec_id)
    return int(read["OpSpecID"]) if is_its and read["C1G2MemoryBank"] == TID_BANK else 0


def _modes(rospec: dict[str, Any]) -> dict[int, int]:
    """By subtype: the modes that an Impinj selector sets."""
    modes: dict[int, int] = {}
    for custom in rospec["ROReportSpec"]["Custom"] or ():
        data, at = custom["Data"], 0
        while (custom["VendorID"], custom["Subtype"]) == (IMPINJ, TAG_REPORT_CONTENT) and at < len(data):
            _, inner, at = parameter_at(data, at, len(data), "ImpinjTagReportContentSelector")
            _, subtype, mode = struct.unpack_from("!IIH", data, inner)
            modes[subtype] = mode
    return modes
