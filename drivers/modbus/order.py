"""One output switched and read back: done only when the device was read twice as wanted."""

from typing import Literal

import msgspec

from drivers.command import Result, Switch
from drivers.modbus.registers import (
    RegisterBlock,
    RegisterRead,
    RegisterWrite,
    Reply,
    Request,
    WriteWithheld,
    exception_code,
)

WITHIN_NS = 4_000_000_000  # the whole order; the linkage asks again after five seconds
SETTLE_NS = 500_000_000  # a relay board takes the new state within milliseconds, a slow gateway within half a second
AGAIN_NS = 50_000_000  # between two looks at an output that has not followed yet
MAX_WRITES = 3
EQUAL_READS = 2  # random corruption passes CRC-16 27 times in a million

REASONS: dict[int, str] = {
    1: "illegal_function",
    2: "illegal_address",
    3: "illegal_value",
    4: "device_failure",
    6: "device_busy",
    10: "gateway_no_path",
    11: "gateway_no_answer",
}
"""Modbus exception code -> text id."""


class Ended(msgspec.Struct, frozen=True):
    """How the order ended; `reason` is a text id or ''."""

    result: Result
    reason: str = ""


class SwitchOrder:
    """From the write to the second equal read-back. `again_ns`: look again then; `ended` is set once."""

    def __init__(self, command: Switch, write: RegisterWrite, read: RegisterRead, active: int, at_ns: int) -> None:
        """`active` is the raw read-back bit that means energised; `read` asks for this one bit's register or coil."""
        self.commands = [command]
        """All that want this state of this output: each has the outcome of the one order."""
        self.ended: Ended | None = None
        self.again_ns: int | None = None
        self.until_ns = at_ns + WITHIN_NS
        self._write = write
        self._read = read
        self._wanted = active if command.on else 1 - active
        self._stage: Literal["writing", "reading"] = "writing"
        self._writes = 0
        self._equal = 0
        self._differing = 0
        self._settled_ns = 0
        self._is_answered = False

    @property
    def is_toward_safety(self) -> bool:
        return any(command.toward_safety for command in self.commands)

    def join(self, command: Switch, at_ns: int) -> None:
        """Another command wants the same. The first one toward the safe side brings its own patience."""
        if command.toward_safety and not self.is_toward_safety:
            self.until_ns = at_ns + WITHIN_NS
        self.commands.append(command)

    def wants(self, request: Request) -> bool:
        """Whether this write is the order's next step; not that of an order that has ended or only looks by now."""
        return self.ended is None and self._stage == "writing" and request == self._write

    def start(self) -> tuple[Request, ...]:
        """The write."""
        self._stage = "writing"
        self._writes += 1
        self.again_ns = None
        return (self._write,)

    def heard(self, reply: Reply, bit: int | None, at_ns: int) -> tuple[Request, ...]:
        """A reply came, perhaps to another's request; `bit` is the raw read-back it shows, if it shows one."""
        if self.ended is not None:
            return ()
        if self._stage == "writing" and reply.request == self._write:
            return self._wrote(reply, at_ns)
        if self._stage == "reading" and reply.request == self._read:
            return self._looked(reply, bit, at_ns)
        return ()

    def due(self, at_ns: int) -> tuple[Request, ...]:
        """The time for another look, or the end of patience."""
        if self.ended is None and at_ns >= self.until_ns:
            self.ended = Ended("timed_out", "read_back_differs" if self._differing else "no_answer")
        if self.ended is not None or self.again_ns is None or at_ns < self.again_ns:
            return ()
        return self.start() if self._stage == "writing" else self._look()

    @property
    def due_ns(self) -> int:
        """When `due` wants to be called."""
        return self.until_ns if self.again_ns is None else min(self.until_ns, self.again_ns)

    def _look(self) -> tuple[Request, ...]:
        self._stage = "reading"
        self.again_ns = None
        return (self._read,)

    def _wrote(self, reply: Reply, at_ns: int) -> tuple[Request, ...]:
        self._settled_ns = at_ns + SETTLE_NS
        self._equal = self._differing = 0
        if isinstance(reply, WriteWithheld):
            self.ended = Ended("refused", reply.reason)
            return ()
        if isinstance(reply, RegisterBlock):
            self._is_answered = True
            return self._look()
        code = exception_code(reply.reason)
        if code == 6 and self.is_toward_safety:
            self.again_ns = at_ns + AGAIN_NS * 2  # busy took nothing: it may be asked again
            return ()
        if code and code not in (10, 11):
            self.ended = Ended("failed", REASONS.get(code, "device_refused"))
            return ()
        return self._look()  # lost on the way there or on the way back: only the output can tell

    def _looked(self, reply: Reply, bit: int | None, at_ns: int) -> tuple[Request, ...]:
        if not isinstance(reply, RegisterBlock) or bit is None:
            self.again_ns = at_ns + AGAIN_NS * 2
            if not self._is_answered and self._may_write_again():
                self._stage = "writing"
            return ()
        if bit == self._wanted:
            self._equal += 1
            if self._equal < EQUAL_READS:
                return self._look()
            self.ended = Ended("done")
            return ()
        self._equal = 0
        self._differing += 1
        if at_ns < self._settled_ns or self._differing < EQUAL_READS:
            self.again_ns = at_ns + AGAIN_NS
            return ()
        if self._may_write_again():
            return self.start()
        reason = "read_back_differs" if self._is_answered else "no_answer"
        self.ended = Ended("failed" if self._is_answered else "timed_out", reason)
        return ()

    def _may_write_again(self) -> bool:
        """Toward the safe side writing again cannot harm; every other order needs a new verdict of the interlock."""
        return self.is_toward_safety and self._writes < MAX_WRITES
