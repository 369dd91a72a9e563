"""A scenario: what happens in the world, and when. The same words as on the control socket of the site."""

import msgspec


class Step(msgspec.Struct, frozen=True):
    """At `at_s` seconds after the start, ask the site for `op` with `args`."""

    at_s: float
    op: str
    args: dict[str, str | float | bool] = {}


Scenario = tuple[Step, ...]


def demo_scenario(leak_zone: str, for_s: float) -> Scenario:
    """One burst pipe a third into the run, repaired when the valve has long been closed."""
    begins_s = round(for_s / 3, 1)
    return (
        Step(begins_s, "leak", {"zone": leak_zone, "on": True}),
        Step(round(min(begins_s + 20.0, for_s * 0.8), 1), "leak", {"zone": leak_zone, "on": False}),
    )


def due(scenario: Scenario, after_s: float, until_s: float) -> tuple[Step, ...]:
    """The steps of the stretch after_s < at_s <= until_s, in order of time."""
    return tuple(
        sorted((s for s in scenario if after_s < s.at_s <= until_s), key=lambda s: s.at_s),
    )
