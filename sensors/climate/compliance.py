"""How much of the time a store stood inside its limits."""

import numpy as np
from numpy.typing import NDArray

JGJ_TEMPERATURE_DEGC = (14.0, 24.0)  # paper store, JGJ 25-2010 t. 5.2.1
JGJ_HUMIDITY_PCT = (45.0, 60.0)


def share_inside(
    temperature_degc: NDArray[np.float64],
    humidity_pct: NDArray[np.float64],
    *,
    temperature_limits: tuple[float, float] = JGJ_TEMPERATURE_DEGC,
    humidity_limits: tuple[float, float] = JGJ_HUMIDITY_PCT,
) -> float | None:
    """Share of the hours with both values known in which both are inside their limits, bounds included; None of none.

    (n,) hourly values, NaN where unknown: a gap counts neither for nor against the store.
    """
    is_known = ~(np.isnan(temperature_degc) | np.isnan(humidity_pct))
    if not is_known.any():
        return None
    is_warm = (temperature_degc >= temperature_limits[0]) & (temperature_degc <= temperature_limits[1])
    is_dry = (humidity_pct >= humidity_limits[0]) & (humidity_pct <= humidity_limits[1])
    return float((is_warm & is_dry)[is_known].mean())


def first_of_each(at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) true for the first record of each hour of a log in order: a logger on a wrong clock rule writes twice."""
    return np.concatenate([np.ones(min(1, len(at)), dtype=bool), np.diff(at) != 0])
