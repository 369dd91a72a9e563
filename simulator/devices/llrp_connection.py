"""One client's connection to the simulated reader: configuration, ROSpecs, the search, keepalives."""

import asyncio
import contextlib
import dataclasses
import socket
import struct
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from drivers.driver import ProtocolError
from drivers.llrp.codec import Frame, Framer, decode_message
from drivers.llrp.layouts import CUSTOM
from simulator.devices import llrp_identity as identity
from simulator.devices.llrp_asked import asks_for_more, selector
from simulator.devices.llrp_wire import Reads, event, message, reports, vendor_message

Field = Callable[[int, float], tuple[NDArray[Any], ...]]
"""(antenna port, dwell in s) -> what it sees: epc (n, 12), rssi in dBm (n,), times seen (n,), and, where its tags have
one, tid (n, 12), zeros for a tag without."""

ROSPEC_EVENT, AISPEC_EVENT, ANTENNA_EVENT = 2, 6, 8  # numbers of the event notification states
IMMEDIATE = 1  # ROSpecStartTrigger
AT_END_OF_AISPEC, AT_END_OF_ROSPEC = 1, 2  # ROReportSpec trigger
NULL_STOP, DURATION_STOP, TAG_OBSERVATION_STOP = 0, 1, 3  # AISpecStopTrigger
SLICE_S = 0.2  # a search without an end is simulated in slices
M_FIELD_ERROR, M_OVERFLOW_PARAMETER, M_UNSUPPORTED = 101, 105, 109  # LLRPStatus, 1.0.1 clause 14.1
ERROR_MESSAGE, KEEPALIVE, KEEPALIVE_ACK, ENABLE_EVENTS = 100, 62, 72, 64


@dataclasses.dataclass
class Box:
    """The reader itself, whoever is connected: its ports, its clock, what is broken about it."""

    field: Field
    antennas: int
    utc_us: Callable[[], int]
    tags_a_message: int
    unplugged: set[int] = dataclasses.field(default_factory=set)
    is_silent: bool = False
    temperature_degc: Callable[[], int] | None = None
    """Of an Impinj reader; others have no way to tell it."""
    refuses: set[int] = dataclasses.field(default_factory=set)
    """Types of messages it refuses; ADD_ROSPEC: only one that asks for more than every reader can tell."""
    ignores: set[int] = dataclasses.field(default_factory=set)
    """Types of messages it never answers."""


class Connection:
    """One connection: what the client configured, its ROSpecs, and the tasks that search and keep alive."""

    def __init__(self, box: Box, outgoing: asyncio.StreamWriter) -> None:
        self._box = box
        self._out = outgoing
        self._message_id = 0
        self._events: dict[int, bool] = {}
        self._keepalive_ms = 0
        self._keeper: asyncio.Task[None] | None = None
        self._search: asyncio.Task[None] | None = None
        self._active: int | None = None
        self._looking = 0
        """Which of its AISpecs is running, 1-based; 0 none."""
        self._rospecs: dict[int, dict[str, Any]] = {}
        self._accessspecs: dict[int, dict[str, Any]] = {}
        self._has_extensions = False
        self._is_open = True

    def write(self, data: bytes) -> None:
        if self._is_open and not self._box.is_silent:
            self._out.write(data)

    def greet(self, status: int) -> None:
        self.event(None, ConnectionAttemptEvent=status)

    def event(self, notification: int | None, **events: Any) -> None:
        """Tell an event, if the client wants it; None is told always."""
        if notification is None or self._events.get(notification, False):
            self.write(event(self._next_id(), self._box.utc_us(), **events))

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)  # close at once, with a RST
        self._out.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._out.transport.abort()

    async def close(self) -> None:
        self._is_open = False
        self._out.close()
        await _ended(self._search, self._keeper)
        with contextlib.suppress(ConnectionError):
            await self._out.wait_closed()

    async def listen(self, incoming: asyncio.StreamReader) -> None:
        framer = Framer()
        while self._is_open and (data := await incoming.read(65536)):
            if self._box.is_silent:
                continue
            framer.push(data)
            try:
                while self._is_open and (frame := framer.pull()) is not None:
                    if frame.type == CUSTOM and self._box.temperature_degc is not None:
                        self._enable_extensions(frame)
                        continue
                    await self._take(frame, decode_message(frame))
            except ProtocolError as error:
                refusal = identity.refused(M_UNSUPPORTED, str(error))
                self.write(message(ERROR_MESSAGE, self._next_id(), refusal))
                return

    def _next_id(self) -> int:
        self._message_id += 1
        return self._message_id

    async def _take(self, frame: Frame, asked: dict[str, Any]) -> None:
        if frame.type in self._box.ignores:
            return
        if frame.type in self._box.refuses and (frame.type != 20 or asks_for_more(asked["ROSpec"])):
            self._answer(frame, frame.type + 10, identity.refused(M_UNSUPPORTED, "not on this reader"))
            return
        match frame.type:
            case 1:
                self._answer(frame, 11, identity.capabilities(self._box.antennas, self._manufacturer()))
            case 2:
                self._answer(frame, *self._configuration(asked))
            case 3:
                await self._configure(asked)
                self._answer(frame, 13, identity.OK)
            case 14:
                self._answer(frame, 4, identity.OK)
                await self._out.drain()
                self._is_open = False
            case 20:
                self._answer(frame, 30, self._add(asked["ROSpec"]))
            case 21:
                self._answer(frame, 31, await self._delete(asked["ROSpecID"]))
            case 22:
                self._answer(frame, 32, self._begin(asked["ROSpecID"]))
            case 23:
                was_active = self._active is not None
                self._answer(frame, 33, identity.OK if was_active else identity.refused(M_FIELD_ERROR, "not active"))
                await self._halt()
            case 24:
                self._answer(frame, 34, self._enable(asked["ROSpecID"]))
            case 25:
                await self._halt()
                self._answer(frame, 35, identity.OK)
            case 26:
                self._answer(frame, 36, identity.OK | {"ROSpecs": list(self._rospecs.values()) or None})
            case 40:
                self._answer(frame, 50, self._add_access(asked["AccessSpec"]))
            case 41:
                is_known = asked["AccessSpecID"] in {0, *self._accessspecs}
                self._accessspecs.clear()  # one at most
                self._answer(frame, 51, identity.OK if is_known else identity.refused(M_FIELD_ERROR, "no AccessSpec"))
            case 42:
                spec = self._accessspecs.get(asked["AccessSpecID"])
                if spec is not None:
                    spec["IsActive"] = True
                self._answer(frame, 52, identity.OK if spec else identity.refused(M_FIELD_ERROR, "no AccessSpec"))
            case 44:
                self._answer(frame, 54, identity.OK | {"AccessSpecs": list(self._accessspecs.values()) or None})
            case kind if kind in (KEEPALIVE_ACK, ENABLE_EVENTS):
                pass
            case kind:
                why = identity.refused(M_UNSUPPORTED, f"message type {kind}")
                self._answer(frame, ERROR_MESSAGE, why)

    def _answer(self, frame: Frame, kind: int, value: dict[str, Any]) -> None:
        self.write(message(kind, frame.id, value))

    def _manufacturer(self) -> int:
        return 0 if self._box.temperature_degc is None else identity.IMPINJ

    def _enable_extensions(self, frame: Frame) -> None:
        """The only message of a vendor that is understood: without it no parameter of theirs is."""
        is_asked = frame.body[:5] == struct.pack("!IB", identity.IMPINJ, identity.ENABLE_EXTENSIONS)
        self._has_extensions |= is_asked
        answer = identity.OK if is_asked else identity.refused(M_UNSUPPORTED, "vendor message")
        self.write(vendor_message(frame.id, identity.IMPINJ, identity.ENABLE_EXTENSIONS + 1, answer))

    def _configuration(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        box = self._box
        told = identity.configuration(box.antennas, box.unplugged, self._events, self._keepalive_ms)
        if not asked["Custom"]:
            return 12, told
        if not self._has_extensions or box.temperature_degc is None:
            return ERROR_MESSAGE, identity.refused(M_UNSUPPORTED, "vendor parameter")
        return 12, told | {"Custom": [identity.temperature(box.temperature_degc())]}

    async def _configure(self, asked: dict[str, Any]) -> None:
        for state in (asked["ReaderEventNotificationSpec"] or {}).get("EventNotificationStates") or ():
            self._events[state["ReaderEventType"]] = state["NotificationEnabled"]
        if asked["KeepAliveSpec"] is not None:
            await _ended(self._keeper)
            self._keepalive_ms = asked["KeepAliveSpec"]["Interval"] if asked["KeepAliveSpec"]["Trigger"] else 0
            self._keeper = asyncio.create_task(self._keep_alive()) if self._keepalive_ms else None

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._keepalive_ms / 1000)
            self.write(message(KEEPALIVE, self._next_id()))

    # --- ROSpecs --------------------------------------------------------------------------------------------------

    def _add(self, rospec: dict[str, Any]) -> dict[str, Any]:
        if self._rospecs:
            return identity.refused(M_OVERFLOW_PARAMETER, "one ROSpec at most")
        if asks_for_more(rospec, vendor_only=True) and not self._has_extensions:
            return identity.refused(M_UNSUPPORTED, "vendor parameter")
        ports = {antenna for search in rospec["AISpecs"] or () for antenna in search["AntennaIDs"]}
        if not ports or not ports <= set(range(self._box.antennas + 1)):
            return identity.refused(M_FIELD_ERROR, f"antennas {sorted(ports)}")
        self._rospecs[rospec["ROSpecID"]] = rospec
        return identity.OK

    def _add_access(self, spec: dict[str, Any]) -> dict[str, Any]:
        if self._accessspecs:
            return identity.refused(M_OVERFLOW_PARAMETER, "one AccessSpec at most")
        if spec["AccessCommand"]["C1G2Read"] is None:
            return identity.refused(M_UNSUPPORTED, "an AccessSpec that does not read")
        self._accessspecs[spec["AccessSpecID"]] = spec
        return identity.OK

    async def _delete(self, spec_id: int) -> dict[str, Any]:
        if spec_id and spec_id not in self._rospecs:
            return identity.refused(M_FIELD_ERROR, f"no ROSpec {spec_id}")
        await self._halt()
        self._rospecs.clear()
        return identity.OK

    def _enable(self, spec_id: int) -> dict[str, Any]:
        rospec = self._rospecs.get(spec_id)
        if rospec is None:
            return identity.refused(M_FIELD_ERROR, f"no ROSpec {spec_id}")
        rospec["ROSpecCurrentState"] = 1
        if rospec["ROBoundarySpec"]["StartTrigger"]["Trigger"] == IMMEDIATE:
            self._begin(spec_id)
        return identity.OK

    def _begin(self, spec_id: int) -> dict[str, Any]:
        rospec = self._rospecs.get(spec_id)
        if rospec is None or not rospec["ROSpecCurrentState"] or self._active is not None:
            return identity.refused(M_FIELD_ERROR, f"ROSpec {spec_id} is unknown, disabled or active")
        self._active = spec_id
        self._search = asyncio.create_task(self._run(rospec))
        return identity.OK

    async def _halt(self) -> None:
        await _ended(self._search)
        if self._active is not None:
            if self._looking:  # its AISpec ends with it, unfinished
                self._aispec_end(self._active, self._looking)
            self._rospec_event(1, self._active)
            self._active = None

    def _rospec_event(self, what: int, spec_id: int) -> None:
        self.event(ROSPEC_EVENT, ROSpecEvent={"Event": what, "ROSpecID": spec_id})

    def _aispec_end(self, spec_id: int, index: int) -> None:
        self._looking = 0
        self.event(AISPEC_EVENT, AISpecEvent={"Event": 0, "ROSpecID": spec_id, "SpecIndex": index})

    async def _run(self, rospec: dict[str, Any]) -> None:
        """Its AISpecs in order, once; an immediate start trigger starts it over."""
        spec_id = rospec["ROSpecID"]
        is_repeated = rospec["ROBoundarySpec"]["StartTrigger"]["Trigger"] == IMMEDIATE
        while True:
            await asyncio.sleep(0)  # the answer to START_ROSPEC goes first
            self._rospec_event(0, spec_id)
            kept: list[Reads] = []
            for index, search in enumerate(rospec["AISpecs"], start=1):
                self._looking = index
                kept += await self._look(rospec, search, index)
                if rospec["ROReportSpec"] is None or rospec["ROReportSpec"]["Trigger"] == AT_END_OF_AISPEC:
                    await self._report(rospec, kept)
                    kept = []
                self._aispec_end(spec_id, index)
            await self._report(rospec, kept)
            if not is_repeated:
                break
            self._rospec_event(1, spec_id)
        self._active = None
        self._rospec_event(1, spec_id)

    async def _look(self, rospec: dict[str, Any], search: dict[str, Any], index: int) -> list[Reads]:
        """One AISpec: its antennas share its time."""
        everywhere = 0 in search["AntennaIDs"]
        antennas = list(range(1, self._box.antennas + 1)) if everywhere else search["AntennaIDs"]
        stop = search["StopTrigger"]
        dwell_s = stop["DurationTriggerValue"] / 1000 if stop["Trigger"] == DURATION_STOP else SLICE_S
        if stop["Trigger"] == TAG_OBSERVATION_STOP and stop["TagObservationTrigger"]["Timeout"]:
            dwell_s = stop["TagObservationTrigger"]["Timeout"] / 1000
        seen = await self._slice(rospec["ROSpecID"], antennas, dwell_s, index)
        while stop["Trigger"] == NULL_STOP:
            if rospec["ROReportSpec"] is not None and rospec["ROReportSpec"]["N"]:
                await self._report(rospec, seen)
                seen = []
            seen += await self._slice(rospec["ROSpecID"], antennas, dwell_s, index)
        return seen

    async def _slice(self, spec_id: int, antennas: list[int], dwell_s: float, index: int) -> list[Reads]:
        seen = []
        for antenna in antennas:
            first_us = self._box.utc_us()
            await asyncio.sleep(dwell_s / len(antennas))
            if antenna in self._box.unplugged:
                continue
            epc, rssi_dbm, count, *tid = self._box.field(antenna, dwell_s / len(antennas))
            last_us = self._box.utc_us()
            told = tid[0] if tid else None
            seen.append(Reads(antenna, epc, rssi_dbm, count, first_us, last_us, spec_id, index, told))
        return seen

    async def _report(self, rospec: dict[str, Any], seen: list[Reads]) -> None:
        wanted = selector(rospec, self._accessspecs.values())
        for reads in seen:
            for report in reports(reads, wanted, self._box.tags_a_message, self._next_id()):
                self.write(report)
                self._next_id()
        await self._out.drain()


async def _ended(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks and wait until they have gone."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
