"""An import while no daemon runs: what it says it took is on the disk."""

import time
from collections.abc import Generator, Sequence
from pathlib import Path

from msgspec import convert

from config.catalogued import CataloguedVolume
from config.load import Loaded
from config.profile_files import load_profile
from config.vault import Vault
from edge.api.records import ImportAnswer
from edge.clock import VaultClock
from edge.daemon.offline_import import Told, import_offline
from edge.store.schema import open_reader
from tests.stories.small_vault import VAULT


def test_an_import_tells_a_line_as_taken_only_once_it_is_on_disk(tmp_path: Path) -> None:
    """The process is killed where it is told: what it said is there."""
    slots = [f"A-01L-{section:02d}-1-{slot:02d}" for section in range(1, 5) for slot in range(1, 10)]
    lines = [CataloguedVolume(f"v{k}", f"30{k:022x}", slots[k % len(slots)], 0) for k in range(40_000)]
    told = imported(tmp_path, lines)
    seen = 0
    for upto, refusal, answer in told:
        assert refusal == ""
        assert answer == ImportAnswer(new=upto - seen, changed=0, same=0, problems=())
        assert upto > seen
        seen = upto
        assert on_disk(tmp_path / "state" / "lantai.db") >= upto
    assert seen == len(lines)


def imported(folder: Path, lines: Sequence[CataloguedVolume]) -> Generator[Told, None, None]:
    profiles = {name: load_profile(name) for name in ("xy-md02", "leak-rope", "relay-8")}
    return import_offline(
        Loaded(convert(VAULT, Vault), {}, profiles, ()),
        folder / "state",
        lines,
        person="wang",
        role="archivist",
        terminal="tty1",
        clock=VaultClock(time.time_ns, time.monotonic_ns, not_before_ns=0),
    )


def test_a_chip_of_another_volume_is_left_out_and_its_holder_named(tmp_path: Path) -> None:
    chip = "e28011" + 18 * "7"
    first = [CataloguedVolume("v1", f"30{1:022x}", "A-01L-01-1-01", 0, chip)]
    second = [CataloguedVolume(f"v{k}", f"30{k:022x}", "A-01L-01-1-02", 0, chip if k == 3 else "") for k in (2, 3)]
    assert [one.answer for one in imported(tmp_path, first)] == [ImportAnswer(new=1, changed=0, same=0, problems=())]
    assert [one.answer for one in imported(tmp_path, second)] == [
        ImportAnswer(new=1, changed=0, same=0, problems=((1, "tid_taken", "v1"),))
    ]


def on_disk(database: Path) -> int:
    connection = open_reader(database)
    try:
        return sum(
            body.count(b'["v')
            for (body,) in connection.execute("SELECT body FROM fact_custody WHERE type = 'volumes_catalogued'")
        )
    finally:
        connection.close()
