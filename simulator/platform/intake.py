"""What the platform does with a batch: new rows are taken, known ones compared, holes and contradictions answered."""

from typing import NamedTuple

import msgspec

from edge.platform.contract import Batch, Conflict, GapRecord
from simulator.platform.chain import chain_after
from simulator.platform.ledger import FactRow, Ledger, Stand


class _Kind(msgspec.Struct):
    """As much of an envelope as the intake must know."""

    type: str
    data: msgspec.Raw


class Taken(NamedTuple):
    """What a batch came to. `answer` False: say nothing, so that the edge sends what is missing."""

    stand: Stand | None
    new: int = 0
    duplicates: int = 0
    conflict: Conflict | None = None
    answer: bool = True


_kind_decoder = msgspec.json.Decoder(_Kind)
_gap_decoder = msgspec.json.Decoder(GapRecord)


def take(ledger: Ledger, batch: Batch, first_held: int) -> Taken:
    """Write what is new of a batch, inside the caller's transaction.

    first_held: the first row the edge's journal still holds of this lane, as its birth says. Raises
    msgspec.DecodeError for a fact that is no envelope and ValueError where the rows do not fill `first`..`last`.
    """
    stand = ledger.stand(batch.epoch, batch.lane)
    upto = stand.upto if stand else 0
    if batch.first > upto + 1 and batch.first != first_held:
        return Taken(stand, answer=False)
    if stand is None:
        stand = ledger.new_stream(batch.epoch, batch.lane)
    prev = bytes.fromhex(batch.prev)
    if batch.first > upto + 1:  # the journal no longer holds what lies between: it will never come
        lost = batch.first - 1 - upto
        stand = stand._replace(
            upto=batch.first - 1,
            chain=prev,
            missing=stand.missing + lost,
            missing_upto=batch.first - 1,
        )
    if batch.first == stand.upto + 1 and prev != stand.chain:
        return Taken(stand, conflict=Conflict(stand.upto, stand.chain.hex()))
    return _rows(ledger, batch, stand, prev)


def _rows(ledger: Ledger, batch: Batch, stand: Stand, chain: bytes) -> Taken:
    before = stand
    new: list[FactRow] = []
    duplicates = 0
    seq = batch.first - 1
    for raw in batch.facts:
        body = bytes(raw)
        kind = _kind_decoder.decode(body)
        if kind.type == "gap":
            gap = _gap_decoder.decode(kind.data)
            if not gap.first <= seq + 1 <= gap.last:
                raise ValueError(f"gap record {gap.first}..{gap.last} does not stand at {seq + 1}")
            seq, chain = gap.last, bytes.fromhex(gap.last_chain)
            if seq > stand.upto:
                lost = seq - stand.upto
                stand = stand._replace(missing=stand.missing + lost, missing_upto=seq)
        else:
            seq, chain = seq + 1, chain_after(chain, body)
        if seq > stand.upto:
            new.append((stand.stream, seq, chain, body))
            stand = stand._replace(upto=seq, chain=chain)
            continue
        duplicates += 1
        held = stand.chain if seq == stand.upto else ledger.chain_at(stand.stream, seq)
        if held is not None and held != chain:
            return Taken(before, conflict=Conflict(seq, held.hex()))
    if seq != batch.last:
        raise ValueError(f"batch {batch.first}..{batch.last} holds rows up to {seq}")
    if stand != before or new:
        ledger.append(new, stand)
    return Taken(stand, new=len(new), duplicates=duplicates)
