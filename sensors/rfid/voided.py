"""Searches that prove nothing: their shelf moved meanwhile. What they read is alive, wherever it is; no more."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.heard import Heard
from sensors.rfid.open_reads import Tallies


class Valid(NamedTuple):
    """What is left without them: heard (its rounds alone), closing (s + 1,) place of each segment's round among those,
    done (m,) their reads and nth (m,) which round each is of."""

    heard: Heard
    closing: NDArray[np.int32]
    done: Tallies
    nth: NDArray[np.int32]


def without_void(heard: Heard, closing: NDArray[np.int32], done: Tallies, nth: NDArray[np.int32]) -> Valid:
    """Leave out the rounds that count none."""
    counts = heard.closed_rounds > 0
    to_new = np.append(np.where(counts, np.cumsum(counts) - 1, -1), -1).astype(np.int32)  # -1 stays -1
    proves = counts[nth]
    kept = heard._replace(
        closed_segment=heard.closed_segment[counts],
        closed_rounds=heard.closed_rounds[counts],
        closed_at_ns=heard.closed_at_ns[counts],
    )
    return Valid(kept, to_new[closing], done.where(proves), to_new[nth[proves]])
