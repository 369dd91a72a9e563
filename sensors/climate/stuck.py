"""Sensors that froze: the same bits for a long time while the room moved."""

import msgspec


class Still(msgspec.Struct, frozen=True):
    """Since when a sensor has said exactly `value`, and what the zone's vote was then (None: not known)."""

    value: float
    since_ns: int
    voted_then: float | None


def followed(before: Still | None, value: float, voted: float | None, at_ns: int) -> Still:
    """The stillness after one more reading; `voted` is the zone's value now."""
    if before is not None and before.value == value:
        return before
    return Still(value, at_ns, voted)


def is_stuck(still: Still, voted: float | None, at_ns: int, *, after_s: float, moved_by: float) -> bool:
    """Whether it has not changed for `after_s` although the vote moved by more than `moved_by` since.

    A vault may stand still for days: without a move of the others a constant value proves nothing.
    """
    if voted is None or still.voted_then is None or at_ns - still.since_ns < after_s * 1e9:
        return False
    return abs(voted - still.voted_then) > moved_by
