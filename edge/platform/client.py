"""The link to the central platform: broker connection, uplink and commands joined on the asyncio loop."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from config.vault import Vault
from edge.platform.commands import verifiers, verify
from edge.platform.connection import Connection, Lost, Message, Protocol, Target
from edge.platform.contract import LANES, CommandResult, Outcome, RewindArgs, root
from edge.platform.outbox import Outbox
from edge.platform.uplink import LinkTurn, Publish, Uplink, snapshot_pages, state_message
from edge.state.events import LinkState, PlatformCommand
from edge.state.facts import Lane

LINK = "platform"
OPEN_S = 15.0
OPEN_UNPROVEN_S = 3.0  # while it is not known that the broker takes this MQTT version: silence is one way to refuse
FIRST_BACK_OFF_S = 0.2
LAST_BACK_OFF_S = 30.0
DRAIN_S = 5.0
LONGEST_WAIT_S = 1.0
NS = 1_000_000_000
REFUSALS_OF_PROVEN = 3
REMEMBERED = 256  # commands: what they are to be answered with, and that they were carried out

_log = logging.getLogger(__name__)
_state_offline = state_message("offline")


class Taken(NamedTuple):
    """A snapshot that is ready to go."""

    name: str
    marks: dict[Lane, int]
    pages: list[bytes]


class PlatformLink:
    """One task (`run`) and one network thread per connection. All methods are called on the loop and never wait.

    `emit` receives LinkState and PlatformCommand; the step judges a command, and when its fact is committed the daemon
    calls `answer`. `snapshot` returns the marks of now and what makes the mirrored fields that hold at them
    (contract.SnapshotBody, JSON), in a thread of its own.
    """

    def __init__(
        self,
        vault: Vault,
        outbox: Outbox,
        *,
        now: Callable[[], int],
        emit: Callable[[LinkState | PlatformCommand], None],
        snapshot: Callable[[], tuple[dict[Lane, int], Callable[[], bytes]]],
        software: str,
        layout: str,
        devices: tuple[str, ...],
        password: str = "",
    ) -> None:
        """`password` is what the configuration's `secret:NAME` stands for. Raises ValueError where an issuer's key is
        none, or no platform is configured."""
        if vault.platform is None:
            raise ValueError("no `platform:` in the configuration; without it there is no platform link to make")
        broker = vault.brokers[vault.platform.broker]
        self._root = root(vault.centre, vault.vault, vault.node)
        self._issuers = verifiers(vault.platform.issuers)
        self._outbox = outbox
        self._uplink = Uplink(outbox, node=vault.node, software=software, layout=layout, devices=devices)
        self._now, self._emit, self._snapshot = now, emit, snapshot
        self._lanes: dict[str, Lane] = {f"{self._root}/down/ack/{lane}": lane for lane in LANES}
        self._target = Target(
            host=broker.host,
            port=broker.port,
            client_id=f"lantai-{vault.centre}-{vault.vault}-{vault.node}",
            keepalive_s=broker.keepalive_s,
            username=broker.username,
            password=password,
            ca_file=broker.ca_file,
            will_topic=f"{self._root}/{_state_offline.topic}",
            will=_state_offline.payload,
            subscribe=tuple(f"{self._root}/down/{topic}" for topic in ("ack/+", "cmd", "rewind")),
        )
        self._fixed_protocol: Protocol | None = None if broker.protocol == "auto" else broker.protocol
        self._protocol: Protocol = self._fixed_protocol or "5"
        self._connection: Connection | None = None
        self._is_up: bool | None = None  # None: nothing was said of it yet
        self._due_ns: int | None = None
        self._is_stopping = False
        self._wake = asyncio.Event()
        self._inbox: deque[Message] = deque()
        self._answers: deque[tuple[PlatformCommand, str]] = deque()
        self._unconfirmed: dict[str, list[tuple[Connection, int]]] = {}
        self._correlations: dict[str, bytes] = {}
        self._carried_out: dict[str, None] = {}
        self._snapshot_id = ""
        self._taking: asyncio.Task[Taken] | None = None
        self._failures = 0
        self._protocol_refusals = 0
        self._refusals_to_switch = 1

    async def run(self) -> None:
        """Keep the link up until `stop`; then drain for a few seconds, say offline and return."""
        try:
            await self._keep_up()
        finally:
            if self._taking is not None:
                self._taking.cancel()
                self._taking = None

    async def _keep_up(self) -> None:
        back_off_s = FIRST_BACK_OFF_S
        while not self._is_stopping:
            lost = await self._one_connection()
            if lost is None:
                return
            if self._failures == 0:
                back_off_s = FIRST_BACK_OFF_S
            self._log_loss(lost)
            if self._is_up is None and (self._failures > 1 or not lost.is_protocol_refused):
                self._say_down()  # it was up when the daemon was last stopped: silence would say it still is
            self._choose_protocol(lost)
            # jitter for reconnection storms, not for secrets
            await self._pause(back_off_s * random.uniform(0.5, 1.0))  # noqa: S311
            back_off_s = min(2 * back_off_s, LAST_BACK_OFF_S)

    def stop(self) -> None:
        """End `run` politely."""
        self._is_stopping = True
        self._wake.set()

    def committed(self) -> None:
        """New rows lie in the outbox."""
        self._wake.set()

    def answer(self, command: PlatformCommand, result: str) -> None:
        """The step's answer is committed: tell it, carry out what was accepted, send the PUBACK.

        result: `accepted`, `duplicate` (accepted before: carried out unless this process did so, for the one before it
        may have been killed in between) or the text id of the refusal.
        """
        self._answers.append((command, result))
        self._wake.set()

    def is_drained(self) -> bool:
        """The platform has committed everything we have."""
        return self._taking is None and self._uplink.is_drained()

    def publish_result(self, command_id: str, outcome: Outcome, reason: str = "") -> None:
        """Tell the platform what became of a command; lost with the link, as the command's id is idempotent."""
        if self._connection is None or not self._is_up:
            return
        at = datetime.fromtimestamp(self._now() / NS, UTC).isoformat(timespec="milliseconds")
        result = CommandResult(command=command_id, outcome=outcome, at=at, reason=reason)
        correlation = self._correlations.get(command_id, b"")
        self._publish(Publish("up/res", msgspec.json.encode(result)), correlation)

    def confirm(self, command_id: str) -> None:
        """PUBACK of a command: call when its fact is committed. One that came over a lost connection comes again."""
        for connection, mid in self._unconfirmed.pop(command_id, []):
            if connection is self._connection:
                connection.confirm(mid)

    def send_snapshot(self, command_id: str) -> None:
        """Take a snapshot now and send it in pages as soon as they are made; `done` follows the last page."""
        self._snapshot_id = command_id
        self._take_snapshot(command_id)

    def _take_snapshot(self, name: str) -> None:
        marks, body = self._snapshot()
        self._uplink.snapshot_taken()

        async def made() -> Taken:
            pages = await asyncio.to_thread(lambda: snapshot_pages(name, self._outbox.epoch, marks, body()))
            return Taken(name, marks, pages)

        if self._taking is not None:
            self._taking.cancel()
        self._taking = asyncio.create_task(made(), name="platform snapshot")
        self._taking.add_done_callback(lambda _taking: self._wake.set())

    def rewind(self, command_id: str, rewind: RewindArgs) -> None:
        """Send what was acknowledged again."""
        refusal = self._uplink.rewind_refusal(rewind.lane, rewind.epoch, rewind.first)
        if refusal:
            self.publish_result(command_id, "failed", refusal)
            return
        self._carry(self._uplink.rewind(rewind.lane, rewind.first, self._now()))
        self.publish_result(command_id, "done")

    # --- the connection ---------------------------------------------------------------------------------------------

    async def _one_connection(self) -> Lost | None:
        """Open, serve until it is lost (returned) or until `stop` (None)."""
        try:
            connection = Connection(self._target, self._protocol, self._received)
        except OSError as error:  # an authority file that cannot be read
            return Lost(f"{self._target.ca_file}: {error}", is_protocol_refused=False)
        self._connection = connection
        try:
            is_proven = self._fixed_protocol is not None or self._refusals_to_switch > 1
            if await connection.opened(OPEN_S if is_proven else OPEN_UNPROVEN_S):
                connection.lost.add_done_callback(lambda _lost: self._wake.set())
                self._up()
                await self._serve(connection, lambda: self._is_stopping)
                if not connection.lost.done():
                    self._publish(state_message("draining"))
                    limit_s = asyncio.get_running_loop().time() + DRAIN_S
                    await self._serve(
                        connection,
                        lambda: self._has_said_all() or asyncio.get_running_loop().time() >= limit_s,
                    )
                    return None
            return connection.lost.result()
        finally:
            self._down()
            if connection.lost.done():
                await connection.abort()
            else:
                await connection.close(f"{self._root}/{_state_offline.topic}", _state_offline.payload)

    async def _serve(self, connection: Connection, is_over: Callable[[], bool]) -> None:
        """Do what comes in and what is due, until it is over or the connection is lost. Everything happens here, in
        the task that is supervised; callbacks only wake it."""
        loop = asyncio.get_running_loop()
        while not connection.lost.done() and not is_over():
            while self._inbox:
                self._take(connection, self._inbox.popleft())
            while self._answers:
                self._carry_out(*self._answers.popleft())
            if self._taking is not None and self._taking.done():
                taken, self._taking = self._taking.result(), None
                self._carry(self._uplink.snapshot(*taken, self._now()))
            self._carry(self._uplink.due(self._now()))
            wait_s = LONGEST_WAIT_S
            if self._due_ns is not None:
                wait_s = min(wait_s, max(0.0, (self._due_ns - self._now()) / NS))
            timer = loop.call_later(wait_s, self._wake.set)
            await self._wake.wait()
            self._wake.clear()
            timer.cancel()

    def _has_said_all(self) -> bool:
        """Nothing waits: no fact, no ack to be heard, no answer to a command, whose PUBACK goes with it."""
        return self.is_drained() and not self._inbox and not self._answers

    def _up(self) -> None:
        _log.info("platform link is %s", "back" if self._failures else "up")
        self._failures = 0
        self._protocol_refusals = 0
        self._refusals_to_switch = REFUSALS_OF_PROVEN
        self._is_up = True
        self._emit(LinkState(link=LINK, at_ns=self._now(), is_up=True))
        self._carry(self._uplink.connected(self._now()))

    def _down(self) -> None:
        self._inbox.clear()
        self._uplink.disconnected()
        self._unconfirmed.clear()
        if self._is_up:
            self._say_down()

    def _say_down(self) -> None:
        self._is_up = False
        if not self._is_stopping:  # leaving politely is no loss
            self._emit(LinkState(link=LINK, at_ns=self._now(), is_up=False))

    def _log_loss(self, lost: Lost) -> None:
        self._failures += 1
        level = logging.WARNING if self._failures == 1 else logging.DEBUG
        where = f"{self._target.host}:{self._target.port}"
        _log.log(level, "platform broker %s: %s; facts wait in the outbox, trying again", where, lost.reason)

    def _choose_protocol(self, lost: Lost) -> None:
        """MQTT 5 first; 3.1.1 where the broker does not take it; and back again should it take neither. One that was
        taken before gets more tries: a broker that dies while we connect looks the same."""
        if self._fixed_protocol is not None or not lost.is_protocol_refused:
            return
        self._protocol_refusals += 1
        if self._protocol_refusals >= self._refusals_to_switch:
            self._protocol = "3.1.1" if self._protocol == "5" else "5"
            self._protocol_refusals = 0

    async def _pause(self, pause_s: float) -> None:
        until_s = asyncio.get_running_loop().time() + pause_s
        timer = asyncio.get_running_loop().call_at(until_s, self._wake.set)
        while not self._is_stopping and asyncio.get_running_loop().time() < until_s:
            self._wake.clear()
            await self._wake.wait()
        timer.cancel()

    # --- in and out -------------------------------------------------------------------------------------------------

    def _received(self, message: Message) -> None:
        self._inbox.append(message)
        self._wake.set()

    def _take(self, connection: Connection, message: Message) -> None:
        lane = self._lanes.get(message.topic)
        if lane is not None:
            connection.confirm(message.mid)  # an ack that is lost with us is said again after the next birth
            self._carry(self._uplink.ack_received(lane, message.payload, self._now()))
            return
        command = verify(message.payload, self._issuers, self._now())
        self._unconfirmed.setdefault(command.id, []).append((connection, message.mid))
        if message.correlation:
            self._correlations[command.id] = message.correlation
            if len(self._correlations) > REMEMBERED:
                del self._correlations[next(iter(self._correlations))]
        self._emit(command)

    def _carry_out(self, command: PlatformCommand, result: str) -> None:
        if result in ("accepted", "duplicate"):
            self.publish_result(command.id, "accepted", "" if result == "accepted" else result)
            if not self._is_over(command, result):
                self._act(command)
        else:
            self.publish_result(command.id, "refused", result)
        self.confirm(command.id)

    def _is_over(self, command: PlatformCommand, result: str) -> bool:
        """Carried out by this process, or one of old that came again: nobody wants it any more, or it is a replay."""
        return command.id in self._carried_out or (result == "duplicate" and self._now() >= command.expires_ns)

    def _act(self, command: PlatformCommand) -> None:
        """Every action may be done twice without harm."""
        self._carried_out[command.id] = None
        if len(self._carried_out) > REMEMBERED:
            del self._carried_out[next(iter(self._carried_out))]
        if command.action == "snapshot.request":
            self.send_snapshot(command.id)
        elif command.action == "rewind":
            try:
                rewind = msgspec.convert(command.args, RewindArgs)
            except msgspec.ValidationError:  # under the id of one that was accepted: the judge saw the other
                self.publish_result(command.id, "failed", "bad_arguments")
            else:
                self.rewind(command.id, rewind)

    def _carry(self, turn: LinkTurn) -> None:
        """Do what the uplink says."""
        for message in turn.publish:
            self._publish(message)
        for note in turn.notes:
            self._emit(LinkState(link=LINK, at_ns=self._now(), is_up=bool(self._is_up), note=note))
        if turn.snapshot_sent and turn.snapshot_sent == self._snapshot_id:
            self.publish_result(self._snapshot_id, "done")
            self._snapshot_id = ""
        self._due_ns = turn.due_ns
        if turn.is_snapshot_due:
            self._take_snapshot(self._snapshot_id or f"auto-{self._now()}")

    def _publish(self, message: Publish, correlation: bytes = b"") -> None:
        if self._connection is not None:
            self._connection.publish(
                f"{self._root}/{message.topic}",
                message.payload,
                qos=message.qos,
                retain=message.retain,
                correlation=correlation,
            )
