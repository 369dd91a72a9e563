"""Air: temperature and humidity of every zone and of the street; they drift slowly and swing with the day."""

import math

import msgspec
import numpy as np

DAY_S = 86_400.0


class Air(msgspec.Struct, frozen=True):
    """The state of one body of air."""

    temperature_degc: float
    humidity_pct: float


class Swing(msgspec.Struct, frozen=True, kw_only=True):
    """How one body of air behaves: a mean, a daily swing about it, a drift that is pulled home."""

    mean: float
    daily: float
    """Half the daily swing; temperature peaks at 15:00, humidity then is lowest."""
    drift_sd: float
    """Standard deviation the drift settles to."""
    pull_s: float = 6 * 3600.0
    """Time in which the drift forgets."""


INSIDE_T = Swing(mean=19.5, daily=0.6, drift_sd=0.4)
INSIDE_RH = Swing(mean=52.0, daily=1.5, drift_sd=1.5)
OUTSIDE_T = Swing(mean=22.0, daily=5.0, drift_sd=2.0)
OUTSIDE_RH = Swing(mean=62.0, daily=14.0, drift_sd=6.0)


class Climate:
    """The air of the zones; `None` stands for the street. Advanced in world seconds, drawn from one
    generator.
    """

    def __init__(self, zones: tuple[str, ...], start_of_day_s: float, rng: np.random.Generator) -> None:
        self._rng = rng
        self._day_s = start_of_day_s
        self._bodies: tuple[str | None, ...] = (*zones, None)
        self._drift = {
            body: [float(rng.normal(0, t.drift_sd)), float(rng.normal(0, rh.drift_sd))]
            for body, (t, rh) in ((b, _swings(b)) for b in self._bodies)
        }
        self._offset: dict[str | None, Air] = {}

    def advance(self, seconds: float) -> None:
        """Let the drift wander; an exact step of the mean-reverting walk, so its law does not depend on the
        step.
        """
        self._day_s = (self._day_s + seconds) % DAY_S
        for body in self._bodies:
            drift = self._drift[body]
            for i, swing in enumerate(_swings(body)):
                keep = math.exp(-seconds / swing.pull_s)
                spread = swing.drift_sd * math.sqrt(1 - keep * keep)
                drift[i] = drift[i] * keep + spread * float(self._rng.standard_normal())

    def push(self, zone: str, temperature_degc: float, humidity_pct: float) -> None:
        """Shift a zone's air for good (a door left open, a failed plant); (0, 0) takes it back."""
        if zone not in self._drift:
            raise KeyError(f"no zone '{zone}'; zones are {', '.join(b for b in self._bodies if b)}")
        self._offset[zone] = Air(temperature_degc, humidity_pct)

    def air(self, zone: str | None) -> Air:
        """The true air of a zone, or of the street for None."""
        t, rh = _swings(zone)
        phase = math.cos(2 * math.pi * (self._day_s / DAY_S - 15 / 24))
        drift_t, drift_rh = self._drift[zone]
        push = self._offset.get(zone, Air(0.0, 0.0))
        temperature = t.mean + t.daily * phase + drift_t + push.temperature_degc
        humidity = rh.mean - rh.daily * phase + drift_rh + push.humidity_pct
        return Air(temperature, min(99.0, max(1.0, humidity)))


def _swings(body: str | None) -> tuple[Swing, Swing]:
    return (OUTSIDE_T, OUTSIDE_RH) if body is None else (INSIDE_T, INSIDE_RH)
