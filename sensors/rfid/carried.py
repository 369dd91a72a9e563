"""What reads say of a tag that somebody carries: any antenna it passes may read it, now and then, at any strength."""

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.locate import Closed, Reads
from sensors.rfid.neighbourhood import REACH
from sensors.rfid.radio import Radio

HELD = float(np.log(0.999))  # log probability that a holder has what it says it took
PLACED_WRONG = float(np.log(0.01))  # that a volume is not where its holder says it put it
STANDS_AGE = 7  # one antenna read it in six rounds since it seems to stand there: nobody waits so long before a shelf
PASSING_RATE = 0.2  # of a round of an antenna near which it happens to be
PASSING_DB = -5.0  # against one on the shelf: in front of it, turned somehow, half hidden by whoever carries it
PASSING_DB2 = 100.0


def likelihood(reads: Reads, at: Closed, radio: Radio, bias_db: NDArray[np.float32]) -> NDArray[np.float32]:
    """(m,) log likelihood of the reads of tags of loudness bias_db (m,), were each carried past; on the scale of
    `locate.likelihood`. Silence says nothing: there may be no antenna near."""
    antenna = at.antenna[reads.closing]
    score = reads.hits * np.log(np.float32(PASSING_RATE))
    expected = radio.level_dbm[antenna, REACH] + bias_db[reads.tag] + np.float32(PASSING_DB)
    off = np.where(np.isnan(reads.rssi_dbm), np.float32(0), reads.rssi_dbm - expected)
    level = -0.5 * (np.log(np.float32(PASSING_DB2)) + off**2 / np.float32(PASSING_DB2))
    score += np.where(np.isnan(reads.rssi_dbm), np.float32(0), level)
    total = np.zeros(len(bias_db), np.float32)
    np.add.at(total, reads.tag, score.astype(np.float32))
    return total
