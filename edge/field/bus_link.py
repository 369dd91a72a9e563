"""One Modbus bus: one task, one request at a time; commands first, then the poll that waits longest."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from config.devices import Board, Bus, Sensor
from config.profile import Profile
from drivers.command import Command, CommandOutcome, Result, Switch
from drivers.modbus.plan import SERIAL_GAP, TCP_GAP
from drivers.modbus.registers import RegisterWrite, Request, RequestFailed
from edge.field.modbus_line import ModbusLine
from edge.field.modbus_unit import BusUnit
from edge.state.events import Event

logger = logging.getLogger(__name__)

UNANSWERED = ("timeout", "wrong_unit", "broken")
HOLD_NS = 100_000_000
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0  # between two tries to open the line


class BusLink:
    """Polls every unit of `bus` in its period and carries out commands. `run` until cancelled.

    may     the interlock's last word, asked when an order that is not toward the safe side is taken and again right
            before each write of it: '' to go, else the text id of the refusal
    now     vault time in ns: what records are stamped with and deadlines are measured in
    emit    takes every event in order; must not block
    jitter  a number in [0, 1) each call: spreads retries
    """

    def __init__(
        self,
        bus: Bus,
        units: Sequence[Sensor | Board],
        profiles: Mapping[str, Profile],
        *,
        may: Callable[[Command], str],
        now: Callable[[], int],
        emit: Callable[[Event], None],
        jitter: Callable[[], float],
    ) -> None:
        max_gap = TCP_GAP if bus.transport == "tcp" else SERIAL_GAP
        self._bus = bus
        self._may = may
        self._now = now
        self._emit = emit
        self._jitter = jitter
        self._line = ModbusLine(bus)
        self._units = {
            spec.id: BusUnit(spec, profiles[spec.profile], max_gap=max_gap, emit=emit, at_ns=now()) for spec in units
        }
        self._commands: deque[Command] = deque()
        self._urgent: deque[tuple[BusUnit, Request]] = deque()
        self._wake = asyncio.Event()
        self._was_open = False
        self._is_proven = False
        self._failed_opens = 0

    def submit(self, command: Command) -> None:
        """Carry out a command with the next request; its outcome comes as an event."""
        self._commands.append(command)
        self._wake.set()

    async def run(self) -> None:
        """Serve the bus until cancelled. Then orders under way end `unknown` and the line is closed."""
        try:
            while not _is_cancelled():
                if self._line.is_open or await self._opened():
                    await self._step()
                else:
                    self._refuse_commands()
                    self._judge_silence()
                    await self._pause(self._now() + round(self._reopen_wait_s() * 1e9))
            raise asyncio.CancelledError
        finally:
            self._end_sessions()
            self._refuse_commands()
            await self._line.close()

    async def _step(self) -> None:
        """Ask one request, or wait until there is one. Chosen when the line is free, so that nothing that came in
        during a silence finds an older choice made."""
        await self._line.until_free()
        at_ns = self._now()
        self._take_commands(at_ns)
        for unit in self._units.values():
            if unit.release_ns <= at_ns and (unit.has_orders or not unit.polls):
                self._put_first(unit, unit.release(at_ns))
        self._judge_silence()
        job = self._next(at_ns)
        if job is None:
            await self._pause(self._earliest_ns())
            return
        unit, request = job
        if isinstance(request, RegisterWrite) and self._is_withheld(unit, request):
            return
        reply = await self._line.ask(request)
        if not self._line.is_open:
            return  # the unit is not to blame; `_opened` ends the sessions
        if isinstance(reply, RequestFailed) and reply.reason in UNANSWERED:
            if self._line.keeps_no_count:
                self._line.rest(unit.profile.longest_reply_s)
        else:
            self._prove_line()
        self._put_first(unit, unit.hear(reply, self._now(), self._jitter()))
        if unit.is_given_up:
            await self._doubt_line()

    def _is_withheld(self, unit: BusUnit, write: RegisterWrite) -> bool:
        """The last word: an order may have waited for its turn since it was taken."""
        command = unit.behind(write)
        if command is None:
            return True  # it ended, or was overtaken, while this waited
        refusal = self._refusal(command)
        if refusal:
            self._put_first(unit, unit.withhold(write, refusal, self._now()))
        return bool(refusal)

    def _refusal(self, command: Command) -> str:
        """'' for one that may go now; toward the safe side every one may."""
        if isinstance(command, Switch) and command.toward_safety:
            return ""
        refusal = self._may(command)
        if refusal:
            logger.warning("%s: command %s not sent: %s", command.device, command.id, refusal)
        return refusal

    async def _opened(self) -> bool:
        """Open the line; sessions of the line before it end first."""
        if self._was_open:
            self._end_sessions()
            if not self._is_proven:  # it lets us in and throws us out: as good as closed
                return self._missing("closes every connection")
            logger.warning("bus %s: connection lost; connecting again", self._bus.id)
        if not await self._line.open():
            return self._missing("cannot be opened")
        for unit in self._units.values() if self._failed_opens else ():
            unit.line_back(self._now())
        self._was_open = True
        self._is_proven = False
        return True

    def _missing(self, what: str) -> Literal[False]:
        self._failed_opens += 1
        level = logging.WARNING if self._failed_opens == 1 else logging.DEBUG
        logger.log(level, "bus %s: %s %s; it is tried again", self._bus.id, self._where(), what)
        for unit in self._units.values():
            unit.line_missing()
        return False

    def _prove_line(self) -> None:
        self._is_proven = True
        if self._failed_opens:
            logger.info("bus %s: back after %d failed tries", self._bus.id, self._failed_opens)
            self._failed_opens = 0

    async def _doubt_line(self) -> None:
        """Nobody behind a TCP connection answers: it may be half open and nobody would tell. Open it anew; as units
        that were given up are probed rarely, so is this."""
        units = self._units.values()
        if self._bus.transport != "rtu" and all(unit.is_given_up and not unit.has_orders for unit in units):
            self._end_sessions()
            await self._line.close()

    def _end_sessions(self) -> None:
        self._was_open = False
        self._urgent.clear()
        for unit in self._units.values():
            unit.line_closed(self._now())

    def _take_commands(self, at_ns: int) -> None:
        while self._commands:
            command = self._commands.popleft()
            unit = self._units.get(command.device)
            if unit is None:
                self._end(command, "refused", "no_such_device")
            elif refusal := self._refusal(command):  # before it could take the place of an order under way
                self._end(command, "refused", refusal)
            else:
                self._put_first(unit, unit.command(command, at_ns))

    def _refuse_commands(self) -> None:
        """No line: nothing was sent, and the caller must know at once."""
        while self._commands:
            self._end(self._commands.popleft(), "failed", "line_down")

    def _end(self, command: Command, result: Result, reason: str) -> None:
        self._emit(CommandOutcome(command.id, command.device, self._now(), result, reason))

    def _put_first(self, unit: BusUnit, requests: Sequence[Request]) -> None:
        self._urgent.extend((unit, request) for request in requests)

    def _next(self, at_ns: int) -> tuple[BusUnit, Request] | None:
        """What orders and second reads want, in turn; then the poll that has waited longest."""
        for place, (unit, request) in enumerate(self._urgent):
            if unit.ready_ns <= at_ns:
                del self._urgent[place]
                return unit, request
        if any(unit.ready_ns - at_ns <= HOLD_NS for unit, _ in self._urgent):
            return None  # a poll begun in its short pause could keep an order waiting for a whole timeout
        ready = [unit for unit in self._units.values() if unit.polls and unit.ready_ns <= at_ns]
        if not ready:
            return None
        unit = min(ready, key=lambda each: each.since_ns)
        return unit, unit.polls.popleft()

    def _earliest_ns(self) -> int:
        """When the next thing can happen by itself."""
        moments = [unit.ready_ns for unit, _ in self._urgent]
        for unit in self._units.values():
            moments.append(unit.ready_ns if unit.polls else unit.release_ns)
            if unit.lost_ns is not None:
                moments.append(unit.lost_ns)
        return min(moments, default=self._now() + 1_000_000_000)

    def _judge_silence(self) -> None:
        at_ns = self._now()
        for unit in self._units.values():
            unit.judge_silence(at_ns)

    async def _pause(self, until_ns: int) -> None:
        """Sleep until a vault time or a command."""
        try:
            async with asyncio.timeout(max(0.0, (until_ns - self._now()) / 1e9)):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def _reopen_wait_s(self) -> float:
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self._failed_opens - 1, 16))
        return wait_s * (0.5 + 0.5 * self._jitter())

    def _where(self) -> str:
        return self._bus.serial if self._bus.transport == "rtu" else f"{self._bus.host}:{self._bus.port}"


def _is_cancelled() -> bool:
    """Whether this task was told to end: wait_for of Python 3.11, inside pymodbus, forgets that when the answer comes
    at the same moment."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
