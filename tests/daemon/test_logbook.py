"""What the technician's log says, and what it leaves to the watch."""

import logging
from collections.abc import Callable

import pytest

from config.catalogued import CataloguedVolume
from config.messages import Language
from edge.daemon.logbook import Logbook
from edge.state.facts import Fact, VolumesCatalogued, VolumeSeen
from tests.stories.test_water import dry_and_open


def write_down(language: Language, facts: list[Fact]) -> None:
    Logbook(language, later=lambda _seconds, _call: None).hear(facts)


def test_water_its_valve_and_the_operator_are_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    story = dry_and_open()
    story.leak(wet=True)
    story.outcome(story.commands[0].id, "done")
    story.relay(on=False)
    story.act("alarm.acknowledge", "technician", alarm="leak:leak-1/leak")
    with caplog.at_level(logging.INFO, "edge.daemon.logbook"):
        write_down("en", story.facts)
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
        write_down("zh-CN", story.facts)
    assert any("报警" in record.getMessage() for record in caplog.records)


def test_what_moves_by_the_thousand_is_not_in_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "edge.daemon.logbook"):
        write_down("en", [VolumeSeen(at_ns=1, volume="v1", segment="A", confidence=0.99)])
    assert not caplog.records


def test_an_import_of_many_portions_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Callable[[], None]] = []
    logbook = Logbook("en", later=lambda _seconds, call: calls.append(call))
    portion = tuple(CataloguedVolume(f"v{i}", f"{i:024x}", "A-01L-01-1-01", 0) for i in range(500))
    with caplog.at_level(logging.INFO, "edge.daemon.logbook"):
        for at_ns in range(1, 238):
            logbook.hear([VolumesCatalogued(at_ns=at_ns, volumes=portion)])
        assert (len(calls), caplog.messages) == (1, [])
        calls[0]()  # the time to gather is over
        assert caplog.messages == ["118500 volumes catalogued"]
        logbook.say_catalogued()  # the daemon stops: nothing is left to say
        assert len(caplog.messages) == 1
        logbook.hear([VolumesCatalogued(at_ns=400, volumes=portion[:3])])
        logbook.say_catalogued()
    assert caplog.messages[1:] == ["3 volumes catalogued"]
    assert len(calls) == 2
