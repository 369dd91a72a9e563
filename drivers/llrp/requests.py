"""What we ask of a reader, in sllurp's names (see codec.encode_request)."""

from typing import Any

from config.devices import Reader

ALL = 0  # every capability, every ROSpec
C1G2 = 1  # air protocol EPCglobal Class 1 Gen 2
WATCHED_EVENTS = ("ROSpecEvent", "ReaderExceptionEvent", "AISpecEvent", "AntennaEvent", "ReportBufferFillWarning")
# A demanded search is the more thorough one: longer, and in session 0, whose inventoried flag falls back to A as soon
# as a tag is without power, so that none stays quiet for having answered a round before.
RESCAN_SESSION = 0
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
