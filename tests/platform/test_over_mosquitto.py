"""Link, mosquitto and reference platform as in production: kills, restarts, wrong acks, restores."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from edge.platform.contract import Ack
from edge.state.events import LinkState, PlatformCommand
from simulator.dies_with_parent import dies_with_parent
from simulator.platform.signing import Signer
from tests.platform.far_ends import NODE_PATH, ROOT, Site, site, until


@pytest.fixture
async def vault(tmp_path: Path, require_tool: Callable[[str, str], str]) -> AsyncIterator[Site]:
    require_tool("mosquitto", "mosquitto")
    require_tool("mosquitto_sub", "mosquitto-clients")
    async with site(tmp_path, "mosquitto") as made:
        yield made


class Listener:
    """mosquitto_sub, subscribed: what is published from now on it hears."""

    def __init__(self, process: "subprocess.Popen[bytes]", retained: list[bytes]) -> None:
        self._process = process
        self._retained = retained

    async def lines(self) -> list[dict[str, object]]:
        """All it was to hear."""
        out, _ = await asyncio.to_thread(self._process.communicate)
        return [json.loads(line) for line in [*self._retained, *out.splitlines()]]


async def heard(vault: Site, count: int, topic: str) -> Listener:
    """It hears so many messages of a topic, the retained one first, and ends."""
    ready = f"ready/{uuid.uuid4().hex}"
    vault.publish(ready, b"{}", retain=True)  # subscribed to last: once it comes, so is the other
    process = subprocess.Popen(  # noqa: ASYNC220  it is started in a moment
        [
            *("mosquitto_sub", "-p", str(vault.broker.port), "-q", "1", "-t", topic, "-t", f"{ROOT}/{ready}"),
            *("-C", str(count + 1), "-W", "50", "-F", "%j"),
        ],
        stdout=subprocess.PIPE,
        preexec_fn=dies_with_parent(),  # noqa: PLW1509  what runs there takes no lock
    )
    assert process.stdout is not None
    retained: list[bytes] = []
    while True:
        line = await asyncio.to_thread(process.stdout.readline)
        assert line, "mosquitto_sub ended"
        if json.loads(line)["topic"] == f"{ROOT}/{ready}":
            return Listener(process, retained)
        retained.append(line)


async def test_every_fact_reaches_the_platform_and_is_acknowledged_after_its_commit(vault: Site) -> None:
    vault.start_platform()
    vault.start_link()
    vault.add("custody", 1_234)
    vault.add("event", 77)
    vault.add("alarm", 3)
    await vault.all_acknowledged()
    status = await vault.ask("status")
    assert status["facts"] == 1_314
    assert status["lanes"] == {"alarm": 3, "custody": 1_234, "event": 77}
    assert (status["gaps"], status["conflicts"], status["malformed"]) == (0, 0, 0)


async def test_birth_and_state_are_retained_and_a_polite_stop_says_draining_then_offline(vault: Site) -> None:
    vault.start_platform()
    vault.start_link()
    vault.add("event", 1)
    await vault.all_acknowledged()
    retained = await (await heard(vault, 2, f"{ROOT}/up/#")).lines()
    assert {str(line["topic"]): line["retain"] for line in retained} == {
        f"{ROOT}/up/birth": 1,
        f"{ROOT}/up/state": 1,
    }
    birth = next(json.loads(str(line["payload"])) for line in retained if str(line["topic"]).endswith("birth"))
    assert birth["node"] == "edge-1"
    assert birth["devices"] == ["reader-1", "th-1"]
    assert set(birth["lanes"]) == {"alarm", "custody", "event", "telemetry"}
    following = await heard(vault, 3, f"{ROOT}/up/state")
    await vault.stop_link()
    words = [json.loads(str(line["payload"]))["state"] for line in await following.lines()]
    assert words == ["online", "draining", "offline"]


async def test_the_will_says_offline_when_the_daemon_is_killed(vault: Site) -> None:
    script = (
        "import asyncio,sys,time; from pathlib import Path; from tests.platform.far_ends import Site\n"
        "async def main():\n"
        "    made = Site(Path(sys.argv[1]), 'mosquitto'); made.broker.port = int(sys.argv[2])\n"
        "    made.start_link(); await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    online = await heard(vault, 1, f"{ROOT}/up/state")
    both = await heard(vault, 2, f"{ROOT}/up/state")
    other = vault.directory / "other"
    other.mkdir()
    daemon = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(other), str(vault.broker.port))
    await online.lines()
    daemon.kill()
    await daemon.wait()
    words = [json.loads(str(line["payload"]))["state"] for line in await both.lines()]
    assert words == ["online", "offline"]


async def test_mosquitto_sub_sees_a_batch_with_the_stored_bytes(vault: Site) -> None:
    vault.start_platform()
    listener = await heard(vault, 1, f"{ROOT}/up/alarm")
    vault.add("alarm", 2)
    vault.start_link()
    (line,) = await listener.lines()
    batch = json.loads(str(line["payload"]))
    assert (batch["lane"], batch["first"], batch["last"], batch["prev"]) == ("alarm", 1, 2, "00" * 16)
    assert [json.dumps(fact, separators=(",", ":")).encode() for fact in batch["facts"]] == [
        row.body for row in vault.outbox.rows("alarm")
    ]


async def test_a_broker_killed_and_restarted_loses_and_doubles_nothing(vault: Site) -> None:
    def words() -> list[bool]:
        return [event.is_up for event in vault.events if isinstance(event, LinkState) and not event.note]

    vault.start_platform()
    vault.start_link()
    vault.add("custody", 3_000)
    await until(lambda: vault.outbox.acked("custody") > 0, "the first ack")
    vault.broker.kill()
    vault.add("custody", 1_000)
    vault.add("alarm", 5)
    await until(lambda: words()[-1] is False, "the loss")
    vault.broker.start()
    await vault.all_acknowledged()
    status = await vault.ask("status")
    assert (status["facts"], status["gaps"], status["conflicts"]) == (4_005, 0, 0)
    assert words() == [True, False, True]


async def test_a_platform_killed_and_restarted_loses_and_doubles_nothing(vault: Site) -> None:
    vault.start_platform()
    vault.start_link()
    vault.add("custody", 6_000)
    await until(lambda: vault.outbox.acked("custody") > 0, "the first ack")
    vault.kill_platform()
    vault.add("custody", 500)
    vault.start_platform()
    await vault.all_acknowledged()
    status = await vault.ask("status")
    assert (status["facts"], status["gaps"], status["conflicts"]) == (6_500, 0, 0)
    assert vault.stop_platform() == 0


async def test_wrong_acks_from_anybody_are_refused_and_noted(vault: Site) -> None:
    vault.start_platform()
    vault.start_link()
    vault.add("custody", 10)
    await vault.all_acknowledged()
    good = Ack(epoch=vault.outbox.epoch, upto=10, chain=vault.outbox.rows("custody")[9].chain.hex())
    vault.publish("down/ack/custody", msgspec.json.encode(msgspec.structs.replace(good, epoch="another")))
    vault.publish("down/ack/custody", msgspec.json.encode(msgspec.structs.replace(good, upto=11)))
    vault.publish("down/ack/custody", b"\x00garbage")
    await until(lambda: len(vault.notes()) == 3, "three notes")
    assert vault.notes() == ["ack_wrong_epoch", "ack_beyond_sent", "ack_malformed"]
    assert vault.outbox.acked("custody") == 10


async def test_a_platform_restored_from_a_backup_gets_back_what_it_lost_by_a_signed_rewind(vault: Site) -> None:
    vault.start_platform()
    vault.start_link()
    vault.add("custody", 300)
    await vault.all_acknowledged()
    assert vault.stop_platform() == 0
    shutil.copy(vault.directory / "p.db", vault.directory / "backup.db")
    vault.start_platform()
    vault.add("custody", 200)
    await vault.all_acknowledged()
    vault.kill_platform()
    vault.start_platform("backup.db")
    await vault.status_when(lambda status: status["lanes"].get("custody") == 300, "the backup is in service")
    asked = await vault.ask("rewind", **{"lane": "custody", "from": 301})
    status = await vault.status_when(
        lambda status: (
            status["lanes"].get("custody") == 500
            and [result["outcome"] for result in status["results"].get(asked["command"], [])] == ["accepted", "done"]
        ),
        "everything is back",
    )
    assert (status["facts"], status["gaps"], status["conflicts"]) == (500, 0, 0)


async def test_a_snapshot_on_request_is_compared_with_the_mirror(vault: Site) -> None:
    vault.start_platform()
    vault.start_link()
    vault.outbox.append("event", "device_lost", {"device": "r1", "reason": "silent"})
    vault.add("custody", 1)
    await vault.all_acknowledged()
    vault.snapshot_body = b'{"volumes":{},"devices":{"r1":"lost"},"alarms":{},"actuators":{}}'
    asked = await vault.ask("snapshot")
    status = await vault.status_when(
        lambda status: status["mirror_snapshot"] == asked["command"], "the snapshot was compared"
    )
    assert status["differences"] == []
    assert status["mirror_equal"] is True
    assert status["mirror_mark"] == {"alarm": 0, "custody": 1, "event": 1, "telemetry": 0}


async def test_a_command_signed_by_nobody_we_know_is_refused_and_told_so(vault: Site) -> None:
    vault.start_platform()
    vault.start_link(issuers={})
    vault.add("event", 1)
    await vault.all_acknowledged()  # so both are there
    await vault.ask("snapshot")
    await until(lambda: any(isinstance(event, PlatformCommand) for event in vault.events), "the command")
    command = next(event for event in vault.events if isinstance(event, PlatformCommand))
    assert command.refusal == "unknown_issuer"
    status = await vault.status_when(lambda status: bool(status["results"]), "the refusal")
    assert status["results"] == {command.id: [{"outcome": "refused", "reason": "unknown_issuer"}]}


async def test_a_command_that_was_not_confirmed_comes_again_after_a_reconnect(vault: Site) -> None:
    """The PUBACK is sent after the commit: a daemon killed before it gets the command once more."""

    def came() -> list[str]:
        return [event.id for event in vault.events if isinstance(event, PlatformCommand)]

    vault.start_link()
    assert vault.link is not None
    await until(lambda: bool(vault.events), "the link is up")
    forgotten: list[PlatformCommand] = []
    vault.link._emit = lambda event: forgotten.append(event) if isinstance(event, PlatformCommand) else None
    signer = Signer("platform", vault.directory / "key.pem")
    command = signer.command("c-1", NODE_PATH, "snapshot.request", {}, counter=1, now_s=1_800_000_000)
    vault.publish("down/cmd", command)
    await until(lambda: bool(forgotten), "the command came")
    await vault.stop_link()
    vault.start_link()
    await until(lambda: any(isinstance(event, PlatformCommand) for event in vault.events), "it came again")
    again = next(event for event in vault.events if isinstance(event, PlatformCommand))
    assert (forgotten[0].id, again.id) == ("c-1", "c-1")
    await until(lambda: not vault.confirmations_due(), "it is confirmed")
    await vault.stop_link()
    vault.start_link()
    vault.publish("down/cmd", signer.command("c-2", NODE_PATH, "snapshot.request", {}, counter=2, now_s=1_800_000_000))
    await until(lambda: "c-2" in came(), "the one after it came")
    assert came() == ["c-1", "c-2"], "confirmed, so it stays away"


async def test_a_command_that_was_answered_just_before_a_polite_stop_is_told_and_confirmed(vault: Site) -> None:
    vault.start_platform()
    link = vault.start_link()
    vault.add("custody", 1)
    await vault.all_acknowledged()
    taken: list[PlatformCommand] = []
    link._emit = lambda event: taken.append(event) if isinstance(event, PlatformCommand) else None
    signer = Signer("platform", vault.directory / "key.pem")
    args = {"lane": "custody", "epoch": "another", "from": 1}
    vault.publish("down/cmd", signer.command("c-1", NODE_PATH, "rewind", args, counter=1, now_s=time.time()))
    await until(lambda: bool(taken), "the command came")
    link.answer(taken[0], "accepted")
    await vault.stop_link()
    accepted, failed = {"outcome": "accepted", "reason": ""}, {"outcome": "failed", "reason": "wrong_epoch"}
    await vault.status_when(lambda status: status["results"].get("c-1") == [accepted, failed], "the answer was told")
    assert link._unconfirmed == {}


async def test_a_command_accepted_by_a_daemon_that_was_killed_is_carried_out_by_the_next_one_once(vault: Site) -> None:
    """The step knows its id and says `duplicate`; whether it was carried out, the daemon before took with it."""
    vault.start_platform()
    vault.verdict = "duplicate"
    vault.start_link()
    vault.add("custody", 3)
    await vault.all_acknowledged()
    signer = Signer("platform", vault.directory / "key.pem")
    snapshot = signer.command("c-1", NODE_PATH, "snapshot.request", {}, counter=1, now_s=time.time())
    args = {"lane": "custody", "epoch": vault.outbox.epoch, "from": 1}
    rewind = signer.command("c-2", NODE_PATH, "rewind", args, counter=2, now_s=time.time())
    for payload in (snapshot, rewind, snapshot):
        vault.publish("down/cmd", payload)
    again, done = {"outcome": "accepted", "reason": "duplicate"}, {"outcome": "done", "reason": ""}
    status = await vault.status_when(
        lambda status: [len(status["results"].get(name, [])) for name in ("c-1", "c-2")] == [3, 2], "both are done"
    )
    assert sorted(status["results"]["c-1"], key=str) == [again, again, done]
    assert status["results"]["c-2"] == [again, done]
    await vault.status_when(lambda status: status["duplicates"] >= 3, "the three rows came again")
    vault.publish("down/cmd", rewind)
    vault.publish("down/cmd", signer.command("c-3", NODE_PATH, "rewind", args, counter=3, now_s=time.time()))
    status = await vault.status_when(lambda status: len(status["results"].get("c-3", [])) == 2, "the next one is done")
    assert status["results"]["c-2"] == [again, done, again]


async def test_an_accepted_command_that_comes_again_after_it_expired_is_answered_and_not_carried_out(
    vault: Site,
) -> None:
    vault.start_platform()
    vault.verdict = "duplicate"
    vault.start_link()
    vault.add("custody", 3)
    await vault.all_acknowledged()
    signer = Signer("platform", vault.directory / "key.pem")
    for name, age_s in (("old", 400), ("new", 0)):
        vault.publish(
            "down/cmd",
            signer.command(name, NODE_PATH, "snapshot.request", {}, counter=1, now_s=time.time() - age_s),
        )
    status = await vault.status_when(lambda status: len(status["results"].get("new", [])) == 2, "the new one is done")
    assert status["results"]["old"] == [{"outcome": "accepted", "reason": "duplicate"}]


async def test_other_arguments_under_the_id_of_an_accepted_command_end_it_and_not_the_link(vault: Site) -> None:
    vault.start_platform()
    vault.verdict = "duplicate"
    vault.start_link()
    vault.add("custody", 3)
    await vault.all_acknowledged()
    signer = Signer("platform", vault.directory / "key.pem")
    vault.publish("down/cmd", signer.command("c-1", NODE_PATH, "rewind", {"lane": 7}, counter=1, now_s=time.time()))
    status = await vault.status_when(lambda status: len(status["results"].get("c-1", [])) == 2, "it has failed")
    assert status["results"]["c-1"][1] == {"outcome": "failed", "reason": "bad_arguments"}


async def test_facts_wait_while_no_broker_listens_and_stopping_takes_no_time(vault: Site) -> None:
    vault.broker.stop()
    vault.start_link()
    vault.add("alarm", 1)
    await until(lambda: bool(vault.events), "word that nobody listens")
    assert vault.outbox.acked("alarm") == 0
    async with asyncio.timeout(3):
        await vault.stop_link()
    assert [(event.is_up, event.note) for event in vault.events if isinstance(event, LinkState)] == [(False, "")]
