"""Where each lane stands: what is held, committed and acknowledged. Shared by the loop and the writer thread.

The outbox is a cursor over the journal: an acknowledgement moves `acked` and deletes nothing.
"""
# ruff: noqa: S608 -- the names put into statements are the four lanes of edge.state.facts

import sqlite3
import threading
from dataclasses import dataclass

from edge.state.facts import LANES, Lane


@dataclass(slots=True)
class LaneState:
    """`first_held`: from here to the head no row is missing. `base_chain`, `base_n`: of the row before it.
    `thinned`: the last row of the newest gap record, 0 for none."""

    committed: int
    acked: int
    first_held: int
    base_chain: bytes
    base_n: int
    thinned: int


class Ledger:
    """The state of the four lanes under one lock, held for a few assignments only."""

    def __init__(self, lanes: dict[Lane, LaneState]) -> None:
        self._lanes = lanes
        self._lock = threading.Lock()

    def committed(self) -> dict[Lane, int]:
        """Highest committed sequence per lane; 0 for an empty lane."""
        return {lane: self._lanes[lane].committed for lane in LANES}

    def acked(self, lane: Lane) -> int:
        """Highest sequence the platform acknowledged."""
        return self._lanes[lane].acked

    def first_held(self, lane: Lane) -> int:
        """Lowest sequence from which on every row is held."""
        return self._lanes[lane].first_held

    def base(self, lane: Lane) -> tuple[int, bytes, int]:
        """first_held, and chain value and n of the row before it."""
        with self._lock:
            state = self._lanes[lane]
            return state.first_held, state.base_chain, state.base_n

    def thinned(self, lane: Lane) -> int:
        """Last row that a gap record stands for; 0 for none."""
        return self._lanes[lane].thinned

    def commit(self, lane: Lane, upto: int) -> None:
        """Rows up to `upto` are on disk."""
        self._lanes[lane].committed = upto

    def ack(self, lane: Lane, upto: int) -> bool:
        """Move the cursor forward; an older acknowledgement changes nothing and answers False.

        Raises ValueError beyond the last committed row: nobody can have received that.
        """
        with self._lock:
            state = self._lanes[lane]
            if not 0 <= upto <= state.committed:
                raise ValueError(f"lane {lane}: acknowledged up to {upto}, but only {state.committed} rows exist")
            is_news = upto > state.acked
            state.acked = max(state.acked, upto)
            return is_news

    def rewind(self, lane: Lane, first: int) -> None:
        """Move the cursor back, so that `first` is the next to be sent.

        Raises ValueError where the rows are no longer held or were never acknowledged.
        """
        with self._lock:
            state = self._lanes[lane]
            if not state.first_held <= first <= state.acked + 1:
                raise ValueError(
                    f"lane {lane}: cannot send again from {first}: rows {state.first_held} to {state.acked} are held "
                    "and acknowledged; ask for a snapshot instead"
                )
            state.acked = first - 1

    def cut(self, lane: Lane, upto: int, chain: bytes, n: int) -> bool:
        """Rows up to `upto` are about to be deleted; False where they were rewound meanwhile and must stay."""
        with self._lock:
            state = self._lanes[lane]
            if upto > state.acked:
                return False
            if upto >= state.first_held:
                state.first_held, state.base_chain, state.base_n = upto + 1, chain, n
            return True

    def thin(self, lane: Lane, upto: int) -> None:
        """A gap record now stands for the rows up to `upto`."""
        self._lanes[lane].thinned = upto


def load_ledger(connection: sqlite3.Connection) -> Ledger:
    """As the database says, at opening."""
    lanes: dict[Lane, LaneState] = {}
    for lane in LANES:
        acked, first_held, base_chain, base_n, thinned = connection.execute(
            "SELECT acked, first_held, base_chain, base_n, thinned FROM lane WHERE name = ?", (lane,)
        ).fetchone()
        last = connection.execute(f"SELECT max(seq) FROM fact_{lane}").fetchone()[0]
        committed = max(last or 0, first_held - 1)
        lanes[lane] = LaneState(committed, acked, first_held, base_chain, base_n, thinned)
    return Ledger(lanes)
