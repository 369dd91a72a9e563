"""What every antenna did over its last rounds: what it searched, what it read, and since when it has read nothing.

The sums of `radio` reach back hours. Here each round counts e^(-1/20) of the one after it, so an antenna that fails
shows within some tens of rounds. Volumes that stand before its neighbours count too: their own antennas say where they
are, whatever becomes of this one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.heard import Heard
from sensors.rfid.neighbourhood import OFFSETS, REACH, Neighbourhood
from sensors.rfid.radio import Radio

MEMORY = 20.0  # rounds
ILL = 0.6  # of the reads that are due: fewer have a cause
FEW = 20.0  # reads: what is due less says nothing


class Recent:
    """By antenna, named by its segment.

    hits, trials (s, OFFSETS): reads and tag-rounds of settled tags, by where they stand; rounds (s,): what all its
    rounds count now; quiet_rounds (s,): since it last read any enrolled tag; search_ns, read_ns (s,): vault time of its
    last search and its last such read, 0 never
    """

    def __init__(self, beside: Neighbourhood) -> None:
        count = len(beside)
        self._near = beside.near
        self.hits: NDArray[np.float64] = np.zeros((count, OFFSETS))
        self.trials: NDArray[np.float64] = np.zeros((count, OFFSETS))
        self.rounds: NDArray[np.float64] = np.zeros(count)
        self.quiet_rounds: NDArray[np.int64] = np.zeros(count, np.int64)
        self.search_ns: NDArray[np.int64] = np.zeros(count, np.int64)
        self.read_ns: NDArray[np.int64] = np.zeros(count, np.int64)

    def hear(
        self, heard: Heard, read: NDArray[np.int32], at_ns: NDArray[np.int64], in_rounds: NDArray[np.int32]
    ) -> None:
        """Searches that ended; antennas (n,) that read an enrolled tag, -1 of no place, and when; those that did in a
        round that has closed."""
        self.search_ns[heard.closed_segment] = heard.closed_at_ns
        is_placed = read >= 0
        self.read_ns[read[is_placed]] = at_ns[is_placed]
        self.quiet_rounds[heard.closed_segment] += heard.closed_rounds
        self.quiet_rounds[in_rounds] = 0

    def add_rounds(self, antenna: NDArray[np.int32], rounds: NDArray[np.int64], standing: NDArray[np.int64]) -> None:
        """Antennas (k,), none twice, completed rounds while standing (s + 1,) tags stood in each segment."""
        kept = np.exp(-rounds / MEMORY)
        self.rounds[antenna] = self.rounds[antenna] * kept + rounds
        self.hits[antenna] *= kept[:, None]
        self.trials[antenna] = self.trials[antenna] * kept[:, None] + rounds[:, None] * standing[self._near[antenna]]

    def add_hits(self, antenna: NDArray[np.int32], column: NDArray[np.int64], hits: NDArray[np.float32]) -> None:
        """Readings (p,) of tags that stand in `column` of the antenna's row: rounds hit. Those from afar count not."""
        is_near = column < OFFSETS
        at = antenna[is_near].astype(np.int64) * OFFSETS + column[is_near]
        np.add.at(self.hits.reshape(-1), at, hits[is_near].astype(np.float64))

    def is_ill(self, radio: Radio) -> NDArray[np.bool_]:
        """(s + 1,) antennas that of late read far fewer of the volumes before them than they used to; last is none."""
        due = self.trials[:, REACH] * radio.rate[:, REACH]
        is_ill: NDArray[np.bool_] = np.append(self.hits[:, REACH] < ILL * (due - FEW), False)
        return is_ill

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot."""
        return {name: column.copy() for name, column in self._columns().items()}

    def restore(self, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32]) -> None:
        """Fill from a snapshot; those of before have none. remap (old antennas,) int32 old -> new, -1 gone."""
        kept = np.flatnonzero(remap >= 0)
        for name, column in self._columns().items():
            if name in columns:
                column[remap[kept]] = columns[name][kept]

    def _columns(self) -> dict[str, NDArray[Any]]:
        return {
            "recent_hits": self.hits,
            "recent_trials": self.trials,
            "recent_rounds": self.rounds,
            "recent_search_ns": self.search_ns,
            "recent_read_ns": self.read_ns,
            "quiet_rounds": self.quiet_rounds,
        }
