"""An LLRP reader as a session: it is configured once, then searches antenna after antenna, for ever."""

from typing import Any

from config.devices import Reader
from drivers.command import Command, CommandOutcome, Result, Scan
from drivers.driver import DeviceError, Turn
from drivers.llrp import phases, requests
from drivers.llrp.asking import Asking
from drivers.llrp.codec import (
    ERROR_MESSAGE,
    Frame,
    Framer,
    decode_message,
    encode_request,
    malformed,
    status_words,
    swallowed_message,
)
from drivers.llrp.condition import Condition, extensions_status
from drivers.llrp.layouts import CUSTOM
from drivers.llrp.report import ReportDecoder
from drivers.llrp.run import Run
from drivers.observation import DeviceNote, Observation, Searched

RO_ACCESS_REPORT, KEEPALIVE = 61, 62
SILENT_KEEPALIVES = 3  # a link without a whole message for so many keepalive periods is dead
WAITING_SCANS = 16  # more scans than this wait for a reader that cannot keep up: refused


class LlrpSession:
    """drivers.driver.Session[bytes, bytes] for one reader; errors carry (text id, detail)."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._antennas: tuple[int, ...] = tuple(
            port for port, segment in enumerate(reader.segments, start=1) if segment is not None
        )
        self._keepalive_ns = round(reader.keepalive_s * 1e9)
        self._framer = Framer()
        self._decoder = ReportDecoder(reader.id)
        self._condition = Condition(reader.id)
        self._phase = "closed"
        self._has_searched = False
        self._fault: DeviceError | None = None
        self._message_id = 0
        self._heard_ns = 0  # last whole message
        self._waiting_ns: int | None = None  # since when an answer is awaited
        self._progress_ns = 0  # last sign that the search goes on
        self._asking = Asking(reader)
        self._given_up: set[int] = set()  # requests whose answer is no longer awaited
        self._dead_antennas: set[int] = set()
        self._scans: list[Scan] = []
        self._owes_round = False  # since a scan, until an antenna of the ordinary round has finished
        self._run = Run(0, self._antennas, None)
        self._records: list[Observation | CommandOutcome] = []
        self._send: list[bytes] = []

    @property
    def is_searching(self) -> bool:
        """The reader took its configuration and has begun to search."""
        return self._has_searched

    def opened(self, at_ns: int) -> Turn[bytes]:
        """Nothing to say: a reader speaks first, with its ConnectionAttemptEvent."""
        self._heard_ns = self._waiting_ns = at_ns
        self._phase = "greeting"
        return self._turn()

    def received(self, data: bytes, at_ns: int) -> Turn[bytes]:
        """Raises DeviceError, ProtocolError. What was whole before a fault is returned first; the fault comes next."""
        self._alive()
        self._framer.push(data)
        try:
            self._take_whole_messages(at_ns)
        except DeviceError as fault:
            self._fault = fault
            if not self._records:
                raise
            records, self._records = tuple(self._records), []
            return Turn(records, (), at_ns)
        return self._turn()

    def due(self, at_ns: int) -> Turn[bytes]:
        """Raises DeviceError when the reader was silent, owes an answer or has stopped searching for too long."""
        self._alive()
        for deadline_ns, since_ns, code, what in self._patience():
            if at_ns >= deadline_ns and code == "llrp_no_tids":
                self._given_up.add(self._message_id)
                self._no_tids(at_ns)
            elif at_ns >= deadline_ns:
                self._fault = DeviceError(code, f"{self._phase}: {what} for {(at_ns - since_ns) / 1e9:g} s")
                raise self._fault
        return self._turn()

    def request(self, command: Command, at_ns: int) -> Turn[bytes]:
        """A Scan: the running search is replaced by a longer one of the antennas asked for, then taken up where it was
        cut short. Between two scans at least one of its antennas finishes."""
        self._alive()
        refusal = self._refusal(command)
        if refusal:
            self._outcome(command, at_ns, "refused", refusal)
            return self._turn()
        assert isinstance(command, Scan)
        self._scans.append(command)
        self._cut_short(at_ns)
        return self._turn()

    def closing(self, at_ns: int) -> Turn[bytes]:
        """Leave no ROSpec behind and say goodbye; the reader closes the connection."""
        if self._phase not in ("closed", "greeting"):
            self._ask("DELETE_ROSPEC", {"ROSpecID": requests.ALL})
        self._ask("CLOSE_CONNECTION", {})
        self._fault = DeviceError("llrp_closed", f"closed by us at {at_ns}")
        return Turn((), tuple(self._send), None)

    # --- time -----------------------------------------------------------------------------------------------------

    def _patience(self) -> list[tuple[int, int, str, str]]:
        """What is waited for: until when, since when, the error when it does not come, in words."""
        silence_ns = SILENT_KEEPALIVES * self._keepalive_ns
        waits = [(self._heard_ns + silence_ns, self._heard_ns, "llrp_silent", "no message")]
        # what may be done without is not awaited for long
        if self._phase in phases.OF_TIDS and self._waiting_ns is not None:
            waits.append((self._waiting_ns + self._keepalive_ns, self._waiting_ns, "llrp_no_tids", "no answer"))
        elif self._waiting_ns is not None:
            waits.append((self._waiting_ns + silence_ns, self._waiting_ns, "llrp_no_answer", "no answer"))
        if self._phase == "searching":
            dwell_ms = requests.dwell_ms(self._reader, is_rescan=self._run.scan is not None)
            stalled_ns = self._progress_ns + silence_ns + 2 * dwell_ms * 1_000_000
            waits.append((stalled_ns, self._progress_ns, "llrp_stalled", "no antenna finished its search"))
        return waits

    def _turn(self) -> Turn[bytes]:
        send, records = tuple(self._send), tuple(self._records)
        self._send, self._records = [], []
        return Turn(records, send, min(self._patience())[0])

    def _alive(self) -> None:
        if self._fault is not None:
            raise self._fault
        if self._phase == "closed":
            raise DeviceError("llrp_closed", "the line was never opened")

    # --- what the reader says -------------------------------------------------------------------------------------

    def _take_whole_messages(self, at_ns: int) -> None:
        """Reports with nothing but keepalives between them are decoded together."""
        reports: list[Frame] = []
        try:
            while (frame := self._framer.pull()) is not None:
                self._heard_ns = at_ns
                if frame.type == RO_ACCESS_REPORT:
                    reports.append(frame)
                    continue
                if frame.type != KEEPALIVE and reports:
                    together, reports = reports, []
                    self._reports(together, at_ns)
                self._take(frame, at_ns)
        finally:
            if reports:
                self._reports(reports, at_ns)

    def _take(self, frame: Frame, at_ns: int) -> None:
        if self._condition.takes(frame) or (frame.id in self._given_up and frame.type in phases.MAY_COME_LATE):
            return
        if frame.type == KEEPALIVE:
            if frame.body:
                raise malformed(f"KEEPALIVE with a body of {len(frame.body)} octets, expected none")
            self._send.append(encode_request("KEEPALIVE_ACK", frame.id, {}))
        elif frame.type == phases.READER_EVENT:
            self._event(decode_message(frame)["ReaderEventNotificationData"], at_ns)
        elif frame.type == ERROR_MESSAGE:
            self._refused(decode_message(frame)["LLRPStatus"], at_ns, is_answer=False)
        elif frame.type == CUSTOM and (self._phase != "extending" or frame.id != self._message_id):
            self._note(at_ns, "llrp_not_understood", messages=1)
        else:
            self._answer(frame, at_ns)

    def _reports(self, frames: list[Frame], at_ns: int) -> None:
        decoded = self._decoder.decode([frame.body for frame in frames], at_ns)
        rows = len(decoded.reads.antenna)
        if rows and self._run.spec_id == 0:  # kept by the reader from a search before ours: nobody knows how old
            self._note(at_ns, "llrp_stale_report", tags=rows)
        elif rows:
            self._records.append(decoded.reads)
        if decoded.lost:
            self._lost([frames[index] for index in decoded.lost], at_ns)
        if decoded.skipped:
            self._note(at_ns, "llrp_not_understood", parameters=decoded.skipped)

    def _lost(self, frames: list[Frame], at_ns: int) -> None:
        """Reports that cannot be read. Raises ProtocolError when others may have gone with them."""
        for frame in frames:
            fault = swallowed_message(frame)
            if fault is not None:
                raise fault
        self._note(at_ns, "llrp_report_lost", reports=len(frames))
        # their tags were seen by antennas of this round, and nobody knows which: of none is it known what it missed
        self._run.disturbed += tuple(range(1, len(self._run.antennas) + 1))

    def _answer(self, frame: Frame, at_ns: int) -> None:
        following = phases.ORDER.get((self._phase, frame.type))
        if following is None or frame.id != self._message_id:
            raise malformed(f"{self._phase}: message type {frame.type} id {frame.id} answers nothing we asked")
        answer = extensions_status(frame) if frame.type == CUSTOM else decode_message(frame)
        if answer["LLRPStatus"]["Status"] and self._refused(answer["LLRPStatus"], at_ns, is_answer=True):
            return
        if self._phase == "capabilities":
            self._asking.learn(answer, self._antennas)
        elif self._phase == "extending" and not answer["LLRPStatus"]["Status"]:
            self._condition.extended()
            self._asking.is_extended = True
        elif self._phase == "arming":
            self._run.is_armed = True
        elif self._phase == "surveying":
            for antenna in answer["AntennaProperties"] or ():
                if not antenna["AntennaConnected"]:
                    self._antenna(antenna["AntennaID"], at_ns, connected=False)
        self._enter(following, at_ns)

    def _refused(self, status: dict[str, Any], at_ns: int, *, is_answer: bool) -> bool:
        """What becomes of a refusal, by its answer or by an ERROR_MESSAGE: another phase, True; or, False, none at all.
        Raises DeviceError where nothing can be done without what was refused."""
        scan, is_search = self._run.scan, self._phase in phases.SEARCH_MAY_BE_REFUSED
        if self._phase in phases.OF_TIDS:
            self._no_tids(at_ns)
        elif self._asking.may_fall_back and (is_search or self._phase == "extending"):
            self._asking.fall_back()
            self._scans[:0] = [scan] if scan is not None else []
            self._note(at_ns, "llrp_content_refused", detail=status_words(status))
            self._enter("clearing", at_ns)
        elif scan is not None and is_search and is_answer:
            self._outcome(scan, at_ns, "failed", "llrp_scan_refused")
            self._enter("clearing", at_ns)
        elif self._phase in phases.MAY_BE_REFUSED and is_answer:
            return False
        elif self._phase == "disarming":
            self._enter("configuring", at_ns)
        else:
            raise DeviceError("llrp_refused", f"{self._phase}: {status_words(status)}")
        return True

    def _no_tids(self, at_ns: int) -> None:
        """The reader will not read TIDs: told once, and the search that was for them is over."""
        assert self._run.scan is not None
        self._asking.no_access()
        self._note(at_ns, "llrp_no_tids")
        self._outcome(self._run.scan, at_ns, "failed", "llrp_no_tids")
        self._enter("clearing", at_ns)

    def _event(self, data: dict[str, Any], at_ns: int) -> None:
        self._condition.clock(data["UTCTimestamp"], at_ns)
        if data["ConnectionAttemptEvent"] is not None:
            self._connection(data["ConnectionAttemptEvent"], at_ns)
        if data["ConnectionCloseEvent"] is not None:
            raise DeviceError("llrp_closed_by_reader", "the reader closes the connection")
        if data["AntennaEvent"] is not None:
            event = data["AntennaEvent"]
            self._antenna(event["AntennaID"], at_ns, connected=event["Event"] == phases.ANTENNA_CONNECTED)
        if data["ReaderExceptionEvent"] is not None:
            self._exception(data["ReaderExceptionEvent"], at_ns)
        if data["ReportBufferLevelWarningEvent"] is not None:
            self._note(at_ns, "llrp_buffer_filling", percent=data["ReportBufferLevelWarningEvent"])
        if data["ReportBufferOverflowErrorEvent"] is not None:
            self._note(at_ns, "llrp_buffer_overflow")
        if data["AISpecEvent"] is not None:
            self._antenna_done(data["AISpecEvent"], at_ns)
        if data["ROSpecEvent"] is not None:
            self._search_event(data["ROSpecEvent"], at_ns)

    def _connection(self, status: int, at_ns: int) -> None:
        if status == phases.ANOTHER_CLIENT:
            self._note(at_ns, "llrp_other_client")
        elif status in phases.HELD:
            raise DeviceError("llrp_held", "the reader is held by another client")
        elif status:
            raise DeviceError("llrp_refused", f"the reader refuses the connection, status {status}")
        elif self._phase == "greeting":
            if not self._antennas:
                raise DeviceError("llrp_no_antennas", "no port of this reader has a segment")
            self._enter(phases.ORDER["greeting", phases.READER_EVENT], at_ns)

    def _antenna(self, antenna: int, at_ns: int, *, connected: bool) -> None:
        if antenna not in self._antennas or connected == (antenna not in self._dead_antennas):
            return
        self._dead_antennas ^= {antenna}
        self._note(at_ns, "llrp_antenna_connected" if connected else "llrp_antenna_disconnected", antenna=antenna)

    def _exception(self, event: dict[str, Any], at_ns: int) -> None:
        self._note(at_ns, "llrp_reader_exception", message=event["Message"], antenna=event["AntennaID"] or 0)
        if event["SpecIndex"]:
            self._run.disturbed += (event["SpecIndex"],)
        elif event["AntennaID"]:
            places = (i for i, antenna in enumerate(self._run.antennas, 1) if antenna == event["AntennaID"])
            self._run.disturbed += tuple(places)

    def _antenna_done(self, event: dict[str, Any], at_ns: int) -> None:
        run = self._run
        if event["ROSpecID"] != run.spec_id or self._phase not in ("starting", "searching"):
            return  # of a search that was cut short: its antenna did not look everywhere
        place = event["SpecIndex"]
        if not 1 <= place <= len(run.antennas):
            raise malformed(f"AISpecEvent for spec {place} of {len(run.antennas)}")
        antenna = run.antennas[place - 1]
        if antenna not in self._dead_antennas and place not in run.disturbed:
            run.searched += (antenna,)
            self._records.append(Searched(self._reader.id, at_ns, antenna, 1, run.from_ns, at_ns))
        run.place = place
        self._condition.searched(at_ns - run.from_ns)
        run.from_ns = self._progress_ns = at_ns
        self._owes_round &= run.scan is not None
        if self._phase == "searching":  # no answer is awaited: what is asked now stands in nobody's way
            told, asked = self._condition.told(at_ns, self._message_id + 1)
            self._message_id += len(asked)
            self._records += told
            self._send += asked
        self._cut_short(at_ns)

    def _search_event(self, event: dict[str, Any], at_ns: int) -> None:
        if event["ROSpecID"] != self._run.spec_id or self._phase not in ("starting", "searching"):
            return
        if event["Event"] == phases.ROSPEC_STARTED:
            self._run.from_ns = self._progress_ns = at_ns
        elif event["Event"] == phases.ROSPEC_ENDED and self._phase == "searching":
            self._search_over(at_ns)
        elif event["Event"] == phases.ROSPEC_ENDED:  # before its START_ROSPEC was even answered
            self._run.is_over = True

    # --- what we do -----------------------------------------------------------------------------------------------

    def _cut_short(self, at_ns: int) -> None:
        """A scan that waits takes the place of the ordinary round, as soon as that has come one antenna further."""
        if self._phase == "searching" and self._run.scan is None and self._scans and not self._owes_round:
            self._enter("stopping", at_ns)

    def _search_over(self, at_ns: int) -> None:
        run = self._run
        self._owes_round &= run.scan is not None
        if run.scan is not None:
            missed = set(run.antennas) - set(run.searched)
            self._outcome(run.scan, at_ns, *(("failed", "llrp_not_searched") if missed else ("done", "")))
        after_scan = "relieving" if run.is_armed else "deleting"
        self._enter(after_scan if self._scans or run.scan is not None else "starting", at_ns)

    def _enter(self, phase: str, at_ns: int) -> None:
        """The next phase, or the one that comes instead, and what is asked on entering it."""
        while phase in phases.INSTEAD and not self._asking.needs(phase, self._run):
            phase = phases.INSTEAD[phase]
        self._phase = phase
        if phase == "searching":
            self._has_searched = self._asking.is_proven = True
            self._waiting_ns = None
            self._progress_ns = at_ns
            if self._run.is_over:
                self._search_over(at_ns)
            self._cut_short(at_ns)
            return
        self._waiting_ns = at_ns
        if phase == "stopping":  # the ordinary round goes on where it is cut short: no antenna is passed over for long
            done = self._run.place
            self._antennas = self._antennas[done:] + self._antennas[:done]
        elif phase == "adding":
            scan = self._scans.pop(0) if self._scans and not self._owes_round else None
            self._owes_round |= scan is not None
            self._run = Run(self._run.spec_id + 1, scan.antennas if scan else self._antennas, scan)
        elif phase == "starting":
            self._run.from_ns, self._run.is_over, self._run.place = at_ns, False, 0
            self._run.searched = self._run.disturbed = ()
            if self._run.scan is not None:
                self._outcome(self._run.scan, at_ns, "sent", "")
        self._message_id += 1
        self._send.append(self._asking.request(phase, self._message_id, self._run))

    def _ask(self, name: str, fields: dict[str, Any]) -> None:
        self._message_id += 1
        self._send.append(encode_request(name, self._message_id, fields))

    def _refusal(self, command: Command) -> str:
        """Why this command is not for this session; '' when it is."""
        if command.device != self._reader.id:
            return "wrong_device"
        if not isinstance(command, Scan):
            return "unsupported_command"
        if not command.antennas or not set(command.antennas) <= set(self._antennas):
            return "llrp_no_such_antenna"
        if command.with_tids and self._has_searched and not self._asking.may_tell_tids:
            return "llrp_no_tids"
        return "llrp_busy" if len(self._scans) >= WAITING_SCANS else ""

    def _outcome(self, command: Command, at_ns: int, result: Result, reason: str) -> None:
        self._records.append(CommandOutcome(command.id, self._reader.id, at_ns, result, reason))

    def _note(self, at_ns: int, code: str, **args: str | int) -> None:
        self._records.append(DeviceNote(self._reader.id, at_ns, code, dict(args)))
