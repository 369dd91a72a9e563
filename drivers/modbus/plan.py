"""Which blocks to read so that every point is covered with few requests: one costs more than a dozen registers."""

from collections.abc import Iterable

from config.profile import Point, Table, register_count
from drivers.modbus.registers import TABLES, RegisterRead

SERIAL_GAP = 12  # registers worth reading in vain at 9600 Bd: 25 ms, as long as another request
TCP_GAP = 100  # 3,000 requests a second whether 2 or 125 registers are asked

Cut = tuple[Table, int]
"""No block may hold both the register before this address and the one at it: a hole the unit refused to cross."""


def plan(
    points: Iterable[Point], unit: int, *, max_block: int, max_gap: int, cuts: frozenset[Cut] = frozenset()
) -> tuple[RegisterRead, ...]:
    """Blocks that cover every point, in table and address order.

    No block is longer than max_block (a single point of two registers is never divided), bridges more than max_gap
    registers that nobody wants, or crosses a cut.
    """
    wanted = list(points)
    blocks: list[RegisterRead] = []
    for table in TABLES:
        start = end = -1
        for first, after in _spans(wanted, table):
            joined_end = max(end, after)
            fits = (
                start >= 0
                and first - end <= max_gap
                and joined_end - start <= max_block
                and not any(of == table and start < cut <= first for of, cut in cuts)
            )
            if fits:
                end = joined_end
                continue
            if start >= 0:
                blocks.append(RegisterRead(unit, table, start, end - start))
            start, end = first, after
        if start >= 0:
            blocks.append(RegisterRead(unit, table, start, end - start))
    return tuple(blocks)


def covered(points: Iterable[Point], block: RegisterRead) -> tuple[Point, ...]:
    """The points that a block holds whole."""
    end = block.address + block.count
    return tuple(
        point
        for point in points
        if point.table == block.table
        and block.address <= point.address
        and point.address + register_count(point) <= end
    )


def weakest_cut(points: Iterable[Point], block: RegisterRead) -> Cut | None:
    """Where to divide a block the unit refused (exceptions 2 and 3): at its widest gap, most likely the hole; without
    gaps in the middle. None when it cannot be divided."""
    spans = _spans(covered(points, block), block.table)
    edges: list[tuple[int, int]] = []
    end = spans[0][1] if spans else 0
    for first, after in spans[1:]:
        if first >= end:
            edges.append((first - end, first))
        end = max(end, after)
    if not edges:
        return None
    widest = max(gap for gap, _ in edges)
    same = [first for gap, first in edges if gap == widest]
    return block.table, same[len(same) // 2]


def _spans(points: Iterable[Point], table: Table) -> list[tuple[int, int]]:
    """Register ranges (first, after the last) of the points of one table, each once, in order."""
    return sorted({(point.address, point.address + register_count(point)) for point in points if point.table == table})
