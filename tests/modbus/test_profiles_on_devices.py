"""Every packaged profile on a unit that answers as its manual says, over a real socket."""

import pytest

from config.profile_files import load_profile, profile_ids
from drivers.modbus.plan import TCP_GAP
from edge.field.modbus_line import ModbusLine
from edge.field.profile_look import PointLook, look
from simulator.devices.modbus_detectors import CracDme, Dtsu666, Sht30, SqrDi8, UniguardUg3
from simulator.devices.modbus_units import LeakRope, RelayBoard8, RsWsN01, Unit, XyMd02
from tests.modbus.test_link_tcp import bus_to, gateway

UNIT = 7
DEVICES: list[tuple[str, Unit, dict[str, float | bool]]] = [
    ("xy-md02", XyMd02(temperature_degc=-20.5, humidity_pct=45.3), {"temperature": -20.5, "humidity": 45.3}),
    ("rs-ws-n01", RsWsN01(temperature_degc=21.4, humidity_pct=52.0), {"temperature": 21.4, "humidity": 52.0}),
    ("kincony-sht30", Sht30(temperature_degc=-25.0, humidity_pct=61.2), {"temperature": -25.0, "humidity": 61.2}),
    (
        "leak-rope",
        LeakRope(leak_at_m=12.0, leakage_ua=80, is_in_feet=True),
        {"leak": True, "cable_break": False, "leak_distance": 11.8872, "leakage": 80.0},  # 39 ft of 0.3048 m
    ),
    (
        "uniguard-ug-3",
        UniguardUg3(has_smoke=True),
        {"smoke": True, "off_its_base": False, "service": False, "relay": True},
    ),
    ("sqr-di-8", SqrDi8(open_loops={2}), {"input-1": False, "input-3": True, "input-8": False}),
    ("relay-8", RelayBoard8(relays=[True] + [False] * 7), {"relay-1": True, "relay-8": False}),
    (
        "io-8",
        RelayBoard8(relays=[False] * 7 + [True], inputs=[True] + [False] * 7),
        {"relay-8": True, "input-1": True, "input-2": False},
    ),
    (
        "crac-dme",
        CracDme(alarms={10_010, 10_073}),
        {"leak": True, "smoke": False, "airflow_lost": False, "humidifier": True},
    ),
    (
        "dtsu666",
        Dtsu666(voltage_v=398.5, power_kw=-2.5, frequency_hz=49.5),
        {"voltage": 398.5, "power": -2.5, "frequency": 49.5},
    ),
]


async def looked_at(profile_id: str, unit: Unit) -> dict[str, PointLook]:
    async with gateway({UNIT: unit}) as server:
        line = ModbusLine(bus_to(server))
        assert await line.open()
        try:
            seen = await look(line, load_profile(profile_id), UNIT, max_gap=TCP_GAP)
        finally:
            await line.close()
    return {one.point: one for one in seen}


def test_every_packaged_profile_is_tried_on_a_device() -> None:
    assert sorted(profile_id for profile_id, *_ in DEVICES) == profile_ids()


@pytest.mark.parametrize(("profile_id", "unit", "told"), DEVICES, ids=[name for name, *_ in DEVICES])
async def test_a_profile_reads_what_its_device_shows(
    profile_id: str, unit: Unit, told: dict[str, float | bool]
) -> None:
    seen = await looked_at(profile_id, unit)
    assert {point: seen[point].value for point in told} == pytest.approx(told)
    assert {one.verdict for one in seen.values()} == {"point_read"}


async def test_of_a_detector_off_its_base_smoke_is_unknown() -> None:
    seen = await looked_at("uniguard-ug-3", UniguardUg3(is_mounted=False, has_smoke=True))
    assert seen["off_its_base"].value is True
    assert (seen["smoke"].value, seen["smoke"].verdict) == (None, "point_untellable")


async def test_a_value_that_the_profile_does_not_allow_is_shown_raw() -> None:
    seen = await looked_at("xy-md02", XyMd02(temperature_degc=210.0))
    assert (seen["temperature"].raw, seen["temperature"].verdict) == ((2100,), "point_out_of_range")
    assert (seen["temperature"].value, seen["temperature"].seen) == (None, 210.0)
    assert seen["humidity"].verdict == "point_read"


async def test_a_register_that_the_device_has_not_is_told_apart_from_its_neighbours() -> None:
    """The sensor has two registers; of a block over three it refuses everything."""
    seen = await looked_at("leak-rope", XyMd02(temperature_degc=1.0, humidity_pct=0.0))
    assert (seen["leak"].raw, seen["leak"].verdict) == (None, "illegal_address")
    assert seen["leak_distance"].raw == (10,)
    assert seen["leak_distance"].verdict == "point_untellable"  # nobody knows whether the cable is whole


async def test_a_unit_that_does_not_answer_is_silent_at_every_point() -> None:
    silent = XyMd02()
    silent.faults.is_silent = True
    seen = await looked_at("xy-md02", silent)
    assert [one.verdict for one in seen.values()] == ["silent", "silent"]
