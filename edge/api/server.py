"""The socket: bounded clients, bounded requests, and nothing a client does can end the daemon."""

import asyncio
import contextlib
import grp
import logging
import os
import socket
from pathlib import Path

import msgspec

from edge.api import ops
from edge.api.answers import shown
from edge.api.house import House
from edge.api.people import Caller, Seats, caller, peer
from edge.api.wire import (
    IMPORT_BYTES,
    PREFIX,
    REQUEST_BYTES,
    Refused,
    Request,
    accepted,
    refused,
    request_in,
    streamed,
)

log = logging.getLogger(__name__)

GROUP = "lantai"
MODE = 0o660
SOCKET_PATH_BYTES = 107  # sun_path of unix(7), less the closing zero
WATCH_FACTS = 200  # facts in one portion of a stream
_IMPORT_OP = "import"


class Patience(msgspec.Struct, frozen=True):
    """How long a client may take, in seconds of real time, and how many one person may have."""

    clients: int = 8
    """Of one uid. Only uids of the policy's people have any, so nobody can take another person's."""
    idle_s: float = 600.0
    """Between two requests; a watcher may be silent for ever."""
    frame_s: float = 10.0
    """From the first byte of a frame to its last."""
    write_s: float = 10.0
    """A client that does not take its answer in this time is dropped."""


class ApiCounters(msgspec.Struct):
    """What the server counts of itself."""

    requests: int = 0
    refused: int = 0
    dropped_clients: int = 0
    bugs: int = 0


class ApiServer:
    """Serves `path` from `start` to `close`."""

    def __init__(self, house: House, path: Path, patience: Patience | None = None) -> None:
        if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
            raise ValueError(
                f"{path}: {len(os.fsencode(path))} bytes, a unix socket's path has at most {SOCKET_PATH_BYTES}; "
                "give a state directory nearer to the root"
            )
        self.counters = ApiCounters()
        self._house = house
        self._path = path
        self._patience = patience or Patience()
        self._desk = ops.Desk(house)
        self._clients: set[asyncio.Task[None]] = set()
        self._seats = Seats(self._patience.clients)
        self._large = asyncio.Lock()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. The store's lock was taken before, so a socket that is there is a dead daemon's."""
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(self._path))
            self._path.chmod(MODE)  # nobody can connect before listen
            _give_to_group(self._path)
            self._server = await asyncio.start_unix_server(self._connected, sock=listening)
        except OSError:
            listening.close()
            raise

    async def close(self) -> None:
        """Stop listening and let go of every client."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for client in tuple(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(reader, writer, self._patience, self._large)
        try:
            who = self._admitted(*peer(writer.get_extra_info("socket")))
        except Refused as refusal:
            self.counters.refused += 1
            client = asyncio.create_task(self._turn_away(line, refusal), name="api refusal")
        else:
            client = asyncio.create_task(self._client(line, who), name="api client")
            client.add_done_callback(lambda _: self._seats.leave(who.uid))
        self._clients.add(client)
        client.add_done_callback(self._ended)

    def _admitted(self, pid: int, uid: int) -> Caller:
        """Who connected; they have a seat now. Raises Refused for a uid that is no person's or has its seats taken."""
        who = caller(self._house.state.plant.vault.policy, pid, uid)
        self._seats.take(uid)
        return who

    def _ended(self, client: asyncio.Task[None]) -> None:
        """A bug in an answer ends that client alone."""
        self._clients.discard(client)
        if not client.cancelled() and (bug := client.exception()) is not None:
            log.error("api: bug while answering; the client was let go, the daemon runs on", exc_info=bug)

    async def _turn_away(self, line: "_Line", refusal: Refused) -> None:
        """One answer, and that was it: nothing is heard, and no seat is taken."""
        try:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await line.send(refused(0, refusal.refusal))
        finally:
            await line.close()

    async def _client(self, line: "_Line", who: Caller) -> None:
        try:
            await self._converse(line, who)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client is gone
        except TimeoutError:
            self.counters.dropped_clients += 1
            line.abort()
        finally:
            await line.close()

    async def _converse(self, line: "_Line", who: Caller) -> None:
        while True:
            try:
                request = await line.request()
            except Refused as refusal:  # what comes after bytes that were not understood cannot be understood
                self.counters.refused += 1
                await line.send(refused(0, refusal.refusal))
                return
            self.counters.requests += 1
            try:
                if request.op == ops.WATCH:
                    await self._watch(line, who, request)
                    return
                frame = await self._answered(who, request)
            except Refused as refusal:
                self.counters.refused += 1
                frame = refused(request.id, refusal.refusal)
            await line.send(frame)

    async def _answered(self, who: Caller, request: Request) -> bytes:
        """The frame of the answer. Raises Refused; `bug` for whatever an operation did not expect, so that the person
        is told and goes on in the same conversation."""

        async def framed() -> bytes:
            return accepted(request.id, await ops.answer(self._desk, who, request.op, request.args))

        (outcome,) = await asyncio.gather(framed(), return_exceptions=True)
        if isinstance(outcome, bytes):
            return outcome
        if isinstance(outcome, Refused | asyncio.CancelledError):
            raise outcome
        self.counters.bugs += 1
        log.error(
            "api: bug while answering '%s'; the client was told, the daemon runs on", request.op, exc_info=outcome
        )
        raise Refused("bug", op=request.op)

    async def _watch(self, line: "_Line", who: Caller, request: Request) -> None:
        """Stream committed facts until the client hangs up."""
        subscription = self._house.feed.subscribe()
        gone = asyncio.ensure_future(line.hung_up())
        try:
            await line.send(accepted(request.id, {"watching": True}))
            while not gone.done():
                taking = asyncio.ensure_future(subscription.take(WATCH_FACTS))
                try:
                    await asyncio.wait({taking, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if not taking.done():
                        return
                    facts, dropped = taking.result()
                finally:
                    taking.cancel()
                readable = [shown(fact) for fact in facts if ops.may_read(who, fact)]
                if readable or dropped:
                    await line.send(streamed(request.id, readable, dropped))
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            self._house.feed.unsubscribe(subscription)


class _Line:
    """One connection: frames in, frames out, each in its time."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: Patience, large: asyncio.Lock
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._patience = patience
        self._large = large

    async def request(self) -> Request:
        """The next request. Raises Refused for one that is too long or none at all, TimeoutError for a slow one."""
        async with asyncio.timeout(self._patience.idle_s):
            first = await self._reader.readexactly(1)
        async with asyncio.timeout(self._patience.frame_s):
            (length,) = PREFIX.unpack(first + await self._reader.readexactly(PREFIX.size - 1))
            if length > IMPORT_BYTES:
                raise Refused("request_too_long", bytes=length, most=IMPORT_BYTES)
            if length <= REQUEST_BYTES:
                return request_in(await self._reader.readexactly(length))
        async with self._large, asyncio.timeout(self._patience.frame_s):  # one long request in memory at a time
            request = request_in(await self._reader.readexactly(length))
        if request.op != _IMPORT_OP:
            raise Refused("request_too_long", bytes=length, most=REQUEST_BYTES)
        return request

    async def send(self, frame: bytes) -> None:
        """Raises TimeoutError when the client does not take it."""
        self._writer.write(frame)
        async with asyncio.timeout(self._patience.write_s):
            await self._writer.drain()

    def abort(self) -> None:
        """Hang up at once; what was not taken is thrown away."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def hung_up(self) -> None:
        """Returns when the client closes; what it says meanwhile is not heard."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(1024):
                pass


def _give_to_group(path: Path) -> None:
    try:
        os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
    except KeyError:
        log.info("api: no group '%s' on this server; only this user and root can use %s", GROUP, path)
    except PermissionError:
        log.warning(
            "api: cannot give %s to group '%s'; only this user and root can use it: "
            "run the service with Group=%s, see deploy/lantai.service",
            path,
            GROUP,
            GROUP,
        )
