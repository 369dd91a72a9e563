"""What a bank of mobile shelving does, on record; and which searches of its antennas say nothing."""

from drivers.observation import Searched, ShelvingState
from edge.rules import alarms
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import ShelvingChanged
from edge.state.shelving import moved_during
from edge.state.state import State


def decide(state: State, event: ShelvingState) -> Decision:
    """The fact, when the bank stands otherwise than was known."""
    if event.bank not in state.plant.banks:
        return Decision(alarms.noted(state, event.at_ns, "unknown_bank", "warning", "", event.bank))
    aisles = None if event.open_aisles is None else tuple(sorted(event.open_aisles))
    known = state.shelving.get(event.bank)
    if known is not None and (known.open_aisles, known.is_moving) == (aisles, event.is_moving):
        return NOTHING
    fact = ShelvingChanged(at_ns=event.at_ns, bank=event.bank, open_aisles=aisles, is_moving=event.is_moving)
    return Decision((fact,))


def is_void(state: State, segment: int, search: Searched) -> bool:
    """Whether the shelf moved under the antenna while it searched."""
    bank = state.plant.bank_of(segment)
    return bank is not None and moved_during(state.shelving.get(bank), search.from_ns, search.to_ns)
