"""Reads that a tag, where it is believed to stand, does not explain."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.locate import Closed
from sensors.rfid.neighbourhood import FAR, REACH
from sensors.rfid.open_reads import Tallies
from sensors.rfid.radio import Radio

_LOUDER_DB = 8.0  # two and a half times the noise of a reading
_TOO_FEW = 4.0  # standard errors below the hits that are due


def is_odd_read(
    done: Tallies,
    column: NDArray[np.int64],
    bias_db: NDArray[np.floating[Any]],
    hits: NDArray[np.float32],
    at: Closed,
    radio: Radio,
) -> NDArray[np.bool_]:
    """(m,) reads much too loud, or by its own antenna in far too few of many rounds.

    column (m,) of where the tag is believed, seen from the antenna; bias_db (tags,); hits (m,) rounds it was read in
    """
    expected = radio.level_dbm[done.segment, column] + bias_db.take(done.row)
    nth = at.nth.take(done.segment)
    rate = at.rate[nth, REACH]
    due = at.rounds.take(nth) * rate
    too_few = (column == REACH) & (hits < due - _TOO_FEW * np.sqrt(due * (1.0 - rate)))
    odd: NDArray[np.bool_] = ((column != FAR) & (done.rssi_dbm > expected + _LOUDER_DB)) | too_few
    return odd
