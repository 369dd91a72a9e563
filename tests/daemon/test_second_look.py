"""A volume that is silent for too long, over real sockets: its antenna looks once more before anything is told."""

from pathlib import Path

from drivers.command import Scan
from edge.state.facts import CommandEnded, CommandIntended, DeviceWasLost, VolumeMissing
from tests.daemon.live import Live, running
from tests.daemon.small_site import site_in

WATCHED = "v11"  # before the first antenna


async def demanded(live: Live) -> CommandIntended:
    """The first search that was demanded, once the reader has done it."""
    await live.until(lambda: live.of(CommandIntended, actuator="reader-1"), "a demanded search")
    intent = live.of(CommandIntended, actuator="reader-1")[0]
    await live.until(lambda: live.of(CommandEnded, command=intent.command.id), "its end")
    return intent


async def test_a_volume_taken_away_is_missing_after_its_antenna_looked_again(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await live.import_volumes()
        site.absent.add(WATCHED)
        intent = await demanded(live)
        assert isinstance(intent.command, Scan)
        assert (intent.command.antennas, intent.cause) == ((1,), "A-01L-01")
        assert [fact.result for fact in live.of(CommandEnded, command=intent.command.id)] == ["done"]
        await live.until(lambda: live.of(VolumeMissing), "the missing volume")
        assert live.of(VolumeMissing)[0].at_ns > intent.at_ns
        assert live.statuses() == {"present": 19, "missing": 1}
        before_ns = live.now()
        await live.until(lambda: live.state.evidence.last_seen_ns[1:].min() > before_ns, "the others read on")
        assert not live.of(DeviceWasLost)


async def test_a_volume_that_only_the_longer_look_reads_is_not_missing(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await live.import_volumes()
        site.shy.add(WATCHED)
        intent = await demanded(live)
        tag = int(live.state.volumes.tag[live.state.volumes.row[WATCHED]])
        await live.until(lambda: live.state.evidence.last_seen_ns[tag] > intent.at_ns, "its read")
        assert live.of(VolumeMissing) == []
        assert live.statuses() == {"present": 20}
