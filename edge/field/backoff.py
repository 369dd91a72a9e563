"""How long to wait before trying again: at once, then ever longer up to a cap, never all devices in step."""

import random

import msgspec


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """`first_s` doubles with every failure up to `cap_s`; the wait is drawn between half of that and all of it."""

    first_s: float
    cap_s: float

    def wait_s(self, failures: int, jitter: random.Random) -> float:
        """The wait after `failures` (>= 1) failures in a row."""
        whole_s = self.cap_s if failures > 32 else min(self.cap_s, self.first_s * 2 ** (failures - 1))
        return whole_s * jitter.uniform(0.5, 1.0)
