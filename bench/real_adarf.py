"""AdaRF: the order of six tags 8 cm apart from the phase while the antenna moves 1 m past them, against their RSSI
peaks.

One experiment (190109-27: tags 0.75 m away, one channel, an antenna stopped at 50 points). The truth is the order of
the EPC numbers, as in the data's own config. Of the 15 pairs of tags: how many come out the right way round; a tag
whose order is unknown loses all its pairs. A seventh tag, heard at 7 points, is no part of the experiment; it stays
in the input and is expected among the unknown. Peak: each tag stands where its mean RSSI is highest.

`--experiments FOLDER` judges every experiment of a folder of the same form instead.

What was tuned on what: no number was fitted. That all reads weigh alike, not by amplitude or power, was chosen on the
20 odd-numbered experiments of the authors' set of 40, which is not kept here; this one is among them, and each of the
three gets all 15 in it.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.real_data import folder
from sensors.rfid.order import Order, order_along

LIGHT_MPS = 299_792_458.0
EXPERIMENT = "rfid/adarf/190109-27-50-1"
TAGS = (1, 2, 3, 4, 5, 6)  # last two digits of the EPCs, in the order in which they stand


class Reads(NamedTuple):
    """All reads of an experiment as columns."""

    tag: NDArray[np.int64]
    position_m: NDArray[np.float64]
    phase_rad: NDArray[np.float64]
    rssi_dbm: NDArray[np.float64]
    wavelength_m: NDArray[np.float64]


def read_experiment(place: Path) -> Reads:
    """A file for each point where the antenna stopped."""
    rows: list[tuple[float, ...]] = []
    for file in sorted(place.glob("*.csv")):
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows += [
                (int(r["epc"][-2:]), float(r["x"]), float(r["phase"]), float(r["RSSI"]), float(r["frequency"]))
                for r in csv.DictReader(lines)
            ]
    columns = np.array(rows).T
    return Reads(columns[0].astype(np.int64), columns[1], columns[2], columns[3], LIGHT_MPS / columns[4])


def pairs_right(order: Sequence[int]) -> int:
    """Pairs of TAGS in the right order; a tag that is not in it has none."""
    return sum(one < other for one, other in combinations([tag for tag in order if tag in TAGS], 2))


def by_rssi_peak(reads: Reads) -> list[int]:
    """The tags in the order of where each one's mean RSSI is highest."""
    peak: dict[int, float] = {}
    for tag in TAGS:
        own = reads.tag == tag
        points, point = np.unique(reads.position_m[own], return_inverse=True)
        peak[tag] = float(points[(np.bincount(point, reads.rssi_dbm[own]) / np.bincount(point)).argmax()])
    return sorted(TAGS, key=lambda tag: peak[tag])


def judge(place: Path) -> tuple[Order, list[int]]:
    """Our order and that of the RSSI peaks."""
    reads = read_experiment(place)
    ours = order_along(reads.tag, reads.position_m, reads.phase_rad, reads.wavelength_m, metres_per_unit=1.0)
    return ours, by_rssi_peak(reads)


def all_experiments(place: Path) -> None:
    """A line for each experiment of a folder, and how the stated confidences hold."""
    total, peaks, count, sure, right = 0, 0, 0, 0.0, 0
    neighbours = 0
    for experiment in sorted(path for path in place.iterdir() if path.is_dir()):
        ours, peak = judge(experiment)
        tags = ours.tag.tolist()
        good, by_peak = pairs_right(tags), pairs_right(peak)
        print(f"{experiment.name}  {good:3} {by_peak:3}  {tags}  unknown {ours.unknown.tolist()}")
        total, peaks, count = total + good, peaks + by_peak, count + 1
        for (one, other), confidence in zip(pairwise(tags), ours.confidence.tolist(), strict=True):
            if one in TAGS and other in TAGS:
                neighbours, sure, right = neighbours + 1, sure + confidence, right + (one < other)
    print(f"pairs right {total / count / 15:.4f}, by RSSI peak {peaks / count / 15:.4f}, {count} experiments")
    print(f"neighbours right {right / neighbours:.4f}, stated {sure / neighbours:.4f}, {neighbours} pairs")


def main() -> None:
    """Print a table, or one JSON object with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, help="evaluation data, default LANTAI_DATA or ../shared/data")
    parser.add_argument("--experiments", type=Path, help="a folder of experiments of the same form")
    arguments = parser.parse_args()
    if arguments.experiments is not None:
        all_experiments(arguments.experiments)
        return
    ours, peak = judge(folder(arguments.data, EXPERIMENT))
    figures = {"pairs_right": pairs_right(ours.tag.tolist()), "pairs": 15, "rssi_peak_right": pairs_right(peak)}
    if arguments.json:
        print(json.dumps(figures))
        return
    print("tag  passed at m  coherence  before the next")
    for n, tag in enumerate(ours.tag.tolist()):
        before = f"{ours.confidence[n]:.3f}" if n < ours.confidence.size else ""
        print(f"{tag:3}  {ours.along[n]:11.3f}  {ours.coherence[n]:9.3f}  {before:>15}")
    print(f"unknown: {ours.unknown.tolist()}")
    print(f"pairs right: {figures['pairs_right']} of 15; by RSSI peak {figures['rssi_peak_right']} of 15")


if __name__ == "__main__":
    main()
