"""Water answers to its valve; air stays where an archive's air stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.world.climate import Climate
from simulator.world.water import DRIES_AFTER_S, Water


def test_a_leak_stays_wet_while_the_valve_is_open() -> None:
    water = Water(("z1", "z2"))
    water.burst("z1")
    water.advance(3600.0)
    assert water.is_wet("z1")
    assert not water.is_wet("z2")


def test_a_leak_dries_some_seconds_after_the_valve_is_closed_and_not_before() -> None:
    water = Water(("z1",))
    water.burst("z1")
    water.valve("z1", is_open=False)
    water.advance(DRIES_AFTER_S - 0.1)
    assert water.is_wet("z1")
    water.advance(0.2)
    assert not water.is_wet("z1")


def test_opening_the_valve_before_a_pipe_that_is_still_broken_wets_the_floor_again() -> None:
    water = Water(("z1",))
    water.burst("z1")
    water.valve("z1", is_open=False)
    water.advance(60.0)
    water.valve("z1", is_open=True)
    assert water.is_wet("z1")
    water.repair("z1")
    water.advance(60.0)
    assert not water.is_wet("z1")


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["burst", "repair", "open", "close"]),
            st.floats(0.1, 20.0, allow_nan=False),
        )
    )
)
def test_the_floor_is_never_dry_while_water_flows_and_dries_within_its_time_once_it_stops(
    acts: list[str | float],
) -> None:
    water = Water(("z1",))
    quiet_s = float("inf")
    for act in acts:
        match act:
            case "burst":
                water.burst("z1")
            case "repair":
                water.repair("z1")
            case "open" | "close":
                water.valve("z1", is_open=act == "open")
            case float(seconds):
                water.advance(seconds)
                quiet_s += seconds
        if water.flows("z1"):
            quiet_s = 0.0
            assert water.is_wet("z1")
        elif quiet_s > DRIES_AFTER_S + 1e-6:
            assert not water.is_wet("z1")


def test_the_air_of_a_vault_stays_inside_its_limits_nearly_always_and_the_street_does_not() -> None:
    climate = Climate(("z1",), 0.0, np.random.default_rng(3))
    inside = outside = 0
    hours = 24 * 365
    for _ in range(hours):
        climate.advance(3600.0)
        inside += 14 <= climate.air("z1").temperature_degc <= 24
        outside += 14 <= climate.air(None).temperature_degc <= 24
    assert inside / hours > 0.999
    assert outside / hours < 0.9


def test_pushed_air_leaves_the_limits_at_once_and_returns_when_the_push_is_taken_back() -> None:
    climate = Climate(("z1",), 0.0, np.random.default_rng(3))
    before = climate.air("z1")
    climate.push("z1", 8.0, 20.0)
    assert climate.air("z1").temperature_degc == pytest.approx(before.temperature_degc + 8.0)
    climate.push("z1", 0.0, 0.0)
    assert climate.air("z1") == before
