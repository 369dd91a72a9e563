"""UnitSession against a far end of plain values: what is asked, what is reported, how orders end."""

from collections.abc import Iterable

import pytest

from config.profile import Point, Profile
from config.profile_files import load_profile
from drivers.command import CommandOutcome, Scan, Switch
from drivers.driver import Turn
from drivers.modbus.device import UnitSession
from drivers.modbus.registers import RegisterBlock, RegisterRead, RegisterWrite, Request, RequestFailed, WriteWithheld
from drivers.observation import Contact, DeviceNote, Measurement

SECOND = 1_000_000_000
ROPE = RegisterRead(2, "ir", 0, 5)
DRY, WET = (0, 0, 0, 0, 30), (0b1001, 12, 0, 80, 30)
RELAYS = RegisterRead(3, "co", 0, 8)
RELAY_3 = RegisterRead(3, "co", 2, 1)
WRITE_3 = RegisterWrite(3, "co", 2, (1,))


def session(profile: str | Profile, unit: int = 1, period_s: float = 5.0) -> UnitSession:
    found = load_profile(profile) if isinstance(profile, str) else profile
    return UnitSession("dev", unit, found, period_s=period_s, max_gap=12)


def contacts(turn: Turn[Request], point: str) -> list[bool | None]:
    return [r.active for r in turn.records if isinstance(r, Contact) and r.point == point]


def outcomes(*turns: Turn[Request]) -> list[tuple[str, str]]:
    return [(r.result, r.reason) for turn in turns for r in turn.records if isinstance(r, CommandOutcome)]


def switch(*, on: bool = True, toward_safety: bool = False, name: str = "c1") -> Switch:
    return Switch(name, "dev", "relay-3", on=on, toward_safety=toward_safety)


def test_it_polls_when_opened_and_once_in_each_period_without_catching_up() -> None:
    unit = session("xy-md02")
    read = RegisterRead(1, "ir", 1, 2)
    assert unit.opened(0) == Turn((), (read,), 5 * SECOND)
    assert unit.due(4 * SECOND) == Turn((), (), 5 * SECOND)
    assert unit.due(5 * SECOND) == Turn((), (read,), 10 * SECOND)
    assert unit.due(63 * SECOND) == Turn((), (read,), 68 * SECOND)


def test_numbers_are_reported_with_the_time_they_came() -> None:
    unit = session("xy-md02")
    (read,) = unit.opened(0).send
    turn = unit.received(RegisterBlock(read, (0xFF33, 453)), 77)
    assert turn.records == (Measurement("dev", 77, ("temperature", "humidity"), (-20.5, 45.3)),)


def test_a_bit_is_reported_after_a_second_equal_read_that_is_asked_at_once() -> None:
    unit = session("leak-rope", unit=2)
    unit.opened(0)
    first = unit.received(RegisterBlock(ROPE, DRY), 1)
    assert contacts(first, "leak") == []
    assert first.send == (ROPE,)
    assert contacts(unit.received(RegisterBlock(ROPE, DRY), 2), "leak") == [False]
    seen_once = unit.received(RegisterBlock(ROPE, WET), 3)
    assert contacts(seen_once, "leak") == []
    assert contacts(seen_once, "cable_break") == [False]
    assert seen_once.send == (ROPE,)
    assert contacts(unit.received(RegisterBlock(ROPE, WET), 4), "leak") == [True]


def test_a_single_corrupt_read_of_a_bit_is_never_reported() -> None:
    unit = session("leak-rope", unit=2)
    unit.opened(0)
    seen = []
    for at_ns, words in enumerate((DRY, DRY, WET, DRY, DRY)):
        seen += contacts(unit.received(RegisterBlock(ROPE, words), at_ns), "leak")
    assert seen == [False, False, False]


def test_a_chattering_bit_does_not_hold_the_line_for_ever() -> None:
    unit = session("leak-rope", unit=2)
    unit.opened(0)
    asked_again = [unit.received(RegisterBlock(ROPE, (DRY, WET)[i % 2]), i).send for i in range(10)]
    assert asked_again == [(ROPE,)] * 3 + [()] * 7
    unit.due(5 * SECOND)
    assert unit.received(RegisterBlock(ROPE, DRY), 5 * SECOND).send == (ROPE,)


@pytest.mark.parametrize("reason", ["timeout", "busy", "wrong_unit", "broken"])
def test_silence_and_busy_report_nothing_at_all(reason: str) -> None:
    unit = session("leak-rope", unit=2)
    unit.opened(0)
    turn = unit.received(RequestFailed(ROPE, reason), 1)
    assert turn == Turn((), (), 5 * SECOND)


def test_a_device_failure_makes_its_values_unknown_and_is_noted_once() -> None:
    unit = session("xy-md02")
    (read,) = unit.opened(0).send
    turn = unit.received(RequestFailed(read, "exception_4"), 1)
    note, measured = turn.records
    assert isinstance(note, DeviceNote)
    assert note.args == {"table": "ir", "address": 1, "exception": 4}
    assert measured == Measurement("dev", 1, ("temperature", "humidity"), (None, None))
    again = unit.received(RequestFailed(read, "exception_4"), 2)
    assert [type(r) for r in again.records] == [Measurement]


def gapped() -> Profile:
    def at(address: int) -> Point:
        return Point(id=f"p{address}", quantity="leakage_ua", table="hr", address=address, kind="uint16")

    return Profile(id="gapped", source="made", points=(at(0), at(1), at(5)))


def test_a_block_over_a_hole_is_divided_at_once_and_never_asked_whole_again() -> None:
    unit = session(gapped())
    assert unit.opened(0).send == (RegisterRead(1, "hr", 0, 6),)
    parts = (RegisterRead(1, "hr", 0, 2), RegisterRead(1, "hr", 5, 1))
    turn = unit.received(RequestFailed(RegisterRead(1, "hr", 0, 6), "exception_2"), 1)
    assert turn.send == parts
    assert turn.records == ()
    assert unit.due(5 * SECOND).send == parts


def test_an_order_is_done_after_two_equal_read_backs_and_the_contact_comes_first() -> None:
    unit = session("relay-8", unit=3)
    unit.opened(0)
    asked = unit.request(switch(), 10)
    assert asked.send == (WRITE_3,)
    assert outcomes(asked) == [("sent", "")]
    assert unit.received(RegisterBlock(WRITE_3, (1,)), 20).send == (RELAY_3,)
    once = unit.received(RegisterBlock(RELAY_3, (1,)), 30)
    assert once.send == (RELAY_3,)
    assert once.records == ()
    twice = unit.received(RegisterBlock(RELAY_3, (1,)), 40)
    assert twice.records == (Contact("dev", 40, "relay-3", True), CommandOutcome("c1", "dev", 40, "done", ""))


def obey(
    unit: UnitSession, first: Turn[Request], replies: dict[Request, object], until_s: float = 10
) -> list[Turn[Request]]:
    """Answer every request with `replies` (values, or the reason of a failure) 1 ms later, until an order ends."""
    turns, coming, at_ns = [first], list(first.send), 0
    while not any(result != "sent" for result, _ in outcomes(*turns)) and at_ns < until_s * SECOND:
        if coming:
            at_ns += SECOND // 1000
            request = coming.pop(0)
            said = replies[request]
            reply = RequestFailed(request, said) if isinstance(said, str) else RegisterBlock(request, _words(said))
            turn = unit.received(reply, at_ns)
        else:
            at_ns = max(at_ns, turns[-1].due_ns or 0)
            turn = unit.due(at_ns)
        turns.append(turn)
        coming += turn.send
    return turns


def _words(said: object) -> tuple[int, ...]:
    assert isinstance(said, Iterable)
    return tuple(said)


OFF: dict[Request, object] = {RELAYS: (0,) * 8, RELAY_3: (0,), WRITE_3: (1,)}


def writes(turns: list[Turn[Request]]) -> int:
    return sum(request == WRITE_3 for turn in turns for request in turn.send)


def test_a_read_back_that_disagrees_fails_the_order_without_a_second_write() -> None:
    unit = session("relay-8", unit=3)
    turns = obey(unit, unit.request(switch(), 0), dict(OFF))
    assert outcomes(*turns)[-1] == ("failed", "read_back_differs")
    assert writes(turns) == 1


def test_an_order_toward_the_safe_side_is_written_three_times_before_it_fails() -> None:
    unit = session("relay-8", unit=3)
    turns = obey(unit, unit.request(switch(toward_safety=True), 0), dict(OFF))
    assert outcomes(*turns)[-1] == ("failed", "read_back_differs")
    assert writes(turns) == 3


def test_a_write_whose_answer_was_lost_is_done_when_the_read_back_says_so() -> None:
    unit = session("relay-8", unit=3)
    turns = obey(unit, unit.request(switch(), 0), {**OFF, WRITE_3: "timeout", RELAY_3: (1,)})
    assert outcomes(*turns)[-1] == ("done", "")
    assert writes(turns) == 1


def test_a_write_that_was_lost_on_the_way_there_is_timed_out_and_not_sent_again() -> None:
    unit = session("relay-8", unit=3)
    turns = obey(unit, unit.request(switch(), 0), {**OFF, WRITE_3: "timeout"})
    assert outcomes(*turns)[-1] == ("timed_out", "no_answer")
    assert writes(turns) == 1


@pytest.mark.parametrize("is_safe", [False, True])
def test_a_board_that_says_nothing_ends_the_order_within_four_seconds(is_safe: bool) -> None:
    unit = session("relay-8", unit=3)
    silence: dict[Request, object] = dict.fromkeys((RELAYS, RELAY_3, WRITE_3), "timeout")
    turns = obey(unit, unit.request(switch(toward_safety=is_safe), 0), silence)
    assert outcomes(*turns)[-1] == ("timed_out", "no_answer")
    (ended,) = (r for r in turns[-1].records if isinstance(r, CommandOutcome))
    assert ended.at_ns <= 4.1 * SECOND
    assert writes(turns) == (3 if is_safe else 1)


@pytest.mark.parametrize(
    ("reason", "ended"),
    [("exception_2", "illegal_address"), ("busy", "device_busy"), ("exception_99", "device_refused")],
)
def test_a_refused_write_fails_the_order_with_the_device_s_reason(reason: str, ended: str) -> None:
    unit = session("relay-8", unit=3)
    turns = obey(unit, unit.request(switch(), 0), {**OFF, WRITE_3: reason})
    assert outcomes(*turns)[-1] == ("failed", ended)


def test_a_newer_order_for_the_same_output_takes_the_place_of_the_older() -> None:
    unit = session("relay-8", unit=3)
    unit.request(switch(name="old"), 0)
    turn = unit.request(switch(name="new", on=False), 1)
    assert [(r.command, r.result, r.reason) for r in turn.records if isinstance(r, CommandOutcome)] == [
        ("old", "failed", "superseded"),
        ("new", "sent", ""),
    ]


def ends(turn: Turn[Request]) -> list[tuple[str, str, str]]:
    return [(r.command, r.result, r.reason) for r in turn.records if isinstance(r, CommandOutcome)]


def test_an_order_that_wants_what_the_running_one_wants_joins_it_and_both_have_one_outcome() -> None:
    unit = session("relay-8", unit=3)
    assert unit.request(switch(name="first"), 0).send == (WRITE_3,)
    joined = unit.request(switch(name="second"), 1)
    assert (ends(joined), joined.send) == ([("second", "sent", "")], ())
    unit.received(RegisterBlock(WRITE_3, (1,)), 2)
    unit.received(RegisterBlock(RELAY_3, (1,)), 3)
    assert ends(unit.received(RegisterBlock(RELAY_3, (1,)), 4)) == [("first", "done", ""), ("second", "done", "")]


def test_one_toward_the_safe_side_that_joins_is_given_its_three_writes_and_its_four_seconds() -> None:
    unit = session("relay-8", unit=3)
    unit.request(switch(name="first"), 0)
    silence: dict[Request, object] = dict.fromkeys((RELAYS, RELAY_3, WRITE_3), "timeout")
    unit.received(RequestFailed(WRITE_3, "timeout"), SECOND)
    joined = unit.request(switch(name="second", toward_safety=True), 3 * SECOND)
    turns = obey(unit, Turn((), (RELAY_3,)), silence, until_s=20)
    assert joined.send == ()
    assert writes(turns) == 2  # the first went with the first order
    (first, second) = (r for r in turns[-1].records if isinstance(r, CommandOutcome))
    assert {(first.command, first.result), (second.command, second.result)} == {
        ("first", "timed_out"),
        ("second", "timed_out"),
    }
    assert 7 * SECOND <= first.at_ns <= 7.1 * SECOND


def test_all_that_joined_are_superseded_by_one_that_wants_the_other_state() -> None:
    unit = session("relay-8", unit=3)
    unit.request(switch(name="first"), 0)
    unit.request(switch(name="second"), 1)
    assert ends(unit.request(switch(name="other", on=False), 2)) == [
        ("first", "failed", "superseded"),
        ("second", "failed", "superseded"),
        ("other", "sent", ""),
    ]


def test_a_write_that_was_withheld_ends_all_its_orders_refused_with_the_reason() -> None:
    unit = session("relay-8", unit=3)
    unit.request(switch(name="first"), 0)
    unit.request(switch(name="second"), 1)
    assert ends(unit.received(WriteWithheld(WRITE_3, "zone_wet"), 2)) == [
        ("first", "refused", "zone_wet"),
        ("second", "refused", "zone_wet"),
    ]


def test_a_write_is_behind_its_order_until_it_is_answered_ended_or_overtaken() -> None:
    unit = session("relay-8", unit=3)
    assert unit.behind(WRITE_3) is None
    order, safe = switch(name="first"), switch(name="second", toward_safety=True)
    unit.request(order, 0)
    assert unit.behind(WRITE_3) == order
    unit.request(safe, 0)
    assert unit.behind(WRITE_3) == safe
    assert unit.behind(RegisterWrite(3, "co", 3, (1,))) is None
    unit.request(switch(name="other", on=False), 1)
    assert unit.behind(WRITE_3) is None
    unit.received(RegisterBlock(RegisterWrite(3, "co", 2, (0,)), (0,)), 2)
    assert unit.behind(RegisterWrite(3, "co", 2, (0,))) is None


def test_orders_of_a_closed_line_end_unknown() -> None:
    unit = session("relay-8", unit=3)
    unit.opened(0)
    unit.request(switch(), 0)
    assert outcomes(unit.closing(1)) == [("unknown", "line_closed")]


def test_what_it_cannot_do_is_refused() -> None:
    unit = session("relay-8", unit=3)
    unit.opened(0)
    odd = Switch("c", "dev", "relay-9", on=True, toward_safety=True)
    assert outcomes(unit.request(odd, 1)) == [("refused", "no_such_output")]
    assert outcomes(unit.request(Scan("c", "dev", (1,)), 1)) == [("refused", "command_not_supported")]
