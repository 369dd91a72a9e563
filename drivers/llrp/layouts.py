"""LLRP 1.0.1 as data: what each message and parameter is made of (EPCglobal LLRP 1.0.1, clause 16).

A layout has fields, then sub-parameters. Fields are written `Name:kind`:
  uN, sN    unsigned, signed integer of N bits          flag     one bit, True or False
  padN      N bits nobody reads                         text     u16 length, UTF-8
  bytes     u16 count, octets                           u32s     u16 count, u32 each (u16s likewise)
  bitarray  two values: the number of bits, the octets  octets12 twelve octets
Sub-parameters are written `Name<mark>type`: `?` at most one, else None; `!` exactly one; `*` any number, a list,
None when there is none; `0` at most one, else its fields at zero. A layout marked `bare` stands for the value of its
only field.
The names are those of the EdgeX device-rfid-llrp JSON, so that its real reader messages can be compared word for word.
"""

import re
import struct
from typing import Literal

import msgspec

CUSTOM = 1023  # type of vendor messages and vendor parameters
TAG_REPORT_DATA = 240
EPC_DATA = 241
_PACKED = {
    ("u", 8): "B",
    ("u", 16): "H",
    ("u", 32): "I",
    ("u", 64): "Q",
    ("s", 8): "b",
    ("s", 16): "h",
    ("pad", 8): "x",
}
_FIXED = re.compile(r"^(u|s|pad)(\d+)$")


class Field(msgspec.Struct, frozen=True):
    """One field; `bits` is its width, 0 for a counted one. `name` is '' for padding."""

    name: str
    kind: Literal["u", "s", "flag", "pad", "text", "bytes", "u16s", "u32s", "bitarray", "octets"]
    bits: int


class Child(msgspec.Struct, frozen=True):
    """One sub-parameter of a layout; `mark` as explained above."""

    name: str
    mark: Literal["?", "!", "*", "0"]
    type: int


class Layout(msgspec.Struct, frozen=True):
    """A message body or a parameter value. `by_type` gives the child of a parameter type; `absent` the value of each
    child that need not stand there, `expected` those whose absence says something; `packed` all fields at once, with
    their names, where each is whole octets of a fixed number."""

    name: str
    fields: tuple[Field, ...]
    children: tuple[Child, ...]
    is_bare: bool
    by_type: dict[int, Child]
    absent: dict[str, None]
    expected: tuple[Child, ...]
    packed: struct.Struct | None
    packed_names: tuple[str, ...]


def _field(text: str) -> Field:
    name, _, kind = text.partition(":")
    if not kind:
        return Field("", "pad", int(name.removeprefix("pad")))
    if kind == "flag":
        return Field(name, "flag", 1)
    if kind.startswith("octets"):
        return Field(name, "octets", 8 * int(kind.removeprefix("octets")))
    fixed = _FIXED.match(kind)
    if fixed:
        return Field(name, fixed[1], int(fixed[2]))  # type: ignore[arg-type]  # the pattern allows only these
    return Field(name, kind, 0)  # type: ignore[arg-type]  # a misspelt kind fails at its first use, in the tests


def _child(text: str) -> Child:
    name, mark, number = re.split(r"([?!*]|0(?=\d))", text, maxsplit=1)
    return Child(name, mark, int(number))  # type: ignore[arg-type]  # split by exactly these marks


def _layouts(text: str) -> dict[int, Layout]:
    """A line is `number name [bare] | fields | children`."""
    made = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        head, fields, children = (part.split() for part in line.split("|"))
        parts, values = tuple(map(_child, children)), tuple(map(_field, fields))
        codes = [_PACKED.get((value.kind, value.bits), "") for value in values]
        made[int(head[0])] = Layout(
            head[1],
            values,
            parts,
            "bare" in head[2:],
            {part.type: part for part in parts},
            {part.name: None for part in parts if part.mark in "?*"},
            tuple(part for part in parts if part.mark in "!0"),
            struct.Struct("!" + "".join(codes)) if all(codes) else None,
            tuple(value.name for value in values if value.kind != "pad"),
        )
    return made


MESSAGES = _layouts("""
1 GET_READER_CAPABILITIES           | RequestedData:u8 | Custom*1023
2 GET_READER_CONFIG | AntennaID:u16 RequestedData:u8 GPIPortNum:u16 GPOPortNum:u16 | Custom*1023
3 SET_READER_CONFIG | ResetToFactoryDefaults:flag pad7 | ReaderEventNotificationSpec?244 \
    AntennaProperties*221 AntennaConfigurations*222 ROReportSpec?237 AccessReportSpec?239 \
    KeepAliveSpec?220 GPOWriteData*219 GPIPortCurrentStates*225 EventsAndReports?226 Custom*1023
4 CLOSE_CONNECTION_RESPONSE         | | LLRPStatus!287
11 GET_READER_CAPABILITIES_RESPONSE | | LLRPStatus!287 GeneralDeviceCapabilities?137 \
    LLRPCapabilities?142 RegulatoryCapabilities?143 C1G2LLRPCapabilities?327 Custom*1023
12 GET_READER_CONFIG_RESPONSE | | LLRPStatus!287 Identification?218 AntennaProperties*221 \
    AntennaConfigurations*222 ReaderEventNotificationSpec?244 ROReportSpec?237 AccessReportSpec?239 \
    LLRPConfigurationStateValue?217 KeepAliveSpec?220 GPIPortCurrentStates*225 GPOWriteData*219 \
    EventsAndReports?226 Custom*1023
13 SET_READER_CONFIG_RESPONSE       | | LLRPStatus!287
14 CLOSE_CONNECTION                 | |
20 ADD_ROSPEC                       | | ROSpec!177
21 DELETE_ROSPEC                    | ROSpecID:u32 |
22 START_ROSPEC                     | ROSpecID:u32 |
23 STOP_ROSPEC                      | ROSpecID:u32 |
24 ENABLE_ROSPEC                    | ROSpecID:u32 |
25 DISABLE_ROSPEC                   | ROSpecID:u32 |
26 GET_ROSPECS                      | |
30 ADD_ROSPEC_RESPONSE              | | LLRPStatus!287
31 DELETE_ROSPEC_RESPONSE           | | LLRPStatus!287
32 START_ROSPEC_RESPONSE            | | LLRPStatus!287
33 STOP_ROSPEC_RESPONSE             | | LLRPStatus!287
34 ENABLE_ROSPEC_RESPONSE           | | LLRPStatus!287
35 DISABLE_ROSPEC_RESPONSE          | | LLRPStatus!287
36 GET_ROSPECS_RESPONSE             | | LLRPStatus!287 ROSpecs*177
40 ADD_ACCESSSPEC                   | | AccessSpec!207
41 DELETE_ACCESSSPEC                | AccessSpecID:u32 |
42 ENABLE_ACCESSSPEC                | AccessSpecID:u32 |
44 GET_ACCESSSPECS                  | |
50 ADD_ACCESSSPEC_RESPONSE          | | LLRPStatus!287
51 DELETE_ACCESSSPEC_RESPONSE       | | LLRPStatus!287
52 ENABLE_ACCESSSPEC_RESPONSE       | | LLRPStatus!287
54 GET_ACCESSSPECS_RESPONSE         | | LLRPStatus!287 AccessSpecs*207
61 RO_ACCESS_REPORT                 | | TagReportData*240 RFSurveyReportData*242 Custom*1023
62 KEEPALIVE                        | |
63 READER_EVENT_NOTIFICATION        | | ReaderEventNotificationData!246
64 ENABLE_EVENTS_AND_REPORTS        | |
72 KEEPALIVE_ACK                    | |
100 ERROR_MESSAGE                   | | LLRPStatus!287
""")

# Type-value parameters: one octet of type with the top bit set, then a value of fixed size, no length.
TYPE_VALUE = _layouts("""
1 AntennaID bare                 | AntennaID:u16 |
2 FirstSeenUTC bare              | Microseconds:u64 |
3 FirstSeenUptime bare           | Microseconds:u64 |
4 LastSeenUTC bare               | Microseconds:u64 |
5 LastSeenUptime bare            | Microseconds:u64 |
6 PeakRSSI bare                  | PeakRSSI:s8 |
7 ChannelIndex bare              | ChannelIndex:u16 |
8 TagSeenCount bare              | TagCount:u16 |
9 ROSpecID bare                  | ROSpecID:u32 |
10 InventoryParameterSpecID bare | InventoryParameterSpecID:u16 |
11 C1G2CRC bare                  | CRC:u16 |
12 C1G2PC bare                   | PCBits:u16 |
13 EPC96                         | EPC:octets12 |
14 SpecIndex bare                | SpecIndex:u16 |
15 ClientRequestOpSpecResult bare | OpSpecID:u16 |
16 AccessSpecID bare             | AccessSpecID:u32 |
17 OpSpecID bare                 | OpSpecID:u16 |
18 C1G2SingulationDetails        | NumCollisionSlots:u16 NumEmptySlots:u16 |
19 C1G2XPCW1 bare                | XPCW1:u16 |
20 C1G2XPCW2 bare                | XPCW2:u16 |
""")

PARAMETERS = TYPE_VALUE | _layouts("""
128 UTCTimestamp bare     | Microseconds:u64 |
129 Uptime bare           | Microseconds:u64 |
137 GeneralDeviceCapabilities | MaxSupportedAntennas:u16 CanSetAntennaProperties:flag HasUTCClock:flag \
    pad14 DeviceManufacturer:u32 Model:u32 FirmwareVersion:text | ReceiveSensitivities*139 \
    PerAntennaReceiveSensitivityRanges*149 GPIOCapabilities?141 PerAntennaAirProtocols*140 \
    MaximumReceiveSensitivity?363
139 ReceiveSensitivityTableEntry | Index:u16 ReceiveSensitivity:u16 |
140 PerAntennaAirProtocol | AntennaID:u16 AirProtocolIDs:bytes |
141 GPIOCapabilities      | NumGPIs:u16 NumGPOs:u16 |
142 LLRPCapabilities | CanDoRFSurvey:flag CanReportBufferFillWarning:flag \
    SupportsClientRequestOpSpec:flag CanDoTagInventoryStateAwareSingulation:flag \
    SupportsEventsAndReportHolding:flag pad3 MaxPriorityLevelSupported:u8 \
    ClientRequestedOpSpecTimeout:u16 MaxROSpecs:u32 MaxSpecsPerROSpec:u32 \
    MaxInventoryParameterSpecsPerAISpec:u32 MaxAccessSpecs:u32 MaxOpSpecsPerAccessSpec:u32 |
143 RegulatoryCapabilities | CountryCode:u16 CommunicationsStandard:u16 | UHFBandCapabilities?144 \
    Custom*1023
144 UHFBandCapabilities   | | TransmitPowerLevels*145 FrequencyInformation!146 C1G2RFModes?328 \
    RFSurveyFrequencyCapabilities?365
145 TransmitPowerLevelTableEntry | Index:u16 TransmitPowerValue:s16 |
146 FrequencyInformation  | Hopping:flag pad7 | FrequencyHopTables*147 FixedFrequencyTable?148
147 FrequencyHopTable     | HopTableID:u8 pad8 Frequencies:u32s |
148 FixedFrequencyTable   | Frequencies:u32s |
149 PerAntennaReceiveSensitivityRange | AntennaID:u16 ReceiveSensitivityIndexMin:u16 \
    ReceiveSensitivityIndexMax:u16 |
177 ROSpec | ROSpecID:u32 Priority:u8 ROSpecCurrentState:u8 | ROBoundarySpec!178 AISpecs*183 \
    RFSurveySpecs*187 Custom*1023 LoopSpec?355 ROReportSpec?237
178 ROBoundarySpec        | | StartTrigger!179 StopTrigger!182
179 ROSpecStartTrigger    | Trigger:u8 | PeriodicTrigger?180 GPITrigger?181
180 PeriodicTriggerValue  | Offset:u32 Period:u32 | UTCTimestamp?128
181 GPITriggerValue       | Port:u16 Event:flag pad7 Timeout:u32 |
182 ROSpecStopTrigger     | Trigger:u8 DurationTriggerValue:u32 | GPITriggerValue?181
183 AISpec                | AntennaIDs:u16s | StopTrigger!184 InventoryParameterSpecs*186 Custom*1023
184 AISpecStopTrigger     | Trigger:u8 DurationTriggerValue:u32 | GPITrigger?181 TagObservationTrigger?185
185 TagObservationTrigger | Trigger:u8 pad8 NumberOfTags:u16 NumberOfAttempts:u16 T:u16 Timeout:u32 |
186 InventoryParameterSpec | InventoryParameterSpecID:u16 AirProtocolID:u8 | AntennaConfigurations*222 \
    Custom*1023
207 AccessSpec | AccessSpecID:u32 AntennaID:u16 AirProtocolID:u8 IsActive:flag pad7 ROSpecID:u32 | Trigger!208 \
    AccessCommand!209 AccessReportSpec?239 Custom*1023
208 AccessSpecStopTrigger | Trigger:u8 OperationCountValue:u16 |
209 AccessCommand         | | C1G2TagSpec!338 C1G2Read?341 Custom*1023
217 LLRPConfigurationStateValue bare | LLRPConfigurationStateValue:u32 |
218 Identification        | IDType:u8 ReaderID:bytes |
219 GPOWriteData          | Port:u16 Data:flag pad7 |
220 KeepAliveSpec         | Trigger:u8 Interval:u32 |
221 AntennaProperties     | AntennaConnected:flag pad7 AntennaID:u16 AntennaGain:s16 |
222 AntennaConfiguration  | AntennaID:u16 | RFReceiver?223 RFTransmitter?224 C1G2InventoryCommand?330 \
    Custom*1023
223 RFReceiver bare       | ReceiverSensitivity:u16 |
224 RFTransmitter         | HopTableID:u16 ChannelIndex:u16 TransmitPowerIndex:u16 |
225 GPIPortCurrentState   | Port:u16 Enabled:flag pad7 State:u8 |
226 EventsAndReports bare | HoldEventsAndReportsUponReconnect:flag pad7 |
237 ROReportSpec          | Trigger:u8 N:u16 | TagReportContentSelector!238 Custom*1023
238 TagReportContentSelector | EnableROSpecID:flag EnableSpecIndex:flag EnableInventoryParamSpecID:flag \
    EnableAntennaID:flag EnableChannelIndex:flag EnablePeakRSSI:flag EnableFirstSeenTimestamp:flag \
    EnableLastSeenTimestamp:flag EnableTagSeenCount:flag EnableAccessSpecID:flag pad6 | \
    C1G2EPCMemorySelector?348 Custom*1023
239 AccessReportSpec bare | AccessReportTrigger:u8 |
240 TagReportData | | EPCData0241 EPC96?13 ROSpecID?9 SpecIndex?14 InventoryParameterSpecID?10 \
    AntennaID?1 PeakRSSI?6 ChannelIndex?7 FirstSeenUTC?2 FirstSeenUptime?3 LastSeenUTC?4 \
    LastSeenUptime?5 TagSeenCount?8 C1G2PC?12 C1G2XPCW1?19 C1G2XPCW2?20 C1G2CRC?11 AccessSpecID?16 \
    C1G2ReadOpSpecResult?349 C1G2WriteOpSpecResult?350 C1G2KillOpSpecResult?351 C1G2LockOpSpecResult?352 \
    C1G2BlockEraseOpSpecResult?353 C1G2BlockWriteOpSpecResult?354 C1G2RecommissionOpSpecResult?360 \
    C1G2BlockPermalockOpSpecResult?361 C1G2GetBlockPermalockStatusOpSpecResult?362 \
    ClientRequestOpSpecResult?15 Custom*1023
241 EPCData               | EPCNumBits,EPC:bitarray |
244 ReaderEventNotificationSpec | | EventNotificationStates*245
245 EventNotificationState | ReaderEventType:u16 NotificationEnabled:flag pad7 |
246 ReaderEventNotificationData | | UTCTimestamp0128 Uptime0129 HoppingEvent?247 GPIEvent?248 \
    ROSpecEvent?249 ReportBufferLevelWarningEvent?250 ReportBufferOverflowErrorEvent?251 \
    ReaderExceptionEvent?252 RFSurveyEvent?253 AISpecEvent?254 AntennaEvent?255 \
    ConnectionAttemptEvent?256 ConnectionCloseEvent?257 SpecLoopEvent?356 Custom*1023
247 HoppingEvent          | HopTableID:u16 NextChannelIndex:u16 |
248 GPIEvent              | GPIPort:u16 Event:flag pad7 |
249 ROSpecEvent           | Event:u8 ROSpecID:u32 PreemptingROSpecID:u32 |
250 ReportBufferLevelWarningEvent bare | PercentageFull:u8 |
251 ReportBufferOverflowErrorEvent | |
252 ReaderExceptionEvent  | Message:text | ROSpecID?9 SpecIndex?14 InventoryParameterSpecID?10 \
    AntennaID?1 AccessSpecID?16 OpSpecID?17 Custom*1023
253 RFSurveyEvent         | Event:u8 ROSpecID:u32 SpecIndex:u16 |
254 AISpecEvent           | Event:u8 ROSpecID:u32 SpecIndex:u16 | C1G2SingulationDetails?18
255 AntennaEvent          | Event:u8 AntennaID:u16 |
256 ConnectionAttemptEvent bare | Status:u16 |
257 ConnectionCloseEvent  | |
287 LLRPStatus            | Status:u16 ErrorDescription:text | FieldError?288 ParameterError?289
288 FieldError            | FieldIndex:u16 ErrorCode:u16 |
289 ParameterError        | ParameterType:u16 ErrorCode:u16 | FieldError?288 ParameterError?289
327 C1G2LLRPCapabilities | SupportsBlockErase:flag SupportsBlockWrite:flag SupportsBlockPermalock:flag \
    SupportsTagRecommissioning:flag SupportsUMIMethod2:flag SupportsXPC:flag pad2 \
    MaxSelectFiltersPerQuery:u16 |
328 UHFC1G2RFModeTable    | | UHFC1G2RFModeTableEntries*329
329 UHFC1G2RFModeTableEntry | ModeID:u32 DivideRatio:u1 IsEPCHagConformant:flag pad6 Modulation:u8 \
    ForwardLinkModulation:u8 SpectralMask:u8 BackscatterDataRate:u32 PIERatio:u32 MinTariTime:u32 \
    MaxTariTime:u32 StepTariTime:u32 |
330 C1G2InventoryCommand  | TagInventoryStateAware:flag pad7 | Filters*331 RFControl?335 \
    SingulationControl?336 Custom*1023
331 C1G2Filter            | TruncateAction:u2 pad6 | TagInventoryMask!332
332 C1G2TagInventoryMask  | MemoryBank:u2 pad6 MostSignificantBit:u16 NumBits,Mask:bitarray |
335 C1G2RFControl         | RFModeID:u16 Tari:u16 |
336 C1G2SingulationControl | Session:u2 pad6 TagPopulation:u16 TagTransitTime:u32 | InvAwareAction?337
337 C1G2TagInventoryStateAwareSingulationAction | I:u1 S:u1 A:u1 pad5 |
338 C1G2TagSpec           | | TagPatterns*339
339 C1G2TargetTag | C1G2MemoryBank:u2 MatchFlag:flag pad5 MostSignificantBit:u16 TagMaskNumBits,TagMask:bitarray \
    TagDataNumBits,TagData:bitarray |
341 C1G2Read              | OpSpecID:u16 AccessPassword:u32 C1G2MemoryBank:u2 pad6 WordAddress:u16 WordCount:u16 |
348 C1G2EPCMemorySelector | CRCEnabled:flag PCBitsEnabled:flag XPCBitsEnabled:flag pad5 |
355 LoopSpec bare         | LoopCount:u32 |
356 SpecLoopEvent         | ROSpecID:u32 LoopCount:u32 |
363 MaximumReceiveSensitivity bare | MaximumReceiveSensitivity:u16 |
365 RFSurveyFrequencyCapabilities | MinFrequency:u32 MaxFrequency:u32 |
""")
