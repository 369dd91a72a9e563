"""The days on which things go wrong together: late disks, second leaks, sensors that cannot tell, changed layouts."""

import msgspec
import pytest

from config.vault import Vault
from drivers.observation import Contact, DeviceNote
from edge.rules.interlocks import Refuse, may
from edge.state.events import PlatformCommand
from edge.state.facts import AlarmRaised, CommandEnded, DataGap, ForeignTagSeen, LimitRestored, PlatformCommandTaken
from edge.state.snapshot import encode, freeze, thaw
from tests.stories.small_vault import NS, VAULT, Story, small_plant
from tests.stories.test_water import closed_and_dry, dry_and_open


def codes(story: Story) -> list[str]:
    return [alarm.code for alarm in story.state.alarms.values() if alarm.is_active]


def test_an_open_whose_commit_comes_after_a_later_close_is_not_sent() -> None:
    story = closed_and_dry()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    story.at_ns += 1
    story.act("actuator.set", "technician", actuator="valve-1", state="closed")
    opening, closing = story.commands
    assert may(story.state, opening) == Refuse("superseded", "valve-1")
    assert not isinstance(may(story.state, closing), Refuse)


def test_an_order_that_was_given_up_is_never_sent_when_the_disk_comes_back() -> None:
    story = closed_and_dry()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    story.advance(61)
    story.leak(wet=False)
    assert may(story.state, story.commands[0]) == Refuse("intent_ended", "valve-1")


def test_water_while_an_open_is_under_way_closes_at_once() -> None:
    story = closed_and_dry()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    story.at_ns += 1
    story.leak(wet=True)
    assert [command.on for command in story.commands] == [True, False]


def test_a_valve_that_reads_open_over_water_is_closed_without_waiting_for_a_tick() -> None:
    story = dry_and_open()
    story.leak(wet=True)
    story.outcome(story.commands[0].id, "done")
    story.relay(on=False)
    story.at_ns += 6 * NS
    story.relay(on=True)
    assert [command.on for command in story.commands] == [False, False]


def test_a_second_leak_while_the_valve_is_closing_gives_no_second_order() -> None:
    story = Story(changes={"sensors": [*VAULT["sensors"], {**VAULT["sensors"][3], "id": "leak-2", "unit": 5}]})  # type: ignore[misc,index]
    for device in ("leak-1", "leak-2", "board-1"):
        story.regain(device)
    story.relay(on=True)
    for device in ("leak-1", "leak-2"):
        story.tell(Contact(device=device, at_ns=story.at_ns, point="leak", active=True))
    assert len(story.commands) == 1


def test_a_leak_rope_that_answers_and_cannot_tell_is_an_alarm() -> None:
    story = dry_and_open()
    story.leak(wet=None)
    assert codes(story) == ["hazard_unknown"]
    story.leak(wet=False)
    assert codes(story) == []


def test_a_rope_that_is_back_from_silence_and_cannot_tell_is_an_alarm_too() -> None:
    story = dry_and_open()
    story.lose("leak-1")
    story.regain("leak-1")
    story.leak(wet=None)
    assert codes(story) == ["hazard_unknown"]


def test_an_antenna_that_is_gone_is_an_alarm_until_it_is_back() -> None:
    story = Story()
    for code in ("llrp_antenna_disconnected", "llrp_antenna_disconnected"):
        story.tell(DeviceNote(device="reader-1", at_ns=story.at_ns, code=code, args={"antenna": 3}))
    assert [fact.source for fact in story.of(AlarmRaised)] == ["reader-1/3"]
    story.tell(DeviceNote(device="reader-1", at_ns=story.at_ns, code="llrp_antenna_connected", args={"antenna": 3}))
    assert codes(story) == []


def test_reads_that_a_reader_lost_are_a_gap_on_record() -> None:
    story = Story()
    story.tell(DeviceNote(device="reader-1", at_ns=story.at_ns, code="llrp_buffer_overflow", args={}))
    assert [(fact.what, fact.count) for fact in story.of(DataGap)] == [("tag_reads", 1)]
    assert "llrp_buffer_overflow:reader-1" in story.state.alarms


def test_a_zone_of_which_no_sensor_says_anything_is_an_alarm_after_a_minute() -> None:
    story = Story()
    story.advance(55)
    assert codes(story) == []
    story.advance(10)
    assert codes(story) == ["too_few_sensors"]
    story.climate(52.0)
    story.advance(1)
    assert codes(story) == []


def test_a_limit_that_left_the_configuration_ends_and_does_not_end_the_daemon() -> None:
    story = Story()
    for _ in range(20):
        story.climate(70.0)
        story.advance(5)
    assert codes(story) == ["humidity_pct_high"]
    without = small_plant({"policy": {}})
    again = Story(thaw(without, encode(freeze(story.state))))
    again.advance(120)
    assert [(fact.quantity, fact.value) for fact in again.of(LimitRestored)] == [("humidity_pct", None)]
    assert codes(again) == []


def test_a_crossing_that_was_pending_under_a_limit_that_is_gone_is_forgotten() -> None:
    story = Story()
    for _ in range(4):
        story.climate(70.0)
        story.advance(5)
    assert story.state.pending
    again = Story(thaw(small_plant({"policy": {}}), encode(freeze(story.state))))
    again.climate(70.0)
    again.advance(120)
    assert not again.state.crossed


def test_what_stands_open_about_a_device_that_was_removed_is_closed_at_the_next_start() -> None:
    story = closed_and_dry()
    story.lose("th-3")
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    sensors = [sensor for sensor in VAULT["sensors"] if sensor["id"] != "th-3"]  # type: ignore[attr-defined]
    plant = small_plant({"sensors": sensors, "actuators": [], "boards": []})
    again = Story(thaw(plant, encode(freeze(story.state))))
    assert codes(again) == []
    assert [(fact.result, fact.reason) for fact in again.of(CommandEnded)] == [("unknown", "not_configured")]


def test_a_refused_open_leaves_no_excuse_for_a_valve_that_opens_later() -> None:
    story = closed_and_dry()
    story.act("actuator.set", "technician", actuator="valve-1", state="open")
    story.outcome(story.commands[0].id, "refused", "zone_wet")
    story.advance(30)
    story.relay(on=True)
    assert "actuator_moved_unasked" in codes(story)


@pytest.mark.parametrize("silent", ["leak-1", "board-1"])
def test_nothing_is_opened_through_a_device_that_was_never_heard(silent: str) -> None:
    story = Story()
    story.regain("board-1" if silent == "leak-1" else "leak-1")
    story.leak(wet=False)
    story.relay(on=False)
    decision = story.act("actuator.set", "technician", actuator="valve-1", state="open")
    assert decision.answer in {"leak_unknown", "board_lost"}
    assert not decision.commands


def test_an_actuator_without_a_zone_is_no_configuration() -> None:
    actuators = [{**VAULT["actuators"][0], "zones": []}]  # type: ignore[index]
    with pytest.raises(msgspec.ValidationError, match="length >= 1"):
        msgspec.convert({**VAULT, "actuators": actuators}, Vault)


def test_bytes_without_a_signature_leave_one_alarm_and_no_row_each() -> None:
    story = Story()
    for number in range(1000):
        story.tell(
            PlatformCommand(
                id=f"unverified-{number}",
                at_ns=story.at_ns,
                action="",
                issuer="",
                counter=0,
                not_before_ns=0,
                expires_ns=0,
                vault="",
                args={},
                refusal="malformed",
            )
        )
    assert not story.of(PlatformCommandTaken)
    assert [fact.code for fact in story.of(AlarmRaised)] == ["malformed"]


def test_a_flood_of_foreign_tags_becomes_one_alarm() -> None:
    story = Story()
    for first in range(0, 12_000, 200):
        story.round(
            {antenna: range(first + 950 + antenna * 50, first + 1000 + antenna * 50) for antenna in range(1, 5)}
        )
    assert len(story.of(ForeignTagSeen)) == 10_000
    assert [fact.code for fact in story.of(AlarmRaised) if fact.code == "foreign_tags_flood"] == ["foreign_tags_flood"]


def test_free_text_of_a_refused_action_is_cut() -> None:
    story = Story()
    decision = story.act("actuator.set", "auditor", actuator="x" * 60_000)
    assert len(decision.facts[0].target) == 200  # type: ignore[union-attr]
