"""How a bank of mobile shelving stands, folded from what its controller said, and when its antennas cannot be trusted.

While rows move, an antenna's silence says nothing of its shelf, and what it reads may stand in the row that passes it.
"""

from edge.state.facts import ShelvingChanged
from edge.state.state import BankStanding

LONGEST_MOVE_NS = 120_000_000_000  # three times the 40 s an opening may take: past it the controller has lost its way


def after_change(before: BankStanding | None, fact: ShelvingChanged) -> BankStanding:
    """The standing after a fact. Aisles that are open now and were not, without a word of moving in between, were
    opened at some time since the fact before."""
    at_ns = fact.at_ns
    if before is None:
        moved_ns = (at_ns if fact.is_moving else 0, 0)
    elif fact.is_moving:
        moved_ns = (before.moved_from_ns if before.is_moving else at_ns, 0)
    elif before.is_moving:
        moved_ns = (before.moved_from_ns, at_ns)
    elif before.open_aisles != fact.open_aisles:
        moved_ns = (max(before.since_ns, at_ns - LONGEST_MOVE_NS), at_ns)
    else:
        moved_ns = (before.moved_from_ns, before.moved_until_ns)
    return BankStanding(fact.open_aisles, fact.is_moving, at_ns, *moved_ns)


def moved_during(bank: BankStanding | None, from_ns: int, to_ns: int) -> bool:
    """Whether the bank moved at any time of a search; a movement that nobody ended lasts LONGEST_MOVE_NS."""
    if bank is None:
        return False
    latest_ns = bank.moved_from_ns + LONGEST_MOVE_NS
    until_ns = latest_ns if bank.is_moving else min(bank.moved_until_ns, latest_ns)
    return from_ns < until_ns and to_ns > bank.moved_from_ns
