"""Facts that found no place in the queue: one gap record per lane stands for them once there is room."""

from typing import NamedTuple

from edge.state.facts import Lane
from edge.store.envelope import FactRow, gap_body


class _Run(NamedTuple):
    """Consecutive rows that were given their sequences and then given up."""

    first: int
    first_chain: bytes
    last: FactRow


class Gaps:
    """The runs not yet told. Owned by the loop's thread."""

    def __init__(self, vault: str, boot: str) -> None:
        self._vault = vault
        self._boot = boot
        self._runs: dict[Lane, _Run] = {}

    def __bool__(self) -> bool:
        return bool(self._runs)

    def stand_for(self, rows: dict[Lane, list[FactRow]]) -> None:
        """These rows, the next of their lanes, will never be written."""
        for lane, more in rows.items():
            run = self._runs.get(lane)
            first, first_chain = (run.first, run.first_chain) if run else (more[0][0], more[0][5])
            self._runs[lane] = _Run(first, first_chain, more[-1])

    def take(self) -> tuple[dict[Lane, list[FactRow]], int]:
        """The records as rows, to be stored before any later row of their lanes, and the bytes of their bodies."""
        rows = {lane: [self._record(lane, run)] for lane, run in self._runs.items()}
        self._runs.clear()
        return rows, sum(len(lane_rows[0][6]) for lane_rows in rows.values())

    def _record(self, lane: Lane, run: _Run) -> FactRow:
        last, n, _, at_ns, _, last_chain, _ = run.last
        gap: dict[str, str | int] = {
            "first": run.first,
            "last": last,
            "count": last - run.first + 1,
            "first_chain": run.first_chain.hex(),
            "last_chain": last_chain.hex(),
        }
        return (last, n, "gap", at_ns, None, last_chain, gap_body(self._vault, self._boot, at_ns, gap, lane))
