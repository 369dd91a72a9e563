"""The reference platform as a process: paho's thread fills a queue, one worker commits and answers, a control socket
steers it."""

import asyncio
import queue
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.platform.contract import node_path, root
from simulator.control import ControlServer
from simulator.platform.desk import Desk, Outgoing
from simulator.platform.ledger import Ledger
from simulator.platform.signing import VALID_S, Signer

GROUP = 64  # messages to one commit
OPERATIONS = ("status", "snapshot", "rewind")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says."""

    host: str
    port: int
    db: Path
    centre: str
    vault: str
    node: str
    control: Path
    key: Path | None
    issuer: str
    is_mqtt5: bool


class _Asked(NamedTuple):
    op: str
    arguments: dict[str, Any]
    answer: "Future[object]"


class _Got(NamedTuple):
    topic: str
    payload: bytes


class Worker:
    """The thread that owns the database: everything reaches it through one queue."""

    def __init__(self, settings: Settings, ended: Callable[[], None]) -> None:
        """`ended` is called on the worker's thread when it is over, also by a failure (printed to stderr)."""
        self._settings = settings
        self._ended = ended
        self.has_failed = True
        self._root = root(settings.centre, settings.vault, settings.node)
        self._queue: queue.SimpleQueue[_Got | _Asked | None] = queue.SimpleQueue()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"platform-{settings.centre}-{settings.vault}-{settings.node}",
            clean_session=None if settings.is_mqtt5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if settings.is_mqtt5 else MQTTProtocolVersion.MQTTv311,
        )
        self._client.reconnect_delay_set(1, 5)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_socket_open = _without_delay
        self._thread = threading.Thread(target=self._work, name="platform-worker")

    def start(self) -> None:
        """Returns at once; the broker may come later."""
        self._thread.start()
        self._client.connect_async(self._settings.host, self._settings.port, keepalive=15, clean_start=True)
        self._client.loop_start()

    def stop(self) -> None:
        """Finish what is in the queue, then close."""
        self._queue.put(None)
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    async def ask(self, op: str, arguments: dict[str, Any]) -> object:
        """Answered by the worker between two groups."""
        if op not in OPERATIONS:
            raise ValueError(f"no operation '{op}'; there are {', '.join(OPERATIONS)}")
        answer: Future[object] = Future()
        self._queue.put(_Asked(op, arguments, answer))
        return await asyncio.wrap_future(answer)

    def _on_connect(self, client: paho.Client, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if not code.is_failure:
            client.subscribe(f"{self._root}/up/#", 1)

    def _on_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        self._queue.put(_Got(message.topic[len(self._root) + 1 :], bytes(message.payload)))

    def _work(self) -> None:
        try:
            self._take_and_answer()
            self.has_failed = False
        finally:
            self._ended()

    def _take_and_answer(self) -> None:
        settings = self._settings
        ledger = Ledger(settings.db, settings.vault)
        signer = Signer(settings.issuer, settings.key) if settings.key else None
        desk = Desk(ledger, node_path(settings.centre, settings.vault, settings.node), signer)
        is_running = True
        while is_running:
            group: list[tuple[str, bytes]] = []
            asked: list[_Asked] = []
            item = self._queue.get()
            while True:
                if item is None:
                    is_running = False
                elif isinstance(item, _Asked):
                    asked.append(item)
                else:
                    group.append(item)
                if len(group) >= GROUP or self._queue.empty():
                    break
                item = self._queue.get()
            for message in desk.receive(group):
                self._publish(message)
            for question in asked:
                self._answer(desk, question)
        ledger.close()

    def _answer(self, desk: Desk, asked: _Asked) -> None:
        arguments = asked.arguments
        try:
            if asked.op == "status":
                asked.answer.set_result(desk.status())
                return
            if asked.op == "snapshot":
                command_id, message = desk.request_snapshot()
            else:
                command_id, message = desk.request_rewind(str(arguments["lane"]), int(arguments["from"]))
        except (KeyError, ValueError) as error:
            asked.answer.set_exception(error)
            return
        self._publish(message, correlation=command_id.encode())
        asked.answer.set_result({"command": command_id})

    def _publish(self, message: Outgoing, correlation: bytes = b"") -> None:
        properties = None
        if correlation and self._settings.is_mqtt5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ResponseTopic = f"{self._root}/up/res"
            properties.CorrelationData = correlation
            properties.MessageExpiryInterval = VALID_S
        self._client.publish(f"{self._root}/{message.topic}", message.payload, 1, properties=properties)


def _without_delay(_client: paho.Client, _userdata: Any, line: Any) -> None:
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)

    def ended() -> None:
        loop.call_soon_threadsafe(ending.set)

    worker = Worker(settings, ended)
    control = ControlServer(settings.control, worker.ask)
    worker.start()
    await control.start()
    await ending.wait()
    await control.close()
    await asyncio.to_thread(worker.stop)
    return 1 if worker.has_failed else 0
