"""Recordings replayed end to end: real reads through a real reader into a daemon, which says what they mean."""

from pathlib import Path

import pytest

from simulator.recorded.climate import Hour, read_hours, year_of
from simulator.recorded.replay_climate import Crossing, TraceSensor, crossings, replay_climate
from simulator.recorded.replay_llrp import replay_bodies, replay_walk
from simulator.recorded.walks import read_panels, read_walks


async def test_every_recorded_body_decodes_off_the_wire_to_its_twin(data_dir: Path) -> None:
    results = await replay_bodies(data_dir / "rfid" / "edgex-llrp")
    assert len(results) == 15
    assert [result.name for result in results if not result.equals_twin] == []
    assert sum(result.tags or 0 for result in results) == 9


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
async def test_the_daemon_names_exactly_the_tags_that_the_walk_did_not_read(
    data_dir: Path, tmp_path: Path, number: int
) -> None:
    folder = data_dir / "rfid" / "detego"
    panels, walk = read_panels(folder), read_walks(folder)[number - 1]
    result = await replay_walk(walk, panels, tmp_path, speed=80.0)
    assert (result.extra, result.lacking) == ([], [])
    assert result.named_missing == [52, 29, 34, 25, 40, 25][number - 1]


@pytest.mark.timeout(600)  # 8,760 hours of at least 4 ms
async def test_a_year_of_the_store_crosses_and_restores_limits_as_its_trace_says(
    data_dir: Path, tmp_path: Path
) -> None:
    hours = year_of(read_hours(data_dir / "climate" / "oerholm-indoor-climate-data_2009-2021.csv.gz"), 2018)
    result = await replay_climate(hours, tmp_path, hour_ms=4.0)
    assert result.hours == len(hours)
    assert result.dropped == 0
    assert result.crossed_expected > 0
    assert result.equal, result


def hours_of(temperatures: list[float]) -> tuple[Hour, ...]:
    return tuple(Hour("", temperature, 52.0) for temperature in temperatures)


def test_a_crossing_is_restored_only_past_the_deadband() -> None:
    # 13.9 is below 14; 14.2 is inside but within 0.5 of the limit; 14.5 has come inside by the deadband
    said = crossings(hours_of([20.0, 13.9, 14.2, 13.8, 14.5, 14.1]))
    assert said == (Crossing("temperature_degc", "low", True), Crossing("temperature_degc", "low", False))


def test_a_jump_from_one_limit_over_the_other_restores_the_first_and_crosses_the_second() -> None:
    said = crossings(hours_of([10.0, 30.0]))
    assert [(crossing.side, crossing.is_crossed) for crossing in said] == [
        ("low", True), ("low", False), ("high", True), ("high", False),
    ]  # fmt: skip


async def test_the_trace_sensor_gives_each_hour_once_and_is_calm_before_and_after() -> None:
    sensor = TraceSensor(hours_of([1.0, 2.0]))
    assert sensor.read("ir", 1, 2) == [190, 520]
    sensor.begin()
    assert [sensor.read("ir", 1, 1) for _ in range(3)] == [[10], [20], [190]]
    assert sensor.ended.is_set()
