"""Who asks and what they may: the kernel's uid, the policy's person, a role for the action, two persons."""

import os
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from config.policy import Person, Policy
from edge.api import ops
from edge.api.pairs import Pairs
from edge.api.people import Caller, Seats, caller, peer, role_for
from edge.api.server import Patience
from edge.api.wire import Refused
from edge.state.events import ClockStep
from edge.state.facts import ActionTaken, ClockVouched
from tests.api.client import connected
from tests.api.manual_house import ManualHouse, Roles, served

NS = 1_000_000_000
WANG = Caller(person="wang", uid=1001, roles=("technician",), terminal="local/1")
LI = Caller(person="li", uid=1002, roles=("safety_officer",), terminal="local/2")
AUDITOR = Caller(person="zhao", uid=1003, roles=("auditor",), terminal="local/3")


def policy(**people: tuple[int, Roles]) -> Policy:
    return msgspec.convert(
        {"people": {name: {"uid": uid, "roles": roles} for name, (uid, roles) in people.items()}}, Policy
    )


async def ask(desk: ops.Desk, who: Caller, op: str, **args: object) -> Any:
    return await ops.answer(desk, who, op, msgspec.Raw(msgspec.json.encode(args)))


def test_the_kernel_names_the_process_at_the_other_end() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer(one) == (os.getpid(), os.getuid())


def test_a_uid_is_the_person_the_policy_says() -> None:
    who = caller(policy(wang=(1001, ("technician",)), li=(1002, ("archivist",))), pid=5, uid=1002)
    assert (who.person, who.roles, who.terminal) == ("li", ("archivist",), "local/5")


@pytest.mark.parametrize(
    ("people", "code"),
    [
        ({"wang": (1, ("technician",))}, "no_person"),
        ({"wang": (0, ("technician",)), "li": (0, ("archivist",))}, "person_ambiguous"),
        ({"wang": (0, ())}, "no_role"),
    ],
)
def test_a_login_that_is_nobody_or_two_or_without_a_role_is_refused(
    people: dict[str, tuple[int, Roles]], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        caller(policy(**people), pid=5, uid=0)
    assert refused.value.refusal.code == code


async def test_a_stranger_is_told_so_once_on_connecting_and_takes_no_place(tmp_path: Path) -> None:
    house = ManualHouse()
    house.story.state.plant.vault = msgspec.structs.replace(
        house.state.plant.vault, policy=Policy(people={"li": Person(uid=os.getuid() + 1, roles=("archivist",))})
    )
    async with served(house, tmp_path, Patience(clients=1)) as server:
        for _ in range(3):
            async with connected(tmp_path / "lantai.sock") as client:
                assert (await client.receive())["error"] == {"code": "no_person", "args": {"uid": os.getuid()}}
                assert await client.is_closed()
        assert (server.counters.refused, server.counters.requests) == (3, 0)


def test_a_login_that_took_all_its_seats_takes_none_of_another() -> None:
    seats = Seats(8)
    for _ in range(8):
        seats.take(1001)
    with pytest.raises(Refused, match="too_many_clients"):
        seats.take(1001)
    seats.take(1002)
    seats.leave(1001)
    seats.take(1001)


async def test_an_action_is_on_record_with_person_role_and_terminal() -> None:
    house = ManualHouse()
    answer = await ask(ops.Desk(house), WANG, "act", action="alarm.acknowledge", args={"alarm": "leak:x"})
    assert answer.answer == "unknown_alarm"
    (audit,) = house.story.of(ActionTaken)
    assert (audit.person, audit.role, audit.terminal) == ("wang", "technician", "local/1")
    assert (audit.action, audit.target, audit.result) == ("alarm.acknowledge", "leak:x", "unknown_alarm")


def test_the_first_role_that_may_is_taken() -> None:
    who = Caller(person="wu", uid=1, roles=("archivist", "technician"), terminal="")
    assert role_for(who, "actuator.set", "") == "technician"
    assert role_for(who, "alarm.acknowledge", "") == "archivist"
    assert role_for(who, "alarm.acknowledge", "technician") == "technician"


async def test_a_role_that_is_claimed_but_not_held_is_refused_on_record() -> None:
    house = ManualHouse()
    answer = await ask(
        ops.Desk(house), AUDITOR, "act", action="alarm.acknowledge", args={"alarm": "x"}, role="technician"
    )
    assert answer.answer == "role_not_allowed"
    assert house.story.of(ActionTaken)[-1].result == "role_not_allowed"


async def test_two_persons_within_a_minute_vouch_for_the_clock() -> None:
    house = ManualHouse()
    desk = ops.Desk(house)
    house.story.tell(ClockStep(at_ns=house.now(), step_s=3600.0))
    first = await ask(desk, WANG, "act", action="clock.vouch")
    assert (first.answer, first.held_s) == ("second_person_needed", 60)
    house.story.at_ns += 59 * NS
    second = await ask(desk, LI, "act", action="clock.vouch")
    assert (second.answer, second.held_s) == ("accepted", 0)
    assert house.state.clock_is_sure
    (vouched,) = house.story.of(ClockVouched)
    assert (vouched.person, vouched.second_person) == ("wang", "li")


@pytest.mark.parametrize(
    ("second", "later_s"),
    [
        (WANG, 1),
        (msgspec.structs.replace(WANG, terminal="local/9"), 1),
        (msgspec.structs.replace(WANG, person="wang-too"), 1),
        (LI, 61),
    ],
    ids=["the same person", "from another terminal", "another name for the same login", "too late"],
)
async def test_the_second_person_must_be_another_one_in_time(second: Caller, later_s: int) -> None:
    house = ManualHouse()
    desk = ops.Desk(house)
    house.story.tell(ClockStep(at_ns=house.now(), step_s=3600.0))
    await ask(desk, WANG, "act", action="clock.vouch")
    house.story.at_ns += later_s * NS
    assert (await ask(desk, second, "act", action="clock.vouch")).answer == "second_person_needed"
    assert not house.state.clock_is_sure


async def test_a_second_person_without_the_right_role_completes_nothing() -> None:
    house = ManualHouse()
    desk = ops.Desk(house)
    house.story.tell(ClockStep(at_ns=house.now(), step_s=3600.0))
    await ask(desk, WANG, "act", action="clock.vouch")
    assert (await ask(desk, AUDITOR, "act", action="clock.vouch")).answer == "role_not_allowed"
    assert (await ask(desk, LI, "act", action="clock.vouch")).answer == "accepted"


async def test_the_audit_trail_is_for_the_auditor(tmp_path: Path) -> None:
    house = ManualHouse()
    desk = ops.Desk(house)
    house.story.catalogue(["A-01L-01-1-01"])
    house.story.act("alarm.acknowledge", "technician", alarm="v0")  # an audit fact whose target is v0
    mine = await ask(desk, WANG, "trace", volume="v0")
    assert ([fact["type"] for fact in mine.facts], mine.withheld) == (["volume_catalogued"], 1)
    full = await ask(desk, AUDITOR, "trace", volume="v0")
    assert ([fact["type"] for fact in full.facts], full.withheld) == (["volume_catalogued", "action_taken"], 0)
    async with served(house, tmp_path), connected(tmp_path / "lantai.sock") as client:
        await client.result("watch")
        house.story.act("alarm.acknowledge", "technician", alarm="nothing")
        house.story.leak(wet=True)
        portion = await client.receive()
        assert portion["facts"][0]["type"] == "contact_changed"


UIDS = {"wang": 1001, "li": 1002, "zhao": 1003}


class PairsMachine(RuleBasedStateMachine):
    """Whatever the order of requests, only two different persons within 60 s ever make a pair, and each request at
    most once."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs = Pairs()
        self.at_s = 0
        self.asked: list[tuple[str, str, int]] = []
        self.used: set[int] = set()

    @rule(seconds=st.integers(min_value=1, max_value=45))
    def time_passes(self, seconds: int) -> None:
        self.at_s += seconds

    @rule(name=st.sampled_from(sorted(UIDS)), target_id=st.sampled_from(["a", "b"]))
    def somebody_asks(self, name: str, target_id: str) -> None:
        who = Caller(person=name, uid=UIDS[name], roles=("technician",), terminal="")
        held = self.pairs.first_of(who, "act", {"target": target_id}, self.at_s * NS)
        if held is None:
            self.asked.append((name, target_id, self.at_s))
            self.pairs.hold(who, "technician", "act", {"target": target_id}, self.at_s * NS)
            return
        matches = [
            i
            for i, (first, asked_id, at_s) in enumerate(self.asked)
            if (first, asked_id, at_s) == (held.first.person, target_id, held.at_ns // NS) and i not in self.used
        ]
        assert matches, "a pair needs a first request that was not used up"
        assert held.first.person != name
        assert self.at_s - held.at_ns // NS <= 60
        self.used.add(matches[-1])

    @invariant()
    def time_is_forward(self) -> None:
        assert self.at_s >= 0


TestPairs = PairsMachine.TestCase
TestPairs.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(
    ("args", "refusal"),
    [
        ({"alarm": "x" * 256}, "unknown_alarm"),
        ({"a" * 64: "x"}, "unknown_alarm"),
        ({"alarm": "x" * 257}, "argument_too_long"),
        ({"a" * 65: "x"}, "argument_too_long"),
        ({str(i): "" for i in range(17)}, "bad_arguments"),
    ],
)
async def test_no_more_than_a_line_of_free_text_goes_into_the_audit_trail(args: dict[str, str], refusal: str) -> None:
    house = ManualHouse()
    try:
        said = (await ask(ops.Desk(house), WANG, "act", action="alarm.acknowledge", args=args)).answer
    except Refused as refused:
        said = refused.refusal.code
    assert said == refusal
    assert len(house.actions) == (refusal == "unknown_alarm")
