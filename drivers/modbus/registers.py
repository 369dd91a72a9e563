"""The wire of Modbus sessions: what is asked of a unit and what came back. The socket belongs to edge/field."""

from typing import Literal

import msgspec

from config.profile import Table

TABLES: tuple[Table, ...] = ("co", "di", "hr", "ir")
MAX_REGISTERS = 125  # of one read, Modbus Application Protocol V1.1b3, 6.3


class RegisterRead(msgspec.Struct, frozen=True):
    """Read `count` coils or registers of one table from `address`, counted from 0."""

    unit: int
    table: Table
    address: int
    count: int


class RegisterWrite(msgspec.Struct, frozen=True):
    """Write coils (values 0 and 1) or holding registers from `address` on."""

    unit: int
    table: Literal["co", "hr"]
    address: int
    values: tuple[int, ...]


Request = RegisterRead | RegisterWrite


class RegisterBlock(msgspec.Struct, frozen=True):
    """The unit's answer: one value per coil or register read, or the values it took."""

    request: Request
    values: tuple[int, ...]


class RequestFailed(msgspec.Struct, frozen=True):
    """No values. Every request that is sent ends in one RegisterBlock or one RequestFailed.

    reason  timeout      nothing came in time
            busy         exception 6: alive, no values now
            exception_N  the unit (or the gateway before it, N 10 and 11) refused with this code
            wrong_unit   another unit's answer came
            broken       bytes came that are no answer, or the line broke
    """

    request: Request
    reason: str


class WriteWithheld(msgspec.Struct, frozen=True):
    """The write was not sent: the last word before the wire was no. `reason` is the text id of the refusal."""

    request: RegisterWrite
    reason: str


Reply = RegisterBlock | RequestFailed | WriteWithheld


def exception_code(reason: str) -> int:
    """N of `exception_N`, 6 of `busy`, 0 of everything else."""
    if reason == "busy":
        return 6
    return int(reason.removeprefix("exception_")) if reason.startswith("exception_") else 0
