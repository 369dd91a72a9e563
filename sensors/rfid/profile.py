"""What one tag sounded like while it and an antenna moved past each other, and where along the motion it was nearest.

Phase: a tag at distance d turns it by 4 pi d / wavelength. While it passes at constant speed, d = sqrt(c^2 + s^2) with
s the way to the point of closest approach and c the distance there: a profile like a valley, lowest where the tag
passes. The valley is searched for by how well the phases agree with it, |mean exp(i (phase - model))|: no unwrapping
that one bad read can spoil, missing reads cost nothing, each channel has its own unknown offset. RSSI, where there is
no phase: a level that falls with the logarithm of d, by how much of its variation that explains.

All places and closest distances are tried at once: on an even grid both are convolutions.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

STEP_M = 0.01  # between the places tried: books are thicker
FEWEST_CELLS, MOST_CELLS = 32, 2048
CELLS = 256  # of a motion of unknown speed
CLOSEST_M = np.geomspace(0.1, 4.0, 24)  # antenna to tag when it passes
WIDTHS = np.geomspace(0.02, 1.0, 12)  # the same for levels, as parts of the stretch, where the speed is unknown
NOISE_FLOOR = 0.01  # share of incoherence that no profile is credited below

LEAST_CELLS = 8
LEAST_COHERENCE = 0.6
LEAST_SWING_RAD = np.pi  # fall and rise of the fitted valley
LEAST_GAIN = 2.0  # a valley leaves so many times less unexplained than standing still
LEAST_EXPLAINED = 0.3  # of the variance of a level, by a peak
NINE_TENTHS = 1.2816  # standard deviations from the middle of a normal to its quantile of 0.9
CELL_SPREAD = 12**-0.5  # standard deviation of an even chance over one cell
LEAST_FALL_DB = 3.0  # of a fitted peak
EDGE = 0.03  # part of the stretch at each end where a lowest point is no turn
INDEPENDENT_LEVELS = 4.0  # at most: reflections bend a level over the whole stretch (bench.order)


class Grid(NamedTuple):
    """Cells from `first` on, `cell` apart in the unit of the motion; metres_per_unit None: not known."""

    first: float
    cell: float
    metres_per_unit: float | None


class Passage(NamedTuple):
    """Where a tag passes, in cells of the grid: the middle of what is possible and its spread, as one standard
    deviation; and how good the fit is, 0 to 1."""

    middle: float
    spread: float
    coherence: float


class Profile(NamedTuple):
    """One tag's reads by cell and channel, those of one cell and channel taken together as one.

    cell (n,) from `start` on, the first it was heard in; channel (n,); phasor (n,) of length 1, of no meaning where
    there is no phase; level_db (n,) mean RSSI; cells: how many the stretch has.
    """

    start: int
    cells: int
    cell: Index
    channel: Index
    phasor: NDArray[np.complex128]
    level_db: Floats


def grid_over(along: Floats, metres_per_unit: float | None) -> Grid:
    """The grid for reads at these places."""
    first, stretch = (float(along.min()), float(np.ptp(along))) if along.size else (0.0, 0.0)
    cells = CELLS
    if metres_per_unit is not None:
        cells = int(np.clip(stretch * metres_per_unit / STEP_M, FEWEST_CELLS, MOST_CELLS))
    return Grid(first, max(stretch / cells, float(np.finfo(np.float64).tiny)), metres_per_unit)


def profile_of(grid: Grid, along: Floats, phase_rad: Floats, rssi_dbm: Floats, channel: Index) -> Profile:
    """One tag's reads on the grid."""
    at = np.rint((along - grid.first) / grid.cell).astype(np.int64)
    start = int(at.min()) if at.size else 0
    at -= start
    cells = int(at.max(initial=0)) + 1
    key, row = np.unique(channel * cells + at, return_inverse=True)
    reads = np.bincount(row)
    phasor = np.bincount(row, np.cos(phase_rad)) + 1j * np.bincount(row, np.sin(phase_rad))
    return Profile(
        start, cells, key % cells, key // cells, np.exp(1j * np.angle(phasor)), np.bincount(row, rssi_dbm) / reads
    )


class Kernels:
    """What passes look like on a grid, transformed; made when first asked for, by wavenumber and length."""

    def __init__(self, grid: Grid, closest: Floats, metres_per_unit: float) -> None:
        """closest (c,) in metres; metres_per_unit of the motion's unit."""
        self.closest = closest
        self._cell_m = grid.cell * metres_per_unit
        self._phases: dict[tuple[float, int], NDArray[np.complex128]] = {}
        self._levels: dict[int, tuple[NDArray[np.complex128], NDArray[np.complex128]]] = {}

    def distance_m(self, cells: int) -> Floats:
        """(c, 2^k) distance at each number of cells away, both ways round."""
        length = _length(cells)
        away = np.minimum(np.arange(length), length - np.arange(length)) * self._cell_m
        return np.hypot(self.closest[:, None], away)

    def phases(self, wavenumber: float, cells: int) -> NDArray[np.complex128]:
        """(c, 2^k) of exp(-i wavenumber d)."""
        key = (wavenumber, _length(cells))
        if key not in self._phases:
            self._phases[key] = np.fft.fft(np.exp(-1j * wavenumber * self.distance_m(cells)), axis=1)
        return self._phases[key]

    def levels(self, cells: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """(c, 2^k) of the logarithm of d, and of its square."""
        length = _length(cells)
        if length not in self._levels:
            fall = 10 * np.log10(self.distance_m(cells))
            self._levels[length] = np.fft.rfft(fall, axis=1), np.fft.rfft(fall**2, axis=1)
        return self._levels[length]


def agreed(profile: Profile, kernels: Kernels, channel: int, wavenumber: float) -> Floats:
    """(c, s) how many of a channel's reads agree with a pass at each closest distance and each cell."""
    own = profile.channel == channel
    heard = np.zeros(_length(profile.cells), np.complex128)
    heard[profile.cell[own]] = profile.phasor[own]
    found = np.fft.ifft(np.fft.fft(heard) * kernels.phases(wavenumber, profile.cells), axis=1)
    return np.abs(found[:, : profile.cells])


def by_phase(profile: Profile, tried: Floats, closest_m: Floats, wavenumber: Floats, cell_m: float) -> Passage | None:
    """Where the phases say that the tag passes; None for one at rest, noise, half a pass or too few reads.

    tried (c, s): what `agreed` gave, summed over the channels; closest_m (c,); wavenumber by channel.
    Residuals are taken as normal, of a size that the fit itself shows, and no more reads as independent than quarter
    wavelengths of travel.
    """
    if len(profile.cell) < LEAST_CELLS:
        return None
    closest, coherence = closest_m[tried.argmax(axis=0)], tried.max(axis=0) / len(profile.cell)
    best = int(coherence.argmax())
    if not _turns(best, profile.cells):
        return None
    turned = wavenumber[profile.channel] * (np.hypot(closest[best], (profile.cell - best) * cell_m) - closest[best])
    at_rest = sum(abs(profile.phasor[profile.channel == c].sum()) for c in np.unique(profile.channel))
    unexplained = max(1 - float(coherence[best]), NOISE_FLOOR)
    is_pass = (
        coherence[best] >= LEAST_COHERENCE
        and turned.max() >= LEAST_SWING_RAD
        and 1 - at_rest / len(profile.cell) >= LEAST_GAIN * unexplained
    )
    if not is_pass:
        return None
    quarter_m = np.pi / float(wavenumber[profile.channel].mean())
    # closest distance, place and each channel's offset were fitted to them
    fitted = 2 + len(np.unique(profile.channel))
    independent = max(min(len(profile.cell), np.ptp(profile.cell) * cell_m / quarter_m) - fitted, 1.0)
    return _passage(profile, -independent / 2 * np.log(1 - coherence + NOISE_FLOOR), float(coherence[best]))


def by_level(profile: Profile, kernels: Kernels) -> Passage | None:
    """Where the RSSI says that the tag passes; None where it has no peak, or too few reads."""
    if len(profile.cell) < LEAST_CELLS:
        return None
    length, n = _length(profile.cells), len(profile.cell)
    fall, square = kernels.levels(profile.cells)
    heard, level = np.zeros((2, length))
    np.add.at(heard, profile.cell, 1.0)
    np.add.at(level, profile.cell, profile.level_db - profile.level_db.mean())

    def around(kernel: NDArray[np.complex128], at: Floats) -> Floats:
        return np.fft.irfft(kernel * np.fft.rfft(at), length, axis=1)[:, : profile.cells]

    mean, together = around(fall, heard) / n, around(fall, level) / n
    spread = np.maximum(around(square, heard) / n - mean**2, 1e-9)
    variance = max(float(profile.level_db.var()), 1e-9)
    explained = np.where(together < 0, together**2 / (spread * variance), 0.0)
    widest, best_of = explained.argmax(axis=0), explained.max(axis=0)
    best = int(best_of.argmax())
    slope = -together[widest[best], best] / spread[widest[best], best]
    distance_m = kernels.distance_m(profile.cells)[widest[best]][np.abs(profile.cell - best)]
    fallen_db = slope * 10 * float(np.ptp(np.log10(distance_m)))
    if not _turns(best, profile.cells) or best_of[best] < LEAST_EXPLAINED or fallen_db < LEAST_FALL_DB:
        return None
    score = -min(n, INDEPENDENT_LEVELS) / 2 * np.log(1 - best_of + NOISE_FLOOR)
    return _passage(profile, score, float(best_of[best]))


def _turns(best: int, cells: int) -> bool:
    """Whether the tag came nearer and went away again within the stretch."""
    inside = EDGE * (cells - 1)
    return inside < best < cells - 1 - inside


def _passage(profile: Profile, score: Floats, coherence: float) -> Passage:
    weight = np.exp(score - score.max())
    weight /= weight.sum()
    # quantiles, for the tails are long; and within a cell nobody knows
    low, middle, high = np.interp((0.1, 0.5, 0.9), np.cumsum(weight) - weight / 2, np.arange(profile.cells))
    spread = float(np.hypot((high - low) / 2 / NINE_TENTHS, CELL_SPREAD))
    return Passage(profile.start + float(middle), spread, coherence)


def _length(cells: int) -> int:
    """Of the transforms: a power of two in which no end meets the other."""
    return 1 << (2 * cells - 1).bit_length()
