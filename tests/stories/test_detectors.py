"""Smoke, tampering, alarm contacts and faults that devices tell of themselves, on the manual clock."""

import pytest

from drivers.observation import Contact
from edge.api.answers import unknowns
from edge.state.facts import AlarmCleared, AlarmRaised
from tests.stories.small_vault import VAULT, Story

SENSORS = VAULT["sensors"]


def watched_by(profile: str) -> Story:
    assert isinstance(SENSORS, list)
    detector = {"id": "d-1", "bus": "bus-1", "unit": 20, "profile": profile, "zone": "z1"}
    return Story(changes={"sensors": [*SENSORS, detector]})


def says(story: Story, point: str, active: bool | None) -> None:
    story.tell(Contact(device="d-1", at_ns=story.at_ns, point=point, active=active))


def raised(story: Story) -> list[tuple[str, str]]:
    return [(fact.code, fact.severity) for fact in story.of(AlarmRaised)]


def test_smoke_is_a_life_safety_alarm_until_the_detector_takes_it_back() -> None:
    story = watched_by("uniguard-ug-3")
    says(story, "smoke", active=True)
    assert raised(story) == [("smoke", "life_safety")]
    assert story.commands == []  # nothing is switched for it here: the fire panel is the authority
    says(story, "smoke", active=False)
    assert [fact.alarm for fact in story.of(AlarmCleared)] == ["smoke:d-1/smoke"]


def test_smoke_that_cannot_be_told_is_not_no_smoke() -> None:
    story = watched_by("uniguard-ug-3")
    says(story, "off_its_base", active=True)
    says(story, "smoke", active=None)
    assert raised(story) == [("tampered", "critical"), ("hazard_unknown", "critical")]
    assert ("smoke_unknown", "d-1/smoke") in [(one.code, one.subject) for one in unknowns(story.state, story.at_ns)]


@pytest.mark.parametrize(
    ("profile", "point", "told"),
    [
        ("sqr-di-8", "input-3", [("alarm_input", "critical")]),
        ("crac-dme", "airflow_lost", [("device_fault", "warning")]),
        ("uniguard-ug-3", "service", [("service_due", "warning")]),
        ("io-8", "input-1", []),
    ],
)
def test_a_contact_is_the_alarm_of_its_quantity(profile: str, point: str, told: list[tuple[str, str]]) -> None:
    story = watched_by(profile)
    says(story, point, active=True)
    assert raised(story) == told


@pytest.mark.parametrize(
    ("profile", "severity"), [("uniguard-ug-3", "critical"), ("sqr-di-8", "critical"), ("dtsu666", "warning")]
)
def test_the_loss_of_what_watches_weighs_more_than_that_of_a_meter(profile: str, severity: str) -> None:
    story = watched_by(profile)
    story.lose("d-1")
    assert ("device_lost", severity) in raised(story)
