"""Detectors, contact boxes and meters as their makers document them, see `modbus_units`."""

import struct
from dataclasses import dataclass, field

from simulator.devices.modbus_units import ILLEGAL_ADDRESS, Refusal, UnitFaults, picked

SIGN_MARK = 10_000


class _ReadOnly:
    """Takes no writes."""

    def write(self, table: str, address: int, values: list[int]) -> None:
        del table, address, values
        raise Refusal(ILLEGAL_ADDRESS)


@dataclass
class Sht30(_ReadOnly):
    """KinCony SHT30: tenths in input registers 0 and 1, below zero a magnitude with 10000 added; floats from 2 on."""

    temperature_degc: float = 20.0
    humidity_pct: float = 50.0
    faults: UnitFaults = field(default_factory=UnitFaults)

    def read(self, table: str, address: int, count: int) -> list[int]:
        if table not in ("ir", "hr"):
            raise Refusal(ILLEGAL_ADDRESS)
        tenths = round(self.temperature_degc * 10)
        words = [tenths if tenths >= 0 else SIGN_MARK - tenths, round(self.humidity_pct * 10)]
        words += [*_float_words(self.temperature_degc), *_float_words(self.humidity_pct)]
        return picked(dict(enumerate(words)), address, count)


@dataclass
class UniguardUg3(_ReadOnly):
    """Calectro UG-3: discrete inputs mounted, service, smoke, relay; the smoke stays until it is reset by hand."""

    is_mounted: bool = True
    needs_service: bool = False
    has_smoke: bool = False
    faults: UnitFaults = field(default_factory=UnitFaults)

    def read(self, table: str, address: int, count: int) -> list[int]:
        bits = (self.is_mounted, self.needs_service, self.has_smoke and self.is_mounted, self.has_smoke)
        return picked(dict(enumerate(map(int, bits))) if table == "di" else {}, address, count)


@dataclass
class SqrDi8(_ReadOnly):
    """Novabo DI box: eight closed loops, 1 while closed."""

    open_loops: set[int] = field(default_factory=set)
    faults: UnitFaults = field(default_factory=UnitFaults)

    def read(self, table: str, address: int, count: int) -> list[int]:
        return picked({at: int(at not in self.open_loops) for at in range(8)} if table == "di" else {}, address, count)


@dataclass
class CracDme(_ReadOnly):
    """DME cooling unit: discrete inputs 10003 to 10267, counted from 1, of which those of `alarms` are on."""

    alarms: set[int] = field(default_factory=set)
    faults: UnitFaults = field(default_factory=UnitFaults)

    def read(self, table: str, address: int, count: int) -> list[int]:
        held = {number - 10_001: int(number in self.alarms) for number in range(10_003, 10_268)}
        return picked(held if table == "di" else {}, address, count)


@dataclass
class Dtsu666(_ReadOnly):
    """Chint meter: floats in holding registers 8192 to 8271; tenths of V and W, hundredths of Hz."""

    voltage_v: float = 400.0
    power_kw: float = 1.5
    frequency_hz: float = 50.0
    faults: UnitFaults = field(default_factory=UnitFaults)

    def read(self, table: str, address: int, count: int) -> list[int]:
        held = dict.fromkeys(range(8192, 8272), 0)
        for at, value in ((8192, self.voltage_v * 10), (8210, self.power_kw * 10_000), (8260, self.frequency_hz * 100)):
            held.update(enumerate(_float_words(value), at))
        return picked(held if table == "hr" else {}, address, count)


def _float_words(value: float) -> tuple[int, int]:
    return struct.unpack(">HH", struct.pack(">f", value))
