"""What the technician's log says, and what it leaves to the watch."""

import logging

import pytest

from edge.daemon.logbook import write_down
from edge.state.facts import VolumeSeen
from tests.stories.test_water import dry_and_open


def test_water_its_valve_and_the_operator_are_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    story = dry_and_open()
    story.leak(wet=True)
    story.outcome(story.commands[0].id, "done")
    story.relay(on=False)
    story.act("alarm.acknowledge", "technician", alarm="leak:leak-1/leak")
    with caplog.at_level(logging.INFO, "edge.daemon.logbook"):
        write_down("en")(story.facts)
    said = "\n".join(record.getMessage() for record in caplog.records)
    for word in ("Water", "valve-1", "closed", "wang"):
        assert word in said
    raised = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(raised) == 1
    assert "Water" in raised[0]


def test_it_speaks_the_vaults_language(caplog: pytest.LogCaptureFixture) -> None:
    story = dry_and_open()
    story.leak(wet=True)
    with caplog.at_level(logging.INFO, "edge.daemon.logbook"):
        write_down("zh-CN")(story.facts)
    assert any("报警" in record.getMessage() for record in caplog.records)


def test_what_moves_by_the_thousand_is_not_in_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "edge.daemon.logbook"):
        write_down("en")([VolumeSeen(at_ns=1, volume="v1", segment="A", confidence=0.99)])
    assert not caplog.records
