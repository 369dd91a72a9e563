"""What must not be forgotten over a restart or by what comes after, on the manual clock."""

import pytest

from drivers.observation import Contact, Measurement
from edge.rules.interlocks import Refuse, may
from edge.state.apply import apply
from edge.state.events import LinkState, Quarantined
from edge.state.facts import AlarmCleared, AlarmRaised, CommandEnded
from edge.state.snapshot import encode, freeze, thaw
from edge.state.state import State
from tests.stories.small_vault import Story, small_plant


def dry_and_open() -> Story:
    story = Story()
    story.leak(wet=False)
    story.relay(on=True)
    return story


def dry_and_closed() -> Story:
    story = Story()
    story.regain("leak-1")
    story.regain("board-1")
    story.leak(wet=False)
    story.relay(on=False)
    return story


def after_a_crash(story: Story) -> Story:
    """A daemon that finds nothing but the journal."""
    state = State(small_plant())
    for fact in story.facts:
        apply(state, fact)
        state.now_ns = max(state.now_ns, fact.at_ns)
    return Story(state)


def test_a_wet_floor_is_remembered_by_the_journal_alone_and_the_valve_closed_though_the_rope_is_silent() -> None:
    story = dry_and_open()
    story.lose("board-1")
    story.leak(wet=True)
    story.outcome(story.commands[0].id, "timed_out", "no_answer")
    story.lose("leak-1")
    again = after_a_crash(story)
    again.regain("board-1")
    assert [(command.point, command.on) for command in again.commands] == [("relay-1", False)]


def test_a_rope_whose_cable_breaks_in_the_water_does_not_dry_the_floor() -> None:
    story = dry_and_open()
    story.leak(wet=True)
    story.outcome(story.commands[0].id, "timed_out", "no_answer")
    story.tell(Contact(device="leak-1", at_ns=story.at_ns, point="cable_break", active=True))
    story.tell(Contact(device="leak-1", at_ns=story.at_ns, point="leak", active=None))
    story.advance(6)
    assert len(story.commands) == 2
    story.leak(wet=False)
    story.advance(60)
    assert len(story.commands) == 2


def test_a_state_that_was_copied_while_it_ran_goes_on_as_the_one_it_was_copied_from() -> None:
    """The input log begins anew amid a run: an intent from before the start must not time out in the copy alone."""
    story = dry_and_closed()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    ran = Story(thaw(story.state.plant, encode(freeze(story.state))))
    ran.advance(5)
    copy = thaw(ran.state.plant, encode(freeze(ran.state)))
    assert (copy.boot, copy.started_ns) == (ran.state.boot, ran.state.started_ns)
    twin = Story.__new__(Story)
    twin.state, twin.at_ns, twin.facts, twin.events = copy, ran.at_ns, [], []
    twin.commands, twin.scans = [], []
    seen = len(ran.facts)
    for each in (ran, twin):
        each.advance(120)
        each.relay(on=True)
    assert ran.facts[seen:] == twin.facts
    assert [fact.reason for fact in twin.facts if isinstance(fact, CommandEnded)] == ["found_done_after_restart"]


def test_an_event_that_was_passed_over_is_an_alarm_until_the_next_start() -> None:
    story = Story()
    decision = story.tell(Quarantined(at_ns=story.at_ns, what="measurement", device="th-1"))
    assert (decision.answer, decision.commands) == ("quarantined", ())
    story.tell(Quarantined(at_ns=story.at_ns, what="measurement", device="th-1"))
    story.tell(Quarantined(at_ns=story.at_ns, what="platform_command", device=""))
    assert [(fact.alarm, fact.severity) for fact in story.of(AlarmRaised)] == [
        ("event_quarantined:th-1/measurement", "critical"),
        ("event_quarantined:platform_command", "critical"),
    ]
    again = after_a_crash(story)
    assert [fact.alarm for fact in again.of(AlarmCleared)] == [fact.alarm for fact in story.of(AlarmRaised)]
    again.tell(Quarantined(at_ns=again.at_ns, what="measurement", device="th-1"))
    assert [fact.alarm for fact in again.of(AlarmRaised)] == ["event_quarantined:th-1/measurement"]


def test_a_breach_of_the_contract_stays_listed_and_is_told_again_only_after_somebody_has_seen_it() -> None:
    story = Story()

    def breach() -> int:
        story.tell(LinkState(link="platform", at_ns=story.at_ns, is_up=True, note="ack_wrong_epoch"))
        return len(story.of(AlarmRaised))

    assert [breach(), breach()] == [1, 1]
    assert story.state.alarms["ack_wrong_epoch:platform"].is_active is False
    story.act("alarm.acknowledge", "technician", alarm="ack_wrong_epoch:platform")
    assert story.state.alarms == {}
    assert breach() == 2


def test_a_measurement_whose_columns_differ_in_length_is_a_bug_of_its_driver_and_raises() -> None:
    """The tests of the whole daemon rely on it."""
    story = Story()
    with pytest.raises(ValueError, match="shorter"):
        story.tell(Measurement(device="th-1", at_ns=story.at_ns, points=("temperature", "humidity"), values=(20.0,)))


def test_nothing_leaves_safety_while_the_leak_is_unknown_after_a_restart() -> None:
    story = dry_and_closed()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    again = after_a_crash(story)
    assert may(again.state, story.commands[-1]) == Refuse("leak_unknown", "leak-1/leak")
