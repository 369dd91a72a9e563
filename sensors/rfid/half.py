"""Rounds that were taken in and are not thought over yet: the one half of a digestion, until its other half is due."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.locate import Closed, Reads
from sensors.rfid.open_reads import Tallies
from sensors.rfid.radio import Radio
from sensors.rfid.readings import Readings

Rows = NDArray[np.int64]


class Half(NamedTuple):
    """What the thinking needs of the first half.

    thought (m,) rows to be thought over, with reads of theirs and put_off (m,), see `Thinking.think`; concerned (k,)
    those and the silent ones; done, seen, hits, stood (n,) reads of the rounds `at`, what they are, in how many rounds,
    and whether the tag stood beyond doubt before; radio, is_ill as of then
    """

    thought: Rows
    reads: Reads
    put_off: NDArray[np.float32]
    concerned: Rows
    done: Tallies
    seen: Readings
    hits: NDArray[np.float32]
    stood: NDArray[np.bool_]
    at: Closed
    radio: Radio
    is_ill: NDArray[np.bool_]
