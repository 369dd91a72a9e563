"""In which order tags stand along a line, from the phase of their reads while reader and tags move past each other.

A tag at distance d turns the phase by 4 pi d / wavelength. While it passes at constant speed, d = sqrt(c^2 + s^2)
with s the way to the point of closest approach and c the distance there: a profile like a valley, lowest where the
tag passes. Each tag's valley is searched for by how well the phases agree with it, |mean exp(i (phase - model))|: no
unwrapping that one bad read can spoil, missing reads cost nothing, each channel has its own unknown offset. Without
relative motion there is no valley, and the answer is that the order is unknown. RSSI is left out: with reads weighted
by amplitude or by power the order came out worse on real passes than with all alike.

A reader that counts phase down with distance (the sign is the maker's) has it negated by the caller.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.integer[Any]]

BINS = 128  # of what one tag was heard along; reads of a bin count as one, so standing still weighs no more
STEP_M = 0.01  # between the places tried: books are thicker
MOST_STEPS = 600
CLOSEST_M: tuple[float, ...] = tuple(float(d) for d in np.geomspace(0.1, 4.0, 48))  # antenna to tag when it passes
COARSE_STEP_M = 0.03
SPEED_RATIO = 1.15  # between the speeds tried
TRAVEL_M = (0.3, 10.0)  # of one tag's reads, when the speed is unknown
TAGS_FOR_SPEED = 8  # those with the most bins
NOISE_FLOOR = 0.01  # share of incoherence that no profile is credited below

LEAST_BINS = 8
LEAST_COHERENCE = 0.6
LEAST_SWING_RAD = np.pi  # fall and rise of the fitted valley
LEAST_GAIN = 2.0  # a valley leaves so many times less unexplained than standing still
EDGE = 0.03  # part of the stretch at each end where a lowest point is no turn


class Order(NamedTuple):
    """Tags in the order in which they are passed, and those of which that is unknown.

    tag (k,), along (k,) where each is closest, in the unit of the input; confidence (k - 1,) in (0, 1): the chance that
    each is passed before the next; coherence (k,) of its fit; unknown (u,) tags without a pass, in order of number;
    metres_per_unit: as given, or as found (the order hardly depends on it), NaN when nothing moved
    """

    tag: Index
    along: Floats
    confidence: Floats
    coherence: Floats
    unknown: Index
    metres_per_unit: float


class Profile(NamedTuple):
    """One tag's reads, a bin a row, all (n,): place, phasor of length 1, wavenumber in rad per metre of distance."""

    place: Floats
    phasor: NDArray[np.complex128]
    wavenumber: Floats
    channel: Index


class Fit(NamedTuple):
    """Coherence (s,) at each possible place (s,), and the closest distance (s,) that gives it."""

    place: Floats
    coherence: Floats
    closest_m: Floats


def order_along(
    tag: Index, along: Floats, phase_rad: Floats, wavelength_m: Floats, *, metres_per_unit: float | None
) -> Order:
    """Order of the tags along the relative motion, with a confidence for each pair of neighbours.

    All (r,), one row a read: tag its number; along the position in metres, or the time in seconds of a motion of
    constant speed; phase_rad growing with distance, wrapped or not; wavelength_m of the read's channel.
    metres_per_unit: 1.0 for positions, the speed for times, None for an unknown constant speed. One pass: a row that
    comes back is two calls. Raises ValueError when columns differ in length, or a wavelength or metres_per_unit is not
    positive.
    """
    _check(tag, along, phase_rad, wavelength_m, metres_per_unit)
    names = np.unique(tag)
    profiles = [profile_of(along[own], phase_rad[own], wavelength_m[own]) for own in (tag == name for name in names)]
    able = [n for n, one in enumerate(profiles) if one.place.size >= LEAST_BINS and np.ptp(one.place) > 0]
    if metres_per_unit is None:
        metres_per_unit = _speed([profiles[n] for n in able])
    found: list[tuple[int, Fit, Floats]] = []
    for n in able:
        fit = fit_profile(profiles[n], metres_per_unit, STEP_M, np.array(CLOSEST_M))
        if is_pass(profiles[n], fit, metres_per_unit):
            found.append((n, fit, _chance(profiles[n], fit, metres_per_unit)))
    found.sort(key=lambda one: one[1].place[one[1].coherence.argmax()])
    ordered = names[[n for n, _, _ in found]]
    return Order(
        tag=ordered,
        along=np.array([fit.place[fit.coherence.argmax()] for _, fit, _ in found]),
        confidence=np.array([_before(one, other) for (_, *one), (_, *other) in pairwise(found)]),
        coherence=np.array([fit.coherence.max() for _, fit, _ in found]),
        unknown=np.setdiff1d(names, ordered),
        metres_per_unit=metres_per_unit if found else float("nan"),
    )


def profile_of(along: Floats, phase_rad: Floats, wavelength_m: Floats) -> Profile:
    """One tag's reads, those of a channel and a bin taken together as one phasor of length 1."""
    waves, channel = np.unique(wavelength_m, return_inverse=True)
    width = max(float(np.ptp(along)) / BINS, np.finfo(np.float64).tiny)
    cell, row = np.unique(channel * (BINS + 1) + ((along - along.min()) / width).astype(np.int64), return_inverse=True)
    reads = np.bincount(row)
    phasor: NDArray[np.complex128] = np.bincount(row, np.cos(phase_rad)) + 1j * np.bincount(row, np.sin(phase_rad))
    own = cell // (BINS + 1)
    return Profile(
        place=np.bincount(row, along) / reads,
        phasor=np.exp(1j * np.angle(phasor)),
        wavenumber=4 * np.pi / waves[own],
        channel=own,
    )


def fit_profile(profile: Profile, metres_per_unit: float, step_m: float, closest_m: Floats) -> Fit:
    """How well the phases agree with a pass at each place of the stretch the tag was heard along."""
    first, last = float(profile.place.min()), float(profile.place.max())
    steps = int(np.clip((last - first) * metres_per_unit / step_m, 32, MOST_STEPS))
    place = np.linspace(first, last, steps)
    way_m = (profile.place - place[:, None]) * metres_per_unit
    best, closest = np.full(steps, -1.0), np.zeros(steps)
    for distance_m in closest_m:
        turned = np.exp(-1j * profile.wavenumber * np.hypot(distance_m, way_m)) * profile.phasor
        coherence = np.zeros(steps)
        for channel in np.unique(profile.channel):
            coherence += np.abs(turned[:, profile.channel == channel].sum(axis=1))
        coherence /= profile.place.size
        is_better = coherence > best
        best[is_better], closest[is_better] = coherence[is_better], distance_m
    return Fit(place, best, closest)


def is_pass(profile: Profile, fit: Fit, metres_per_unit: float) -> bool:
    """Whether the fit shows a tag that came nearer and went away again, and not one at rest, noise or half a pass."""
    best = int(fit.coherence.argmax())
    inside = EDGE * (fit.place.size - 1)
    if not inside < best < fit.place.size - 1 - inside:
        return False
    way_m = (profile.place - fit.place[best]) * metres_per_unit
    phase = profile.wavenumber * (np.hypot(fit.closest_m[best], way_m) - fit.closest_m[best])
    at_rest = sum(abs(profile.phasor[profile.channel == c].sum()) for c in np.unique(profile.channel))
    unexplained = max(1 - float(fit.coherence[best]), NOISE_FLOOR)
    return bool(
        fit.coherence[best] >= LEAST_COHERENCE
        and phase.max() >= LEAST_SWING_RAD
        and 1 - at_rest / profile.place.size >= LEAST_GAIN * unexplained
    )


def _speed(profiles: list[Profile]) -> float:
    """The one speed with which the profiles agree best."""
    chosen = sorted(profiles, key=lambda one: -one.place.size)[:TAGS_FOR_SPEED]
    if not chosen:
        return float("nan")
    stretch = float(np.median([np.ptp(one.place) for one in chosen]))
    tries = int(np.log(TRAVEL_M[1] / TRAVEL_M[0]) / np.log(SPEED_RATIO)) + 1
    speeds = TRAVEL_M[0] / stretch * SPEED_RATIO ** np.arange(tries)
    closest_m = np.array(CLOSEST_M[::3])

    def score(speed: float) -> float:
        fits = [fit_profile(one, speed, COARSE_STEP_M, closest_m) for one in chosen]
        return -sum(float(np.log(1 - fit.coherence.max() + NOISE_FLOOR)) for fit in fits)

    return float(max(speeds, key=score))


def _chance(profile: Profile, fit: Fit, metres_per_unit: float) -> Floats:
    """(s,) chance of each place: residuals taken as normal, of a size that the fit itself shows.

    Reflections bend neighbouring reads alike, so no more reads count as independent than quarter wavelengths of travel.
    """
    quarter_m = np.pi / float(profile.wavenumber.mean())
    travel_m = float(np.ptp(profile.place)) * metres_per_unit
    independent = min(profile.place.size, travel_m / quarter_m)
    score = -independent / 2 * np.log(1 - fit.coherence + NOISE_FLOOR)
    weight = np.exp(score - score.max())
    chance: Floats = weight / weight.sum()
    return chance


def _before(one: list[Any], other: list[Any]) -> float:
    """Chance that the one is passed before the other; both (Fit, chance)."""
    (fit, chance), (next_fit, next_chance) = one, other
    passed = np.cumsum(next_chance) - next_chance / 2
    return float(chance @ (1 - np.interp(fit.place, next_fit.place, passed, left=0.0, right=1.0)))


def _check(tag: Index, along: Floats, phase_rad: Floats, wavelength_m: Floats, metres_per_unit: float | None) -> None:
    rows = {column.shape for column in (tag, along, phase_rad, wavelength_m)}
    if rows != {(tag.size,)}:
        raise ValueError(f"columns of shapes {sorted(rows)}: expected one row a read in each")
    if tag.size and not float(wavelength_m.min()) > 0:
        raise ValueError(f"wavelength {wavelength_m.min()} m: expected more than 0")
    if metres_per_unit is not None and not metres_per_unit > 0:
        raise ValueError(
            f"metres_per_unit {metres_per_unit}: expected more than 0; turn `along` round for the other way"
        )
