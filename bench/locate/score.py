"""Following locators through a re-placement: which of the moved tags each finds, and whether confidence is honest."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.locate.peers import Floats, Indices, Locator
from bench.locate.worlds import CYCLE_S, World

WARM_UP = 100  # cycles before the re-placement
REPLACED = 0.2  # of the tags
JUDGED_AFTER = (1, 3, 10)  # cycles
BINS = 10
SETTLED = 10  # cycles before the re-placement whose confidence is judged; and as many after it


class Believer(Protocol):
    """A locator that says how sure it is, and what is gone."""

    def cycle(self, tag: Indices, antenna: Indices, rssi_dbm: Floats, at_s: float) -> None:
        """As Locator."""

    def segment(self) -> Indices:
        """As Locator."""

    def confidence(self) -> Floats:
        """(n,) stated probability that the tag is in `segment`."""

    def missing(self) -> NDArray[np.bool_]:
        """(n,) declared missing."""


class Confidence(NamedTuple):
    """Judgements by tenths of stated confidence, each (10,): how many, the sum they stated, how many were right."""

    judged: NDArray[np.float64]
    stated: NDArray[np.float64]
    right: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error: |right - stated| of each tenth by its share of all."""
        return float(np.abs(self.right - self.stated).sum() / max(1, self.judged.sum()))

    @property
    def wrong_to_stated(self) -> float:
        """Wrong ones for each wrong one that the stated confidences predict."""
        return float((self.judged - self.right).sum() / max(1e-9, (self.judged - self.stated).sum()))


def together(several: Iterable[Confidence]) -> Confidence:
    """The judgements of all of them."""
    judged, stated, right = np.zeros((3, BINS))
    for one in several:
        judged, stated, right = judged + one.judged, stated + one.stated, right + one.right
    return Confidence(judged, stated, right)


class Followed(NamedTuple):
    """One run, by locator: share of the moved tags found, by JUDGED_AFTER, and share of all tags known just before.

    settled, after_move: how ours' confidence did.
    """

    found: dict[str, tuple[float, ...]]
    at_rest: dict[str, float]
    settled: Confidence
    after_move: Confidence


def judge(stated: Floats, is_right: NDArray[np.bool_]) -> Confidence:
    """Sort judgements into tenths; a stated 1 belongs to the last."""
    tenth = np.minimum((stated * BINS).astype(np.int64), BINS - 1)
    each = (np.ones(len(stated)), stated.astype(np.float64), is_right.astype(np.float64))
    judged, summed, right = (np.bincount(tenth, one, minlength=BINS).astype(np.float64) for one in each)
    return Confidence(judged, summed, right)


class Told(Protocol):
    """One that is told which tags were moved."""

    def told(self, tags: NDArray[np.int64]) -> None:
        """These were moved just now."""


def follow(world: World, locators: Mapping[str, Locator], ours: Believer, told: tuple[Told, ...]) -> Followed:
    """Warm up, move REPLACED of the tags at once, go on until the last of JUDGED_AFTER. `ours` is not in `locators`."""
    every: dict[str, Locator] = {"ours": ours, **locators}
    found: dict[str, list[float]] = {name: [] for name in every}
    settled: list[Confidence] = []
    after_move: list[Confidence] = []
    at_rest: dict[str, float] = {}
    moved: NDArray[np.int64] = np.zeros(0, np.int64)
    for cycle in range(1, WARM_UP + JUDGED_AFTER[-1] + 1):
        if cycle == WARM_UP + 1:
            at_rest = {name: float((one.segment() == world.segment).mean()) for name, one in every.items()}
            moved = world.replace(REPLACED)
            for one in told:
                one.told(moved)
        reads = world.cycle()
        for locator in every.values():
            locator.cycle(reads.tag, reads.antenna, reads.rssi_dbm, cycle * CYCLE_S)
        if cycle - WARM_UP in JUDGED_AFTER:
            for name, locator in every.items():
                found[name].append(float((locator.segment()[moved] == world.segment[moved]).mean()))
        if cycle > WARM_UP - SETTLED:
            said = judge(ours.confidence(), ours.segment() == world.segment[: len(ours.segment())])
            (settled if cycle <= WARM_UP else after_move).append(said)
    by_name = {name: tuple(shares) for name, shares in found.items()}
    return Followed(by_name, at_rest, together(settled), together(after_move))
