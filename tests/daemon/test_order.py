"""The order on a shelf over real sockets: a reader tells phases while the bank slides by, and the daemon the order."""

from pathlib import Path

import numpy as np
import pytest

from drivers.observation import ShelvingState
from edge.state.facts import AlarmRaised
from edge.state.order_facts import OrderLearnt
from simulator.devices.llrp_pass import RO_ACCESS_REPORT, pass_report
from simulator.world.passing import PassRadio, draw_pass, shelf_of
from tests.daemon.live import Live, journal, running
from tests.daemon.small_site import Site, epc_of, site_in

BANK = {
    "id": "A",
    "kind": "mobile_shelving",
    "slides": "along",
    "zone": "z1",
    "faces": ["L"],
    "sections": 4,
    "slots_per_shelf": 9,
}
STANDING = ["v11", "v14", "v12", "v13", "v15"]  # in this order; the catalogue has v14 between v13 and v15
PASS_S, LOOK_S, SPEED_MPS, SLOT_M = 20.0, 0.1, 0.1, 0.1
NS = 1_000_000_000


def moves(live: Live, at_ns: int, *, moving: bool) -> None:
    live.put(ShelvingState(device="bank", at_ns=at_ns, bank="A", open_aisles=(), is_moving=moving))


async def slide(site: Site, live: Live) -> None:
    """The bank has slid by in the last twenty seconds; what the reader kept of that arrives now, look by look."""
    rng = np.random.default_rng(1)
    radio = PassRadio(phase_noise_rad=0.3, misses=0.2, reflection=0.1)
    place_m = (np.arange(len(STANDING), dtype=np.float64) + 0.5) * SLOT_M
    antenna_m = np.arange(0.0, PASS_S, LOOK_S) * SPEED_MPS - 0.75
    heard = draw_pass(radio, shelf_of(radio, place_m, np.full(len(STANDING), 0.5), rng), antenna_m, LOOK_S, rng)
    epc = np.frombuffer(b"".join(map(epc_of, STANDING)), np.uint8).reshape(-1, 12)
    began_ns = live.now() - round((PASS_S + 1) * NS)
    moves(live, began_ns, moving=True)
    for at_s in np.unique(heard.at_s):
        look = heard.at_s == at_s
        last_us = (began_ns + round(float(at_s) * NS)) // 1000
        body = pass_report(1, epc[heard.tag[look]], heard.rssi_dbm[look], heard.phase_rad[look], last_us)
        site.reader.say(RO_ACCESS_REPORT, body)

    def came() -> bool:
        under_way = live.state.passes.get("A-01L-01")
        return under_way is not None and int((~np.isnan(under_way.reads().phase_rad)).sum()) >= len(heard.tag)

    await live.until(came, "every read of the pass")
    moves(live, live.now(), moving=False)


@pytest.mark.timeout(120)  # a loaded machine: the pass is sorted a portion an event
async def test_the_order_of_a_shelf_is_learnt_from_a_readers_own_reports(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        loaded = site.loaded(racks=[BANK])
        async with running(loaded, site.state_dir) as live:
            await live.import_volumes()
            await slide(site, live)
            await live.until(lambda: live.of(OrderLearnt), "the order", within_s=45.0)
            (fact,) = live.of(OrderLearnt)
            assert (fact.segment, fact.by, fact.misfiled) == ("A-01L-01", "phase", ("v14",))
            assert list(fact.volumes) == STANDING
            await live.until(lambda: live.of(AlarmRaised, alarm="misfiled:A"), "the notice")
            async with live.client() as client:
                found = await client.result("find", volume="v12")
                assert {found["order"]["after"], found["order"]["before"]} == {"v14", "v13"}
                assert found["order"]["confidence"] >= 0.9
                whole = await client.result("rfid.order", segment="a-01l-01")
                assert [one["volume"] for one in whole["volumes"]] == STANDING
                assert [one["volume"] for one in whole["volumes"] if one["is_misfiled"]] == ["v14"]
                empty = await client.result("rfid.order", segment="A-01L-02")
                assert (empty["volumes"], empty["standing"]) == ([], 5)
            orders = live.state.orders.copied()
        told = [fact for fact in journal(site.state_dir, loaded) if isinstance(fact, OrderLearnt)]
        assert len(told) == 1
        async with running(loaded, site.state_dir) as again:
            await again.until(lambda: again.state.orders.copied() == orders, "the order after a restart")
