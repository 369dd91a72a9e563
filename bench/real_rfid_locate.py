"""RFID-Locate, Test 6: which of four antennas is nearest to a tag, by fingerprint against the strongest antenna.

One tag at 36 points of a 6 x 6 ft grid, an antenna in each corner of 7 x 7 ft, about 50 reads per antenna and point.
Each point is judged by a map learnt from the other 35; its own reads, and its place, are in nothing that is learnt,
and the map's reach, depth and noise are chosen on the same 35. The truth is the antenna nearest to the point in the
file's name; no point has two. Phase is not used: at rest it says the distance only up to a half wavelength, and
channels hop.

What was tuned on what: no number on these points, but the kind of map was chosen having seen the others' results on
them: k nearest neighbours 29 to 31 right, Gaussian classes 30 to 32, this map without the fall over distance 31,
regression of the place on RSSI 33 (26 and 20 with the reach held short).
"""

import argparse
import csv
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.fingerprint import learn, nearest, nearest_antenna
from bench.real_data import folder

ANTENNAS_FT = np.array([(0.0, 7.0), (7.0, 7.0), (7.0, 0.0), (0.0, 0.0)])  # numbers 1 to 4, from the set's readme
STEP_FT = 0.25


class Judged(NamedTuple):
    """One point: the antenna nearest, the strongest, and the chance the fingerprint gives each; antennas from 0."""

    point_ft: tuple[float, float]
    truth: int
    strongest: int
    chance: NDArray[np.float64]


def read_points(place: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(36, 2) points in feet from the file names, and (36, 4) mean RSSI."""
    points: list[list[float]] = []
    means: list[list[float]] = []
    for file in sorted(place.glob("(*).csv")):
        with file.open(newline="", encoding="ascii") as lines:
            reads = np.array([(int(row["antenna"]), float(row["rssi"])) for row in csv.DictReader(lines)])
        points.append([float(number) for number in file.stem.strip("()").split(",")])
        means.append([float(reads[reads[:, 0] == antenna, 1].mean()) for antenna in (1, 2, 3, 4)])
    return np.array(points), np.array(means)


def run(place: Path) -> list[Judged]:
    """Each point by what the others teach."""
    points, means = read_points(place)
    truth = nearest(points, ANTENNAS_FT)
    axis = np.arange(0.5, 6.5 + STEP_FT / 2, STEP_FT)
    places = np.column_stack([side.ravel() for side in np.meshgrid(axis, axis)])
    judged = []
    for n, point in enumerate(points):
        others = np.arange(len(points)) != n
        radio_map = learn(points[others], means[others], ANTENNAS_FT, places)
        chance = nearest_antenna(radio_map, ANTENNAS_FT, means[n])
        judged.append(Judged((float(point[0]), float(point[1])), int(truth[n]), int(means[n].argmax()), chance))
    return judged


def main() -> None:
    """Print a table, or one JSON object with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, help="evaluation data, default LANTAI_DATA or ../shared/data")
    arguments = parser.parse_args()
    judged = run(folder(arguments.data, "rfid/rfid-locate/Test6"))
    right = sum(int(one.chance.argmax()) == one.truth for one in judged)
    strongest = sum(one.strongest == one.truth for one in judged)
    if arguments.json:
        print(json.dumps({"right": right, "points": len(judged), "strongest_right": strongest}))
        return
    print("points where one of the two is wrong")
    print("point ft  nearest  strongest  fingerprint  its chances")
    for one in judged:
        best = int(one.chance.argmax())
        if {best, one.strongest} != {one.truth}:
            chances = " ".join(f"{chance:.2f}" for chance in one.chance)
            x, y = one.point_ft
            print(f"({x:.0f}, {y:.0f})    {one.truth + 1:7}  {one.strongest + 1:9}  {best + 1:11}  {chances}")
    stated = float(np.mean([one.chance.max() for one in judged]))
    print(f"right: fingerprint {right} of {len(judged)}, stated {stated * len(judged):.1f}; strongest {strongest}")


if __name__ == "__main__":
    main()
