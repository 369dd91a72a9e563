"""Moist air in closed forms: what alarms, compliance and condensation guards need. T in degC, RH in %."""

import math

MAGNUS_A = 17.62  # Magnus over water, within 0.04 K of the reference psychrometrics for 5-35 degC, 20-100 %
MAGNUS_B_DEGC = 243.12
_ZERO_DEGC_K = 273.15
_WATER_GAS_CONSTANT = 461.5  # J/(kg K)
# saturation pressure over water, Hyland and Wexler 1983 as in the ASHRAE Handbook (eq. 6): ln(Pa) over T in K
_HYLAND_WEXLER = (-5.8002206e3, 1.3914993, -4.8640239e-2, 4.1764768e-5, -1.4452093e-8, 6.5459673)


def dew_point_degc(temperature_degc: float, humidity_pct: float) -> float:
    """Temperature at which this air is saturated. Raises ValueError for a humidity not in (0, 100]."""
    if not 0 < humidity_pct <= 100:
        raise ValueError(f"relative humidity {humidity_pct} %: expected above 0, up to 100")
    level = math.log(humidity_pct / 100) + MAGNUS_A * temperature_degc / (MAGNUS_B_DEGC + temperature_degc)
    return MAGNUS_B_DEGC * level / (MAGNUS_A - level)


def absolute_humidity_gm3(temperature_degc: float, humidity_pct: float) -> float:
    """Grams of water in a cubic metre of this air, as an ideal gas, 0-100 degC."""
    kelvin = temperature_degc + _ZERO_DEGC_K
    c8, c9, c10, c11, c12, c13 = _HYLAND_WEXLER
    logarithm = c8 / kelvin + c9 + c10 * kelvin + c11 * kelvin**2 + c12 * kelvin**3 + c13 * math.log(kelvin)
    pressure_pa = humidity_pct / 100 * math.exp(logarithm)
    return 1000 * pressure_pa / (_WATER_GAS_CONSTANT * kelvin)
