"""How well each antenna reads each segment around it, and how strongly: learnt from volumes known to stand still.

Nobody tells it the truth: a volume counts whose place has been beyond doubt for some rounds. Sums per antenna and
offset along the face, shrunk towards the mean over all antennas at that distance, and that towards the reference world
of the accuracy figures; an antenna that is new or was dead starts from what the others have shown.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensors.rfid.neighbourhood import OFFSETS, REACH, Neighbourhood

Floats = NDArray[np.float32]

# Before anything is learnt: the reference world of the accuracy figures, between its easy and its hard end.
_DISTANCE = np.abs(np.arange(OFFSETS) - REACH)
_RATE = np.where(_DISTANCE == 0, 0.85, 0.85 * 0.3 * 2.0 ** (1 - _DISTANCE))
_LEVEL_DBM = -55.0 - 6.0 * _DISTANCE
_FAR_RATE = 0.005
_FAR_BELOW_DB = 6.0  # what comes from out of reach is weaker than from the edge of it by this, give or take
FAR_VARIANCE_DB2 = 64.0
_NOISE_DB2 = 9.0  # of one reading of a tag that stands
_SITE_DB2 = 4.0  # of the spot: what the antenna makes of one place on the shelf rather than another
_LEAST_SITE_DB2 = 0.3
# How many tag-rounds the prior is worth, of an antenna against all antennas, and of those against the reference world
_OF_ONE = 30.0
_OF_ALL = 30.0
_MOST = 50_000.0  # tag-rounds kept of an antenna and offset: about ten hours of a full segment, then the old give way
REFRESH_SHARE = 8  # worked out anew when so much of the antennas, one in eight, has closed a round
_LOW, _HIGH = 1e-4, 0.995  # nothing is impossible, and nothing certain

_SUMS = ("hits", "trials", "level_sum", "level_count")
_SPREADS = ("noise_sum", "noise_count", "site_sum", "site_count")


class Radio(NamedTuple):
    """What is expected of a reading, for s antennas. The last column is FAR.

    rate (s, OFFSETS + 1) of one round; level_dbm (s, OFFSETS + 1) of a tag without bias; noise_db2, site_db2 variances
    """

    rate: Floats
    level_dbm: Floats
    noise_db2: float
    site_db2: float


class RadioSums:
    """The sums behind it, over s antennas."""

    def __init__(self, beside: Neighbourhood) -> None:
        count = len(beside)
        self._beside = beside
        self._sums: dict[str, NDArray[np.float64]] = {name: np.zeros((count, OFFSETS + 1)) for name in _SUMS}
        self._spreads: dict[str, NDArray[np.float64]] = {name: np.zeros(count) for name in _SPREADS}
        self._radio: Radio | None = None
        self._newer = 0

    def radio(self) -> Radio:
        """What has been learnt so far, at most a part of a cycle ago: it moves slowly."""
        if self._radio is None or self._newer * REFRESH_SHARE > len(self._beside):
            self._radio, self._newer = self._learnt(), 0
        return self._radio

    def add_rounds(self, antenna: NDArray[np.int32], rounds: NDArray[np.int64], standing: NDArray[np.int64]) -> None:
        """Antennas (k,), none twice, completed rounds while standing (s + 1,) tags stood in each segment."""
        tags = standing[self._beside.near[antenna]]
        far = standing[:-1].sum() - tags.sum(axis=1)
        trials = rounds[:, None] * np.column_stack([tags, far])
        self._forget(antenna, trials)
        self._sums["trials"][antenna] += trials
        self._newer += len(antenna)

    def add_hits(
        self,
        antenna: NDArray[np.int32],
        column: NDArray[np.int64],
        hits: NDArray[np.float32],
        level_dbm: NDArray[np.float32],
    ) -> None:
        """Readings (p,) of tags that stand in `column` of the antenna's row: rounds hit, level less the tag's bias."""
        at = antenna.astype(np.int64) * (OFFSETS + 1) + column
        np.add.at(self._sums["hits"].reshape(-1), at, hits.astype(np.float64))
        told = (~np.isnan(level_dbm)).nonzero()[0]
        at = at[told]
        np.add.at(self._sums["level_sum"].reshape(-1), at, level_dbm[told].astype(np.float64))
        np.add.at(self._sums["level_count"].reshape(-1), at, np.ones(len(at)))

    def add_spread(self, antenna: NDArray[np.int32], noise_db2: Floats, site_db2: Floats) -> None:
        """Squared deviations of readings (p,): from the tag's own mean there, and of that mean from the antenna's."""
        for name, value in (("noise", noise_db2), ("site", site_db2)):
            np.add.at(self._spreads[f"{name}_sum"], antenna, value.astype(np.float64))
            np.add.at(self._spreads[f"{name}_count"], antenna, np.ones(len(antenna)))

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot, by antenna."""
        sums = {f"radio_{name}": column.copy() for name, column in (self._sums | self._spreads).items()}
        blank = np.zeros((len(self._beside), OFFSETS + 1), np.float32)
        known = self._radio or Radio(blank, blank, 0.0, 0.0)
        spread = np.array([known.noise_db2, known.site_db2, self._newer])
        # what is in use until it is worked out anew: a copy that goes on must not be ahead of the original
        return sums | {
            "radio_rate": known.rate.copy(),
            "radio_level_dbm": known.level_dbm.copy(),
            "radio_spread": np.tile(spread, (len(self._beside), 1)),
        }

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32], beside: Neighbourhood
    ) -> "RadioSums":
        """Those of a snapshot in another layout. remap (old antennas,) int32 old -> new, -1 gone."""
        made = cls(beside)
        kept = np.flatnonzero(remap >= 0)
        for name, target in (made._sums | made._spreads).items():
            target[remap[kept]] = columns[f"radio_{name}"][kept]
        rate = columns["radio_rate"]
        if len(kept) == len(remap) == len(beside) > 0 and rate.any():  # of another layout it is worked out anew
            back = np.argsort(remap)
            noise, site, newer = columns["radio_spread"][0].tolist()
            made._radio = Radio(rate[back], columns["radio_level_dbm"][back], noise, site)
            made._newer = int(newer)
        return made

    def _forget(self, antenna: NDArray[np.int32], trials: NDArray[np.int64]) -> None:
        """Make room for so many tag-rounds before any of their hits is counted: what was learnt long ago gives way."""
        keep = np.minimum(1.0, _MOST / np.maximum(self._sums["trials"][antenna] + trials, 1.0))
        for column in self._sums.values():
            column[antenna] *= keep

    def _learnt(self) -> Radio:
        sums = self._sums
        mirrored = {name: self._pooled(column) for name, column in sums.items()}
        prior = np.append(_RATE, _FAR_RATE)
        of_all = (mirrored["hits"] + _OF_ALL * prior) / (mirrored["trials"] + _OF_ALL)
        rate = (sums["hits"] + _OF_ONE * of_all) / (sums["trials"] + _OF_ONE)
        level_prior = np.append(_LEVEL_DBM, _LEVEL_DBM[0] - _FAR_BELOW_DB)
        level_of_all = (mirrored["level_sum"] + level_prior) / (mirrored["level_count"] + 1.0)
        level = (sums["level_sum"] + 10.0 * level_of_all) / (sums["level_count"] + 10.0)
        spread = {name: float(column.sum()) for name, column in self._spreads.items()}
        noise = (spread["noise_sum"] + 50.0 * _NOISE_DB2) / (spread["noise_count"] + 50.0)
        site = (spread["site_sum"] + 50.0 * _SITE_DB2) / (spread["site_count"] + 50.0)
        return Radio(
            np.clip(rate, _LOW, _HIGH).astype(np.float32),
            level.astype(np.float32),
            noise,
            max(site, _LEAST_SITE_DB2),
        )

    def _pooled(self, column: NDArray[np.float64]) -> NDArray[np.float64]:
        """(OFFSETS + 1,) sums over all antennas, both directions alike."""
        total: NDArray[np.float64] = column.sum(axis=0)
        total[:OFFSETS] += total[OFFSETS - 1 :: -1].copy()
        return total
