"""Where a tag stands by how strongly each antenna hears it, against a map learnt from tags at known points.

The strongest antenna is not the nearest one in a real room: gains differ, the floor reflects. The map is, per
antenna, a fall of RSSI with the logarithm of the distance plus what the room makes of it, a Gaussian process over the
floor (as in kriging). How far the room's marks reach, how deep they are and how noisy a reading is, is what explains
the learnt points best (restricted likelihood); it is never given. The answer is a chance for every place asked about.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

# Ranges searched, not settings: the likelihood decides. Reach as parts of the floor's extent.
REACHES = (0.14, 0.28, 0.42, 0.7)
ROOM_DB = (2.0, 4.0, 8.0)
NOISE_DB = (1.0, 2.0, 3.0)
LEAST_DISTANCE = 1e-3  # of the floor's extent: an antenna and a tag are never at one point
LEAST_POINTS = 4  # two unknowns per antenna, and something left to learn the room from


class RadioMap(NamedTuple):
    """What RSSI each place should show: mean and variance (places, antennas), in dBm and dB^2."""

    place: Floats
    mean_dbm: Floats
    variance_db2: Floats


class _Room(NamedTuple):
    reach: float
    depth_db: float
    noise_db: float


def learn(points: Floats, rssi_dbm: Floats, antennas: Floats, places: Floats) -> RadioMap:
    """The map at `places` from tags at known points.

    points (n, 2), antennas (a, 2), places (p, 2) in one unit of length; rssi_dbm (n, a) mean of each antenna's reads.
    Raises ValueError on other shapes, on gaps (NaN) and with fewer than 4 points.
    """
    if len(points) < LEAST_POINTS or rssi_dbm.shape != (len(points), len(antennas)):
        raise ValueError(
            f"{len(points)} points, RSSI of shape {rssi_dbm.shape}: expected {LEAST_POINTS} points and more, "
            f"and for each the RSSI of {len(antennas)} antennas"
        )
    if not np.isfinite(rssi_dbm).all():
        raise ValueError("an RSSI is no number: leave out points that an antenna does not hear")
    extent = float(np.ptp(np.concatenate([points, antennas]), axis=0).max())
    rooms = [_Room(reach * extent, *rest) for reach, *rest in product(REACHES, ROOM_DB, NOISE_DB)]
    room = max(rooms, key=lambda one: _explained(one, points, rssi_dbm, antennas, extent))
    mean, variance = np.empty((2, len(places), len(antennas)))
    covariance = _covariance(room, points, points) + room.noise_db**2 * np.eye(len(points))
    inverse = np.linalg.inv(covariance)
    near = _covariance(room, places, points)
    for a, antenna in enumerate(antennas):
        design = _fall(points, antenna, extent)
        spread = np.linalg.inv(design.T @ inverse @ design)
        fall = spread @ design.T @ inverse @ rssi_dbm[:, a]
        there = _fall(places, antenna, extent)
        mean[:, a] = there @ fall + near @ inverse @ (rssi_dbm[:, a] - design @ fall)
        # what is unknown of the room here, of one reading, and of the fall itself
        lever = there - near @ inverse @ design
        variance[:, a] = room.depth_db**2 + room.noise_db**2 - ((near @ inverse) * near).sum(axis=1)
        variance[:, a] += ((lever @ spread) * lever).sum(axis=1)
    return RadioMap(places, mean, variance)


def chances(radio_map: RadioMap, rssi_dbm: Floats) -> Floats:
    """(p,) chance of each place, all equally likely before; rssi_dbm (a,), NaN where an antenna heard nothing."""
    told = ~np.isnan(rssi_dbm)
    off = rssi_dbm[told] - radio_map.mean_dbm[:, told]
    variance = radio_map.variance_db2[:, told]
    score = -(off**2 / variance + np.log(variance)).sum(axis=1) / 2
    weight = np.exp(score - score.max())
    chance: Floats = weight / weight.sum()
    return chance


def nearest(places: Floats, antennas: Floats) -> Index:
    """(p,) which antenna is nearest to each place, the first of equals."""
    closest: Index = np.linalg.norm(places[:, None] - antennas, axis=2).argmin(axis=1)
    return closest


def nearest_antenna(radio_map: RadioMap, antennas: Floats, rssi_dbm: Floats) -> Floats:
    """(a,) chance of each antenna to be the nearest to the tag."""
    owner = nearest(radio_map.place, antennas)
    chance: Floats = np.zeros(len(antennas))
    np.add.at(chance, owner, chances(radio_map, rssi_dbm))
    return chance


def _fall(places: Floats, antenna: Floats, extent: float) -> Floats:
    """(p, 2) what the RSSI falls by: a level, and the logarithm of the distance."""
    distance = np.linalg.norm(places - antenna, axis=1) / extent
    return np.column_stack([np.ones(len(places)), np.log10(np.maximum(distance, LEAST_DISTANCE))])


def _covariance(room: _Room, one: Floats, other: Floats) -> Floats:
    squares = ((one[:, None] - other) ** 2).sum(axis=2)
    covariance: Floats = room.depth_db**2 * np.exp(-squares / (2 * room.reach**2))
    return covariance


def _explained(room: _Room, points: Floats, rssi_dbm: Floats, antennas: Floats, extent: float) -> float:
    """Restricted log likelihood of the learnt points in such a room, up to a constant."""
    covariance = _covariance(room, points, points) + room.noise_db**2 * np.eye(len(points))
    inverse = np.linalg.inv(covariance)
    total = -len(antennas) * float(np.linalg.slogdet(covariance)[1]) / 2
    for a, antenna in enumerate(antennas):
        design = _fall(points, antenna, extent)
        information = design.T @ inverse @ design
        fall = np.linalg.solve(information, design.T @ inverse @ rssi_dbm[:, a])
        rest = rssi_dbm[:, a] - design @ fall
        total -= float(rest @ inverse @ rest + np.linalg.slogdet(information)[1]) / 2
    return total
