"""Modbus units as their makers document them: register maps over physical values that the world sets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
FOOT_M = 0.3048


class Refusal(Exception):  # noqa: N818  an answer of the protocol, not a failure of ours
    """The unit answers with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


@dataclass
class UnitFaults:
    """What is wrong with one unit, until it is set right again."""

    is_silent: bool = False
    is_busy: bool = False
    is_corrupt: bool = False
    """Its answers are damaged on the way: wrong CRC on serial, wrong protocol id on TCP."""
    late_s: float = 0.0
    answers_as: int | None = None
    """Its answers carry another unit's number."""


class Unit(Protocol):
    """One slave. Addresses count from 0; values are 0 and 1 in `co` and `di`, 0..65535 in `hr` and `ir`."""

    faults: UnitFaults

    def read(self, table: str, address: int, count: int) -> list[int]:
        """Values of a range; raises Refusal."""

    def write(self, table: str, address: int, values: list[int]) -> None:
        """Set coils or holding registers; raises Refusal and then changes nothing."""


def picked(held: dict[int, int], address: int, count: int) -> list[int]:
    """A range out of a sparse map; one missing register refuses it all, as devices do."""
    try:
        return [held[at] for at in range(address, address + count)]
    except KeyError:
        raise Refusal(ILLEGAL_ADDRESS) from None


def _word(value: float) -> int:
    """Nearest integer as a 16-bit register, two's complement."""
    return round(value) & 0xFFFF


@dataclass
class XyMd02:
    """XY-MD02 T/RH transmitter: input registers 1 and 2 in tenths; settings in holding registers 0x0101-0x0104."""

    temperature_degc: float = 20.0
    humidity_pct: float = 50.0
    settings: dict[int, int] = field(default_factory=lambda: {0x0101: 1, 0x0102: 0, 0x0103: 0, 0x0104: 0})
    faults: UnitFaults = field(default_factory=UnitFaults)

    def read(self, table: str, address: int, count: int) -> list[int]:
        if table == "ir":
            values = {1: _word(self.temperature_degc * 10), 2: _word(self.humidity_pct * 10)}
            return picked(values, address, count)
        return picked(self.settings if table == "hr" else {}, address, count)

    def write(self, table: str, address: int, values: list[int]) -> None:
        picked(self.settings if table == "hr" else {}, address, len(values))
        self.settings.update(enumerate(values, address))


@dataclass
class RsWsN01:
    """Renke RS-WS-N01 T/RH transmitter: holding registers, humidity in 0 *before* temperature in 1."""

    temperature_degc: float = 20.0
    humidity_pct: float = 50.0
    settings: dict[int, int] = field(default_factory=lambda: {0x07D0: 1, 0x07D1: 1})
    faults: UnitFaults = field(default_factory=UnitFaults)

    def read(self, table: str, address: int, count: int) -> list[int]:
        if table != "hr":
            raise Refusal(ILLEGAL_ADDRESS)
        measured = {0: _word(self.humidity_pct * 10), 1: _word(self.temperature_degc * 10)}
        return picked({**measured, **self.settings}, address, count)

    def write(self, table: str, address: int, values: list[int]) -> None:
        picked(self.settings if table == "hr" else {}, address, len(values))
        self.settings.update(enumerate(values, address))


@dataclass
class LeakRope:
    """SeaHawk-like leak locator: status bits in input register 0 (leak, cable break, contamination, summary), then
    distance, unit (0 metres, 1 feet), leakage, cable length, two loop resistances, ohm per foot, firmware."""

    leak_at_m: float | None = None
    is_broken: bool = False
    is_contaminated: bool = False
    leakage_ua: float = 0.0
    cable_length_m: float = 30.0
    is_in_feet: bool = False
    faults: UnitFaults = field(default_factory=UnitFaults)

    def read(self, table: str, address: int, count: int) -> list[int]:
        if table != "ir":
            raise Refusal(ILLEGAL_ADDRESS)
        is_wet = self.leak_at_m is not None and not self.is_broken
        status = is_wet | self.is_broken << 1 | self.is_contaminated << 2
        status |= bool(status) << 3
        metre = 1 / FOOT_M if self.is_in_feet else 1.0
        distance = (self.leak_at_m or 0.0) * metre if is_wet else 0.0
        words = (
            status, distance, self.is_in_feet, self.leakage_ua, self.cable_length_m * metre, 2800, 2800, 2800, 104,
        )  # fmt: skip
        return picked({at: _word(value) for at, value in enumerate(words)}, address, count)

    def write(self, table: str, address: int, values: list[int]) -> None:
        del table, address, values
        raise Refusal(ILLEGAL_ADDRESS)


@dataclass
class RelayBoard8:
    """Waveshare-like board: coils 0-7 drive relays and read back what those do; discrete inputs 0-7."""

    relays: list[bool] = field(default_factory=lambda: [False] * 8)
    inputs: list[bool] = field(default_factory=lambda: [False] * 8)
    stuck: set[int] = field(default_factory=set)
    """Relays that take an order and do not move."""
    writes: int = 0
    """How many writes were taken, stuck or not."""
    on_change: Callable[[int, bool], None] = lambda _relay, _on: None
    """Called with relay and state when a relay moves: the plumbing behind it."""
    on_write: Callable[[int, bool], None] = lambda _relay, _on: None
    """Called with relay and state for every relay of every write that is taken, moved or not."""
    faults: UnitFaults = field(default_factory=UnitFaults)

    def read(self, table: str, address: int, count: int) -> list[int]:
        held = {"co": self.relays, "di": self.inputs}.get(table, [])
        return picked({at: int(on) for at, on in enumerate(held)}, address, count)

    def write(self, table: str, address: int, values: list[int]) -> None:
        if table != "co" or address + len(values) > len(self.relays):
            raise Refusal(ILLEGAL_ADDRESS)
        self.writes += 1
        for relay, value in enumerate(values, address):
            self.on_write(relay, bool(value))
            if relay not in self.stuck and self.relays[relay] != bool(value):
                self.relays[relay] = bool(value)
                self.on_change(relay, bool(value))
