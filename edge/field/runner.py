"""The command runner: the interlock right before the wire, and an outcome for every command."""

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from drivers.command import Command, CommandOutcome, Switch
from edge.rules.interlocks import Refuse, Verdict
from edge.state.events import Event

log = logging.getLogger(__name__)


class Link(Protocol):
    """Whatever carries commands to a device."""

    def submit(self, command: Command) -> None:
        """Carry it out next; its outcome comes back as an event."""


class CommandRunner:
    """`may` asks the interlock against the newest state; `links` maps a device to its link."""

    def __init__(
        self,
        links: Mapping[str, Link],
        *,
        may: Callable[[Command], Verdict],
        emit: Callable[[Event], None],
        now: Callable[[], int],
    ) -> None:
        self._links = links
        self._may = may
        self._emit = emit
        self._now = now
        self._is_closed = False

    def close(self) -> None:
        """The step is dead: from now on only what is toward the safe side is sent."""
        self._is_closed = True

    def submit(self, command: Command) -> None:
        """Send it, or say why not."""
        if self._is_closed and not (isinstance(command, Switch) and command.toward_safety):
            log.warning("%s: command %s not sent: the daemon stops", command.device, command.id)
            return  # nobody is left to hear an outcome; the next start ends the intent by what it reads
        verdict = self._may(command)
        if isinstance(verdict, Refuse):
            log.warning("%s: command %s refused: %s (%s)", command.device, command.id, verdict.code, verdict.subject)
            self._end(command, verdict.code)
            return
        link = self._links.get(command.device)
        if link is None:
            self._end(command, "device_not_configured")
            return
        link.submit(command)

    def _end(self, command: Command, reason: str) -> None:
        outcome = CommandOutcome(
            command=command.id, device=command.device, at_ns=self._now(), result="refused", reason=reason
        )
        self._emit(outcome)
