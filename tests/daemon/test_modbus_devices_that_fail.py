"""A Modbus unit in every kind of trouble, on both kinds of line, seen from the whole house: its neighbours on the same
line are measured on."""

from itertools import pairwise
from pathlib import Path

import pytest

from edge.rules.limits import voted
from edge.state.facts import ActuatorChanged, ContactChanged, DeviceWasLost, Measured
from simulator.faults import break_line, break_unit
from tests.daemon.live import Live, running
from tests.daemon.small_site import Transport, site_in

EVERYTHING = ("reader-1", "th-1", "th-2", "th-3", "leak-1", "board-1")
LONGEST_GAP_S = 0.9  # between two readings a neighbour reported: due each 0.2 s, asked each 0.1 s; freshness is 1 s


def gap_s(live: Live, device: str, since_ns: int) -> float:
    at_ns = [fact.at_ns for fact in live.of(Measured, device=device) if fact.at_ns >= since_ns]
    return max((after - before for before, after in pairwise(at_ns)), default=0) / 1e9


@pytest.mark.parametrize("transport", ["tcp", "rtu"])
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("silent", "silent"),
        ("late", "silent"),
        ("other_unit", "answers_of_another_unit"),
        ("busy", "device_busy"),
    ],
)
async def test_a_unit_in_trouble_is_lost_with_its_reason_and_comes_back_and_its_neighbours_are_measured_on(
    tmp_path: Path, transport: Transport, trouble: str, reason: str
) -> None:
    async with site_in(tmp_path, transport) as site, running(site.loaded(), site.state_dir) as live:
        await live.all_ok(*EVERYTHING)
        broken_ns = live.now()
        break_unit(site.units["th-2"], trouble)
        if trouble == "late":
            # Past the timeout, and no later than its profile admits. An RTU answer that comes later still is taken for
            # one to the next question, which nothing on the wire can tell.
            site.units["th-2"].faults.late_s = 0.25
        await live.until(lambda: live.of(DeviceWasLost, device="th-2"), "the loss")
        assert [fact.reason for fact in live.of(DeviceWasLost)] == [reason]
        await live.until(lambda: live.raised("device_lost:th-2"), "its alarm")
        assert live.state.readings["th-2", "temperature"].value is None
        break_unit(site.units["th-2"], "none")
        await live.until(lambda: live.is_ok("th-2"), "th-2 back")
        await live.until(lambda: live.cleared("device_lost:th-2"), "its alarm over")
        assert [fact.device for fact in live.of(DeviceWasLost)] == ["th-2"]
        assert gap_s(live, "th-1", broken_ns) < LONGEST_GAP_S
        assert gap_s(live, "th-3", broken_ns) < LONGEST_GAP_S


async def test_two_of_three_sensors_still_vote_and_a_lost_leak_rope_is_unknown_not_dry(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await live.all_ok(*EVERYTHING)
        break_unit(site.units["th-1"], "silent")
        break_unit(site.rope, "silent")
        await live.until(lambda: len(live.of(DeviceWasLost)) == 2, "both losses")
        assert voted(live.state, "z1", "temperature_degc").value == 20.0
        changes = [fact.active for fact in live.of(ContactChanged, device="leak-1", point="leak")]
        assert changes == [False, None]
        async with live.client() as client:
            answer = await client.result("act", action="actuator.set", args={"actuator": "valve-1", "state": "open"})
        assert answer["answer"] == "leak_unknown"


async def test_a_lost_board_makes_its_valve_unknown_and_a_pulled_line_loses_its_units_alone(tmp_path: Path) -> None:
    async with site_in(tmp_path, "rtu") as site, running(site.loaded(), site.state_dir) as live:
        await live.all_ok(*EVERYTHING)
        await live.until(lambda: live.of(ActuatorChanged, actuator="valve-1", state="open"), "the valve's read-back")
        await break_line(site.line, "unplug")
        await live.until(lambda: len(live.of(DeviceWasLost)) == 5, "all five units lost")
        assert {fact.reason for fact in live.of(DeviceWasLost)} == {"line_down"}
        assert live.is_ok("reader-1")
        assert live.state.actuators["valve-1"].state is None
        await break_line(site.line, "plug")
        await live.all_ok(*EVERYTHING)
        await live.until(lambda: live.state.actuators["valve-1"].state == "open", "the valve is known again")
