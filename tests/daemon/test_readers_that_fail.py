"""A reader in every kind of trouble, seen from the whole house: one loss, one alarm, everything else goes on."""

from pathlib import Path

import pytest

from edge.state.facts import DeviceCameBack, DeviceWasLost, VolumeMissing
from simulator.faults import break_reader
from tests.daemon.live import Live, running
from tests.daemon.small_site import SEGMENTS, site_in

WATCHED = "v11"
ALARM = "device_lost:reader-1"


async def age_s(live: Live) -> float:
    async with live.client() as client:
        found = await client.result("find", volume=WATCHED)
    assert (found["status"], found["segment"]) == ("present", SEGMENTS[0])
    return float(found["age_s"])


async def measurements_go_on(live: Live) -> None:
    """The other devices are heard while this one is in trouble."""
    before_ns = live.now()
    newest = live.state.readings
    await live.until(
        lambda: all(newest[name, "temperature"].at_ns > before_ns for name in ("th-1", "th-2", "th-3")),
        "every sensor measured anew",
        within_s=5.0,
    )
    assert all(live.is_ok(device) for device in ("th-1", "th-2", "th-3", "leak-1", "board-1"))


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("garbage", "llrp_malformed"),
        ("half_message", "llrp_silent"),
        ("reset", "llrp_reset"),
        ("silence", "llrp_silent"),
        ("unplug", "llrp_reset"),
    ],
)
async def test_a_reader_in_trouble_is_lost_with_its_reason_and_comes_back_and_no_volume_goes_missing(
    tmp_path: Path, trouble: str, reason: str
) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await live.all_ok("reader-1", "th-1", "th-2", "th-3", "leak-1", "board-1")
        await live.import_volumes()
        await break_reader(site.reader, trouble)
        await live.until(lambda: live.of(DeviceWasLost, device="reader-1"), "the loss")
        assert [fact.reason for fact in live.of(DeviceWasLost, device="reader-1")] == [reason]
        await live.until(lambda: live.raised(ALARM), "its alarm")
        if trouble in {"half_message", "silence", "unplug"}:  # the others are back by themselves
            first_s = await age_s(live)
            await measurements_go_on(live)
            assert not live.is_ok("reader-1")
            assert await age_s(live) > first_s
            await break_reader(site.reader, "plug" if trouble == "unplug" else "none")
        await live.until(lambda: live.is_ok("reader-1"), "the reader back")
        await live.until(lambda: live.cleared(ALARM), "its alarm over")
        seen_ns = live.now()
        await live.until(lambda: live.state.evidence.last_seen_ns.min() > seen_ns, "every volume seen again after that")
        await measurements_go_on(live)
        assert live.statuses() == {"present": 20}
        assert live.of(VolumeMissing) == []
        assert len(live.of(DeviceWasLost, device="reader-1")) == 1
        assert [fact.silent_s >= 0 for fact in live.of(DeviceCameBack, device="reader-1")] == [True, True]
        assert live.raised(ALARM) == live.cleared(ALARM) == 1


async def test_a_volume_taken_away_while_the_reader_is_silent_is_missing_only_after_the_reader_searched_again(
    tmp_path: Path,
) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await live.import_volumes()
        site.reader.silence()
        await live.until(lambda: live.of(DeviceWasLost, device="reader-1"), "the loss")
        site.absent.add(WATCHED)
        ticks_ns = live.now() + 1_000_000_000
        await live.until(lambda: live.state.now_ns > ticks_ns, "a second of ticks")
        assert live.of(VolumeMissing) == []
        site.reader.speak()
        await live.until(lambda: live.of(VolumeMissing), "the missing volume")
        (missing,) = live.of(VolumeMissing)
        assert missing.volume == WATCHED
        assert missing.silent_rounds >= 6  # by its own read rate, which is 0.95 and more here
        back = live.of(DeviceCameBack, device="reader-1")[-1]
        assert missing.at_ns > back.at_ns
        assert live.statuses() == {"present": 19, "missing": 1}
