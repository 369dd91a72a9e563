"""`lantai-sim make-vault`: a vault of any size that the daemon's own commands take."""

import json
from pathlib import Path

import pytest

from config.catalogue import read_catalogue
from config.load import load
from config.messages import load_texts
from config.places import Places
from simulator.make_vault import VOLUMES_PER_SEGMENT, document, make_vault
from simulator.trouble import BadFile
from tests.simulator.test_cli import lantai_sim


@pytest.mark.parametrize("volumes", [1, 150, 2689, 10_667, 40_000])
def test_what_is_made_is_right_and_holds_every_volume(tmp_path: Path, volumes: int) -> None:
    made = make_vault(volumes, tmp_path / "made", load_texts("en"))
    vault = load(Path(made.config)).vault
    places = Places(vault)
    lines, _, problems, _ = read_catalogue(Path(made.catalogue), places)
    assert problems == []
    assert len(lines) == made.volumes == volumes
    assert made.slots == places.slot_count
    seen = [name for reader in vault.readers for name in reader.segments]
    assert sorted(name for name in seen if name) == sorted(places.segment_ids)
    assert max(len(reader.segments) for reader in vault.readers) <= 16
    assert {zone.id for zone in vault.zones} == {rack.zone for rack in vault.racks}


def test_a_city_has_every_kind_of_rack_and_a_hundred_and_fifty_volumes_a_segment() -> None:
    made = document(160_000)
    assert {rack["kind"] for rack in made["racks"]} == {
        "open_rack",
        "mobile_shelving",
        "rotary_cabinet",
        "lift_cabinet",
    }
    antennas = sum(len(reader["segments"]) for reader in made["readers"])
    assert 160_000 / antennas == pytest.approx(VOLUMES_PER_SEGMENT, rel=0.03)
    assert len(made["readers"]) == 68


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "vault-volumes.csv").write_text("mine")
    with pytest.raises(BadFile):
        make_vault(10, tmp_path, load_texts("en"))
    assert not (tmp_path / "vault.yaml").exists()


def test_the_command_tells_what_it_made_and_refuses_to_do_it_twice(tmp_path: Path) -> None:
    out = str(tmp_path / "city")
    code, told, _ = lantai_sim("make-vault", "--volumes", "3000", "--out", out, "--json", language="en")
    assert code == 0
    assert json.loads(told)["volumes"] == 3000
    for language, says in (("en", "is there already"), ("zh-CN", "已存在")):
        code, told, error = lantai_sim("make-vault", "--volumes", "3000", "--out", out, language=language)
        assert (code, told) == (2, "")
        assert says in error


def test_the_offline_run_takes_the_catalogue_beside_it_at_cycle_level(tmp_path: Path) -> None:
    out = tmp_path / "small"
    make_vault(500, out, load_texts("en"))
    arguments = ("offline", "--config", str(out / "vault.yaml"), "--for", "300", "--rounds", "1", "--json")
    code, told, error = lantai_sim(*arguments, language="en")
    assert (code, error) == (0, "")
    assert json.loads(told)["volumes"] == 500
    assert json.loads(told)["located_right"] >= 0.95
