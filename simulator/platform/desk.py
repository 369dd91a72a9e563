"""The reference platform's side of the contract for one vault, without a socket: messages in, messages out.

Messages are taken in groups: one commit, then the acks. Nothing is acknowledged before it is on disk.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from edge.platform.contract import (
    LANES,
    Ack,
    Batch,
    Birth,
    CommandResult,
    Conflict,
    Lane,
    SnapshotBody,
    SnapshotPage,
)
from simulator.platform.chain import BEFORE_THE_FIRST
from simulator.platform.intake import take
from simulator.platform.ledger import Ledger
from simulator.platform.mirror import Mirror
from simulator.platform.signing import Signer, next_counter

KEPT_RESULTS = 100


class Outgoing(NamedTuple):
    """A message to publish at QoS 1; `topic` is below the node's root."""

    topic: str
    payload: bytes


class Desk:
    """Owned by one thread."""

    def __init__(self, ledger: Ledger, node_path: str, signer: Signer | None) -> None:
        """`node_path`: the node that commands are signed for."""
        self._ledger = ledger
        self._node_path = node_path
        self._signer = signer
        self._epoch = ""
        self._first_held: dict[Lane, int] = {}
        self._acks: dict[tuple[str, Lane], Conflict | None] = {}
        self._pages: dict[int, SnapshotPage] = {}
        self._pending: tuple[SnapshotPage, SnapshotBody] | None = None
        self._mirror = Mirror()
        self._folded: dict[Lane, int] = {}
        self._adopted: dict[Lane, int] = {}
        self._mirror_epoch = ""
        self._results: dict[str, list[dict[str, str]]] = {}
        self.state = ""
        self.mirror_equal: bool | None = None
        self.mirror_mark: dict[Lane, int] = {}
        self.mirror_snapshot = ""
        self.differences: list[str] = []
        self._takers: dict[str, Callable[[bytes], None]] = {
            **{f"up/{lane}": self._batch for lane in LANES},
            "up/birth": self._birth,
            "up/state": self._link_word,
            "up/snapshot": self._page,
            "up/res": self._result,
        }

    def receive(self, messages: Iterable[tuple[str, bytes]]) -> list[Outgoing]:
        """Take a group of messages, commit once, answer. What cannot be read is counted and left."""
        self._ledger.begin()
        for topic, payload in messages:
            taker = self._takers.get(topic)
            if taker is None:
                continue  # further pages of a birth: device ids, which nobody here asks for
            try:
                taker(payload)
            except ValueError:  # msgspec's errors are ValueErrors
                self._ledger.count("malformed")
        self._ledger.commit()
        self._compare()
        out = [self._ack(epoch, lane, conflict) for (epoch, lane), conflict in self._acks.items()]
        self._acks.clear()
        return out

    def request_snapshot(self) -> tuple[str, Outgoing]:
        """A signed `snapshot.request`; returns its id too."""
        return self._command("cmd", "snapshot.request", {})

    def request_rewind(self, lane: str, first: int) -> tuple[str, Outgoing]:
        """A signed `rewind` of a lane of the current epoch."""
        return self._command("rewind", "rewind", {"lane": lane, "epoch": self._epoch, "from": first})

    def status(self) -> dict[str, Any]:
        """What the platform has, and whether its mirror equalled the last snapshot."""
        ledger = self._ledger
        return {
            "facts": ledger.facts(),
            "duplicates": ledger.tally("duplicates"),
            "gaps": ledger.missing(),
            "conflicts": ledger.tally("conflicts"),
            "malformed": ledger.tally("malformed"),
            "state": self.state,
            "epoch": self._epoch,
            "lanes": {lane: stand.upto for lane, stand in ledger.stands(self._epoch).items()},
            "mirror_equal": self.mirror_equal,
            "mirror_mark": self.mirror_mark,
            "mirror_snapshot": self.mirror_snapshot,
            "differences": self.differences,
            "results": self._results,
        }

    # --- messages ---------------------------------------------------------------------------------------------------

    def _batch(self, payload: bytes) -> None:
        batch = msgspec.json.decode(payload, type=Batch)
        held = self._first_held.get(batch.lane, 1) if batch.epoch == self._epoch else 1
        taken = take(self._ledger, batch, held)
        if taken.duplicates:
            self._ledger.count("duplicates", taken.duplicates)
        if taken.conflict:
            self._ledger.count("conflicts")
        if taken.answer:
            self._acks[batch.epoch, batch.lane] = taken.conflict

    def _birth(self, payload: bytes) -> None:
        birth = msgspec.json.decode(payload, type=Birth)
        self._epoch = birth.epoch
        self._first_held = {lane: stand.first for lane, stand in birth.lanes.items()}
        for lane in LANES:
            self._acks.setdefault((birth.epoch, lane), None)

    def _link_word(self, payload: bytes) -> None:
        self.state = msgspec.json.decode(payload)["state"]

    def _result(self, payload: bytes) -> None:
        result = msgspec.json.decode(payload, type=CommandResult)
        self._results.setdefault(result.command, []).append({"outcome": result.outcome, "reason": result.reason})
        if len(self._results) > KEPT_RESULTS:
            del self._results[next(iter(self._results))]

    def _page(self, payload: bytes) -> None:
        page = msgspec.json.decode(payload, type=SnapshotPage)
        known = next(iter(self._pages.values()), page)
        if (known.snapshot, known.hash) != (page.snapshot, page.hash):
            self._pages.clear()
        self._pages[page.page] = page
        if len(self._pages) < page.pages:
            return
        body = b"".join(self._pages[number].body for number in sorted(self._pages))
        self._pages.clear()
        if hashlib.sha256(body).hexdigest() != page.hash:
            raise ValueError(f"snapshot {page.snapshot}: its pages do not hash to {page.hash}")
        self._pending = (page, msgspec.json.decode(body, type=SnapshotBody))

    # --- answers ----------------------------------------------------------------------------------------------------

    def _ack(self, epoch: str, lane: Lane, conflict: Conflict | None) -> Outgoing:
        stand = self._ledger.stand(epoch, lane)
        upto, chain = (stand.upto, stand.chain) if stand else (0, BEFORE_THE_FIRST)
        ack = Ack(epoch=epoch, upto=upto, chain=chain.hex(), conflict=conflict)
        return Outgoing(f"down/ack/{lane}", msgspec.json.encode(ack))

    def _command(self, topic: str, action: str, args: dict[str, Any]) -> tuple[str, Outgoing]:
        if self._signer is None:
            raise ValueError("this platform was started without --key: it cannot sign a command")
        name = f"counter {self._signer.issuer}"
        held = self._ledger.tally(name)
        counter = next_counter(held)
        self._ledger.count(name, counter - held)  # on disk before it is used
        command_id = f"{self._signer.issuer}-{counter}"
        payload = self._signer.command(command_id, self._node_path, action, args, counter=counter, now_s=time.time())
        return command_id, Outgoing(f"down/{topic}", payload)

    def _compare(self) -> None:
        """Compare with the pending snapshot once every lane is committed up to its mark."""
        if self._pending is None:
            return
        page, said = self._pending
        stands = self._ledger.stands(page.epoch)
        if any(mark > (stands[lane].upto if lane in stands else 0) for lane, mark in page.marks.items()):
            return
        self._pending = None
        if page.epoch != self._mirror_epoch or any(
            mark < self._folded.get(lane, 0) for lane, mark in page.marks.items()
        ):
            self._mirror, self._folded, self._adopted, self._mirror_epoch = Mirror(), {}, {}, page.epoch
        for lane, mark in page.marks.items():
            stand = stands.get(lane)
            if stand is None:
                continue
            self._mirror.fold(self._ledger.bodies(stand.stream, self._folded.get(lane, 0), mark))
            self._folded[lane] = mark
            if self._adopted.get(lane, 0) < stand.missing_upto:
                self._mirror.adopt(lane, said)
                self._adopted[lane] = mark
        self.differences = self._mirror.differences(said)
        self.mirror_equal = not self.differences
        self.mirror_mark, self.mirror_snapshot = page.marks, page.snapshot
