"""An import while no daemon runs: what it says it took is on the disk."""

import time
from pathlib import Path

from msgspec import convert

from config.catalogued import CataloguedVolume
from config.load import Loaded
from config.profile_files import load_profile
from config.vault import Vault
from edge.api.records import ImportAnswer
from edge.clock import VaultClock
from edge.daemon.offline_import import import_offline
from edge.store.schema import open_reader
from tests.stories.small_vault import VAULT


def test_an_import_tells_a_line_as_taken_only_once_it_is_on_disk(tmp_path: Path) -> None:
    """The process is killed where it is told: what it said is there."""
    slots = [f"A-01L-{section:02d}-1-{slot:02d}" for section in range(1, 5) for slot in range(1, 10)]
    lines = [CataloguedVolume(f"v{k}", f"30{k:022x}", slots[k % len(slots)], 0) for k in range(40_000)]
    profiles = {name: load_profile(name) for name in ("xy-md02", "leak-rope", "relay-8")}
    told = import_offline(
        Loaded(convert(VAULT, Vault), {}, profiles, ()),
        tmp_path / "state",
        lines,
        person="wang",
        role="archivist",
        terminal="tty1",
        clock=VaultClock(time.time_ns, time.monotonic_ns, not_before_ns=0),
    )
    seen = 0
    for upto, refusal, answer in told:
        assert refusal == ""
        assert answer == ImportAnswer(new=upto - seen, changed=0, same=0, problems=())
        assert upto > seen
        seen = upto
        assert on_disk(tmp_path / "state" / "lantai.db") >= upto
    assert seen == len(lines)


def on_disk(database: Path) -> int:
    connection = open_reader(database)
    try:
        return sum(
            body.count(b'["v')
            for (body,) in connection.execute("SELECT body FROM fact_custody WHERE type = 'volumes_catalogued'")
        )
    finally:
        connection.close()
