"""What we ask of a reader, in sllurp's names (see codec.encode_request)."""

import struct
from typing import Any

from config.devices import Reader
from drivers.llrp.layouts import CUSTOM
from drivers.llrp.tag_columns import ZEBRA
from drivers.llrp.tag_layout import OPSPEC_TID

ALL = 0  # every capability, every ROSpec
C1G2 = 1  # air protocol EPCglobal Class 1 Gen 2
WATCHED_EVENTS = ("ROSpecEvent", "ReaderExceptionEvent", "AISpecEvent", "AntennaEvent", "ReportBufferFillWarning")
# A demanded search is the more thorough one: longer, and in session 0, whose inventoried flag falls back to A as soon
# as a tag is without power, so that none stays quiet for having answered a round before.
RESCAN_SESSION = 0
# ADD_ACCESSSPEC: its id, and where it reads. The first six words hold class, maker, model and a serial number of 48
# bits, EPC Tag Data Standard 2.0, 16.2
TIDS, TID_BANK, TID_WORDS = 1, 2, 6
EVERY_TAG = ""  # the mask of no bits
# MotoTagReportContentSelector: of its flags the fourth from the left is the phase
ZEBRA_PHASE = struct.pack("!HHIII", CUSTOM, 16, ZEBRA, 708, 1 << 28)
ON = 1  # of an Impinj mode
WITH_ROSPEC = 0  # AccessReportTrigger: results come in the report of the ROSpec
FIXED_CHANNEL = 1  # of the fixed frequency table; a hopping reader ignores it


def configuration(reader: Reader) -> dict[str, Any]:
    """SET_READER_CONFIG: keepalives, and the events that tell where and how well an antenna searched."""
    return {
        "ResetToFactoryDefaults": False,
        "ReaderEventNotificationSpec": {"EventNotificationState": dict.fromkeys(WATCHED_EVENTS, True)},
        "KeepaliveSpec": {"KeepaliveTriggerType": 1, "TimeInterval": round(reader.keepalive_s * 1000)},
    }


def dwell_ms(reader: Reader, *, is_rescan: bool) -> int:
    """How long each antenna searches in its ordinary round, and when a second look is demanded."""
    return reader.rescan_dwell_ms if is_rescan else reader.dwell_ms


def search(
    reader: Reader, capabilities: dict[str, Any], spec_id: int, antennas: tuple[int, ...], *, is_rescan: bool
) -> dict[str, Any]:
    """ADD_ROSPEC: the antennas one after the other, each for `dwell_ms`, its tags reported when its turn ends.

    LLRP 1.0.1 runs the AISpecs of a ROSpec in order, once; with a null stop trigger the ROSpec is then over. Whether an
    immediate start trigger fires again is left open and readers differ, a periodic one would need the reader's timer to
    agree with the sum of the dwells, a LoopSpec needs 1.1. So the start trigger is null and the session sends
    START_ROSPEC again whenever the reader says that the ROSpec has ended: one round trip in a cycle, on every make.
    """
    return {
        "ROSpec": {
            "ROSpecID": spec_id,
            "Priority": 0,
            "CurrentState": "Disabled",
            "ROBoundarySpec": {
                "ROSpecStartTrigger": {"ROSpecStartTriggerType": "Null"},
                "ROSpecStopTrigger": {"ROSpecStopTriggerType": "Null", "DurationTriggerValue": 0},
            },
            "AISpec": [_antenna_search(reader, capabilities, antenna, is_rescan=is_rescan) for antenna in antennas],
            "ROReportSpec": {
                "ROReportTrigger": "Upon_N_Tags_Or_End_Of_AISpec",
                "N": 0,
                "TagReportContentSelector": {
                    "EnableAntennaID": True,
                    "EnablePeakRSSI": True,
                    "EnableFirstSeenTimestamp": True,
                    "EnableLastSeenTimestamp": True,
                    "EnableTagSeenCount": True,
                    "C1G2EPCMemorySelector": {"EnableCRC": False, "EnablePCBits": True},
                },
            },
        }
    }


def ask_for_more(asked: dict[str, Any], *, is_impinj: bool, has_phase: bool) -> None:
    """Add to an ADD_ROSPEC what not every reader can tell: CRC, the channel where there is a phase, a vendor's own."""
    reported = asked["ROSpec"]["ROReportSpec"]
    reported["TagReportContentSelector"]["C1G2EPCMemorySelector"]["EnableCRC"] = True
    reported["TagReportContentSelector"]["EnableChannelIndex"] = has_phase
    if is_impinj:
        reported["ImpinjTagReportContentSelector"] = {
            "ImpinjEnableSerializedTID": {"SerializedTIDMode": ON},
            "ImpinjEnableRFPhaseAngle": {"RFPhaseAngleMode": ON},
            "ImpinjEnablePeakRSSI": {"PeakRSSIMode": ON},
        }


def read_tids(spec_id: int) -> dict[str, Any]:
    """ADD_ACCESSSPEC: of every tag that this ROSpec singulates, on any of its antennas, read the TID. It is told with
    the tag, in the ROSpec's own report; no count ends it, for nobody knows how many tags there are."""
    return {
        "AccessSpec": {
            "AccessSpecID": TIDS,
            "AntennaID": ALL,
            "ProtocolID": C1G2,
            "CurrentState": False,
            "ROSpecID": spec_id,
            "AccessSpecStopTrigger": {"AccessSpecStopTriggerType": 0, "OperationCountValue": 0},
            "AccessCommand": {
                "TagSpecParameter": {
                    "C1G2TagSpec": {
                        "C1G2TargetTag": [
                            {"MB": 1, "M": True, "Pointer": 0, "TagMask": EVERY_TAG, "TagData": EVERY_TAG}
                        ]
                    }
                },
                "OpSpecParameter": [
                    {
                        "C1G2Read": {
                            "OpSpecID": OPSPEC_TID,
                            "AccessPassword": 0,
                            "MB": TID_BANK,
                            "WordPtr": 0,
                            "WordCount": TID_WORDS,
                        }
                    }
                ],
            },
            "AccessReportSpec": {"AccessReportTrigger": WITH_ROSPEC},
        }
    }


def _antenna_search(reader: Reader, capabilities: dict[str, Any], antenna: int, *, is_rescan: bool) -> dict[str, Any]:
    configured: dict[str, Any] = {
        "AntennaID": antenna,
        "C1G2InventoryCommand": [
            {
                "TagInventoryStateAware": False,
                "C1G2SingulationControl": {
                    "Session": RESCAN_SESSION if is_rescan else reader.session,
                    "TagPopulation": reader.tag_population,
                    "TagTransitTime": 0,
                },
            }
        ],
    }
    transmitter = _transmitter(capabilities, reader.power_dbm)
    if transmitter is not None:
        configured["RFTransmitter"] = transmitter
    return {
        "AntennaID": [antenna],
        "AISpecStopTrigger": {
            "AISpecStopTriggerType": "Duration",
            "DurationTriggerValue": dwell_ms(reader, is_rescan=is_rescan),
        },
        "InventoryParameterSpec": [
            {"InventoryParameterSpecID": 1, "ProtocolID": C1G2, "AntennaConfiguration": [configured]}
        ],
    }


def _transmitter(capabilities: dict[str, Any], power_dbm: float) -> dict[str, int] | None:
    """The strongest level of the reader's own table that does not pass `power_dbm`, else its weakest.

    None leaves the reader its setting: it did not tell its levels.
    """
    band = (capabilities["RegulatoryCapabilities"] or {}).get("UHFBandCapabilities")
    if band is None or not band["TransmitPowerLevels"]:
        return None
    levels = band["TransmitPowerLevels"]  # in 1/100 dBm
    allowed = [level for level in levels if level["TransmitPowerValue"] <= round(power_dbm * 100)]
    chosen = (
        max(allowed, key=lambda level: int(level["TransmitPowerValue"]))
        if allowed
        else min(levels, key=lambda level: int(level["TransmitPowerValue"]))
    )
    hops = band["FrequencyInformation"]["FrequencyHopTables"]
    return {
        "HopTableId": hops[0]["HopTableID"] if hops else 0,
        "ChannelIndex": FIXED_CHANNEL,
        "TransmitPower": chosen["Index"],
    }
