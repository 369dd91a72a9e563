"""The closed loop toward the safe side, and the one that is not."""

import pytest

from drivers.observation import Contact
from edge.rules.interlocks import Allow, Refuse, may
from edge.state.facts import (
    ActionTaken,
    ActuatorChanged,
    AlarmCleared,
    AlarmRaised,
    CommandEnded,
    CommandIntended,
)
from edge.state.snapshot import encode, freeze, thaw
from tests.stories.small_vault import Story


def dry_and_open() -> Story:
    story = Story()
    story.regain("leak-1")
    story.regain("board-1")
    story.leak(wet=False)
    story.relay(on=True)
    return story


def test_water_closes_the_valve_in_the_same_step() -> None:
    story = dry_and_open()
    decision = story.leak(wet=True)
    assert [(c.device, c.point, c.on, c.toward_safety) for c in story.commands] == [("board-1", "relay-1", False, True)]
    assert [type(fact).__name__ for fact in decision.facts] == ["ContactChanged", "AlarmRaised", "CommandIntended"]


def test_read_back_proves_the_valve_closed_and_nothing_is_asked_again() -> None:
    story = dry_and_open()
    story.leak(wet=True)
    story.outcome(story.commands[0].id, "done")
    story.relay(on=False)
    story.advance(60)
    assert len(story.commands) == 1
    assert [fact.state for fact in story.of(ActuatorChanged)] == ["open", "closed"]
    assert not story.state.intents


def test_a_valve_that_does_not_close_is_asked_every_five_seconds_and_is_an_alarm() -> None:
    story = dry_and_open()
    story.leak(wet=True)
    story.outcome(story.commands[0].id, "failed", "read_back_differs")
    story.advance(12)
    assert len(story.commands) == 3  # at 0, 5 and 10 s
    assert "safe_state_not_reached:valve-1" in story.state.alarms


def test_a_lost_board_is_asked_at_once_when_it_is_back() -> None:
    story = dry_and_open()
    story.lose("board-1")
    story.leak(wet=True)
    story.advance(30)
    assert len(story.commands) == 1  # tried once though lost; then rarely
    story.regain("board-1")
    assert len(story.commands) == 2
    story.advance(4)
    assert len(story.commands) == 2


def test_a_floor_that_was_wet_stays_wet_while_its_sensor_is_silent() -> None:
    story = dry_and_open()
    story.leak(wet=True)
    story.lose("leak-1")
    story.outcome(story.commands[0].id, "timed_out", "no_reply")
    story.advance(6)
    assert len(story.commands) == 2


def test_water_alarm_clears_only_when_it_is_seen_dry() -> None:
    story = dry_and_open()
    story.leak(wet=True)
    story.leak(wet=None)
    assert not story.of(AlarmCleared)
    story.leak(wet=False)
    assert [fact.alarm for fact in story.of(AlarmCleared)] == ["hazard_unknown:leak-1/leak", "leak:leak-1/leak"]


def closed_and_dry() -> Story:
    story = dry_and_open()
    story.leak(wet=True)
    story.outcome(story.commands[0].id, "done")
    story.relay(on=False)
    story.leak(wet=False)
    story.commands.clear()
    return story


def test_a_technician_reopens_a_dry_valve_with_intent_and_outcome() -> None:
    story = closed_and_dry()
    decision = story.act("actuator.set", "technician", actuator="valve-1", state="open")
    assert decision.answer == "accepted"
    assert [type(fact) for fact in decision.facts] == [ActionTaken, CommandIntended]
    command = story.commands[0]
    assert (command.on, command.toward_safety) == (True, False)
    assert may(story.state, command) == Allow()
    story.outcome(command.id, "done")
    story.relay(on=True)
    assert story.state.actuators["valve-1"].state == "open"
    assert not story.state.intents
    assert not any(alarm.code == "actuator_moved_unasked" for alarm in story.state.alarms.values())


@pytest.mark.parametrize("role", ["archivist", "auditor", "approver", "system_administrator"])
def test_other_roles_are_refused_and_the_attempt_is_on_record(role: str) -> None:
    story = closed_and_dry()
    decision = story.act("actuator.set", role, actuator="valve-1", state="open")
    assert decision.answer == "role_not_allowed"
    assert not decision.commands
    assert [fact.result for fact in story.of(ActionTaken)] == ["role_not_allowed"]


def test_reopening_is_refused_while_wet() -> None:
    story = closed_and_dry()
    story.leak(wet=True)
    decision = story.act("actuator.set", "technician", actuator="valve-1", state="open")
    assert (decision.answer, decision.commands) == ("zone_wet", ())


def test_reopening_is_refused_while_unknown_and_names_the_point_that_would_prove_it() -> None:
    story = closed_and_dry()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    command = story.commands[0]
    story.advance(31)  # the leak rope's freshness is 30 s
    assert may(story.state, command) == Refuse("leak_unknown", "leak-1/leak")


def test_reopening_is_refused_when_water_comes_between_intent_and_wire() -> None:
    story = closed_and_dry()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    story.leak(wet=True)
    assert may(story.state, story.commands[0]) == Refuse("zone_wet", "leak-1/leak")


def test_a_broken_leak_cable_is_not_dry() -> None:
    story = closed_and_dry()
    story.leak(wet=False)
    story.tell(Contact(device="leak-1", at_ns=story.at_ns, point="cable_break", active=True))
    decision = story.act("actuator.set", "technician", actuator="valve-1", state="open")
    assert decision.answer == "leak_cable_broken"


def test_closing_is_never_refused_for_unknown_state() -> None:
    story = Story()  # nothing known at all
    decision = story.act("actuator.set", "safety_officer", actuator="valve-1", state="closed")
    assert decision.answer == "accepted"
    assert may(story.state, story.commands[0]) == Allow()


def test_a_valve_that_opens_by_itself_is_an_alarm_and_is_closed_while_wet() -> None:
    story = closed_and_dry()
    story.relay(on=True)
    assert [fact.code for fact in story.of(AlarmRaised)][-1] == "actuator_moved_unasked"


def test_a_command_cut_by_a_restart_is_not_sent_again_and_its_intent_ends_by_what_is_read() -> None:
    story = closed_and_dry()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    cut = story.commands[0].id
    again = Story(thaw(story.state.plant, encode(freeze(story.state))))
    assert cut in again.state.intents
    again.advance(120)
    assert again.commands == []
    again.relay(on=False)
    ended = again.of(CommandEnded)
    assert [(fact.command, fact.result, fact.reason) for fact in ended] == [(cut, "failed", "not_done_before_restart")]


def test_a_command_done_just_before_the_restart_is_recognised() -> None:
    story = closed_and_dry()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    again = Story(thaw(story.state.plant, encode(freeze(story.state))))
    again.relay(on=True)
    assert [fact.result for fact in again.of(CommandEnded)] == ["done"]
    assert not again.state.intents


def test_a_valve_found_closed_right_after_a_kill_was_closed_by_the_daemon_before() -> None:
    story = dry_and_open()
    again = Story(thaw(story.state.plant, encode(freeze(story.state))))  # the close was sent, its intent is lost
    again.relay(on=False)
    assert [fact.state for fact in again.of(ActuatorChanged)] == ["closed"]
    assert not again.of(AlarmRaised)


def test_a_valve_found_open_right_after_a_kill_was_opened_by_somebody_else() -> None:
    story = closed_and_dry()
    again = Story(thaw(story.state.plant, encode(freeze(story.state))))  # an intent to open is never lost
    again.relay(on=True)
    assert [fact.code for fact in again.of(AlarmRaised)] == ["actuator_moved_unasked"]


def test_a_valve_that_closes_by_itself_long_after_the_start_is_an_alarm() -> None:
    story = dry_and_open()
    story.advance(16)  # the board counts as fresh for 15 s
    story.relay(on=False)
    assert [fact.code for fact in story.of(AlarmRaised)] == ["actuator_moved_unasked"]


def test_a_valve_over_water_is_asked_again_at_once_after_a_kill() -> None:
    story = dry_and_open()
    story.leak(wet=True)
    again = Story(thaw(story.state.plant, encode(freeze(story.state))))
    again.leak(wet=True)
    again.relay(on=True)
    again.advance(2)  # asked 3 s ago: not yet time, had it been this daemon
    assert [(command.on, command.toward_safety) for command in again.commands] == [(False, True)]


def test_an_outcome_that_never_comes_ends_as_unknown() -> None:
    story = closed_and_dry()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    story.advance(62)
    assert [(fact.result, fact.reason) for fact in story.of(CommandEnded)][-1] == ("unknown", "no_outcome")


def test_a_lost_board_makes_its_valve_unknown() -> None:
    story = dry_and_open()
    story.lose("board-1")
    assert story.state.actuators["valve-1"].state is None
