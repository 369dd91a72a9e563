"""The daemon and the central platform over real MQTT: what a broker's absence, wrong acks and signed commands do."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
from paho.mqtt import publish

from config.load import Loaded
from drivers.observation import Contact, Measurement, TagReads
from edge.platform.contract import Ack
from edge.state.facts import (
    AlarmAcknowledged,
    AlarmRaised,
    DeviceCameBack,
    DeviceWasLost,
    Lane,
    PlatformCommandTaken,
)
from simulator.platform.broker import mosquitto_path
from simulator.platform.signing import Signer
from tests.daemon.live import Live, journal, running
from tests.daemon.small_site import Site, site_in
from tests.platform import far_ends
from tests.platform.far_ends import NODE_PATH, ROOT

STRANGERS, READINGS, ALARMS = 2_000, 4_000, 20


class Far:
    """Broker and reference platform, and a vault configured for them."""

    def __init__(self, site: Site, ends: far_ends.Site) -> None:
        self.site = site
        self.ends = ends
        self.signer = Signer("platform", ends.directory / "key.pem")

    def loaded(self) -> Loaded:
        return self.site.loaded(
            brokers={"platform": {"host": "127.0.0.1", "port": self.ends.broker.port, "keepalive_s": 5}},
            platform={"broker": "platform", "issuers": {"platform": self.ends.key}},
        )

    async def say(self, topic: str, payload: bytes) -> None:
        """As somebody else on the same broker."""
        port = self.ends.broker.port
        await asyncio.to_thread(publish.single, f"{ROOT}/{topic}", payload, 1, hostname="127.0.0.1", port=port)

    def command(self, name: str, counter: int, age_s: float = 0.0) -> bytes:
        return self.signer.command(name, NODE_PATH, "snapshot.request", {}, counter=counter, now_s=time.time() - age_s)

    async def told(self, name: str, count: int) -> list[tuple[str, str]]:
        """What the platform was answered about a command: (outcome, reason)."""
        status = await self.ends.status_when(
            lambda status: len(status["results"].get(name, [])) >= count, f"{count} answers about {name}"
        )
        return [(result["outcome"], result["reason"]) for result in status["results"][name]]


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Far]:
    kind = "mosquitto" if mosquitto_path() else "amqtt"
    (tmp_path / "far").mkdir()
    async with far_ends.site(tmp_path / "far", kind) as ends, site_in(tmp_path) as site:  # type: ignore[arg-type]
        yield Far(site, ends)


@asynccontextmanager
async def connected(far: Far) -> AsyncIterator[Live]:
    """The daemon, and the platform that hears it."""
    async with running(far.loaded(), far.site.state_dir) as live:
        await live.all_ok("reader-1", "th-1", "leak-1", "board-1", "platform")
        await all_acknowledged(live)
        yield live


async def all_acknowledged(live: Live) -> dict[str, int]:
    """Everything that is committed now is acknowledged; how many per lane."""
    marks = live.store.committed()
    await live.until(lambda: all(live.store.acked(lane) >= seq for lane, seq in marks.items()), "everything acked", 40)
    return {str(lane): seq for lane, seq in marks.items()}


def strangers(live: Live, batch: int) -> TagReads:
    """Fifty tags that no catalogue names: fifty custody facts."""
    epc = np.zeros((50, 12), np.uint8)
    epc[:, 0], epc[:, 1], epc[:, 2] = 0xF0, batch, np.arange(50)
    return TagReads(
        device="reader-1",
        at_ns=live.now(),
        antenna=np.ones(50, np.uint16),
        epc=epc,
        epc_bits=np.full(50, 96, np.uint16),
        rssi_dbm=np.full(50, -60, np.float32),
        count=np.ones(50, np.uint16),
        first_utc_ns=np.zeros(50, np.int64),
        last_utc_ns=np.zeros(50, np.int64),
        pc=np.full(50, 0x3000, np.int32),
    )


def much_happens(live: Live) -> None:
    """Thousands of facts, the alarms last."""
    for batch in range(STRANGERS // 50):
        live.put(strangers(live, batch))
    for number in range(READINGS):
        points, values = ("temperature", "humidity"), (20.0 + number % 2 * 5, 50.0)
        live.put(Measurement(device="th-1", at_ns=live.now(), points=points, values=values))
    for number in range(ALARMS):
        live.put(Contact(device="leak-1", at_ns=live.now(), point="contamination", active=number % 2 == 0))


async def test_what_happened_while_the_broker_was_gone_is_all_acknowledged_afterwards_and_alarms_go_first(
    far: Far,
) -> None:
    far.ends.start_platform()
    async with connected(far) as live:
        far.ends.broker.kill()
        await live.until(lambda: live.of(DeviceWasLost, device="platform", reason="link_down"), "the loss")
        await live.until(lambda: live.raised("device_lost:platform"), "its alarm")
        before = live.store.acked("alarm"), live.store.acked("custody")
        much_happens(live)
        await live.until(lambda: live.store.committed()["alarm"] >= before[0] + 1 + ALARMS, "the alarms on record")
        await live.until(lambda: live.store.committed()["custody"] >= before[1] + STRANGERS, "the strangers on record")
        alarms, backlog = live.store.committed()["alarm"], live.store.committed()["custody"]
        assert (live.store.acked("alarm"), live.store.acked("custody")) == before
        moved: list[tuple[Lane, int]] = []
        ack = live.store.ack

        def noted(lane: Lane, upto: int) -> None:
            moved.append((lane, upto))
            ack(lane, upto)

        live.store.ack = noted  # type: ignore[method-assign]
        await asyncio.to_thread(far.ends.broker.start)
        lanes = await all_acknowledged(live)
        alarms_done = next(place for place, (lane, upto) in enumerate(moved) if lane == "alarm" and upto >= alarms)
        custody_done = next(place for place, (lane, upto) in enumerate(moved) if lane == "custody" and upto >= backlog)
        assert alarms_done < custody_done, "custody went before the alarms"
        await live.until(lambda: live.cleared("device_lost:platform"), "its alarm over")
        status = await far.ends.ask("status")
    assert all(status["lanes"][lane] >= seq for lane, seq in lanes.items())
    assert (status["gaps"], status["conflicts"], status["malformed"]) == (0, 0, 0)
    assert status["facts"] >= STRANGERS + READINGS + 2 * ALARMS


async def test_a_daemon_that_starts_without_its_broker_says_so_and_connects_when_it_comes(far: Far) -> None:
    far.ends.start_platform()
    async with connected(far):
        pass
    far.ends.broker.stop()
    async with running(far.loaded(), far.site.state_dir) as live:
        await live.until(lambda: live.of(DeviceWasLost, device="platform"), "the loss")
        assert not live.is_ok("platform")
        await asyncio.to_thread(far.ends.broker.start)
        await live.until(lambda: live.of(DeviceCameBack, device="platform"), "the platform")
        await all_acknowledged(live)


async def test_a_wrong_ack_moves_nothing_and_is_an_alarm_once_until_a_person_has_seen_it(far: Far) -> None:
    far.ends.start_platform()
    async with connected(far) as live:
        await live.import_volumes()
        await all_acknowledged(live)
        acked = live.store.acked("custody")
        good = Ack(epoch=live.store.epoch, upto=acked, chain=live.store.heads()["custody"].chain.hex())
        foreign = msgspec.json.encode(msgspec.structs.replace(good, epoch="another"))
        beyond = msgspec.json.encode(msgspec.structs.replace(good, upto=acked + 1_000_000))
        await far.say("down/ack/custody", foreign)
        await far.say("down/ack/custody", foreign)
        await far.say("down/ack/custody", beyond)
        await live.until(lambda: live.raised("ack_beyond_sent:platform"), "the second alarm")
        assert live.raised("ack_wrong_epoch:platform") == 1
        assert live.of(AlarmRaised, code="ack_wrong_epoch")[0].severity == "critical"
        assert acked <= live.store.acked("custody") <= live.store.committed()["custody"]
        async with live.client() as client:
            key = {"alarm": "ack_wrong_epoch:platform"}
            assert (await client.result("act", action="alarm.acknowledge", args=key))["answer"] == "accepted"
        assert live.of(AlarmAcknowledged)
        await far.say("down/ack/custody", foreign)
        await live.until(lambda: live.raised("ack_wrong_epoch:platform") == 2, "it happened again")
        lanes = await all_acknowledged(live)
        status = await far.ends.ask("status")
    assert status["lanes"]["alarm"] >= lanes["alarm"]


async def test_a_snapshot_on_request_equals_the_mirror_at_its_mark(far: Far) -> None:
    far.ends.start_platform()
    async with connected(far) as live:
        await live.import_volumes()
        far.site.absent.add("v11")
        far.site.rope.leak_at_m = 3.0
        await live.until(lambda: live.statuses() == {"present": 19, "missing": 1}, "the missing volume")
        await live.until(lambda: live.state.actuators["valve-1"].state == "closed", "the valve closed")
        asked = await far.ends.ask("snapshot")
        assert await far.told(asked["command"], 2) == [("accepted", ""), ("done", "")]
        status = await far.ends.status_when(
            lambda status: status["mirror_snapshot"] == asked["command"], "the snapshot was compared"
        )
        assert status["differences"] == []
        assert status["mirror_equal"] is True
        assert status["mirror_mark"]["custody"] >= 21
        assert [fact.result for fact in live.of(PlatformCommandTaken)] == ["accepted"]


async def test_replayed_expired_and_badly_signed_commands_are_refused_on_record_and_a_known_id_is_answered_again(
    far: Far,
) -> None:
    far.ends.start_platform()
    counter = time.time_ns() // 1_000_000
    first = far.command("c-1", counter)
    head, body, signature = far.command("c-4", counter + 3).split(b".")
    forged = b".".join((head, body, signature[:10] + (b"A" if signature[10:11] != b"A" else b"B") + signature[11:]))

    def verdicts(live: Live) -> list[tuple[str, str]]:
        return [(fact.command, fact.result) for fact in live.of(PlatformCommandTaken)]

    async with connected(far) as live:
        await far.say("down/cmd", first)
        assert await far.told("c-1", 2) == [("accepted", ""), ("done", "")]
        await far.say("down/cmd", first)
        assert (await far.told("c-1", 3))[2] == ("accepted", "duplicate")
        await far.say("down/cmd", far.command("c-2", counter))
        assert await far.told("c-2", 1) == [("refused", "replayed")]
        await far.say("down/cmd", far.command("c-3", counter + 2, age_s=3600))
        assert await far.told("c-3", 1) == [("refused", "expired")]
        await far.say("down/cmd", forged)
        await live.until(lambda: live.raised("bad_signature:platform"), "word of the forged one")
        assert verdicts(live) == [("c-1", "accepted"), ("c-2", "replayed"), ("c-3", "expired")]
    async with connected(far) as live:
        await far.say("down/cmd", first)
        assert (await far.told("c-1", 5))[3:] == [("accepted", "duplicate"), ("done", "")], "no process before is asked"
        await far.say("down/cmd", far.command("c-5", counter))
        assert await far.told("c-5", 1) == [("refused", "replayed")]
        assert verdicts(live) == [("c-5", "replayed")]
    facts = journal(far.site.state_dir, far.loaded())
    assert not [fact for fact in facts if isinstance(fact, DeviceWasLost)], "a polite stop is no loss of the platform"
