"""Facts of the event lane about the order in which volumes stand within a segment."""

from typing import Literal

import msgspec


class OrderLearnt(msgspec.Struct, frozen=True, tag_field="type", tag="order_learnt"):
    """The volumes of a segment passed an antenna, or an antenna them, in this order; from which end nobody knows.

    along: where each was nearest, spread: how surely, as one standard deviation, both in thousandths of the stretch
    from the first to the last; `by` the phase of the reads or, where there was none, their strength. misfiled: those
    that stand in another order than their slots. Volumes of the segment that are not named passed unheard, or
    unclearly. The motion was over at `passed_at_ns`; `came`: volumes that stand there and came since, which nobody
    knows where. It replaces what was told before of the segment.
    """

    at_ns: int
    segment: str
    by: Literal["phase", "rssi"]
    volumes: tuple[str, ...]
    along: tuple[int, ...]
    spread: tuple[int, ...]
    misfiled: tuple[str, ...]
    passed_at_ns: int
    came: int


class OrderUpheld(msgspec.Struct, frozen=True, tag_field="type", tag="order_upheld"):
    """They passed again, and nothing spoke against the order told last, nor told more. The motion was over at
    `passed_at_ns`."""

    at_ns: int
    segment: str
    passed_at_ns: int
