"""The outbox port in memory: rows are committed at once, nothing is lost, thinning and retention by hand."""

from typing import NamedTuple

import msgspec

from edge.platform.contract import CHAIN_START, LANES, Lane, chain_next

EPOCH = "6a0e0f4e-6f2c-4b7f-9d58-3d1c4ad7f7a1"


class MemoryRow(NamedTuple):
    seq: int
    body: bytes
    chain: bytes


class MemoryOutbox:
    """Implements edge.platform.outbox.Outbox."""

    def __init__(self, epoch: str = EPOCH) -> None:
        self.epoch = epoch
        self._rows: dict[Lane, list[MemoryRow]] = {lane: [] for lane in LANES}
        self._acked: dict[Lane, int] = dict.fromkeys(LANES, 0)
        self._first: dict[Lane, int] = dict.fromkeys(LANES, 1)
        self._base: dict[Lane, bytes] = dict.fromkeys(LANES, CHAIN_START)
        self._head: dict[Lane, tuple[int, bytes]] = dict.fromkeys(LANES, (0, CHAIN_START))

    def append(self, lane: Lane, type_name: str = "contact_changed", data: object = None) -> MemoryRow:
        seq, chain = self._head[lane]
        seq += 1
        body = envelope(f"{lane}-{seq}", type_name, {"n": seq} if data is None else data)
        row = MemoryRow(seq, body, chain_next(chain, body))
        self._rows[lane].append(row)
        self._head[lane] = (seq, row.chain)
        return row

    def fill(self, lane: Lane, count: int) -> None:
        for _ in range(count):
            self.append(lane)

    def forget(self, lane: Lane, upto: int) -> None:
        """Acknowledged rows up to `upto` leave the journal."""
        assert upto <= self._acked[lane]
        self._base[lane] = next(row.chain for row in self._rows[lane] if row.seq == upto)
        self._rows[lane] = [row for row in self._rows[lane] if row.seq > upto]
        self._first[lane] = upto + 1

    def thin(self, lane: Lane, first: int, last: int) -> None:
        """Rows first..last become one gap record."""
        gone = [row for row in self._rows[lane] if first <= row.seq <= last]
        gap = {
            "first": first,
            "last": last,
            "count": len(gone),
            "first_chain": gone[0].chain.hex(),
            "last_chain": gone[-1].chain.hex(),
        }
        record = MemoryRow(last, envelope(f"gap-{lane}-{first}", "gap", gap), gone[-1].chain)
        kept = [row for row in self._rows[lane] if not first <= row.seq <= last]
        self._rows[lane] = sorted([*kept, record])

    def rows(self, lane: Lane) -> list[MemoryRow]:
        return self._rows[lane]

    # --- the port ---------------------------------------------------------------------------------------------------

    def committed(self) -> dict[Lane, int]:
        return {lane: head[0] for lane, head in self._head.items()}

    def acked(self, lane: Lane) -> int:
        return self._acked[lane]

    def ack(self, lane: Lane, upto: int) -> None:
        assert upto <= self._head[lane][0], "nobody can have received that"
        self._acked[lane] = max(self._acked[lane], upto)

    def rewind(self, lane: Lane, first: int) -> None:
        if not self._first[lane] <= first <= self._acked[lane] + 1:
            raise ValueError(f"{lane}: cannot rewind to {first}")
        self._acked[lane] = first - 1

    def first_held(self, lane: Lane) -> int:
        return self._first[lane]

    def chain_before(self, lane: Lane, first: int) -> bytes:
        if first == self._first[lane]:
            return self._base[lane]
        for row in self._rows[lane]:
            if row.seq == first - 1:
                return row.chain
        raise ValueError(f"{lane}: row {first - 1} is not held")

    def read_lane(self, lane: Lane, first: int, max_rows: int, max_bytes: int) -> list[MemoryRow]:
        if first < self._first[lane]:
            raise ValueError(f"{lane}: row {first} is not held")
        found: list[MemoryRow] = []
        size = 0
        for row in self._rows[lane]:
            if row.seq < first:
                continue
            size += len(row.body)
            if found and (size > max_bytes or len(found) == max_rows):
                break
            found.append(row)
        return found


def envelope(ident: str, type_name: str, data: object) -> bytes:
    return msgspec.json.encode(
        {"id": ident, "type": type_name, "at": "2026-11-22T15:00:00Z", "boot": "b1", "data": data}
    )
