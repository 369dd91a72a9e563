"""Profiles: the register maps that come with the program, and what is refused in one."""

from pathlib import Path

import pytest

from config.messages import load_texts
from config.problem import ConfigError
from config.profile import Point
from config.profile_files import load_profile, profile_ids

RIGHT = """\
id: probe
source: a manual
points:
  - {id: value, quantity: temperature_degc, table: hr, address: 0, kind: float32, low: 0, high: 9}
  - {id: fault, quantity: cable_break, table: di, address: 0, kind: bit}
  - {id: coil, quantity: output, table: co, address: 0, kind: bit}
outputs:
  - {id: coil, address: 0, readback: coil}
"""


def registers(profile_id: str) -> dict[str, tuple[str, int, str, float]]:
    return {
        point.id: (point.table, point.address, point.kind, point.scale) for point in load_profile(profile_id).points
    }


def test_the_packaged_profiles_have_the_registers_of_the_manuals() -> None:
    assert registers("kincony-sht30")["temperature"] == ("ir", 0, "sign_magnitude_10000", 0.1)
    assert registers("uniguard-ug-3")["smoke"] == ("di", 2, "bit", 1.0)  # the manual's 10003
    assert registers("crac-dme")["leak"] == ("di", 9, "bit", 1.0)  # 10010
    assert all(point.active == 0 for point in load_profile("sqr-di-8").points)
    assert registers("xy-md02") == {"temperature": ("ir", 1, "int16", 0.1), "humidity": ("ir", 2, "uint16", 0.1)}
    assert registers("rs-ws-n01") == {"humidity": ("hr", 0, "uint16", 0.1), "temperature": ("hr", 1, "int16", 0.1)}
    rope = {point.id: point for point in load_profile("leak-rope").points}
    assert (rope["leak"].table, rope["leak"].address, rope["leak"].bit) == ("ir", 0, 0)
    assert rope["cable_break"].bit == 1
    assert rope["leak"].unknown_while == ("cable_break",)
    assert rope["leak_distance"].unit_scales == (1.0, 0.3048)  # one foot is 0.3048 m


def test_each_output_of_the_relay_board_is_read_back_from_its_own_coil() -> None:
    board = load_profile("relay-8")
    points: dict[str, Point] = {point.id: point for point in board.points}
    assert [output.address for output in board.outputs] == list(range(8))
    assert all(points[output.readback].address == output.address for output in board.outputs)
    assert all(points[output.readback].table == "co" for output in board.outputs)


def test_a_profile_beside_the_configuration_wins_over_the_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "xy-md02.yaml").write_text(RIGHT.replace("id: probe", "id: xy-md02"))
    assert load_profile("xy-md02", [tmp_path]).source == "a manual"
    assert "probe" not in profile_ids([tmp_path])


@pytest.mark.parametrize(
    ("old", "new", "path", "seen"),
    [
        ("id: probe", "id: other", "id", "other"),
        ("source: a manual", 'source: ""', "source", "''"),
        ("address: 0, kind: float32", "address: 70000, kind: float32", "points[0].address", "70000"),
        ("address: 0, kind: float32", "address: 65535, kind: float32", "points[0].address", "2 registers from 65535"),
        ("low: 0, high: 9", "low: 9, high: 0", "points[0].low", "low 9, high 0"),
        ("low: 0, high: 9", "scale: 0", "points[0].scale", "0"),
        ("low: 0, high: 9", "unit_scales: [1]", "points[0].unit_point", "one of the two"),
        ("low: 0, high: 9", "unknown_while: [none]", "points[0].unknown_while[0]", "none"),
        ("low: 0, high: 9", "unknown_while: [value]", "points[0].unknown_while[0]", "a point of kind float32"),
        ("table: di, address: 0, kind: bit", "table: di, address: 0, kind: int16", "points[1].kind", "int16"),
        ("table: di, address: 0, kind: bit", "table: di, address: 0, kind: bit, bit: 3", "points[1].bit", "3"),
        ("quantity: temperature_degc", "quantity: leak", "points[0].kind", "float32"),
        ("quantity: cable_break", "quantity: voltage_v", "points[1].quantity", "voltage_v"),
        ("{id: fault", "{id: value", "points[1].id", "value a second time"),
        ("readback: coil", "readback: spool", "outputs[0].readback", "spool"),
        ("readback: coil", "readback: value", "outputs[0].readback", "a point of kind float32"),
        ("source: a manual", "source: a manual\nmax_block: 1", "points[0].kind", "float32"),
    ],
)
def test_one_mistake_in_a_profile_is_one_problem(tmp_path: Path, old: str, new: str, path: str, seen: str) -> None:
    assert RIGHT.count(old) == 1
    (tmp_path / "probe.yaml").write_text(RIGHT)
    assert load_profile("probe", [tmp_path]).id == "probe"
    (tmp_path / "probe.yaml").write_text(RIGHT.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_profile("probe", [tmp_path])
    (problem,) = caught.value.problems
    assert (problem.path, *map(load_texts("en").told, (problem.seen, problem.device))) == (
        path,
        seen,
        "profile 'probe'",
    )
    assert problem.line > 0


def test_a_profile_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="sqr-di-8, uniguard-ug-3, xy-md02"):
        load_profile("xy-md20")


def test_a_profile_id_cannot_leave_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(RIGHT)
    (tmp_path / "profiles").mkdir()
    with pytest.raises(ConfigError, match="no such profile"):
        load_profile("../secret", [tmp_path / "profiles"])
