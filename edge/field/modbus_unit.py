"""What a bus knows of one of its units: its session, its breaker, what it still has to be asked, whether it is lost."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Literal

from config.devices import Board, Sensor
from config.profile import Profile
from drivers.command import Command, CommandOutcome
from drivers.driver import DeviceError, Turn
from drivers.modbus.device import UnitSession
from drivers.modbus.registers import (
    RegisterBlock,
    RegisterWrite,
    Reply,
    Request,
    RequestFailed,
    WriteWithheld,
    exception_code,
)
from edge.field import breaker as breakers
from edge.field.breaker import CLOSED, Breaker
from edge.state.events import DeviceBack, DeviceLost, Event

logger = logging.getLogger(__name__)

GATEWAY_CODES = (10, 11)  # the gateway answers that the unit does not
BUSY = 6
LOSS_REASONS = {"timeout": "silent", "wrong_unit": "answers_of_another_unit", "broken": "corrupt_answers"}
"""Failure -> text id of the loss."""


class BusUnit:
    """One sensor or board on a bus. Emits its records, DeviceLost and DeviceBack, each change once."""

    def __init__(
        self, spec: Sensor | Board, profile: Profile, *, max_gap: int, emit: Callable[[Event], None], at_ns: int
    ) -> None:
        self.id = spec.id
        self.profile = profile
        self.polls: deque[Request] = deque()
        self.ready_ns = at_ns
        """Not to be asked before: the profile's shortest pause."""
        self.since_ns = at_ns
        """When the poll under way was due: the bus asks the one that waits longest."""
        self._spec = spec
        self._max_gap = max_gap
        self._emit = emit
        self._session: UnitSession | None = None
        self._breaker: Breaker = CLOSED
        self._due_ns = at_ns
        self._orders: set[str] = set()
        self._fresh_ns = at_ns
        self._standing: Literal["new", "ok", "lost"] = "new"
        self._trouble = "silent"
        self._is_warned = False

    @property
    def is_given_up(self) -> bool:
        return self._breaker.is_open

    @property
    def has_orders(self) -> bool:
        return bool(self._orders)

    @property
    def release_ns(self) -> int:
        """When the session wants to be asked, and may be: a unit with an open breaker waits for its probe, unless a
        command hangs on it."""
        if self._breaker.is_open and not self._orders:
            return max(self._due_ns, self._breaker.probe_ns)
        return self._due_ns

    @property
    def lost_ns(self) -> int | None:
        """When silence becomes a loss; None when it is lost already."""
        return None if self._standing == "lost" else self._fresh_ns + round(self._spec.freshness_s * 1e9)

    def release(self, at_ns: int) -> tuple[Request, ...]:
        """What is to be asked now: polls are queued here, what orders want is returned to go first."""
        self.since_ns = self._due_ns
        is_new = self._session is None
        turn = self._ask_session(lambda session: session.opened(at_ns) if is_new else session.due(at_ns), at_ns)
        if self._orders:
            return turn.send
        self.polls.extend(turn.send)
        return ()

    def command(self, command: Command, at_ns: int) -> tuple[Request, ...]:
        """Hand a command in; returns what must go out before any poll."""
        self._orders.add(command.id)
        send: tuple[Request, ...] = ()
        if self._session is None:
            send = self._ask_session(lambda session: session.opened(at_ns), at_ns).send
        turn = self._ask_session(lambda session: session.request(command, at_ns), at_ns)
        self.polls.extend(send)
        return turn.send

    def hear(self, reply: Reply, at_ns: int, jitter: float) -> tuple[Request, ...]:
        """A request ended; returns what must follow at once. Frees the queue when the breaker opens."""
        self.ready_ns = at_ns + round(self.profile.min_gap_s * 1e9)
        self._judge(reply, at_ns, jitter)
        send = self._pass_on(reply, at_ns)
        if self._breaker.is_open:
            for request in self._drained():
                send += self._pass_on(RequestFailed(request, "timeout"), at_ns)
        return send

    def behind(self, write: RegisterWrite) -> Command | None:
        """The command whose next step is this write; None when nobody wants it any more."""
        return None if self._session is None else self._session.behind(write)

    def withhold(self, write: RegisterWrite, reason: str, at_ns: int) -> tuple[Request, ...]:
        """A write that must not be sent: ends its order `refused`; returns what must follow at once."""
        return self._pass_on(WriteWithheld(write, reason), at_ns)

    def line_closed(self, at_ns: int) -> None:
        """The line was closed: the session ends."""
        self.polls.clear()
        if self._session is not None:
            self._tell(self._session.closing(at_ns))
            self._session = None
        self._due_ns = at_ns

    def line_missing(self) -> None:
        """The line cannot be opened: silence from now on is not the unit's."""
        self._trouble = "line_down"

    def line_back(self, at_ns: int) -> None:
        """The line came back after it could not be opened: a unit that was given up may have come back with it."""
        self._breaker = breakers.probe_now(self._breaker, at_ns)

    def judge_silence(self, at_ns: int) -> None:
        """Emit DeviceLost when nothing valid came for longer than the freshness limit."""
        if self.lost_ns is not None and at_ns >= self.lost_ns:
            self._standing = "lost"
            self._is_warned = True  # so that its return is said as well
            logger.warning("%s: nothing valid for %.0f s (%s)", self.id, self._spec.freshness_s, self._trouble)
            self._emit(DeviceLost(self.id, at_ns, self._trouble))

    def _judge(self, reply: Reply, at_ns: int, jitter: float) -> None:
        """Breaker, freshness and log after one reply. Busy is alive but tells nothing: neither a failure nor fresh."""
        code = 0 if isinstance(reply, RegisterBlock) else exception_code(reply.reason)
        if isinstance(reply, RequestFailed) and (not code or code in GATEWAY_CODES):
            self._breaker = breakers.failed(self._breaker, at_ns, jitter)
            self._trouble = LOSS_REASONS.get(reply.reason, "silent")
            self._grumble(reply)
            return
        self._breaker = breakers.succeeded(self._breaker)
        if code == BUSY:
            self._trouble = "device_busy"
            return
        self._fresh_ns = at_ns
        if self._is_warned:
            self._is_warned = False
            logger.info("%s: answers again", self.id)
        if self._standing != "ok":
            self._standing = "ok"
            self._emit(DeviceBack(self.id, at_ns))

    def _grumble(self, reply: RequestFailed) -> None:
        level = logging.DEBUG if self._is_warned else logging.WARNING
        self._is_warned = True
        where = f"{reply.request.table} {reply.request.address}"
        logger.log(level, "%s (unit %d): %s at %s; it is asked again", self.id, self._spec.unit, reply.reason, where)

    def _pass_on(self, reply: Reply, at_ns: int) -> tuple[Request, ...]:
        return self._ask_session(lambda session: session.received(_as_seen_here(reply), at_ns), at_ns).send

    def _ask_session(self, ask: Callable[[UnitSession], Turn[Request]], at_ns: int) -> Turn[Request]:
        """One turn of the session; one that dies is replaced and starts anew at its next poll."""
        session = self._session or self._new_session()
        self._session = session
        try:
            turn = ask(session)
        except DeviceError as error:
            logger.warning("%s: %s; starting anew", self.id, error)
            turn = session.closing(at_ns)
            self._session = None
            self.polls.clear()
            self._due_ns = at_ns + round(self._spec.period_s * 1e9)
        self._tell(turn)
        if turn.due_ns is not None:
            self._due_ns = turn.due_ns
        return turn

    def _tell(self, turn: Turn[Request]) -> None:
        for record in turn.records:
            if isinstance(record, CommandOutcome) and record.result != "sent":
                self._orders.discard(record.command)
            self._emit(record)

    def _drained(self) -> tuple[Request, ...]:
        drained = tuple(self.polls)
        self.polls.clear()
        return drained

    def _new_session(self) -> UnitSession:
        return UnitSession(self.id, self._spec.unit, self.profile, period_s=self._spec.period_s, max_gap=self._max_gap)


def _as_seen_here(reply: Reply) -> Reply:
    """A gateway that says its unit is silent says what our own timeout would."""
    if isinstance(reply, RequestFailed) and exception_code(reply.reason) in GATEWAY_CODES:
        return RequestFailed(reply.request, "timeout")
    return reply
