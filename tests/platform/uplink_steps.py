"""What the uplink's tests say and look at."""

import msgspec

from edge.platform.contract import CHAIN_START, LANES, Ack, Batch, Lane
from edge.platform.uplink import LinkTurn, Uplink
from tests.platform.memory_outbox import MemoryOutbox

MS = 1_000_000
S = 1_000 * MS
T0 = 1_800_000_000 * S


def make(outbox: MemoryOutbox, devices: tuple[str, ...] = ("reader-1",)) -> Uplink:
    return Uplink(outbox, node="edge-1", software="0.1.0", layout="00ff", devices=devices)


def ack(outbox: MemoryOutbox, lane: Lane, upto: int, **changes: object) -> bytes:
    chain = next((row.chain for row in outbox.rows(lane) if row.seq == upto), CHAIN_START)
    fields: dict[str, object] = {"epoch": outbox.epoch, "upto": upto, "chain": chain.hex(), **changes}
    return msgspec.json.encode(msgspec.convert(fields, Ack))


def opened(outbox: MemoryOutbox, uplink: Uplink, at_ns: int = T0) -> LinkTurn:
    """Connected, and the platform said for every lane that it has what the outbox has as acknowledged."""
    uplink.connected(at_ns)
    turn = LinkTurn((), (), is_snapshot_due=False, snapshot_sent="", due_ns=None)
    for lane in LANES:
        turn = uplink.ack_received(lane, ack(outbox, lane, outbox.acked(lane)), at_ns)
    return turn


def batches(turn: LinkTurn, lane: Lane | None = None) -> list[Batch]:
    found = [
        msgspec.json.decode(message.payload, type=Batch)
        for message in turn.publish
        if message.topic in {f"up/{name}" for name in LANES}
    ]
    return [batch for batch in found if lane is None or batch.lane == lane]


def spans(turn: LinkTurn, lane: Lane | None = None) -> list[tuple[int, int]]:
    return [(batch.first, batch.last) for batch in batches(turn, lane)]
