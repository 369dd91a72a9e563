"""One value for a zone from several sensors: the median of the good ones, or none with its reason."""

from collections.abc import Sequence
from statistics import fmean, median
from typing import Literal

import msgspec

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
    good = [value for place in places if (value := values[place]) is not None]
    if len(good) < 2:
        return Vote(None, "none", reason="too_few_sensors")
    if len(good) == 2:
        return _pair(good, tolerance, ())
    middle = median(good)
    outliers = tuple(place for place, value in zip(places, good, strict=True) if abs(value - middle) > tolerance)
    kept = [value for value in good if abs(value - middle) <= tolerance]
    if len(kept) < 2:
        return Vote(None, "none", outliers, "sensors_disagree")
    if len(kept) == 2:
        return _pair(kept, tolerance, outliers)
    return Vote(median(kept), "voted", outliers)


def _pair(good: Sequence[float], tolerance: float, outliers: tuple[int, ...]) -> Vote:
    # twice the tolerance: what two sensors on either side of a median may differ by
    if abs(good[0] - good[1]) > 2 * tolerance:
        return Vote(None, "none", outliers, "sensors_disagree")
    return Vote(fmean(good), "paired", outliers)
