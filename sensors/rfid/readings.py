"""What the reads of the rounds that closed are, of tags believed to stand where they do: worked out once for all."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.neighbourhood import Neighbourhood
from sensors.rfid.open_reads import Tallies
from sensors.rfid.tags import Tags


class Readings(NamedTuple):
    """Of reads (m,): column of where each tag is believed, seen from the antenna; its mean level, NaN unknown; how much
    louder the tag is than others in its place."""

    column: NDArray[np.int64]
    rssi_dbm: NDArray[np.float32]
    bias_db: NDArray[np.float32]


def readings(done: Tallies, tags: Tags, beside: Neighbourhood) -> Readings:
    """Of these reads, as the tags are believed to stand now."""
    column = beside.column(done.segment, tags.believed.take(done.row))
    return Readings(column, done.rssi_dbm, tags.bias_db.take(done.row).astype(np.float32))
