"""Volumes that stand in their segment in another order than their slots."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.state.state import State

CODE = "misfiled"
SURE = 0.99  # of a pair: a segment has thousands, and the shelf is not to be searched for nothing
FEWEST = 3  # volumes of one shelf that agree which way round they passed
AGREE = 0.75  # of the sure pairs: else nobody can say which way round it is
Books = dict[Hashable, list[tuple[int, int]]]


def surely(along: NDArray[Any], spread: NDArray[Any], sure: float) -> NDArray[np.float64]:
    """(n, n) of volumes along a pass: 1 where the row's surely passed before the column's, -1 after, 0 not told."""
    apart = (along[None, :] - along[:, None]) / np.hypot(spread[None, :], spread[:, None])
    told: NDArray[np.float64] = np.sign(apart) * (np.abs(apart) >= NormalDist().inv_cdf(sure))
    return told


def found(
    state: State, segment: str, volumes: Sequence[str], along: Sequence[int], spread: Sequence[int]
) -> tuple[str, ...]:
    """The fewest volumes whose places contradict their slots, in order; () where that cannot be told."""
    told = surely(np.array(along), np.array(spread), SURE)
    shelves = _books(state, segment, volumes)
    wrong = np.zeros_like(told)
    with_slots = 0.0
    for shelf in shelves.values():
        nth = np.array([place for place, _ in shelf])
        rank = np.array([slot for _, slot in shelf])
        turns = _turns(rank) if _is_cabinet(state, segment) else [rank]
        among = told[np.ix_(nth, nth)]
        agreements = [among * np.sign(turn[None, :] - turn[:, None]) for turn in turns]
        agreement = max(agreements, key=lambda one: abs(float(one.sum())))
        wrong[np.ix_(nth, nth)] = agreement
        with_slots += float(agreement.sum())
    pairs = float(np.abs(wrong).sum())
    if max((len(shelf) for shelf in shelves.values()), default=0) < FEWEST or abs(with_slots) < (2 * AGREE - 1) * pairs:
        return ()
    against = wrong * (1 if with_slots > 0 else -1) < 0
    out: list[int] = []
    while against.any():  # whoever contradicts most is out of place, not all those whom it contradicts
        worst = int(against.sum(axis=1).argmax())
        out.append(worst)
        against[worst, :] = against[:, worst] = False
    return tuple(volumes[nth] for nth in sorted(out))


def _turns(rank: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The ranks (n,) of carriers that go round, counted from each of them."""
    count = int(rank.max()) + 1
    return [(rank - first) % count for first in np.unique(rank).tolist()]


def _is_cabinet(state: State, segment: str) -> bool:
    places = state.plant.places
    index = places.segment_index[segment]
    return state.plant.bank_of(index) is not None and places.segment_rack[index] == segment


def _books(state: State, segment: str, volumes: Sequence[str]) -> Books:
    """By shelf, or all of a cabinet: (which volume, rank of its slot) of those that belong in the segment."""
    places = state.plant.places
    index = places.segment_index[segment]
    is_cabinet = _is_cabinet(state, segment)
    shelves: Books = defaultdict(list)
    for nth, volume in enumerate(volumes):
        row = state.volumes.row[volume]
        if state.volumes.book[row] == index:
            slot = places.address(state.volumes.lines[row].slot)
            shelves["" if is_cabinet else slot.shelf].append((nth, slot.shelf if is_cabinet else slot.slot))
    return shelves
