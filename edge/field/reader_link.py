"""The task that owns one reader's TCP socket: connects, carries bytes, keeps deadlines, tries again, for ever."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable

from config.devices import Reader
from drivers.command import Command, CommandOutcome
from drivers.driver import DeviceError, ProtocolError, Turn
from drivers.llrp.device import LlrpSession
from edge.field.backoff import Backoff
from edge.state.events import DeviceBack, DeviceLost, Event

log = logging.getLogger(__name__)

RETRY = Backoff(first_s=0.5, cap_s=30.0)
CONNECT_TIMEOUT_S = 5.0  # wire time: a SYN that nobody answers
GOODBYE_S = 0.8  # a polite close may take so long, then the socket is dropped
RECEIVE_BYTES = 1 << 16
WAITING_COMMANDS = 64  # for a reader that is not there; one more is refused


class ReaderLink:
    """One reader's line. Emits its observations and outcomes, DeviceLost and DeviceBack once per change.

    `now` is vault time in ns, `emit` must not block; both are called in the event loop only.
    """

    def __init__(
        self, reader: Reader, *, now: Callable[[], int], emit: Callable[[Event], None], jitter: random.Random
    ) -> None:
        self._reader = reader
        self._now = now
        self._emit = emit
        self._jitter = jitter
        self._commands: asyncio.Queue[Command] = asyncio.Queue(WAITING_COMMANDS)
        self._open: dict[str, Command] = {}  # handed to the session, without a final outcome
        self._is_lost: bool | None = None  # None: nothing is known yet
        self._failures = 0

    def submit(self, command: Command) -> None:
        """Hand in a command; its outcomes are emitted. A reader that is not there refuses it."""
        if self._is_lost is not False:
            self._outcome(command, "refused", "device_lost")
            return
        try:
            self._commands.put_nowait(command)
        except asyncio.QueueFull:
            self._outcome(command, "refused", "device_busy")

    async def run(self) -> None:
        """Until cancelled; then the reader is left politely within a second."""
        while True:
            self._failures += 1
            try:
                await self._connection()
            except (DeviceError, OSError) as error:
                wait_s = self._failed(error)
            await asyncio.sleep(wait_s)

    async def _connection(self) -> None:
        """From connect to the error that ends it."""
        address = (self._reader.host, self._reader.port)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                incoming, outgoing = await asyncio.open_connection(*address)
        except TimeoutError as error:
            raise DeviceError("llrp_unreachable", f"{address}: no connection in {CONNECT_TIMEOUT_S:g} s") from error
        session = LlrpSession(self._reader)
        try:
            await self._converse(session, incoming, outgoing)
        except asyncio.CancelledError:
            await _goodbye(session.closing(self._now()), incoming, outgoing)
            raise
        finally:
            outgoing.transport.abort()
            with contextlib.suppress(OSError):
                await outgoing.wait_closed()

    async def _converse(
        self, session: LlrpSession, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter
    ) -> None:
        """Carry bytes and commands to the session and its turns to the wire, until one side fails."""
        turn = session.opened(self._now())
        heard: asyncio.Task[bytes] = asyncio.create_task(incoming.read(RECEIVE_BYTES))
        asked: asyncio.Task[Command] = asyncio.create_task(self._commands.get())
        try:
            while True:
                if session.is_searching:
                    self._working()
                self._carry(turn, outgoing)
                await asyncio.wait({heard, asked}, timeout=self._patience_s(turn), return_when="FIRST_COMPLETED")
                if heard.done():
                    data = heard.result()
                    if not data:
                        raise DeviceError("llrp_hung_up", "the reader closed the connection")
                    turn = session.received(data, self._now())
                    heard = asyncio.create_task(incoming.read(RECEIVE_BYTES))
                elif asked.done():
                    command = asked.result()
                    self._open[command.id] = command
                    asked = asyncio.create_task(self._commands.get())
                    turn = session.request(command, self._now())
                else:
                    turn = session.due(self._now())
        finally:
            heard.cancel()
            asked.cancel()
            await asyncio.gather(heard, asked, return_exceptions=True)

    def _patience_s(self, turn: Turn[bytes]) -> float | None:
        return None if turn.due_ns is None else max(0.0, (turn.due_ns - self._now()) / 1e9)

    def _carry(self, turn: Turn[bytes], outgoing: asyncio.StreamWriter) -> None:
        for record in turn.records:
            if isinstance(record, CommandOutcome) and record.result != "sent":
                self._open.pop(record.command, None)
            self._emit(record)
        for data in turn.send:
            outgoing.write(data)

    def _working(self) -> None:
        """The reader searches: that, not a TCP handshake, is being back."""
        self._failures = 0
        if self._is_lost is not False:
            self._is_lost = False
            log.info("reader %s at %s:%d searches", self._reader.id, self._reader.host, self._reader.port)
            self._emit(DeviceBack(self._reader.id, self._now()))

    def _failed(self, error: DeviceError | OSError) -> float:
        """Tell what went wrong, once; the wait before the next try in seconds."""
        code, detail = _reason(error)
        level = logging.DEBUG if self._is_lost else logging.WARNING
        # a line of noise is tried again at once; noise that keeps coming is weather like any other
        is_noise = isinstance(error, ProtocolError) and self._failures <= 1
        wait_s = 0.0 if is_noise else RETRY.wait_s(max(1, self._failures), self._jitter)
        log.log(level, "reader %s: %s (%s); trying again in %.1f s", self._reader.id, code, detail, wait_s)
        if not self._is_lost:
            self._is_lost = True
            self._emit(DeviceLost(self._reader.id, self._now(), code))
        for command in self._open.values():
            self._outcome(command, "unknown", code)
        self._open.clear()
        while not self._commands.empty():
            self._outcome(self._commands.get_nowait(), "refused", "device_lost")
        return wait_s

    def _outcome(self, command: Command, result: str, reason: str) -> None:
        self._emit(CommandOutcome(command.id, self._reader.id, self._now(), result, reason))  # type: ignore[arg-type]


def _reason(error: DeviceError | OSError) -> tuple[str, str]:
    """The text id of a failure, and what was seen."""
    if isinstance(error, DeviceError):
        code, *detail = error.args
        return str(code), " ".join(map(str, detail))
    code = "llrp_reset" if isinstance(error, ConnectionResetError | BrokenPipeError) else "llrp_unreachable"
    return code, str(error)


async def _goodbye(turn: Turn[bytes], incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
    """Say the last words and wait for the reader to hang up."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(GOODBYE_S):
            for data in turn.send:
                outgoing.write(data)
            await outgoing.drain()
            while await incoming.read(RECEIVE_BYTES):
                pass
