"""What the simulated reader says of itself: a four- to thirty-two-port reader for the Chinese UHF band."""

from typing import Any

OK: dict[str, Any] = {"LLRPStatus": {"Status": 0}}
LOWEST_POWER_CDBM, HIGHEST_POWER_CDBM, POWER_STEP_CDBM = 1000, 3300, 25  # 1/100 dBm
CHANNELS_KHZ = [920_625 + 250 * channel for channel in range(16)]  # 920.5-924.5 MHz, 16 channels of 250 kHz
CHINA = 156  # ISO 3166-1
IMPINJ = 25882
ENABLE_EXTENSIONS, READER_TEMPERATURE = 21, 37


def refused(status: int, why: str) -> dict[str, Any]:
    """An answer with an LLRPStatus other than success."""
    return {"LLRPStatus": {"Status": status, "ErrorDescription": why}}


def temperature(degc: int) -> dict[str, Any]:
    """ImpinjReaderTemperature."""
    data = degc.to_bytes(2, "big", signed=True)
    return {"VendorID": IMPINJ, "Subtype": READER_TEMPERATURE, "Data": data}


def capabilities(antennas: int, manufacturer: int = 0) -> dict[str, Any]:
    """GET_READER_CAPABILITIES_RESPONSE."""
    powers = range(LOWEST_POWER_CDBM, HIGHEST_POWER_CDBM + 1, POWER_STEP_CDBM)
    ports = range(1, antennas + 1)
    return OK | {
        "GeneralDeviceCapabilities": {
            "MaxSupportedAntennas": antennas,
            "HasUTCClock": True,
            "DeviceManufacturer": manufacturer,
            "Model": 1,
            "FirmwareVersion": "lantai-sim 1",
            "ReceiveSensitivities": [{"Index": 1, "ReceiveSensitivity": 0}],
            "GPIOCapabilities": {"NumGPIs": 0, "NumGPOs": 0},
            "PerAntennaAirProtocols": [{"AntennaID": port, "AirProtocolIDs": b"\x01"} for port in ports],
        },
        "LLRPCapabilities": {
            "MaxPriorityLevelSupported": 1,
            "MaxROSpecs": 1,
            "MaxSpecsPerROSpec": 32,
            "MaxInventoryParameterSpecsPerAISpec": 1,
            "MaxAccessSpecs": 1,
            "MaxOpSpecsPerAccessSpec": 8,
        },
        "RegulatoryCapabilities": {
            "CountryCode": CHINA,
            "CommunicationsStandard": 0,
            "UHFBandCapabilities": {
                "TransmitPowerLevels": [
                    {"Index": index, "TransmitPowerValue": power} for index, power in enumerate(powers, start=1)
                ],
                "FrequencyInformation": {
                    "Hopping": True,
                    "FrequencyHopTables": [{"HopTableID": 1, "Frequencies": CHANNELS_KHZ}],
                },
                "C1G2RFModes": {
                    "UHFC1G2RFModeTableEntries": [
                        {
                            "ModeID": 0,
                            "DivideRatio": 1,
                            "Modulation": 2,
                            "ForwardLinkModulation": 0,
                            "SpectralMask": 2,
                            "BackscatterDataRate": 250_000,
                            "PIERatio": 1500,
                            "MinTariTime": 20_000,
                            "MaxTariTime": 20_000,
                            "StepTariTime": 0,
                        }
                    ]
                },
            },
        },
        "C1G2LLRPCapabilities": {"MaxSelectFiltersPerQuery": 2},
    }


def configuration(antennas: int, unplugged: set[int], events: dict[int, bool], keepalive_ms: int) -> dict[str, Any]:
    """GET_READER_CONFIG_RESPONSE."""
    return OK | {
        "Identification": {"IDType": 0, "ReaderID": b"\x02\x00\x00\xff\xfe\x00\x00\x01"},
        "AntennaProperties": [
            {"AntennaID": port, "AntennaConnected": port not in unplugged, "AntennaGain": 0}
            for port in range(1, antennas + 1)
        ],
        "ReaderEventNotificationSpec": {
            "EventNotificationStates": [
                {"ReaderEventType": number, "NotificationEnabled": events.get(number, False)} for number in range(9)
            ]
        },
        "KeepAliveSpec": {"Trigger": int(keepalive_ms > 0), "Interval": keepalive_ms},
        "EventsAndReports": False,
    }
