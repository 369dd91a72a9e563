"""One connection to a broker: a paho client with its own network thread, whose callbacks are moved to the asyncio loop.

A connection is opened once and never reopened: the uplink sends again what was not acknowledged, so nothing that paho
may still hold is worth keeping.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

Protocol = Literal["5", "3.1.1"]
SESSION_S = 7 * 86_400  # the broker keeps commands for us so long, MQTT 5; with 3.1.1 it is the broker's choice
IN_FLIGHT = 20  # messages without PUBACK; the rest waits in paho
CLOSE_S = 2.0
SUBACK_FAILURE = 0x80
UNSPECIFIED = 128  # paho's code for a line that broke, MQTT 5's for a broker that gives no reason
UNSUPPORTED_PROTOCOL = 132  # MQTT 5 4.13; paho maps return code 1 of 3.1.1 to it


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where and as whom to connect; `will` is retained on `will_topic`."""

    host: str
    port: int
    client_id: str
    keepalive_s: int
    username: str
    password: str
    ca_file: str
    will_topic: str
    will: bytes
    subscribe: tuple[str, ...]


class Message(NamedTuple):
    """A message that came in; `mid` is what confirms it; `correlation` b'' where there is none."""

    topic: str
    payload: bytes
    mid: int
    correlation: bytes


class Lost(NamedTuple):
    """Why the connection is over. `is_protocol_refused`: the broker did not take this MQTT version."""

    reason: str
    is_protocol_refused: bool


class Connection:
    """`opened()` returns when the broker granted the subscriptions; `lost` is set when it is over, for whatever reason.

    `received` is called on the loop, for each message; each must be confirmed or comes again on the next connection.
    """

    def __init__(self, target: Target, protocol: Protocol, received: Callable[[Message], None]) -> None:
        self._target = target
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._opened = asyncio.Event()
        self._has_line = False
        self._answered = False
        self._refusal: Lost | None = None
        self.lost: asyncio.Future[Lost] = self._loop.create_future()
        self.is_mqtt5 = protocol == "5"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=target.client_id,
            clean_session=None if self.is_mqtt5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if self.is_mqtt5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.will_set(target.will_topic, target.will, qos=1, retain=True)
        if target.username:
            self._client.username_pw_set(target.username, target.password)
        if target.ca_file:
            self._client.tls_set(ca_certs=target.ca_file)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect
        self._client.on_socket_open = self._on_line

    async def opened(self, timeout_s: float) -> bool:
        """Connect and subscribe; False when that failed: see `lost`."""
        properties = None
        if self.is_mqtt5:
            properties = _properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = SESSION_S
        self._client.connect_async(
            self._target.host,
            self._target.port,
            self._target.keepalive_s,
            clean_start=False if self.is_mqtt5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        self._client.loop_start()
        opened = asyncio.ensure_future(self._opened.wait())
        first: set[asyncio.Future[Any]] = {opened, self.lost}
        try:
            await asyncio.wait(first, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
        silent = self._has_line and not self._answered
        self._over(Lost("no answer", is_protocol_refused=silent), unless_opened=True)
        return not self.lost.done()

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, correlation: bytes = b"") -> None:
        """Hand over to the network thread; never waits. On a lost connection it does nothing."""
        self._send(topic, payload, qos, retain, correlation)

    def confirm(self, mid: int) -> None:
        """PUBACK of a received message."""
        self._client.ack(mid, 1)

    async def close(self, topic: str, last_words: bytes) -> None:
        """Say the last words, retained, and disconnect politely; where the broker does not take them, drop the line
        so that the will speaks."""
        if not self.lost.done():
            info = self._send(topic, last_words, 1, True, b"")
            if await _within(CLOSE_S, info.is_published):
                self._client.disconnect()
                await asyncio.wait({self.lost}, timeout=CLOSE_S)
        await self.abort()

    async def abort(self) -> None:
        """Drop the line and end the network thread."""
        line = self._client.socket()
        if isinstance(line, socket.socket):
            with contextlib.suppress(OSError):  # it was down already
                line.shutdown(socket.SHUT_RDWR)
        await _uncancelled(asyncio.to_thread(self._client.loop_stop))
        self._over(Lost("closed", is_protocol_refused=False))

    def _send(self, topic: str, payload: bytes, qos: int, retain: bool, correlation: bytes) -> paho.MQTTMessageInfo:
        properties = None
        if correlation and self.is_mqtt5:
            properties = _properties(PacketTypes.PUBLISH)
            properties.CorrelationData = correlation
        return self._client.publish(topic, payload, qos, retain, properties)

    def _over(self, lost: Lost, *, unless_opened: bool = False) -> None:
        if not self.lost.done() and not (unless_opened and self._opened.is_set()):
            self.lost.set_result(self._refusal or lost)

    def _refuse(self, lost: Lost) -> None:
        self._refusal = lost
        self._over(lost)

    # --- on paho's network thread: only hand over to the loop -------------------------------------------------------

    def _on_connect(self, client: paho.Client, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        self._answered = True
        if code.is_failure:
            refused = Lost(str(code), is_protocol_refused=code.value == UNSUPPORTED_PROTOCOL)
            self._loop.call_soon_threadsafe(self._refuse, refused)
            return
        client.subscribe([(topic, 1) for topic in self._target.subscribe])

    def _on_line(self, _client: paho.Client, _userdata: Any, line: Any) -> None:
        self._has_line = True
        # Nagle's algorithm and delayed TCP acks together hold a small message back by 40 ms
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect_fail(self, _client: paho.Client, _userdata: Any) -> None:
        lost = Lost("no broker listens there", is_protocol_refused=False)
        self._loop.call_soon_threadsafe(self._over, lost)

    def _on_subscribe(
        self, client: paho.Client, _userdata: Any, _mid: int, codes: Sequence[ReasonCode], _properties: Any
    ) -> None:
        if any(code.value >= SUBACK_FAILURE for code in codes):
            lost = Lost("the broker refused a subscription", is_protocol_refused=False)
            self._loop.call_soon_threadsafe(self._refuse, lost)
            client.disconnect()
            return
        self._loop.call_soon_threadsafe(self._opened.set)

    def _on_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", b"")
        got = Message(message.topic, bytes(message.payload), message.mid, correlation)
        self._loop.call_soon_threadsafe(self._received, got)

    def _on_disconnect(
        self, _client: paho.Client, _userdata: Any, _flags: Any, code: ReasonCode, _properties: Any
    ) -> None:
        # a broker that knows 3.1.1 only may answer a CONNECT of MQTT 5 by silence or by hanging up
        reason = "the broker hung up" if code.value == UNSPECIFIED else str(code)
        lost = Lost(reason, is_protocol_refused=not self._answered)
        self._loop.call_soon_threadsafe(self._over, lost)


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


async def _within(limit_s: float, holds: Callable[[], bool]) -> bool:
    deadline = asyncio.get_running_loop().time() + limit_s
    while asyncio.get_running_loop().time() < deadline:
        try:
            if holds():
                return True
        except (RuntimeError, ValueError):
            return False  # paho's way to say that the message was never taken
        await asyncio.sleep(0.01)
    return False


async def _uncancelled(work: Awaitable[MQTTErrorCode]) -> None:
    """Wait for the network thread even while the task is being cancelled: it must not outlive the loop."""
    ending = asyncio.ensure_future(work)
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise
