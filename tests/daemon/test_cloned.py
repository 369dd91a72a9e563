"""A copied tag over real sockets: an Impinj reader tells the chips of a world's tags, and the daemon which is which."""

from pathlib import Path

import numpy as np
import pytest

from config.load import Loaded
from config.places import Places
from edge.state.chip_facts import ClonedTagSeen
from edge.state.facts import AlarmRaised, DuplicateEpcSeen
from simulator.world.rf import Radio
from simulator.world.vault_world import Chance, VaultWorld, Volumes
from tests.daemon.live import Live, journal, running
from tests.daemon.small_site import VOLUMES, catalogue, epc_of, site_in

COPIED, HOME, ELSEWHERE = "v11", "A-01L-01", "A-01L-04"
CHIP, COPY = "e28011912000000000000001", "e28011912000000080000001"  # of the first volume; the first copy there is
CLEAR = Radio(misses=0.0, strays=0.0)  # every antenna reads its own tags and no others, in every round


def world_of(loaded: Loaded) -> VaultWorld:
    """Every volume stands in its place, and nobody is about."""
    slots = [str(slot) for _, _, slot, _ in catalogue()]
    epc = np.frombuffer(b"".join(map(epc_of, VOLUMES)), np.uint8).reshape(len(VOLUMES), 12)
    book = np.array(Places(loaded.vault).segments_of(slots), np.int32)
    still = Chance(displaced=0.0, act_every_s=0.0)
    volumes = Volumes(tuple(VOLUMES), epc, book)
    return VaultWorld(loaded.vault, volumes, 1, radio=CLEAR, chance=still, record=lambda _: None)


async def chips_known(live: Live) -> None:
    await live.until(lambda: all(map(live.state.tids.is_told, range(len(VOLUMES)))), "every chip known")


@pytest.mark.timeout(120)  # a loaded machine
async def test_a_tag_copied_onto_another_chip_is_told_from_the_readers_own_reports(tmp_path: Path) -> None:
    async with site_in(tmp_path, is_impinj=True) as site:
        loaded = site.loaded()
        world = world_of(loaded)
        site.field = world.field("reader-1")
        async with running(loaded, site.state_dir) as live:
            await live.import_volumes()
            await chips_known(live)
            assert live.state.tids.told(live.state.volumes.row[COPIED]) == CHIP
            world.clone(COPIED, ELSEWHERE)
            await live.until(lambda: live.of(ClonedTagSeen), "the clone")
            (fact,) = live.of(ClonedTagSeen)
            assert (fact.volume, fact.tid, fact.segment) == (COPIED, CHIP, HOME)
            assert (fact.other_tid, fact.other) == (COPY, ELSEWHERE)
            await live.until(lambda: live.of(AlarmRaised, code="tag_cloned"), "its alarm")
            async with live.client() as client:
                found = await client.result("find", volume=COPIED)
                assert (found["segment"], found["tid"]) == (HOME, CHIP)
                assert (found["clone"]["other_tid"], found["clone"]["code"]) == (COPY, "tag_cloned")
                looked = await client.result("rfid.tag", volume=COPIED)
                assert looked["clone"] == found["clone"]
            assert live.of(DuplicateEpcSeen) == []
            clones = dict(live.state.tids.clones)
        async with running(loaded, site.state_dir) as again:
            await again.all_ok("reader-1")
            assert again.state.tids.clones == clones
            assert again.state.tids.told(again.state.volumes.row[COPIED]) == CHIP
            before_ns = again.now()
            await again.until(lambda: again.state.evidence.last_seen_ns.min() > before_ns, "everybody read again")
        told = [fact for fact in journal(site.state_dir, loaded) if isinstance(fact, ClonedTagSeen)]
        assert told == [fact]
