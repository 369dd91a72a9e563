"""A full disk under the running house: what the reserve is for goes on, the rest is counted."""

import contextlib
import os
from pathlib import Path

import pytest

from drivers.observation import Measurement
from edge.state.facts import (
    ActuatorChanged,
    AlarmRaised,
    CommandEnded,
    CommandIntended,
    DataGap,
    VolumeMissing,
)
from tests.daemon.live import Live, journal, running
from tests.daemon.small_site import site_in
from tests.store.test_disk_full import free_mb, small_disk  # noqa: F401  a fixture

RESERVE_MB = 8


@pytest.fixture
def disk(small_disk: Path) -> Path:  # noqa: F811
    return small_disk


def fill(live: Live, disk: Path) -> bool:
    """Fill what is free; whether there was anything to do. Once the store goes by its reserve, that room is left alone:
    it says so before it frees it, so what was free before the question is not of it. Where the daemon took some of the
    room meanwhile nothing is taken, and the disk was full for a moment only."""
    room_mb = free_mb(disk)
    if live.store.level() != "ok" and room_mb <= RESERVE_MB + 1:
        return False
    with contextlib.suppress(OSError), (disk / "hog").open("ab") as file:
        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, int(room_mb * (1 << 20)))
    return True


async def test_a_full_disk_takes_alarms_custody_and_intents_counts_readings_and_the_valve_still_closes(
    tmp_path: Path, disk: Path
) -> None:
    async with site_in(tmp_path) as site:
        site.state_dir = disk / "state"
        loaded = site.loaded(store={"cap_mb": 64, "reserve_mb": RESERVE_MB, "input_log_mb": 4})
        async with running(loaded, site.state_dir) as live:
            await live.import_volumes()
            await live.until(lambda: live.of(ActuatorChanged, state="open"), "the valve known to be open")
            # what already has its sequence is still written, and uses up what room the files had
            while fill(live, disk):
                live.put(Measurement("th-1", live.now(), ("temperature",), (float(len(live.facts)),)))
                await live.until(lambda: len(live.daemon._inbox) == 0, "taken")
            await live.until(lambda: live.raised("store_reserve:store"), "the alarm of the disk")
            assert live.of(AlarmRaised, code="store_reserve")[0].severity == "critical"

            seq = live.store.committed()["telemetry"]
            site.rope.leak_at_m = 2.0
            site.absent.add("v11")
            await live.until(lambda: not site.board.relays[0], "the relay off", within_s=5.0)
            await live.until(lambda: live.of(VolumeMissing, volume="v11"), "the missing volume")
            await live.until(lambda: live.of(CommandEnded), "the intent ended")
            await live.until(lambda: live.raised("leak:leak-1/leak"), "the leak")
            lanes = live.store.committed()
            assert lanes["telemetry"] == seq
            assert live.store.level() == "reserve"
            assert live.of(DataGap) == []  # told when there is room, or once a minute

            (disk / "hog").unlink()
            live.store._disk._refilled_s = -1e9  # it is taken again after ten seconds, which say nothing here
            await live.until(lambda: live.cleared("store_reserve:store"), "room again", within_s=25.0)
            await live.until(lambda: live.of(DataGap, what="measured"), "the gap on record")
            await live.until(lambda: live.store.committed()["telemetry"] > seq, "readings again")
            assert await live.stop() == 0
        facts = journal(site.state_dir, loaded)
    gaps = [fact for fact in facts if isinstance(fact, DataGap) and fact.what == "measured"]
    assert sum(gap.count for gap in gaps) >= 5  # three sensors a few times a second, for seconds
    for kind in (CommandIntended, CommandEnded, VolumeMissing):
        assert any(isinstance(fact, kind) for fact in facts), kind
    assert any(isinstance(fact, AlarmRaised) and fact.code == "leak" for fact in facts)
