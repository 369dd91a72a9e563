"""The link to the central platform: broker connection, uplink and commands joined on the asyncio loop."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from config.vault import Vault
from edge.platform.commands import verifiers, verify
from edge.platform.connection import Connection, Lost, Message, Protocol, Target
from edge.platform.contract import LANES, CommandResult, Outcome, RewindArgs, root
from edge.platform.outbox import Outbox
from edge.platform.uplink import LinkTurn, Publish, Uplink, state_message
from edge.state.events import LinkState, PlatformCommand
from edge.state.facts import Lane

LINK = "platform"
OPEN_S = 15.0
FIRST_BACK_OFF_S = 0.2
LAST_BACK_OFF_S = 30.0
DRAIN_S = 5.0
NS = 1_000_000_000
REFUSALS_OF_PROVEN = 3
CORRELATIONS = 256  # commands whose correlation data is remembered

_log = logging.getLogger(__name__)
_state_offline = state_message("offline")


class PlatformLink:
    """One task (`run`) and one network thread per connection. All methods are called on the loop and never wait.

    `emit` receives LinkState and PlatformCommand; the step judges a command, and when its fact is committed the daemon
    calls `answer`. `snapshot` returns the mirrored fields (contract.SnapshotBody, JSON) and the marks they hold at.
    """

    def __init__(
        self,
        vault: Vault,
        outbox: Outbox,
        *,
        now: Callable[[], int],
        emit: Callable[[LinkState | PlatformCommand], None],
        snapshot: Callable[[], tuple[dict[Lane, int], bytes]],
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
        self._is_up = False
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = asyncio.Event()
        self._unconfirmed: dict[str, list[tuple[Connection, int]]] = {}
        self._correlations: dict[str, bytes] = {}
        self._snapshot_id = ""
        self._failures = 0
        self._protocol_refusals = 0
        self._refusals_to_switch = 1

    async def run(self) -> None:
        """Keep the link up until `stop`; then drain for a few seconds, say offline and return."""
        back_off_s = FIRST_BACK_OFF_S
        while not self._stopping.is_set():
            lost = await self._one_connection()
            if lost is None:
                return
            if self._failures == 0:
                back_off_s = FIRST_BACK_OFF_S
            self._log_loss(lost)
            self._choose_protocol(lost)
            # jitter for reconnection storms, not for secrets
            await self._pause(back_off_s * random.uniform(0.5, 1.0))  # noqa: S311
            back_off_s = min(2 * back_off_s, LAST_BACK_OFF_S)

    def stop(self) -> None:
        """End `run` politely."""
        self._stopping.set()

    def committed(self) -> None:
        """New rows lie in the outbox."""
        if self._is_up:
            self._carry(self._uplink.committed(self._now()))

    def is_drained(self) -> bool:
        """The platform has committed everything we have."""
        return self._uplink.is_drained()

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
        """Take a snapshot now and send it in pages; `done` follows the last page."""
        self._snapshot_id = command_id
        marks, body = self._snapshot()
        self._carry(self._uplink.snapshot(command_id, marks, body, self._now()))

    def rewind(self, command_id: str, rewind: RewindArgs) -> None:
        """Send what was acknowledged again."""
        refusal = self._uplink.rewind_refusal(rewind.lane, rewind.epoch, rewind.first)
        if refusal:
            self.publish_result(command_id, "failed", refusal)
            return
        self._carry(self._uplink.rewind(rewind.lane, rewind.first, self._now()))
        self.publish_result(command_id, "done")

    def answer(self, command: PlatformCommand, result: str) -> None:
        """The step's answer is committed: tell it, carry out what was accepted, send the PUBACK.

        result: `accepted`, `duplicate` (answered again, nothing done) or the text id of the refusal.
        """
        if result in ("accepted", "duplicate"):
            self.publish_result(command.id, "accepted", "" if result == "accepted" else result)
        else:
            self.publish_result(command.id, "refused", result)
        if result == "accepted" and command.action == "snapshot.request":
            self.send_snapshot(command.id)
        if result == "accepted" and command.action == "rewind":
            self.rewind(command.id, msgspec.convert(command.args, RewindArgs))
        self.confirm(command.id)

    # --- the connection ---------------------------------------------------------------------------------------------

    async def _one_connection(self) -> Lost | None:
        """Open, serve until it is lost (returned) or until `stop` (None)."""
        try:
            connection = Connection(self._target, self._protocol, self._received)
        except OSError as error:  # an authority file that cannot be read
            return Lost(f"{self._target.ca_file}: {error}", is_protocol_refused=False)
        self._connection = connection
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            if await connection.opened(OPEN_S):
                self._up()
                first: set[asyncio.Future[Any]] = {connection.lost, stopping}
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
                if not connection.lost.done():
                    await self._drain(connection)
                    return None
            return connection.lost.result()
        finally:
            stopping.cancel()
            self._down()
            if connection.lost.done():
                await connection.abort()
            else:
                await connection.close(f"{self._root}/{_state_offline.topic}", _state_offline.payload)

    async def _drain(self, connection: Connection) -> None:
        self._publish(state_message("draining"))
        deadline = asyncio.get_running_loop().time() + DRAIN_S
        while not self.is_drained() and not connection.lost.done():
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.wait({connection.lost}, timeout=0.02)

    def _up(self) -> None:
        if self._failures:
            _log.info("platform link is back")
        self._failures = 0
        self._protocol_refusals = 0
        self._refusals_to_switch = REFUSALS_OF_PROVEN
        self._is_up = True
        self._emit(LinkState(link=LINK, at_ns=self._now(), is_up=True))
        self._carry(self._uplink.connected(self._now()))

    def _down(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._uplink.disconnected()
        self._unconfirmed.clear()
        if self._is_up:
            self._is_up = False
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
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({stopping}, timeout=pause_s)
        stopping.cancel()

    # --- in and out -------------------------------------------------------------------------------------------------

    def _received(self, message: Message) -> None:
        connection = self._connection
        if connection is None or connection.lost.done():
            return
        lane = self._lanes.get(message.topic)
        if lane is not None:
            connection.confirm(message.mid)  # an ack that is lost with us is said again after the next birth
            self._carry(self._uplink.ack_received(lane, message.payload, self._now()))
            return
        command = verify(message.payload, self._issuers, self._now())
        self._unconfirmed.setdefault(command.id, []).append((connection, message.mid))
        if message.correlation:
            self._correlations[command.id] = message.correlation
            if len(self._correlations) > CORRELATIONS:
                del self._correlations[next(iter(self._correlations))]
        self._emit(command)

    def _carry(self, turn: LinkTurn) -> None:
        """Do what the uplink says."""
        for message in turn.publish:
            self._publish(message)
        for note in turn.notes:
            self._emit(LinkState(link=LINK, at_ns=self._now(), is_up=self._is_up, note=note))
        if turn.snapshot_sent and turn.snapshot_sent == self._snapshot_id:
            self.publish_result(self._snapshot_id, "done")
            self._snapshot_id = ""
        if turn.is_snapshot_due:
            marks, body = self._snapshot()
            name = self._snapshot_id or f"auto-{self._now()}"
            self._carry(self._uplink.snapshot(name, marks, body, self._now()))
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if turn.due_ns is not None:
            delay_s = max(0.0, (turn.due_ns - self._now()) / NS)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._due)

    def _due(self) -> None:
        self._timer = None
        self._carry(self._uplink.due(self._now()))

    def _publish(self, message: Publish, correlation: bytes = b"") -> None:
        if self._connection is not None:
            self._connection.publish(
                f"{self._root}/{message.topic}",
                message.payload,
                qos=message.qos,
                retain=message.retain,
                correlation=correlation,
            )
