"""`extends:`: what merges, what replaces, and where each value is from."""

from pathlib import Path

import pytest

from config.load import Loaded, load, shown
from config.problem import ConfigError
from tests.config.test_load import SMALL


def overlaid(folder: Path, overlay: str) -> Loaded:
    (folder / "base.yaml").write_text(SMALL)
    file = folder / "site.yaml"
    file.write_text(overlay)
    return load(file)


def test_a_mapping_merges_deeply_and_a_scalar_replaces(tmp_path: Path) -> None:
    vault = overlaid(tmp_path, "extends: base.yaml\nnode: n2\nbrokers:\n  platform: {port: 1884}\n").vault
    assert (vault.node, vault.vault) == ("n2", "v1")
    assert (vault.brokers["platform"].host, vault.brokers["platform"].port) == ("127.0.0.1", 1884)


def test_records_with_an_id_merge_by_it_and_new_ones_come_behind(tmp_path: Path) -> None:
    overlay = (
        "extends: base.yaml\nsensors:\n"
        "  - {id: th-02, bus: bus-1, unit: 5, profile: xy-md02, zone: z1}\n"
        "  - {id: th-01, unit: 7}\n"
    )
    vault = overlaid(tmp_path, overlay).vault
    assert [(sensor.id, sensor.unit) for sensor in vault.sensors] == [("th-01", 7), ("th-02", 5)]


def test_other_lists_and_the_empty_list_replace(tmp_path: Path) -> None:
    overlay = "extends: base.yaml\nactuators: []\nreaders:\n  - {id: reader-1, segments: [A-01R-02]}\n"
    vault = overlaid(tmp_path, overlay).vault
    assert vault.actuators == ()
    assert vault.readers[0].segments == ("A-01R-02",)


def test_of_several_bases_the_later_wins_and_the_file_over_all(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("node: from-one\nvault: from-one\ncentre: from-one\n")
    (tmp_path / "two.yaml").write_text("node: from-two\nvault: from-two\n")
    vault = overlaid(tmp_path, "extends: [base.yaml, one.yaml, two.yaml]\nnode: own\n").vault
    assert (vault.node, vault.vault, vault.centre) == ("own", "from-two", "from-one")


def test_every_value_keeps_the_file_and_line_it_is_from(tmp_path: Path) -> None:
    loaded = overlaid(tmp_path, "extends: base.yaml\n\nsensors:\n  - id: th-01\n    unit: 7\n")
    origin = {path: (place.file, place.line) if place else None for path, _, place in shown(loaded)}
    assert origin["sensors[0].unit"] == (f"{tmp_path}/site.yaml", 5)
    assert origin["sensors[0].profile"] == (f"{tmp_path}/base.yaml", 17)
    assert origin["sensors[0].period_s"] is None
    assert loaded.files == (tmp_path / "site.yaml", tmp_path / "base.yaml")


def test_bases_are_found_beside_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "policy.yaml").write_text("policy: {telemetry_every_s: 5}\n")
    (tmp_path / "shared" / "middle.yaml").write_text("extends: policy.yaml\n")
    assert overlaid(tmp_path, "extends: [base.yaml, shared/middle.yaml]\n").vault.policy.telemetry_every_s == 5


def test_a_mistake_in_a_base_is_said_with_the_name_of_the_base(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("store:\n  cap_mb: small\n")
    with pytest.raises(ConfigError) as caught:
        overlaid(tmp_path, "extends: [base.yaml, bad.yaml]\n")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.path) == (f"{tmp_path}/bad.yaml", 2, "store.cap_mb")


def test_files_that_extend_each_other_are_told_as_a_ring(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "a.yaml")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (f"{tmp_path}/b.yaml", 1)
    assert problem.seen == "a.yaml -> b.yaml -> a.yaml"


@pytest.mark.parametrize("content", [None, "a: [", "\xd6"])
def test_a_base_that_cannot_be_read_is_one_problem_beside_those_of_the_file_itself(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "base.yaml").write_bytes(content.encode("latin-1"))
    (tmp_path / "site.yaml").write_text("extends: base.yaml\nsensors:\n  - {id: th-01, bus: bus-1, unit: 300}\n")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "site.yaml")
    first, second = caught.value.problems
    assert {first.path, second.path} - {"extends", ""} == {"sensors[0].unit"}


def test_an_id_twice_in_one_file_stays_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="th-01 a second time"):
        overlaid(tmp_path, "extends: base.yaml\nsensors: [{id: th-01, unit: 7}, {id: th-01, unit: 8}]\n")


def test_a_password_is_shown_only_as_the_name_of_its_secret(tmp_path: Path) -> None:
    loaded = overlaid(tmp_path, "extends: base.yaml\nbrokers: {platform: {password: 'secret:mqtt'}}\n")
    assert ("brokers.platform.password", '"secret:mqtt"') in [row[:2] for row in shown(loaded)]
