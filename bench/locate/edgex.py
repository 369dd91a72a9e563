"""The mobility rule of the EdgeX RFID-LLRP inventory service, as a locator.

github.com/edgexfoundry/app-rfid-llrp-inventory, internal/inventory: tagprocessor.go (processData, AggregateDeparted),
mobilityprofile.go, tagstats.go, and the defaults of config.go. Each tag keeps the last 20 RSSI values of every antenna.
It moves to an antenna that reads it when that one has two values or more and their mean exceeds the mean of the present
antenna by the offset

    min(threshold, threshold + slope * (ms since the present antenna read it - hold-off))

so 6 dB within the hold-off and less and less after it: an antenna that has not read the tag for long loses it to any
other. A tag that nobody read for 600 s departs, and its values are forgotten.

Chosen here: reads of a cycle bear one time and are all counted before any tag moves. Taken one by one, every tag whose
present antenna comes late in a cycle would be lost to the first stray of that cycle; this order is kinder to the rule.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.locate.peers import NOWHERE, Floats, Indices

KEPT = 20  # RSSI values of each tag and antenna: tagStatsWindowSize
DEPARTED_S = 600.0  # DepartedThresholdSeconds; checked every cycle here, every 30 s there


class Mobility(msgspec.Struct, frozen=True):
    """mobilityprofile.go; the first is the default of the service."""

    slope_db_per_ms: float
    threshold_db: float
    holdoff_ms: float

    def offset_db(self, since_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much a new antenna must be stronger."""
        sloped = self.threshold_db + self.slope_db_per_ms * (since_ms - self.holdoff_ms)
        return np.minimum(self.threshold_db, sloped)


ASSET_TRACKING = Mobility(slope_db_per_ms=-0.008, threshold_db=6.0, holdoff_ms=500.0)
RETAIL_GARMENT = Mobility(slope_db_per_ms=-0.0005, threshold_db=6.0, holdoff_ms=60_000.0)


class EdgexRule:
    """Locations and states as the service keeps them."""

    def __init__(self, tags: int, segments: int, mobility: Mobility) -> None:
        self._mobility = mobility
        self._location: Indices = np.full(tags, NOWHERE, np.int32)
        self._is_present: NDArray[np.bool_] = np.zeros(tags, np.bool_)
        self._read_s: NDArray[np.float64] = np.full(tags, -np.inf)
        self._antenna_read_s: NDArray[np.float64] = np.full((tags, segments), -np.inf)
        self._ring: Floats = np.zeros((tags, segments, KEPT), np.float32)
        self._added: Indices = np.zeros((tags, segments), np.int32)

    def cycle(self, tag: Indices, antenna: Indices, rssi_dbm: Floats, at_s: float) -> None:
        known = tag < len(self._location)
        tag, antenna, rssi_dbm = tag[known], antenna[known], rssi_dbm[known]
        self._ring[tag, antenna, self._added[tag, antenna] % KEPT] = rssi_dbm
        self._added[tag, antenna] += 1
        self._antenna_read_s[tag, antenna] = at_s
        self._read_s[tag] = at_s
        self._is_present[tag] = True
        turns = np.append(0, (np.diff(antenna) != 0).nonzero()[0] + 1)
        for begin, end in zip(turns, np.append(turns[1:], len(tag)), strict=True):
            self._weigh(tag[begin:end], antenna[begin:end], at_s)
        self._depart(at_s)

    def segment(self) -> Indices:
        found: Indices = np.where(self._is_present, self._location, np.int32(NOWHERE))
        return found

    def missing(self) -> NDArray[np.bool_]:
        """(n,) departed: seen once, and not for 600 s."""
        departed: NDArray[np.bool_] = ~self._is_present & (self._location != NOWHERE)
        return departed

    def _weigh(self, tag: Indices, antenna: Indices, at_s: float) -> None:
        """One antenna's reads, no tag twice."""
        present = self._location[tag]
        is_new = (present == NOWHERE) | (self._added[tag, present] == 0)
        since_ms = (at_s - self._antenna_read_s[tag, present]) * 1000.0
        stays_below = self._mean_dbm(tag, present) + self._mobility.offset_db(since_ms)
        is_stronger = (self._added[tag, antenna] >= 2) & (self._mean_dbm(tag, antenna) > stays_below)
        moves = is_new | is_stronger
        self._location[tag[moves]] = antenna[moves]

    def _mean_dbm(self, tag: Indices, antenna: Indices) -> NDArray[np.float64]:
        count = np.minimum(self._added[tag, antenna], KEPT)
        mean: NDArray[np.float64] = self._ring[tag, antenna].sum(axis=1, dtype=np.float64) / np.maximum(count, 1)
        return mean

    def _depart(self, at_s: float) -> None:
        gone = self._is_present & (self._read_s < at_s - DEPARTED_S)
        self._is_present[gone] = False
        self._added[gone] = 0
        self._ring[gone] = 0
        self._antenna_read_s[gone] = -np.inf
