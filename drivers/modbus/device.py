"""The session of one Modbus unit: typed requests out, register blocks in, Measurement and Contact records up."""

from config.profile import Point, Profile, Table
from drivers.command import Command, CommandOutcome, Result, Switch
from drivers.driver import DeviceError, ProtocolError, Turn
from drivers.modbus.decode import contact, number, raw_bit
from drivers.modbus.order import SwitchOrder
from drivers.modbus.plan import Cut, covered, plan, weakest_cut
from drivers.modbus.registers import (
    RegisterBlock,
    RegisterRead,
    RegisterWrite,
    Reply,
    Request,
    exception_code,
)
from drivers.observation import Contact, DeviceNote, Measurement, Observation

MAX_CONFIRMATIONS = 3  # immediate second reads a poll may cause; a chattering contact waits for the next one
ILLEGAL = (2, 3)  # address, value: what a unit answers to a block that crosses a hole or is too long
NOT_FROM_THE_UNIT = (10, 11)  # the gateway's own words: the unit said nothing

Out = Turn[Request]
Records = list[Observation | CommandOutcome]


class UnitSession:
    """drivers.driver.Session for one unit of a bus. Wire types: Request out, Reply in.

    Every request handed out is answered by exactly one Reply, in any order, but for a write that `behind` knows no
    command of any more: that one is not sent. A bit is reported after two equal reads in
    a row. Numbers are reported as they come; a point whose block was not answered is not reported at all.
    """

    def __init__(self, device: str, unit: int, profile: Profile, *, period_s: float, max_gap: int) -> None:
        self._device = device
        self._unit = unit
        self._profile = profile
        self._points = {point.id: point for point in profile.points}
        self._outputs = {output.id: output for output in profile.outputs}
        self._period_ns = round(period_s * 1e9)
        self._max_gap = max_gap
        self._cuts: frozenset[Cut] = frozenset()
        self._blocks = self._plan()
        self._image: dict[tuple[Table, int], int] = {}
        self._reported: dict[str, bool | None] = {}
        self._candidate: dict[str, bool | None] = {}
        self._confirmations = 0
        self._orders: dict[str, SwitchOrder] = {}
        self._noted: set[tuple[str, int, str]] = set()
        self._poll_ns = 0
        self._is_dead = False

    def opened(self, at_ns: int) -> Out:
        """Poll at once."""
        self._alive()
        self._poll_ns = at_ns
        return self.due(at_ns)

    def due(self, at_ns: int) -> Out:
        """The poll's block reads when the period has passed, and what pending orders want."""
        self._alive()
        records: Records = []
        send: list[Request] = []
        for order in list(self._orders.values()):
            send += order.due(at_ns)
            records += self._ended(order, at_ns)
        if at_ns >= self._poll_ns:
            self._poll_ns += self._period_ns
            if self._poll_ns <= at_ns:  # fell behind: no burst to catch up
                self._poll_ns = at_ns + self._period_ns
            self._confirmations = 0
            send += self._blocks
        return self._turn(records, send)

    def received(self, data: Reply, at_ns: int) -> Out:
        """An answer or its absence. Raises ProtocolError for one that does not fit its request."""
        self._alive()
        self._check(data)
        records: Records = []
        send: list[Request] = []
        if isinstance(data.request, RegisterRead):
            if isinstance(data, RegisterBlock):
                self._remember(data.request, data.values)
                send += self._observe(data.request, records, at_ns)
            else:
                self._forget(data.request)
                send += self._refused(data.request, data.reason, records, at_ns)
        for output, order in list(self._orders.items()):
            seen = raw_bit(self._points[self._outputs[output].readback], self._image)
            send += order.heard(data, seen, at_ns)
            records += self._ended(order, at_ns)
        return self._turn(records, send)

    def request(self, command: Command, at_ns: int) -> Out:
        """Write the output, then read it back. A command that wants what the order under way wants joins it; one that
        wants the other state takes its place."""
        self._alive()
        if command.device != self._device:
            return self._turn([self._outcome(command.id, "refused", "wrong_device", at_ns)], [])
        if not isinstance(command, Switch):
            return self._turn([self._outcome(command.id, "refused", "command_not_supported", at_ns)], [])
        output = self._outputs.get(command.point)
        if output is None:
            return self._turn([self._outcome(command.id, "refused", "no_such_output", at_ns)], [])
        records: Records = []
        if older := self._orders.get(output.id):
            if older.commands[0].on == command.on:
                older.join(command, at_ns)
                return self._turn([self._outcome(command.id, "sent", "", at_ns)], [])
            records += self._outcomes(older, "failed", "superseded", at_ns)
        seen = self._points[output.readback]
        order = SwitchOrder(
            command,
            RegisterWrite(self._unit, output.table, output.address, (int(command.on),)),
            RegisterRead(self._unit, seen.table, seen.address, 1),
            seen.active,
            at_ns,
        )
        self._orders[output.id] = order
        records.append(self._outcome(command.id, "sent", "", at_ns))
        return self._turn(records, list(order.start()))

    def behind(self, write: RegisterWrite) -> Switch | None:
        """The command whose next step is this write, one toward the safe side before any other; None when nobody wants
        it any more."""
        commands = [command for order in self._orders.values() if order.wants(write) for command in order.commands]
        return max(commands, key=lambda command: command.toward_safety, default=None)

    def closing(self, at_ns: int) -> Out:
        """Orders under way end unknown: only a later read can tell."""
        records: Records = []
        for order in self._orders.values():
            records += self._outcomes(order, "unknown", "line_closed", at_ns)
        self._orders.clear()
        self._is_dead = True
        return Turn(tuple(records))

    def _alive(self) -> None:
        if self._is_dead:
            raise DeviceError(f"{self._device}: this session has ended; open a new one")

    def _check(self, reply: Reply) -> None:
        request = reply.request
        if request.unit != self._unit:
            self._is_dead = True
            raise ProtocolError(f"{self._device}: answer of unit {request.unit}, expected unit {self._unit}")
        if not isinstance(reply, RegisterBlock):
            return
        count = request.count if isinstance(request, RegisterRead) else len(request.values)
        highest = 1 if request.table in ("co", "di") else 0xFFFF
        if len(reply.values) != count or not all(0 <= value <= highest for value in reply.values):
            self._is_dead = True
            raise ProtocolError(
                f"{self._device}: {len(reply.values)} values for {request.table} {request.address}, "
                f"expected {count} of 0..{highest}"
            )

    def _plan(self) -> tuple[RegisterRead, ...]:
        return plan(
            self._profile.points,
            self._unit,
            max_block=self._profile.max_block,
            max_gap=self._max_gap,
            cuts=self._cuts,
        )

    def _remember(self, read: RegisterRead, values: tuple[int, ...]) -> None:
        self._image.update({(read.table, read.address + i): value for i, value in enumerate(values)})

    def _forget(self, read: RegisterRead) -> None:
        for address in range(read.address, read.address + read.count):
            self._image.pop((read.table, address), None)

    def _observe(self, read: RegisterRead, records: Records, at_ns: int) -> tuple[Request, ...]:
        """Report what the block holds; returns the same read when a bit changed and must be confirmed."""
        numbers: list[Point] = []
        is_sure = True
        for point in covered(self._profile.points, read):
            if point.kind != "bit":
                numbers.append(point)
                continue
            active = contact(point, self._image, self._points)
            if self._is_confirmed(point.id, active):
                records.append(Contact(self._device, at_ns, point.id, active))
            else:
                is_sure = False
        if numbers:
            names = tuple(point.id for point in numbers)
            values = tuple(number(point, self._image, self._points) for point in numbers)
            records.append(Measurement(self._device, at_ns, names, values))
        if is_sure or self._confirmations >= MAX_CONFIRMATIONS:
            return ()
        self._confirmations += 1
        return (read,)

    def _is_confirmed(self, point: str, active: bool | None) -> bool:
        is_new = point not in self._reported or self._reported[point] != active
        if is_new and not (point in self._candidate and self._candidate[point] == active):
            self._candidate[point] = active
            return False
        self._candidate.pop(point, None)
        self._reported[point] = active
        return True

    def _refused(self, read: RegisterRead, reason: str, records: Records, at_ns: int) -> tuple[Request, ...]:
        """Silence and busy say nothing. A refused block is divided; what cannot be divided has no valid value."""
        code = exception_code(reason)
        if not code or code == 6 or code in NOT_FROM_THE_UNIT:
            return ()
        cut = weakest_cut(self._profile.points, read) if code in ILLEGAL else None
        if cut is not None and cut not in self._cuts:
            before = self._blocks
            self._cuts |= {cut}
            self._blocks = self._plan()
            return tuple(block for block in self._blocks if block not in before)
        if (read.table, read.address, reason) not in self._noted:
            self._noted.add((read.table, read.address, reason))
            args: dict[str, str | int | float] = {
                "table": read.table,
                "address": read.address,
                "exception": code,
            }
            records.append(DeviceNote(self._device, at_ns, "register_refused", args))
        return self._observe(read, records, at_ns)

    def _ended(self, order: SwitchOrder, at_ns: int) -> Records:
        if order.ended is None:
            return []
        del self._orders[order.commands[0].point]
        return self._outcomes(order, order.ended.result, order.ended.reason, at_ns)

    def _outcomes(self, order: SwitchOrder, result: Result, reason: str, at_ns: int) -> Records:
        return [self._outcome(command.id, result, reason, at_ns) for command in order.commands]

    def _outcome(self, command: str, result: Result, reason: str, at_ns: int) -> CommandOutcome:
        return CommandOutcome(command, self._device, at_ns, result, reason)

    def _turn(self, records: Records, send: list[Request]) -> Out:
        due_ns = min([self._poll_ns, *(order.due_ns for order in self._orders.values())])
        return Turn(tuple(records), tuple(dict.fromkeys(send)), due_ns)
