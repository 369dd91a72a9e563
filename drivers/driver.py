"""The session port: a device's protocol without I/O, and the two errors.

A session is told what came in and what time it is, and answers with records, what to send and when it next wants to be
asked. It never logs, sleeps, stamps or touches a socket; whom to poll, when to reconnect and how to back off belong to
edge/field. Wire types: `bytes` where we own the socket (LLRP, serial frames), typed requests and replies where a
library owns it (Modbus: drivers/modbus/registers.py). The conformance kit in tests/conformance holds for all of them.
"""

from typing import Generic, Protocol, TypeVar

import msgspec

from drivers.command import Command, CommandOutcome
from drivers.observation import Observation

Out = TypeVar("Out")
In_contra = TypeVar("In_contra", contravariant=True)


class DeviceError(Exception):
    """Weather: the device is gone, slow or refuses. Close, back off, reconnect; for ever."""


class ProtocolError(DeviceError):
    """The peer's bytes cannot be right. Count them, close, reconnect at once."""


class Turn(msgspec.Struct, Generic[Out], frozen=True):
    """A session's answer. `due_ns`: call `due` no later than this vault time; None when nothing is waited for."""

    records: tuple[Observation | CommandOutcome, ...] = ()
    send: tuple[Out, ...] = ()
    due_ns: int | None = None


class Session(Protocol[In_contra, Out]):
    """One device's protocol. Every method may raise DeviceError or ProtocolError; after either the session is dead
    and edge/field closes the line and makes a new one."""

    def opened(self, at_ns: int) -> Turn[Out]:
        """The line is up: start the conversation."""

    def received(self, data: In_contra, at_ns: int) -> Turn[Out]:
        """Bytes or a reply came in; any cut of a byte stream gives the same records, and the same tag reads in the same
        order between them: reads that come in together may be one batch."""

    def due(self, at_ns: int) -> Turn[Out]:
        """The deadline asked for has come (calling early is harmless)."""

    def request(self, command: Command, at_ns: int) -> Turn[Out]:
        """Carry out a command; its CommandOutcome comes in a later turn or in this one."""

    def closing(self, at_ns: int) -> Turn[Out]:
        """Last words before the line is closed politely."""
