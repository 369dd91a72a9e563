"""One lane between journal and platform: what was sent, what was acknowledged, what comes next."""

from collections import deque
from typing import NamedTuple

from edge.platform.contract import CHAIN_START
from edge.platform.outbox import Outbox
from edge.state.facts import Lane

ACK_TIMEOUT_NS = 10_000_000_000  # a platform under ten batches commits them in well under a second
RESEND_PAUSE_NS = 1_000_000_000  # a repeated ack makes us go back at most this often
CONFLICT_PAUSE_NS = 60_000_000_000  # a person has to look; sending on would only be refused again
REPLAY_FACTS_PER_S = 5_000  # what was acknowledged before goes again at a quarter of the line


class Sent(NamedTuple):
    """A batch in flight: its last row, the chain value there, when it went."""

    last: int
    chain: bytes
    at_ns: int


class Verdict(NamedTuple):
    """What an ack came to: `note` is a text id or ''; `is_snapshot_due`: the platform lacks what is no longer held."""

    note: str = ""
    is_snapshot_due: bool = False


class LaneWindow:
    """A cumulative go-back window over one lane. It waits for the platform's word on where it stands (`is_open`),
    then sends from there; `highest_sent` is what no ack may exceed.

    A new process takes every committed row as sent: the one before it may have sent any of them.
    """

    def __init__(self, lane: Lane, outbox: Outbox) -> None:
        self.lane = lane
        self._outbox = outbox
        self.is_open = False
        self.acked = outbox.acked(lane)
        self.acked_chain = CHAIN_START
        self.next = self.acked + 1
        self.previous_chain = b""
        self.highest_sent = outbox.committed().get(lane, 0)
        self.in_flight: deque[Sent] = deque()
        self.replay_upto = 0
        self.replay_due_ns = 0
        self.paused_until_ns = 0
        self.pending_since_ns: int | None = None
        self.timeouts = 0
        self._went_back_at_ns = 0

    def close(self) -> None:
        """The link is gone or the platform does not follow: nothing more until it says where it stands."""
        self.is_open = False
        self.in_flight.clear()
        self.pending_since_ns = None
        self.timeouts = 0

    def go_back(self, at_ns: int) -> None:
        """Send again from the last acknowledged row, or from the first the journal still holds."""
        self.in_flight.clear()
        self._went_back_at_ns = at_ns
        self._continue_at(self.acked + 1, self.acked_chain)

    def is_replaying(self) -> bool:
        """What comes next was acknowledged once before."""
        return self.next <= self.replay_upto

    def sent(self, last: int, chain: bytes, facts: int, at_ns: int) -> None:
        """A batch up to row `last` left."""
        if self.is_replaying():
            self.replay_due_ns = at_ns + facts * 1_000_000_000 // REPLAY_FACTS_PER_S
        self.in_flight.append(Sent(last, chain, at_ns))
        self.highest_sent = max(self.highest_sent, last)
        self.next = last + 1
        self.previous_chain = chain
        self.pending_since_ns = None

    def acknowledge(self, upto: int, chain: bytes, at_ns: int) -> Verdict:
        """The platform stands at `upto`, with this chain value there. Refused acks change nothing."""
        if upto > self.highest_sent:
            return Verdict("ack_beyond_sent")
        if not self.is_open:
            return self._open(upto, chain)
        if upto < self.acked:
            return Verdict()  # an older one, overtaken
        known = self._chain_at(upto)
        if known is not None and known != chain:
            self.pause(at_ns)
            return Verdict("chain_conflict")
        if upto == self.acked:
            if self.in_flight and at_ns - self._went_back_at_ns >= RESEND_PAUSE_NS:
                self.go_back(at_ns)  # it says again where it stands: it was restarted and has lost what is in flight
            return Verdict()
        while self.in_flight and self.in_flight[0].last <= upto:
            self.in_flight.popleft()
        self.acked, self.acked_chain, self.timeouts = upto, chain, 0
        self._outbox.ack(self.lane, upto)
        if self.next <= upto:
            self._continue_at(upto + 1, chain)
        return Verdict()

    def pause(self, at_ns: int) -> None:
        """The two ends hold different rows: stop this lane, try again later."""
        self.paused_until_ns = at_ns + CONFLICT_PAUSE_NS
        self.go_back(at_ns)

    def rewind(self, first: int, at_ns: int) -> bool:
        """Send again from `first`, which was acknowledged; True where the journal no longer holds all of it."""
        self.replay_upto = max(self.replay_upto, self.acked)
        held = self._rewind_outbox(first)
        before = self._chain_at(first - 1)
        self.acked, self.acked_chain = first - 1, before if before is not None else b""
        self.go_back(at_ns)
        return first < held

    def _open(self, upto: int, chain: bytes) -> Verdict:
        known = self._chain_at(upto)
        if known is not None and known != chain:
            return Verdict("chain_conflict")
        was_acked = self._outbox.acked(self.lane)
        held = 1
        note = ""
        if upto > was_acked:
            self._outbox.ack(self.lane, upto)
        elif upto < was_acked:
            note = "platform_behind"
            self.replay_upto = max(self.replay_upto, was_acked)
            held = self._rewind_outbox(upto + 1)
        self.is_open = True
        self.in_flight.clear()
        self.timeouts = 0
        self.acked, self.acked_chain = upto, chain
        self._continue_at(upto + 1, chain)
        return Verdict(note, is_snapshot_due=upto + 1 < held)

    def _rewind_outbox(self, first: int) -> int:
        """Make rows from `first`, or from the first held, unacknowledged; from then on they stay held."""
        while True:
            held = self._outbox.first_held(self.lane)
            try:
                self._outbox.rewind(self.lane, max(first, held))
            except ValueError:
                if self._outbox.first_held(self.lane) == held:
                    raise
            else:
                return held  # else rows left the journal between the two questions

    def _continue_at(self, seq: int, previous: bytes) -> None:
        held = self._outbox.first_held(self.lane)
        if seq < held:
            seq, previous = held, self._outbox.chain_before(self.lane, held)
        self.next, self.previous_chain = seq, previous
        self.pending_since_ns = None

    def _chain_at(self, seq: int) -> bytes | None:
        """Our own chain value at `seq`; None where the journal no longer holds it."""
        for batch in self.in_flight:
            if batch.last == seq:
                return batch.chain
        try:
            return self._outbox.chain_before(self.lane, seq + 1)
        except ValueError:
            return None
