"""A scenario: what happens in the world and what people do about it, and when."""

from typing import Any, Literal

import msgspec

SETTLES_S = 6.0  # from the repair until somebody turns the water on again


class Step(msgspec.Struct, frozen=True):
    """At `at_s` seconds after the start: `op` with `args`.

    By `site` they are words of the site's control socket; by `operator`, of the daemon's local API.
    """

    at_s: float
    op: str
    args: dict[str, Any] = {}
    by: Literal["site", "operator"] = "site"


Scenario = tuple[Step, ...]


def demo_scenario(leak_zone: str, valves: tuple[str, ...], for_s: float) -> Scenario:
    """Both closed loops: a pipe bursts a third into the run and the vault closes the valve by itself; when it has been
    repaired an operator opens the `valves` of the zone again."""
    begins_s = round(for_s / 3, 1)
    repaired_s = round(min(begins_s + 20.0, for_s * 0.7), 1)
    opened_s = round(min(repaired_s + SETTLES_S, (repaired_s + for_s) / 2), 1)
    return (
        Step(begins_s, "leak", {"zone": leak_zone, "on": True}),
        Step(repaired_s, "leak", {"zone": leak_zone, "on": False}),
        *(
            Step(opened_s, "act", {"action": "actuator.set", "args": {"actuator": valve, "state": "open"}}, "operator")
            for valve in valves
        ),
    )


def due(scenario: Scenario, after_s: float, until_s: float) -> tuple[Step, ...]:
    """The steps of the stretch after_s < at_s <= until_s, in order of time."""
    return tuple(
        sorted((s for s in scenario if after_s < s.at_s <= until_s), key=lambda s: s.at_s),
    )
