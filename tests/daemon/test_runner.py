"""The last door before the wire."""

import pytest

from drivers.command import Command, CommandOutcome, Scan, Switch
from edge.field.runner import CommandRunner
from edge.rules.interlocks import Allow, Refuse, Verdict
from edge.state.events import Event

OPEN = Switch("c-1", "board-1", "relay-1", on=True, toward_safety=False)
CLOSE = Switch("c-2", "board-1", "relay-1", on=False, toward_safety=True)
SCAN = Scan("c-3", "reader-1", (1,))
NOW_NS = 1_700_000_000_000_000_007


class Wire:
    """A link that keeps what it is given."""

    def __init__(self) -> None:
        self.carried: list[Command] = []

    def submit(self, command: Command) -> None:
        self.carried.append(command)


class Door:
    """A runner whose interlock answers `verdict`."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.asked: list[Command] = []
        self.events: list[Event] = []
        self.board, self.reader = Wire(), Wire()
        self.runner = CommandRunner(
            {"board-1": self.board, "reader-1": self.reader},
            may=self._may,
            emit=self.events.append,
            now=lambda: NOW_NS,
        )

    def _may(self, command: Command) -> Verdict:
        self.asked.append(command)
        return self.verdict


@pytest.mark.parametrize("command", [OPEN, CLOSE, SCAN])
def test_what_the_interlock_allows_goes_to_the_link_of_its_device_and_the_link_tells_the_outcome(
    command: Command,
) -> None:
    door = Door(Allow())
    door.runner.submit(command)
    assert door.asked == [command]
    assert door.board.carried + door.reader.carried == [command]
    assert (command in door.reader.carried) == (command.device == "reader-1")
    assert door.events == []


def test_what_the_interlock_refuses_is_not_sent_and_ends_refused_with_its_reason() -> None:
    door = Door(Refuse("zone_wet", "leak-1/leak"))
    door.runner.submit(OPEN)
    assert door.board.carried == []
    assert door.events == [CommandOutcome("c-1", "board-1", NOW_NS, "refused", "zone_wet")]


def test_a_command_for_a_device_without_a_link_ends_refused() -> None:
    door = Door(Allow())
    door.runner.submit(Scan("c-4", "reader-9", (1,)))
    assert door.events == [CommandOutcome("c-4", "reader-9", NOW_NS, "refused", "device_not_configured")]


def test_a_closed_door_lets_only_the_safe_side_through_and_still_asks_the_interlock() -> None:
    door = Door(Allow())
    door.runner.close()
    for command in (OPEN, SCAN, CLOSE):
        door.runner.submit(command)
    assert door.board.carried == [CLOSE]
    assert door.reader.carried == []
    assert door.asked == [CLOSE]
    door.verdict = Refuse("not_toward_safety", "valve-1")
    door.runner.submit(CLOSE)
    assert door.board.carried == [CLOSE]
