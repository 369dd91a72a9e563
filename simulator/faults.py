"""Faults by name: what the control socket's `fault DEVICE KIND` may do to a Modbus unit, a line or a reader."""

from simulator.devices.llrp_reader import SimulatedReader
from simulator.devices.modbus_server import ModbusTcpServer
from simulator.devices.modbus_units import RelayBoard8, Unit
from simulator.devices.pty_line import PtyLine

LATE_S = 1.0
OTHER_UNIT = 200
UNIT_KINDS = ("none", "silent", "busy", "corrupt", "late", "other_unit")
BOARD_KINDS = (*UNIT_KINDS, "stuck")
LINE_KINDS = ("unplug", "plug", "reset")
READER_KINDS = ("none", "unplug", "plug", "silence", "reset", "garbage", "half_message")

Line = ModbusTcpServer | PtyLine


def break_unit(unit: Unit, kind: str) -> None:
    """Set what is wrong with a unit; `none` sets it right. Raises ValueError for an unknown kind."""
    kinds = BOARD_KINDS if isinstance(unit, RelayBoard8) else UNIT_KINDS
    if kind not in kinds:
        raise ValueError(f"a unit has no fault '{kind}'; it has {', '.join(kinds)}")
    faults = unit.faults
    faults.is_silent = kind == "silent"
    faults.is_busy = kind == "busy"
    faults.is_corrupt = kind == "corrupt"
    faults.late_s = LATE_S if kind == "late" else 0.0
    faults.answers_as = OTHER_UNIT if kind == "other_unit" else None
    if isinstance(unit, RelayBoard8):
        unit.stuck = set(range(len(unit.relays))) if kind == "stuck" else set()


async def break_line(line: Line, kind: str) -> None:
    """Pull, put back or reset a whole line. Raises ValueError for a kind that it does not have."""
    match line, kind:
        case PtyLine(), "unplug":
            line.unplug()
        case PtyLine(), "plug":
            if not line.is_plugged:
                line.plug()
        case PtyLine(), "reset":
            line.unplug()
            line.plug()
        case ModbusTcpServer(), "unplug":
            await line.unplug()
        case ModbusTcpServer(), "plug":
            await line.unplug()
            await line.plug()
        case ModbusTcpServer(), "reset":
            line.reset()
        case _:
            raise ValueError(f"a line has no fault '{kind}'; it has {', '.join(LINE_KINDS)}")


async def break_reader(reader: SimulatedReader, kind: str) -> None:
    """What befalls an LLRP reader; `none` ends a silence. Raises ValueError for an unknown kind."""
    match kind:
        case "none":
            reader.speak()
        case "silence":
            reader.silence()
        case "reset":
            reader.reset()
        case "garbage":
            reader.garbage()
        case "half_message":
            reader.half_message()
        case "unplug":
            await reader.unplug()
        case "plug":
            await reader.stop()
            reader.speak()
            await reader.plug()
        case _:
            raise ValueError(f"a reader has no fault '{kind}'; it has {', '.join(READER_KINDS)}")
