"""One value for a zone from several sensors: the median of the good ones, and how far it can be trusted."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

Trust = Literal["voted", "paired", "single", "none"]


class Vote(msgspec.Struct, frozen=True):
    """`value` None when no sensor is good. `trust`: voted by three or more, paired (mean of two that cannot outvote
    each other), single, none. `outliers`: places in the input that were outvoted."""

    value: float | None
    trust: Trust
    outliers: tuple[int, ...] = ()


def vote(values: Sequence[float | None], *, tolerance: float) -> Vote:
    """The value of a zone. None in `values` is a sensor that is stale or gave no valid value.

    With three or more good ones, those further than `tolerance` (same unit) from the median are outvoted and the median
    of the rest counts; JGJ-grade sensors differ by at most twice their accuracy (domain: 0.5 degC, 3 %RH).
    """
    places = [place for place, value in enumerate(values) if value is not None]
    good = np.array([value for value in values if value is not None], dtype=np.float64)
    if len(good) == 0:
        return Vote(None, "none")
    if len(good) < 3:
        return Vote(float(good.mean()), "paired" if len(good) == 2 else "single")
    is_near = np.abs(good - np.median(good)) <= tolerance
    outliers = tuple(place for place, near in zip(places, is_near.tolist(), strict=True) if not near)
    kept = good[is_near] if is_near.any() else good
    return Vote(float(np.median(kept)), "voted", outliers)
