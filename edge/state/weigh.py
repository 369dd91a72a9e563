"""The other half of a digestion, in a step of its own."""

import numpy as np
from numpy.typing import NDArray

from edge.state.state import State
from edge.state.volumes import MISSING, NOWHERE


def weigh(state: State) -> None:
    """Weigh what the evidence took in; what that changed waits to be thought over.

    It hangs on nothing but what was taken in: done before the next event, or at its beginning, it comes to the same.
    """
    if state.evidence.is_weighed:
        return
    changed = state.evidence.weigh()
    state.unjudged.add(changed[~_is_known_missing(state, changed)])


def _is_known_missing(state: State, tags: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the tags are told as missing, and still not read by anybody: there is nothing new to say."""
    rows = state.volumes.of_tags(tags)
    is_missing = (rows != NOWHERE) & (state.volumes.status[rows] == MISSING)
    known: NDArray[np.bool_] = is_missing & (state.evidence.silent_rounds(tags) > 0)
    return known
