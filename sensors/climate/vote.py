"""One value for a zone from several sensors: the median of the good ones, or none with its reason."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

Trust = Literal["voted", "paired", "none"]
Reason = Literal["", "too_few_sensors", "sensors_disagree"]


class Vote(msgspec.Struct, frozen=True):
    """`value` None when it is not known, and then `reason` (a text id) says why.

    trust: voted by three or more, paired (mean of two that cannot outvote each other), none
    outliers: places in the input that were outvoted
    """

    value: float | None
    trust: Trust
    outliers: tuple[int, ...] = ()
    reason: Reason = ""


def vote(values: Sequence[float | None], *, tolerance: float, stuck: Sequence[bool] = ()) -> Vote:
    """The value of a zone. None in `values`: the sensor is stale or gave no valid value; `stuck` ones are left out.

    tolerance: how far a good sensor may stand from the median, same unit as the values. Sensors of the grade assumed
    differ by their accuracy (0.5 degC, 3 %RH) and by what differs within one room. Fewer than two good ones are no
    value: one sensor alone cannot be told from a broken one.
    """
    frozen = {place for place, is_stuck in enumerate(stuck) if is_stuck}
    places = [place for place, value in enumerate(values) if value is not None and place not in frozen]
    good = np.array([values[place] for place in places], dtype=np.float64)
    if len(good) < 2:
        return Vote(None, "none", reason="too_few_sensors")
    if len(good) == 2:
        return _pair(good, tolerance, ())
    is_near = np.abs(good - np.median(good)) <= tolerance
    outliers = tuple(place for place, near in zip(places, is_near.tolist(), strict=True) if not near)
    kept = good[is_near]
    if len(kept) < 2:
        return Vote(None, "none", outliers, "sensors_disagree")
    if len(kept) == 2:
        return _pair(kept, tolerance, outliers)
    return Vote(float(np.median(kept)), "voted", outliers)


def _pair(good: np.ndarray[tuple[int, ...], np.dtype[np.float64]], tolerance: float, outliers: tuple[int, ...]) -> Vote:
    # twice the tolerance: what two sensors on either side of a median may differ by
    if abs(float(good[0] - good[1])) > 2 * tolerance:
        return Vote(None, "none", outliers, "sensors_disagree")
    return Vote(float(good.mean()), "paired", outliers)
