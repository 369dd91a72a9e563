"""What a bystander in the vault sees happen: one glance against the one before."""

from typing import Any

from config.phrase import Phrase, phrase


def burst_or_repair(args: dict[str, Any]) -> Phrase:
    """What the scenario did to a pipe."""
    zone = args["zone"]
    return phrase("sim_pipe_burst", zone=zone) if args["on"] else phrase("sim_pipe_repaired", zone=zone)


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[Phrase]:
    """Floors that became wet or dry, valves that closed or opened, between two glances of the site."""
    wet, was_wet = set(now["wet"]), set(before["wet"])
    closed, was_closed = set(now["closed_valves"]), set(before["closed_valves"])
    return [
        *(phrase("sim_floor_wet", zone=zone) for zone in sorted(wet - was_wet)),
        *(phrase("sim_valve_closed", valve=valve) for valve in sorted(closed - was_closed)),
        *(phrase("sim_floor_dry", zone=zone) for zone in sorted(was_wet - wet)),
        *(phrase("sim_valve_open", valve=valve) for valve in sorted(was_closed - closed)),
    ]
