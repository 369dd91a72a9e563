"""How much of the order on a shelf one pass tells: simulated passes of 90 tags a metre, over noise and reflections.

A section of a metre with 30 tags on each of three shelves, at random places at least 1 cm apart on a shelf, goes past
an antenna (or a robot carries one along it: the same), 2.5 m in all, with a look every 0.1 or 0.4 s: what each antenna
has of a reader whose round is so long. A bank of shelving: the speed is unknown, 0.1 m/s, and swings by 30 % up and
down, which the estimator takes for even. A reader with a pose: the place is known, to 5 mm. By the product's own
estimator; the truth is the place. next: pairs of neighbours on one shelf, 3.3 cm apart in the mean; far: pairs of the
first and the tenth, 30 cm. A pair is told when the stated chance is at least 0.95.

ordered: share of all pairs whose likelier way round is right, half of those of which a tag was not placed; told: share
of the pairs; right: share of the told that are right, beside the chance that was stated for them. reflection: of each
of two steel uprights at the ends of the section. Left out: tags that shadow one another, a shelf that shakes, a
reader that hops over channels (there is one).
"""

import argparse
import json
from itertools import product
from typing import NamedTuple

import numpy as np

from edge.rules.order import SURE
from sensors.rfid.order import PassReads, Sorting, before
from sensors.rfid.passes import Pass, PassColumns
from simulator.world.passing import WAVELENGTH_M, PassRadio, draw_pass, shelf_of

SHELVES_M = (0.45, 0.55, 0.75)  # closest distances
TAGS = 30  # of a shelf
SPEED_MPS = 0.1
SWING, SWING_S = 0.3, 9.0
POSE_NOISE_M = 0.005
LOOKS_S = (0.1, 0.4)
MARGIN_M = 0.75
FAR = 9
PASSES = 12


class Told(NamedTuple):
    """Of all pairs so far apart: the share rightly ordered and the share told; how often that was right and what was
    stated, None where nothing was."""

    ordered: float
    told: float
    right: float | None
    stated: float | None


class Row(NamedTuple):
    by: str
    place: str
    look_s: float
    noise: str
    reflection: float
    pairs: int
    next: Told
    far: Told


def places(rng: np.random.Generator) -> np.ndarray:
    """TAGS places in a metre, at least a centimetre apart, in order."""
    gaps = rng.dirichlet(np.ones(TAGS + 1)) * (1 - 0.01 * (TAGS - 1))
    return np.cumsum(gaps[:-1]) + 0.01 * np.arange(TAGS)


def sort(by: str, radio: PassRadio, look_s: float, rng: np.random.Generator, *, is_posed: bool) -> Sorting:
    """A pass of all tags, shelf by shelf and on each in order, sorted."""
    place_m = np.concatenate([places(rng) for _ in SHELVES_M])
    closest_m = np.repeat(SHELVES_M, TAGS)
    at_s = np.arange(0.0, (1 + 2 * MARGIN_M) / SPEED_MPS, look_s)
    swing_m = SPEED_MPS * SWING * SWING_S / (2 * np.pi) * np.sin(2 * np.pi * at_s / SWING_S + rng.uniform(0, 6))
    antenna_m = SPEED_MPS * at_s - MARGIN_M + swing_m
    heard = draw_pass(radio, shelf_of(radio, place_m, closest_m, rng), antenna_m, look_s, rng)
    pose_m = antenna_m + rng.normal(0, POSE_NOISE_M, len(antenna_m))
    phase = heard.phase_rad if by == "phase" else np.full(len(heard.tag), np.nan)
    under_way = Pass("", 0)  # keeps as many reads as in the controller
    under_way.hear(
        PassColumns(
            heard.tag.astype(np.int32),
            np.rint(heard.at_s * 1e9).astype(np.int64),
            phase.astype(np.float32),
            heard.rssi_dbm.astype(np.float32),
            np.zeros(len(heard.tag), np.uint16),
        )
    )
    kept = under_way.reads()
    at_s = kept.at_ns / 1e9
    sorting = Sorting(
        PassReads(
            kept.tag.astype(np.int64),
            pose_m[np.rint(at_s / look_s).astype(int)] if is_posed else at_s,
            kept.phase_rad.astype(np.float64),
            kept.rssi_dbm.astype(np.float64),
            kept.channel.astype(np.int64),
            np.array([WAVELENGTH_M]),
            1.0 if is_posed else None,
        )
    )
    while not sorting.is_done:
        sorting.advance()
    return sorting


def judge(sorting: Sorting, apart: int) -> list[tuple[float, bool]]:
    """(chance of the likelier way round, whether that is right) of each pair on a shelf so many places apart; one that
    is not placed has a half."""
    order = sorting.order()
    passed = {int(tag): (float(at), float(off)) for tag, at, off in zip(*order[:3], strict=True)}
    found = []
    for first in range(0, len(SHELVES_M) * TAGS, TAGS):
        for one in range(first, first + TAGS - apart):
            chance = 0.5
            if one in passed and one + apart in passed:
                chance = before(*passed[one], *passed[one + apart])
            found.append((max(chance, 1 - chance), chance > 0.5))
    return found


def told(pairs: list[tuple[float, bool]]) -> Told:
    """What was said of them."""
    ordered = sum(0.5 if chance == 0.5 else is_right for chance, is_right in pairs) / len(pairs)
    sure = [(chance, is_right) for chance, is_right in pairs if chance >= SURE]
    if not sure:
        return Told(round(ordered, 4), 0.0, None, None)
    right, stated = sum(right for _, right in sure), sum(chance for chance, _ in sure)
    return Told(
        round(ordered, 4), round(len(sure) / len(pairs), 4), round(right / len(sure), 4), round(stated / len(sure), 4)
    )


def row(by: str, noise: str, reflection: float, look_s: float, *, is_posed: bool) -> Row:
    """All passes of one kind of weather."""
    phase_rad, level_db, misses = NOISE[noise]
    radio = PassRadio(phase_noise_rad=phase_rad, level_noise_db=level_db, misses=misses, reflection=reflection)
    near: list[tuple[float, bool]] = []
    far: list[tuple[float, bool]] = []
    for seed in range(PASSES):
        sorting = sort(by, radio, look_s, np.random.default_rng(seed), is_posed=is_posed)
        near += judge(sorting, 1)
        far += judge(sorting, FAR)
    return Row(by, "known" if is_posed else "unknown", look_s, noise, reflection, len(near), told(near), told(far))


NOISE = {"low": (0.1, 0.5, 0.1), "middle": (0.3, 1.0, 0.3), "high": (0.6, 2.0, 0.5)}
"""Phase noise in rad, level noise in dB, share of looks that miss."""


def main() -> None:
    """Print a table, or one JSON object with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = [
        row(by, noise, reflection, look_s, is_posed=is_posed)
        for by, is_posed, look_s, noise, reflection in product(
            ("phase", "rssi"), (False, True), LOOKS_S, NOISE, (0.0, 0.3)
        )
    ]
    if arguments.json:
        told_as = [one._asdict() | {"next": one.next._asdict(), "far": one.far._asdict()} for one in rows]
        print(json.dumps({"rows": told_as}))
        return
    print("                                                 next:                           far:")
    print(
        "by    place    look s  noise   reflection  pairs  ordered  told  right  stated  ordered  told  right  stated"
    )
    for one in rows:
        print(f"{one.by:5} {one.place:8} {one.look_s:6}  {one.noise:7} {one.reflection:10}  {one.pairs:5}  ", end="")
        for of in (one.next, one.far):
            right, stated = ("-" if share is None else f"{share:.3f}" for share in (of.right, of.stated))
            print(f"{of.ordered:7.3f}  {of.told:.2f}  {right:>5}  {stated:>6}  ", end="")
        print()


if __name__ == "__main__":
    main()
