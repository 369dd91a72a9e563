"""In which order tags stand along a line, from their reads while an antenna and they move past each other.

Each tag is placed by the phase of its reads, or by their RSSI where there is no phase (`profile.py`). Without relative
motion there is no valley and no peak, and the answer is that the order is unknown. Where there is phase, RSSI is left
out: with reads weighted by amplitude or by power the order came out worse on real passes.

A reader that counts phase down with distance (the sign is the maker's) has it negated by the caller.
"""

import math
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensors.rfid.profile import (
    CLOSEST_M,
    LEAST_CELLS,
    NOISE_FLOOR,
    WIDTHS,
    Kernels,
    Passage,
    Profile,
    agreed,
    by_level,
    by_phase,
    grid_over,
    profile_of,
)

Floats = NDArray[np.float64]
Index = NDArray[np.integer[Any]]

SPEED_RATIO = 1.15  # between the speeds tried
TRAVEL_M = (0.3, 10.0)  # of one tag's reads, when the speed is unknown
SPEEDS = int(np.log(TRAVEL_M[1] / TRAVEL_M[0]) / np.log(SPEED_RATIO)) + 1
TAGS_FOR_SPEED = 8  # those with the most reads apart
MOST_SURE = 0.999  # no pair is told surer: nobody counted so many


class Order(NamedTuple):
    """Tags in the order in which they are passed, and those of which that is unknown.

    tag (k,), along (k,) where each is closest and spread (k,) its standard deviation, in the unit of the input;
    coherence (k,) of its fit; unknown (u,) tags without a pass, in order of number; metres_per_unit: as given, or as
    found (the order hardly depends on it), NaN when nothing moved
    """

    tag: Index
    along: Floats
    spread: Floats
    coherence: Floats
    unknown: Index
    metres_per_unit: float

    @property
    def confidence(self) -> Floats:
        """(k - 1,) in (0, 1): the chance that each is passed before the next."""
        pairs = zip(self.along, self.spread, self.along[1:], self.spread[1:], strict=False)
        return np.array([before(*pair) for pair in pairs], np.float64)


class PassReads(msgspec.Struct, frozen=True, eq=False):
    """Reads of one pass, all (r,), one row a read.

    tag its number; along the position in metres, or the time in seconds of a motion of constant speed; phase_rad
    growing with distance, NaN where not told; rssi_dbm; channel from 0. wavelength_m (c,) of each channel;
    metres_per_unit 1.0 for positions, the speed for times, None for an unknown one.
    """

    tag: NDArray[np.int64]
    along: Floats
    phase_rad: Floats
    rssi_dbm: Floats
    channel: NDArray[np.int64]
    wavelength_m: Floats
    metres_per_unit: float | None


class Progress(msgspec.Struct, frozen=True, eq=False):
    """How far a sorting has come.

    scores: of each speed tried and tag it is judged by; placed: where each tag passes, None where that is not known, in
    order of number; tried: of the next tag, summed over the first `channels` of its channels.
    """

    scores: tuple[float, ...] = ()
    placed: tuple[tuple[float, float, float] | None, ...] = ()
    channels: int = 0
    tried: NDArray[np.float64] | None = None


class Sorting:
    """The tags of one pass, placed a portion at a time: a speed for a tag, or a channel of a tag, of a millisecond or
    two."""

    def __init__(self, reads: PassReads, progress: Progress | None = None) -> None:
        """Raises ValueError when columns differ in length, or a wavelength or metres_per_unit is not positive."""
        _check(reads)
        self.reads = reads
        self._grid = grid_over(reads.along, reads.metres_per_unit)
        self._has_phase = bool((~np.isnan(reads.phase_rad)).any())
        self._wavenumber = 4 * np.pi / reads.wavelength_m
        self._names, counts = np.unique(reads.tag, return_counts=True)
        self._rows = np.split(np.argsort(reads.tag, kind="stable"), np.cumsum(counts)[:-1])
        with_phase = np.bincount(np.searchsorted(self._names, reads.tag), ~np.isnan(reads.phase_rad), len(self._names))
        most = np.argsort(-with_phase, kind="stable")[:TAGS_FOR_SPEED]
        self._clearest = most[with_phase[most] >= LEAST_CELLS].tolist() if self._needs_speed else []
        done = progress or Progress()
        self._scores, self._placed = list(done.scores), list(done.placed)
        self._tried, self._channels = done.tried, done.channels
        self._profiles: dict[int, Profile] = {}
        self._kernels: tuple[float, Kernels] | None = None

    @property
    def is_done(self) -> bool:
        return len(self._placed) == len(self._names)

    @property
    def progress(self) -> Progress:
        """For a snapshot."""
        return Progress(tuple(self._scores), tuple(self._placed), self._channels, self._tried)

    def advance(self) -> None:
        """One more portion, of one that is not done."""
        if len(self._scores) < SPEEDS * len(self._clearest):
            self._scores.append(self._score(*divmod(len(self._scores), len(self._clearest))))
            return
        nth = len(self._placed)
        profile, metres_per_unit = self._profile(nth), self._metres_per_unit
        if not self._has_phase:
            self._placed.append(None if np.isnan(profile.level_db).any() else by_level(profile, self._for_levels()))
            return
        channels = np.unique(profile.channel)
        if not np.isnan(metres_per_unit) and self._channels < len(channels):
            channel = int(channels[self._channels])
            more = agreed(profile, self._for_phases(metres_per_unit), channel, float(self._wavenumber[channel]))
            self._tried, self._channels = more if self._tried is None else self._tried + more, self._channels + 1
        if np.isnan(metres_per_unit) or self._channels >= len(channels):
            cell_m = self._grid.cell * metres_per_unit
            tried, self._tried, self._channels = self._tried, None, 0
            self._profiles.pop(nth, None)
            self._placed.append(
                None if tried is None else by_phase(profile, tried, CLOSEST_M, self._wavenumber, cell_m)
            )

    def order(self) -> Order:
        """The order, as far as it is known. Of a sorting that is done."""
        passed = [(Passage(*at), tag) for at, tag in zip(self._placed, self._names.tolist(), strict=True) if at]
        passed.sort()
        found = np.array([at for at, _ in passed], np.float64).reshape(-1, 3)
        ordered = np.array([tag for _, tag in passed], np.int64)
        return Order(
            tag=ordered,
            along=self._grid.first + found[:, 0] * self._grid.cell,
            spread=found[:, 1] * self._grid.cell,
            coherence=found[:, 2],
            unknown=np.setdiff1d(self._names, ordered),
            metres_per_unit=self._metres_per_unit if passed else float("nan"),
        )

    @property
    def _needs_speed(self) -> bool:
        return self._has_phase and self.reads.metres_per_unit is None

    @property
    def _metres_per_unit(self) -> float:
        known = self.reads.metres_per_unit
        if known is not None or not self._scores:
            return float("nan") if known is None else known
        return self._speed(int(np.array(self._scores).reshape(SPEEDS, -1).sum(axis=1).argmax()))

    def _profile(self, nth: int) -> Profile:
        if nth not in self._profiles:
            reads, own = self.reads, self._rows[nth]
            if self._has_phase:
                own = own[~np.isnan(reads.phase_rad[own])]
            channel = reads.channel[own] if self._has_phase else np.zeros(own.size, np.int64)
            self._profiles[nth] = profile_of(
                self._grid, reads.along[own], reads.phase_rad[own], reads.rssi_dbm[own], channel
            )
        return self._profiles[nth]

    def _speed(self, nth: int) -> float:
        stretch = float(np.median([self._profile(one).cells for one in self._clearest])) * self._grid.cell
        return float(TRAVEL_M[0] / stretch * SPEED_RATIO**nth)

    def _score(self, nth: int, tag: int) -> float:
        """How well one of the clearest profiles agrees at one speed."""
        speed, profile = self._speed(nth), self._profile(self._clearest[tag])
        if self._kernels is None or self._kernels[0] != speed:
            self._kernels = speed, Kernels(self._grid, CLOSEST_M[::2], speed)
        channels = np.unique(profile.channel).tolist()
        found = sum(agreed(profile, self._kernels[1], one, float(self._wavenumber[one])) for one in channels)
        return -float(np.log(1 - np.max(found) / len(profile.cell) + NOISE_FLOOR))

    def _for_phases(self, metres_per_unit: float) -> Kernels:
        if self._kernels is None or len(self._kernels[1].closest) < len(CLOSEST_M):
            self._kernels = metres_per_unit, Kernels(self._grid, CLOSEST_M, metres_per_unit)
        return self._kernels[1]

    def _for_levels(self) -> Kernels:
        known = self.reads.metres_per_unit
        if self._kernels is None:
            widths = CLOSEST_M[::2] if known is not None else WIDTHS * float(np.ptp(self.reads.along))
            metres_per_unit = 1.0 if known is None else known
            self._kernels = metres_per_unit, Kernels(self._grid, np.maximum(widths, 1e-9), metres_per_unit)
        return self._kernels[1]


def order_along(
    tag: Index, along: Floats, phase_rad: Floats, wavelength_m: Floats, *, metres_per_unit: float | None
) -> Order:
    """Order of the tags along the relative motion, with a confidence for each pair of neighbours, all at once.

    All (r,), one row a read, as in `PassReads`; wavelength_m of the read's channel. One pass: a row that comes back is
    two calls. Raises ValueError as `Sorting` does.
    """
    waves, channel = np.unique(wavelength_m, return_inverse=True)
    unsaid = np.full(len(along), np.nan)
    sorting = Sorting(PassReads(tag.astype(np.int64), along, phase_rad, unsaid, channel, waves, metres_per_unit))
    while not sorting.is_done:
        sorting.advance()
    return sorting.order()


def before(along: float, spread: float, other_along: float, other_spread: float) -> float:
    """Chance that the one is passed before the other: both taken as normal, and no pair as surer than MOST_SURE."""
    apart = (other_along - along) / math.hypot(spread, other_spread)
    return min(max(0.5 * math.erfc(-apart / math.sqrt(2)), 1 - MOST_SURE), MOST_SURE)


def _check(reads: PassReads) -> None:
    rows = {column.shape for column in (reads.tag, reads.along, reads.phase_rad, reads.rssi_dbm, reads.channel)}
    if rows != {(reads.tag.size,)}:
        raise ValueError(f"columns of shapes {sorted(rows)}: expected one row a read in each")
    if reads.wavelength_m.size and not float(reads.wavelength_m.min()) > 0:
        raise ValueError(f"wavelength {reads.wavelength_m.min()} m: expected more than 0")
    known = reads.metres_per_unit
    if known is not None and not known > 0:
        raise ValueError(f"metres_per_unit {known}: expected more than 0; turn `along` round for the other way")
