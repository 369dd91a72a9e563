"""What it says that an antenna searched and did not read what stands before it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.cells import cells
from sensors.rfid.heard import Heard
from sensors.rfid.locate import PRINT_REACH, Closed
from sensors.rfid.neighbourhood import REACH
from sensors.rfid.radio import Radio
from sensors.rfid.tags import Tags

_FEW = 3.0  # reads: what an antenna with hardly a volume before it is given for efficiency
_OF_OTHERS = 4.0  # rounds: what the antenna's usual rate counts beside a tag's own
_RATE = (0.02, 0.98)  # of one tag, however long it was never or always read


def efficiency(read: NDArray[np.int32], heard: Heard, radio: Radio, standing: NDArray[np.int64]) -> NDArray[np.float32]:
    """(k,) of the reads that were due from tags known to stand there, how many came: somebody stands before the
    antenna, or it is failing; then silence says little. read (m,) segments of the settled tags that were read in their
    own; standing (s + 1,) settled tags by segment."""
    segment = heard.closed_segment
    came = np.bincount(read, minlength=len(standing))[segment]
    chance = 1.0 - (1.0 - radio.rate[segment, REACH]) ** heard.closed_rounds
    due = standing[segment] * chance
    by_chance = _FEW + 2.0 * np.sqrt(due * (1.0 - chance))
    share: NDArray[np.float64] = np.minimum(1.0, (came + by_chance) / np.maximum(due, by_chance))
    return share.astype(np.float32)


def miss(tags: Tags, rows: NDArray[np.integer[Any]], closing: NDArray[np.int32], at: Closed, radio: Radio) -> None:
    """Their own antenna searched and did not read these. closing (s + 1,) place of each segment's round."""
    believed = tags.believed[rows]
    nth = closing.take(believed)
    usual = radio.rate[:, REACH].take(believed)
    own = cells(tags.hits_there, rows, PRINT_REACH)
    rate = (own + _OF_OTHERS * usual) / (tags.rounds_there[rows] + _OF_OTHERS)
    share = at.rate[:, REACH].take(nth) / usual
    tags.silence[rows] += at.rounds[nth] * np.log1p(-np.clip(rate, *_RATE) * share)
