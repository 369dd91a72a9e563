"""Reads that a tag, where it is believed to stand, does not explain."""

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.cells import cells
from sensors.rfid.locate import Closed
from sensors.rfid.neighbourhood import FAR, REACH
from sensors.rfid.open_reads import Tallies
from sensors.rfid.radio import Radio
from sensors.rfid.readings import Readings

_UNLIKE = 2.7  # standard errors: of the levels a tag that stands still gives, one in a hundred and fifty is odd
_TOO_FEW = 3.0  # standard errors below the hits that are due
_AVERAGED = 4.0  # reads: what is odd about a spot does not average out, see `locate.likelihood`


def is_odd_read(
    done: Tallies,
    seen: Readings,
    hits: NDArray[np.float32],
    at: Closed,
    radio: Radio,
) -> NDArray[np.bool_]:
    """(m,) reads much too loud, or by its own antenna much too weak, or in far too few of many rounds.

    hits (m,) rounds each tag was read in
    """
    column = seen.column
    above = seen.rssi_dbm - cells(radio.level_dbm, done.segment, column) - seen.bias_db
    spread = _UNLIKE * np.sqrt(radio.noise_db2 / np.clip(hits, 1.0, _AVERAGED) + radio.site_db2)
    is_own = column == REACH
    odd: NDArray[np.bool_] = ((above > spread) & (column != FAR)) | ((above < -spread) & is_own)
    nth = at.nth.take(done.segment)
    rate = at.rate[:, REACH].take(nth)
    due = at.rounds.take(nth) * rate
    odd |= is_own & (hits < due - _TOO_FEW * np.sqrt(due * (1.0 - rate)))
    return odd
