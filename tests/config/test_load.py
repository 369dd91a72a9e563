"""The loader: every mistake at once, each with file, line, path, seen, expected and next step."""

from pathlib import Path

import pytest

from config.load import load
from config.messages import load_texts
from config.phrase import Said
from config.problem import ConfigError, Problem

SMALL = """\
schema: 1
centre: c1
vault: v1
node: n1
timezone: Asia/Shanghai
brokers:
  platform: {host: 127.0.0.1}
zones:
  - {id: z1}
racks:
  - {id: A, kind: open_rack, zone: z1, sections: 2}
readers:
  - {id: reader-1, host: 127.0.0.1, segments: [A-01L-01, A-01R-01]}
buses:
  - {id: bus-1, transport: tcp, host: 127.0.0.1}
sensors:
  - {id: th-01, bus: bus-1, unit: 1, profile: xy-md02, zone: z1}
boards:
  - {id: board-1, bus: bus-1, unit: 2, profile: relay-8}
actuators:
  - {id: valve-1, board: board-1, output: relay-1, kind: water_valve, zones: [z1], energised: open}
policy:
  limits:
    - {quantity: temperature_degc, low: 14, high: 24, deadband: 0.5}
  people:
    zhang: {uid: 1000, roles: [technician]}
"""


def problems_of(folder: Path, text: str | bytes) -> tuple[Problem, ...]:
    file = folder / "vault.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(file)
    return caught.value.problems


def english(said: Said) -> str:
    return load_texts("en").told(said)


def only_problem(folder: Path, old: str, new: str) -> Problem:
    """What is said when `old` of the small vault, which is right, is replaced by `new`."""
    assert SMALL.count(old) == 1
    (problem,) = problems_of(folder, SMALL.replace(old, new))
    return problem


def test_the_small_vault_of_these_tests_is_right(tmp_path: Path) -> None:
    file = tmp_path / "vault.yaml"
    file.write_text(SMALL)
    loaded = load(file)
    assert loaded.vault.sensors[0].unit == 1
    assert set(loaded.profiles) == {"xy-md02", "relay-8"}


TEN_MISTAKES = """\
schema: 2
centre: c1
vault: v1
node: n1
timezone: Asia/Shanghei
brokers:
  platform: {host: 127.0.0.1, password: hunter2}
zones:
  - {id: z1}
racks:
  - {id: A, kind: open_rack, zone: z9, sections: 2}
readers:
  - {id: reader-1, host: 127.0.0.1, segments: [A-01L-01, A-01L-01]}
buses:
  - {id: bus-1, transport: tcp, host: 127.0.0.1}
sensors:
  - {id: th-01, bus: bus-1, unit: 1, profile: xy-md02, zone: z1}
  - {id: th-03, bus: bus-1, unit: 300, profile: xy-md02, zone: z1}
  - {id: th-04, bus: bus-1, unti: 4, profile: xy-md02, zone: z1}
boards:
  - {id: board-1, bus: bus-1, unit: 1, profile: relay-8}
actuators:
  - {id: valve-1, board: board-1, output: relay-9, kind: water_valve, zones: [z1], energised: open}
policy:
  limits:
    - {quantity: temperature_degc, low: 24, high: 14, deadband: 0.5}
"""


def test_ten_mistakes_are_ten_problems_each_in_its_line(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, TEN_MISTAKES)
    assert [(problem.line, english(problem.device), problem.path) for problem in problems] == [
        (1, "", "schema"),
        (5, "", "timezone"),
        (7, "broker 'platform'", "brokers.platform.password"),
        (11, "rack 'A'", "racks[0].zone"),
        (13, "reader 'reader-1'", "readers[0].segments[1]"),
        (18, "sensor 'th-03'", "sensors[1].unit"),
        (19, "sensor 'th-04'", "sensors[2].unti"),
        (21, "board 'board-1'", "boards[0].unit"),
        (23, "actuator 'valve-1'", "actuators[0].output"),
        (26, "", "policy.limits[0].low"),
    ]
    for problem in problems:
        assert problem.file == str(tmp_path / "vault.yaml")
        assert problem.seen
        assert problem.expected
        assert problem.next_step
    assert str(problems[5]) == (
        f"{tmp_path}/vault.yaml:18: sensor 'th-03': sensors[1].unit: "
        "seen 300, expected 1..255; see the device's address switches"
    )
    assert english(problems[1].next_step) == "did you mean 'Asia/Shanghai'?"
    assert english(problems[6].next_step) == "did you mean 'unit'?"
    assert "hunter2" not in "".join(map(str, problems))


WRONG = [
    # what is right, what is written instead, path, seen, next step contains
    ("host: 127.0.0.1, segments", "host: {a: 1}, segments", "readers[0].host", "a mapping", ""),
    ("host: 127.0.0.1, segments", "host: [1], segments", "readers[0].host", "a list", ""),
    ("unit: 1,", "unit: [1],", "sensors[0].unit", "a list", "address switches"),
    ("unit: 1,", "unit: ,", "sensors[0].unit", "nothing", "address switches"),
    ("unit: 1,", "unit: true,", "sensors[0].unit", "true", "address switches"),
    ("unit: 1,", 'unit: "1",', "sensors[0].unit", "'1'", "remove the quotes"),
    ("unit: 1,", "unit: 1.0,", "sensors[0].unit", "1.0", ""),
    ("unit: 1,", "unit: 012,", "sensors[0].unit", "012", "write 12 "),
    ("unit: 1,", "unit: 12:30,", "sensors[0].unit", "12:30", "one decimal number"),
    ("unit: 1,", "unit: 0x10,", "sensors[0].unit", "0x10", ""),
    ("unit: 1,", "unit: 1_0,", "sensors[0].unit", "1_0", ""),
    ("unit: 1,", "unit: 99999999999999999999999,", "sensors[0].unit", "9999", ""),
    ("deadband: 0.5", "deadband: .nan", "policy.limits[0].deadband", ".nan", ""),
    ("deadband: 0.5", "deadband: 1e999", "policy.limits[0].deadband", "1e999", ""),
    ("deadband: 0.5", "deadband: 5", "policy.limits[0].deadband", "5", "smaller"),
    ("zone: z1, sections", "zone: 12, sections", "racks[0].zone", "12", '"12"'),
    ("zone: z1, sections", "zone: no, sections", "racks[0].zone", "no", ""),
    ("zone: z1, sections", "zone: null, sections", "racks[0].zone", "nothing", ""),
    ("zone: z1, sections", "zone: true, sections", "racks[0].zone", "true", '"true"'),
    ("  - {id: z1}", "  - z1", "zones[0]", "z1", ""),
    ("zones:\n  - {id: z1}", "zones: z1", "zones", "z1", "'- '"),
    ("zones:\n  - {id: z1}", "zones: {id: z1}", "zones", "a mapping", "'- '"),
    ("node: n1", "node: n 1", "node", "n 1", ""),
    ("node: n1", 'node: "n1\\n"', "node", "'n1", ""),
    ("node: n1", "# no node", "node", "nothing", "platform's operator"),
    ("node: n1", "node: n1\nnodes: n2", "nodes", "the unknown key 'nodes'", "'node'"),
    ("node: n1", "node: n1\nnode: n2", "node", "the key 'node' a second time", "remove"),
    ("node: n1", "node: &n n1\nlanguage: *n", "language", "the alias *n", "extends"),
    ("node: n1", "node: !!python/name:os.system n1", "node", "the tag", "remove the tag"),
    ("node: n1", "node: n1\nstore: {reserve_mb: 64, cap_mb: 64}", "store.reserve_mb", "64", ""),
    ("schema: 1", "schema: 0", "schema", "0", "schema: 1"),
    ("Asia/Shanghai", "../../etc/passwd", "timezone", "'../../etc/passwd'", ""),
    ("Asia/Shanghai", "Asia", "timezone", "'Asia'", ""),
    ("transport: tcp", "transport: tpc", "buses[0].transport", "tpc", "'tcp'"),
    ("transport: tcp, host: 127.0.0.1", "transport: tcp", "buses[0].host", "nothing", "gateway"),
    ("transport: tcp", "transport: rtu", "buses[0].serial", "nothing", "/dev/serial"),
    ("transport: tcp,", "transport: tcp, baud: 9601,", "buses[0].baud", "9601", "manual"),
    ("profile: xy-md02", "profile: xy-md20", "sensors[0].profile", "xy-md20", "profiles"),
    ("profile: xy-md02", "profile: ../x", "sensors[0].profile", "../x", "profiles"),
    ("bus: bus-1, unit: 1", "bus: bus-2, unit: 1", "sensors[0].bus", "bus-2", "'bus-1'"),
    ("unit: 2", "unit: 1", "boards[0].unit", "unit 1 of bus 'bus-1' a second time", "sensors[0].unit"),
    ("profile: relay-8", "profile: xy-md02", "boards[0].profile", "xy-md02", "sensors"),
    ("board: board-1", "board: board-2", "actuators[0].board", "board-2", "'board-1'"),
    ("zones: [z1]", "zones: [z2]", "actuators[0].zones[0]", "z2", ""),
    ("id: th-01", "id: reader-1", "sensors[0].id", "reader-1 a second time", "readers[0].id"),
    ("A-01R-01]", "A-09R-01]", "readers[0].segments[1]", "A-09R-01", ""),
    ("A-01R-01]", "A-01L-01]", "readers[0].segments[1]", "A-01L-01 a second time", "readers[0].segments[0]"),
    ("id: th-01,", "id: th-01, period_s: 30,", "sensors[0].freshness_s", "30", "five periods"),
    ("kind: open_rack", "kind: rotary_cabinet", "racks[0].faces", "1 rows, 2 faces", "faces: [L]"),
    ("kind: open_rack", "kind: open_rack, open_aisles: 2", "racks[0].open_aisles", "2", "mobile_shelving"),
    ("kind: open_rack", "kind: open_rack, slides: along", "racks[0].slides", "along", "mobile_shelving"),
    ("kind: open_rack", "kind: open_rack, faces: [L, R, L]", "racks[0].faces", "[L, R, L]", ""),
    ("kind: open_rack", "kind: open_rack, rows: 999, shelves: 99, slots_per_shelf: 999", "racks", "slots", ""),
    (
        "[technician]",
        "[auditor, system_administrator]",
        "policy.people.zhang.roles",
        "auditor, system_administrator",
        "different",
    ),
    ("[technician]", "[tecnician]", "policy.people.zhang.roles[0]", "tecnician", "'technician'"),
    ("roles: [technician]}", "roles: []}\n    li: {uid: 1000, roles: []}", "policy.people.li.uid", "1000 a", ""),
    ("    zhang:", "    张三:", "policy.people['张三']", "'张三'", ""),
    ("node: n1", "node: n1\nplatform: {broker: local}", "platform.broker", "local", ""),
    ("node: n1", "node: n1\nplatform: {issuers: {k1: abc}}", "platform.issuers.k1", "3 letters", "operator"),
    ("schema: 1", "schema: 1\n? [a, b]\n: c", "", "a key that is not text", ""),
    ("schema: 1", "<<: {schema: 1}\nschema: 1", "['<<']", "the unknown key '<<'", ""),
    ("schema: 1", "schema: 1\nextends: gone.yaml", "extends", "no such file", "correct the path"),
    ("schema: 1", "schema: 1\nextends: vault.yaml", "extends", "vault.yaml -> vault.yaml", "ring"),
    ("schema: 1", "schema: 1\nextends: {a: b}", "extends", "a mapping", "policy-base.yaml"),
    ("schema: 1", "schema: 1\nextends: [7]", "extends[0]", "7", ""),
]


@pytest.mark.parametrize(("old", "new", "path", "seen", "step"), WRONG, ids=[case[1][:60] for case in WRONG])
def test_one_mistake_is_one_problem(tmp_path: Path, old: str, new: str, path: str, seen: str, step: str) -> None:
    problem = only_problem(tmp_path, old, new)
    assert problem.path == path
    assert seen in english(problem.seen)
    assert step in english(problem.next_step)
    # The line of the mistake: the first one that differs from the right file, or a later one of what was put there.
    changed = SMALL[: SMALL.index(old)].count("\n") + 1
    assert changed - 1 <= problem.line <= changed + 2 or problem.path == "node"


@pytest.mark.parametrize("trap", ["no", "on", "yes", "off", "y", "12:30", "1_000", "2024-01-01"])
def test_yaml_1_1_words_stay_the_text_that_was_written(tmp_path: Path, trap: str) -> None:
    file = tmp_path / "vault.yaml"
    file.write_text(SMALL.replace("{id: z1}", f"{{id: z1, label: {trap}}}"))
    assert load(file).vault.zones[0].label == trap


def test_a_key_that_yaml_1_1_takes_for_a_truth_value_stays_text(tmp_path: Path) -> None:
    file = tmp_path / "vault.yaml"
    file.write_text(SMALL.replace("    zhang:", "    no:"))
    assert set(load(file).vault.policy.people) == {"no"}


def test_a_missing_file_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.yaml")
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{tmp_path}/none.yaml: seen no such file")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("raw", "line", "seen"),
    [
        (b"schema: 1\nlabel: \xd6\xd0\xce\xc4\n", 2, "byte 0xd6"),  # GBK
        (b"schema: [1\ncentre: c\n", 2, "did not find expected"),
        (b"a:\n\t- b\n", 2, "cannot start any token"),
        (b"a: \x00\n", 1, "control characters"),
        (b"[" * 100_000, 1, "more than 24 levels"),
        (b"[" * 900 + b"]" * 900, 1, "more than 24 levels"),
        (b"x" * (5 << 20), 0, "5242880 bytes"),
        (b"", 1, "nothing"),
        (b"- 1\n", 1, "a list"),
        (b"--- {}\n--- {}\n", 2, "a second document"),
    ],
)
def test_what_is_no_configuration_at_all_is_said_in_its_line(tmp_path: Path, raw: bytes, line: int, seen: str) -> None:
    problem = next(problem for problem in problems_of(tmp_path, raw) if seen in english(problem.seen))
    assert problem.line == line


def test_an_alias_bomb_ends_at_once(tmp_path: Path) -> None:
    bomb = "a: &a [x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20)
    )
    problems = problems_of(tmp_path, bomb)
    assert sum("the alias" in english(problem.seen) for problem in problems) == 180


def test_a_mistake_does_not_hide_those_that_stand_with_it(tmp_path: Path) -> None:
    text = SMALL.replace("unit: 1, profile: xy-md02, zone: z1", "unit: 0, profile: none, zone: z7, speed: 3")
    assert {problem.path for problem in problems_of(tmp_path, text)} == {
        "sensors[0].speed",
        "sensors[0].unit",
        "sensors[0].zone",
        "sensors[0].profile",
    }


def test_references_to_a_list_that_cannot_be_read_are_not_reported(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, "zones:\n  - {id: z1}", "zones: 5")
    assert problem.path == "zones"


def test_the_public_key_of_rfc_8032_is_accepted_and_one_off_the_curve_is_not(tmp_path: Path) -> None:
    # RFC 8032, 7.1, test 1: d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a
    key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    file = tmp_path / "vault.yaml"
    with_key = SMALL.replace("node: n1", f"node: n1\nplatform: {{issuers: {{k1: {key}}}}}")
    file.write_text(with_key)
    assert load(file).vault.platform is not None
    # y = 2 gives no x on the curve: 32 bytes of base64url all the same
    off = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    (problem,) = problems_of(tmp_path, with_key.replace(key, off))
    assert problem.path == "platform.issuers.k1"
