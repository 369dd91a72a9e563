"""World time: seconds since the world began, real times a speed."""

import time
from typing import Protocol


class WorldClock(Protocol):
    """What the world is told the time by."""

    def now_s(self) -> float:
        """Seconds since the world began; never backwards."""


class RealClock:
    """World seconds run `speed` times as fast as ours."""

    def __init__(self, speed: float) -> None:
        if speed <= 0:
            raise ValueError(f"speed {speed} would stop or turn back the world; give a number above 0")
        self._speed = speed
        self._began_s = time.monotonic()

    def now_s(self) -> float:
        return (time.monotonic() - self._began_s) * self._speed
