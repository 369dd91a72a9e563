"""The edge's side of the platform contract, without I/O: told what came in and what time it is, it answers with what
to publish and when it next wants to be asked."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from edge.platform.contract import (
    BATCH_BYTES,
    BATCH_FACTS,
    FLUSH_NS,
    LANES,
    PAGE_BYTES,
    QOS,
    SCHEMA,
    Ack,
    Birth,
    LaneStand,
    LinkWord,
    SnapshotPage,
    State,
    birth_page_topic,
)
from edge.platform.lane import ACK_TIMEOUT_NS, LaneWindow
from edge.platform.outbox import Outbox
from edge.state.facts import Lane

WINDOW = 10  # batches of all lanes but alarm in flight
ALARM_WINDOW = 4  # the alarm lane's own: it never waits behind the others
GAP = b'","type":"gap"'
GAP_WITHIN = 60  # bytes: behind the id; a record that stands for a single row is told by nothing else
ENVELOPE_BYTES = 512  # a batch's own fields, at most
PAGE_EVERY_NS = 20_000_000  # one page of a snapshot each 20 ms: 12 MB/s, and an alarm waits behind one page only
SNAPSHOT_EVERY_NS = 60_000_000_000  # after thinning; a later one covers all gaps before it
FIRST_REBIRTH_NS = 30_000_000_000  # a platform that does not answer a birth is asked again, ever more rarely
LAST_REBIRTH_NS = 300_000_000_000
TIMEOUTS_TO_ASK = 2  # in vain: ask the platform where it stands

_ack_decoder = msgspec.json.Decoder(Ack)


class Publish(msgspec.Struct, frozen=True):
    """One message to publish; `topic` is below the node's root."""

    topic: str
    payload: bytes
    qos: int = QOS
    retain: bool = False


class LinkTurn(msgspec.Struct, frozen=True):
    """The uplink's answer. `notes`: text ids of what the far end did wrong; `is_snapshot_due`: take a snapshot and
    hand it to `snapshot`; `snapshot_sent`: the id of one whose last page is in `publish`, else ''; `due_ns`: call `due`
    no later than this vault time."""

    publish: tuple[Publish, ...]
    notes: tuple[str, ...]
    is_snapshot_due: bool
    snapshot_sent: str
    due_ns: int | None


class Uplink:
    """All lanes of one node to one platform.

    Alarms go first, at once, in a window of their own; the other lanes take turns; what was acknowledged before
    (after a rewind) goes when nothing live waits, at a limited rate.
    """

    def __init__(self, outbox: Outbox, *, node: str, software: str, layout: str, devices: tuple[str, ...]) -> None:
        self._outbox = outbox
        self._node, self._software, self._layout, self._devices = node, software, layout, devices
        self._lanes: dict[Lane, LaneWindow] = {lane: LaneWindow(lane, outbox) for lane in LANES}
        self._rotation: list[Lane] = [lane for lane in LANES if lane != "alarm"]
        self._is_connected = False
        self._rebirth_due_ns = 0
        self._rebirth_after_ns = FIRST_REBIRTH_NS
        self._snapshot = ""
        self._pages: list[bytes] = []
        self._marks: Mapping[Lane, int] = {}
        self._page_due_ns = 0
        self._is_snapshot_wanted = self._is_snapshot_taken = False
        self._snapshot_due_ns = 0
        self._out: list[Publish] = []
        self._notes: list[str] = []

    def connected(self, at_ns: int) -> LinkTurn:
        """Connected and subscribed: say who we are and wait for where the platform stands."""
        self._is_connected = True
        for window in self._lanes.values():
            window.close()
        self._rebirth_after_ns = FIRST_REBIRTH_NS
        self._birth(at_ns)
        self._out.append(state_message("online"))
        return self._turn(at_ns)

    def disconnected(self) -> None:
        """The link is gone: what is in flight counts as lost; a snapshot on its way is wanted again."""
        self._is_connected = False
        for window in self._lanes.values():
            window.close()
        if self._pages or self._is_snapshot_taken:
            self._pages.clear()
            self._is_snapshot_wanted, self._is_snapshot_taken, self._snapshot_due_ns = True, False, 0

    def due(self, at_ns: int) -> LinkTurn:
        """The deadline asked for has come, or there are new rows (calling early is harmless)."""
        return self._turn(at_ns)

    def ack_received(self, lane: Lane, payload: bytes, at_ns: int) -> LinkTurn:
        """A message on down/ack/{lane}."""
        window = self._lanes[lane]
        try:
            ack = _ack_decoder.decode(payload)
        except msgspec.DecodeError:
            self._notes.append("ack_malformed")
            return self._turn(at_ns)
        if ack.epoch != self._outbox.epoch:
            self._notes.append("ack_wrong_epoch")
            return self._turn(at_ns)
        verdict = window.acknowledge(ack.upto, bytes.fromhex(ack.chain), at_ns)
        if verdict.note:
            self._notes.append(verdict.note)
        self._is_snapshot_wanted = self._is_snapshot_wanted or verdict.is_snapshot_due
        if ack.conflict is not None:
            self._notes.append("chain_conflict")
            window.pause(at_ns)
        return self._turn(at_ns)

    def rewind_refusal(self, lane: Lane, epoch: str, first: int) -> str:
        """Why rows from `first` on cannot be sent again, a text id; '' where they can."""
        if epoch != self._outbox.epoch:
            return "wrong_epoch"
        return "rewind_beyond_acked" if first > self._outbox.acked(lane) else ""

    def rewind(self, lane: Lane, first: int, at_ns: int) -> LinkTurn:
        """A rewind that was signed, committed and not refused."""
        if self._lanes[lane].rewind(first, at_ns):
            self._is_snapshot_wanted = True
            self._birth(at_ns)  # tells the platform from where on the journal holds rows
        return self._turn(at_ns)

    def snapshot_taken(self) -> None:
        """The state of now is being laid out in pages: whatever asks for a snapshot from here on asks for another."""
        self._is_snapshot_wanted, self._is_snapshot_taken = False, True

    def snapshot(self, snapshot: str, marks: Mapping[Lane, int], pages: Sequence[bytes], at_ns: int) -> LinkTurn:
        """Send a snapshot that was taken at `marks`, page by page; one still on its way is given up.

        The first page waits until every row that `marks` name is committed: rows that a crash takes along would be
        given out again to other facts, and the platform would compare at marks that mean something else.
        """
        self._snapshot = snapshot
        self._marks = marks
        self._pages = list(pages)
        self._page_due_ns = at_ns
        self._snapshot_due_ns = at_ns + SNAPSHOT_EVERY_NS
        self._is_snapshot_taken = False
        return self._turn(at_ns)

    def is_drained(self) -> bool:
        """Everything committed was acknowledged and no page waits."""
        committed = self._outbox.committed()
        return not self._pages and all(self._outbox.acked(lane) >= seq for lane, seq in committed.items())

    # --- what goes out ---------------------------------------------------------------------------------------------

    def _turn(self, at_ns: int) -> LinkTurn:
        is_snapshot_due = False
        snapshot_sent = ""
        due_ns: int | None = None
        if self._is_connected:
            deadlines = self._late(at_ns)
            deadlines += self._pump(at_ns)
            if self._pages and self._are_marks_committed():
                deadlines.append(self._page(at_ns))
                snapshot_sent = "" if self._pages else self._snapshot
            if self._is_snapshot_wanted:
                is_snapshot_due = at_ns >= self._snapshot_due_ns
                if is_snapshot_due:
                    self._snapshot_due_ns = at_ns + SNAPSHOT_EVERY_NS
                deadlines.append(self._snapshot_due_ns)
            due_ns = min(deadlines, default=None)
        turn = LinkTurn(tuple(self._out), tuple(self._notes), is_snapshot_due, snapshot_sent, due_ns)
        self._out, self._notes = [], []
        return turn

    def _late(self, at_ns: int) -> list[int]:
        """Acks and births that were waited for too long."""
        for window in self._lanes.values():
            if window.in_flight and at_ns >= window.in_flight[0].at_ns + ACK_TIMEOUT_NS:
                timeouts = window.timeouts + 1
                window.go_back(at_ns)
                window.timeouts = timeouts
                if timeouts >= TIMEOUTS_TO_ASK:
                    window.close()
                    self._rebirth_due_ns = at_ns
        if all(window.is_open for window in self._lanes.values()):
            self._rebirth_after_ns = FIRST_REBIRTH_NS
            return []
        if at_ns >= self._rebirth_due_ns:
            self._birth(at_ns)
            self._rebirth_after_ns = min(2 * self._rebirth_after_ns, LAST_REBIRTH_NS)
        return [self._rebirth_due_ns]

    def _pump(self, at_ns: int) -> list[int]:
        """Fill the windows; returns the deadlines of what still waits."""
        committed = self._outbox.committed()
        deadlines: list[int] = []
        alarm = self._lanes["alarm"]
        while len(alarm.in_flight) < ALARM_WINDOW and self._ready_ns(alarm, committed, at_ns) == at_ns:
            if not self._batch(alarm, committed, at_ns):
                break
        for is_replay in (False, True):
            while self._free() and (lane := self._next_lane(committed, at_ns, is_replay)):
                if not self._batch(self._lanes[lane], committed, at_ns):
                    break
        for window in self._lanes.values():
            if window.in_flight:
                deadlines.append(window.in_flight[0].at_ns + ACK_TIMEOUT_NS)
            ready_ns = self._ready_ns(window, committed, at_ns)
            if ready_ns is not None and ready_ns > at_ns:
                deadlines.append(ready_ns)
        return deadlines

    def _free(self) -> bool:
        return sum(len(self._lanes[lane].in_flight) for lane in self._rotation) < WINDOW

    def _next_lane(self, committed: Mapping[Lane, int], at_ns: int, is_replay: bool) -> Lane | None:
        for lane in self._rotation:
            window = self._lanes[lane]
            if window.is_replaying() == is_replay and self._ready_ns(window, committed, at_ns) == at_ns:
                self._rotation.remove(lane)
                self._rotation.append(lane)
                return lane
        return None

    def _ready_ns(self, window: LaneWindow, committed: Mapping[Lane, int], at_ns: int) -> int | None:
        """When the lane's next batch may go, not before `at_ns`; None while nothing waits."""
        waiting = committed.get(window.lane, 0) - window.next + 1
        if not window.is_open or waiting <= 0:
            return None
        ready_ns = window.paused_until_ns
        if window.lane != "alarm":
            if waiting < BATCH_FACTS:
                if window.pending_since_ns is None:
                    window.pending_since_ns = at_ns
                ready_ns = max(ready_ns, window.pending_since_ns + FLUSH_NS)
            if window.is_replaying():
                ready_ns = max(ready_ns, window.replay_due_ns)
        return max(ready_ns, at_ns)

    def _batch(self, window: LaneWindow, committed: Mapping[Lane, int], at_ns: int) -> bool:
        rows = self._outbox.read_lane(window.lane, window.next, BATCH_FACTS, BATCH_BYTES - ENVELOPE_BYTES)
        count = len(rows)
        while count and rows[count - 1].seq > committed[window.lane]:
            count -= 1  # on disk, but the store has not said so yet: its ack would come too early
        if count == 0:
            return False
        first, last = window.next, rows[count - 1].seq
        bodies = b",".join([rows[index].body for index in range(count)])
        head = (
            f'{{"epoch":"{self._outbox.epoch}","lane":"{window.lane}","first":{first},"last":{last},'
            f'"schema":{SCHEMA},"prev":"{window.previous_chain.hex()}","facts":['
        )
        self._out.append(Publish(f"up/{window.lane}", head.encode() + bodies + b"]}"))
        if last - first + 1 != count or any(_is_gap(rows[index].body) for index in range(count)):
            self._is_snapshot_wanted = True  # a gap record stands for rows that are gone: fields may be missing
        window.sent(last, rows[count - 1].chain, count, at_ns)
        return True

    def _are_marks_committed(self) -> bool:
        committed = self._outbox.committed()
        return all(committed.get(lane, 0) >= mark for lane, mark in self._marks.items())

    def _page(self, at_ns: int) -> int:
        if at_ns >= self._page_due_ns:
            self._out.append(Publish("up/snapshot", self._pages.pop(0)))
            self._page_due_ns = at_ns + PAGE_EVERY_NS
        return self._page_due_ns

    def _birth(self, at_ns: int) -> None:
        committed = self._outbox.committed()
        lanes = {
            lane: LaneStand(next=committed.get(lane, 0) + 1, first=self._outbox.first_held(lane)) for lane in LANES
        }
        digest = hashlib.sha256("".join(f"{device}\n" for device in self._devices).encode()).hexdigest()
        per_page = PAGE_BYTES // 72  # a device id has at most 64 characters, quoted and with a comma 67
        pages = max(1, -(-len(self._devices) // per_page))
        for page in range(1, pages + 1):
            birth = Birth(
                node=self._node,
                software=self._software,
                layout=self._layout,
                epoch=self._outbox.epoch,
                lanes=lanes,
                page=page,
                pages=pages,
                hash=digest,
                devices=self._devices[(page - 1) * per_page : page * per_page],
            )
            self._out.append(Publish(birth_page_topic(page), msgspec.json.encode(birth), retain=True))
        self._rebirth_due_ns = at_ns + self._rebirth_after_ns


def _is_gap(body: bytes) -> bool:
    return GAP in body[:GAP_WITHIN]


def state_message(state: LinkWord) -> Publish:
    """The retained word on the link: online, draining, offline (which is also the will)."""
    return Publish("up/state", msgspec.json.encode(State(state)), retain=True)


def snapshot_pages(snapshot: str, epoch: str, marks: Mapping[Lane, int], body: bytes) -> list[bytes]:
    """The messages of one snapshot, each at most PAGE_BYTES."""
    digest = hashlib.sha256(body).hexdigest()
    raw_per_page = (PAGE_BYTES - 2 * ENVELOPE_BYTES) // 4 * 3  # base64
    pages = max(1, -(-len(body) // raw_per_page))
    return [
        msgspec.json.encode(
            SnapshotPage(
                snapshot=snapshot,
                epoch=epoch,
                marks=dict(marks),
                page=page,
                pages=pages,
                hash=digest,
                body=body[(page - 1) * raw_per_page : page * raw_per_page],
            )
        )
        for page in range(1, pages + 1)
    ]
