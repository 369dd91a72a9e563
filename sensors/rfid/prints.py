"""What has been learnt of single tags where each stands."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Prints(NamedTuple):
    """Of m tags, since each stands where it is believed; columns by antenna, PRINT_REACH steps either side.

    rounds (m,) of its own antenna, older ones fading; hits (m, PRINTS) of those, read by each antenna around;
    level_dbm, level_count (m, PRINTS) mean level there and of how many reads; age (m,) as in `Tags`: from 2 on its own
    antenna has read it
    """

    rounds: NDArray[np.uint16]
    hits: NDArray[np.uint16]
    level_dbm: NDArray[np.float16]
    level_count: NDArray[np.uint8]
    age: NDArray[np.uint8]
