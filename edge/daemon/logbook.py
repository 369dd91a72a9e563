"""The technician's log: what happened in the vault, one plain line each, after it was committed.

What moves by the thousand (seen, moved, measured) is not in it: `lantai watch` and `trace` show that. Lines are in the
vault's own language; the texts are read at the first line, not at the start.
"""

import logging
from collections.abc import Callable, Sequence

from config.messages import Language, load_texts
from edge.api.answers import shown
from edge.api.sentences import fact_sentence
from edge.state.chip_facts import ClonedTagSeen
from edge.state.custody_facts import CustodyDoubted
from edge.state.facts import (
    ActionTaken,
    ActuatorChanged,
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    ClockVouched,
    CommandEnded,
    CommandIntended,
    DataGap,
    DuplicateEpcSeen,
    Fact,
    PlatformCommandTaken,
    VolumeMissing,
    VolumesCatalogued,
    VolumesTogether,
)

log = logging.getLogger(__name__)
GATHER_S = 10.0

LEVELS: dict[type, int] = {
    AlarmRaised: logging.WARNING,
    AlarmCleared: logging.INFO,
    AlarmAcknowledged: logging.INFO,
    CommandIntended: logging.INFO,
    CommandEnded: logging.INFO,
    ActuatorChanged: logging.INFO,
    ActionTaken: logging.INFO,
    PlatformCommandTaken: logging.INFO,
    ClockVouched: logging.INFO,
    DataGap: logging.WARNING,
    VolumeMissing: logging.WARNING,
    VolumesTogether: logging.WARNING,
    DuplicateEpcSeen: logging.WARNING,
    ClonedTagSeen: logging.WARNING,
    CustodyDoubted: logging.WARNING,
}


class Logbook:
    """Hears of committed facts and logs those a technician wants to read."""

    def __init__(self, language: Language, later: Callable[[float, Callable[[], None]], object]) -> None:
        """`later(seconds, call)`: as the event loop's call_later."""
        self._language: Language = language
        self._later = later
        self._catalogued = 0

    def hear(self, facts: Sequence[Fact]) -> None:
        """An import comes by the hundred volumes: what comes within GATHER_S is one line."""
        for fact in facts:
            level = LEVELS.get(type(fact))
            if level is None or (isinstance(fact, ActionTaken) and fact.action == "catalogue.import"):
                continue
            log.log(level, "%s", fact_sentence(load_texts(self._language), shown(fact)))
        imported = sum(len(fact.volumes) for fact in facts if isinstance(fact, VolumesCatalogued))
        if imported and not self._catalogued:
            self._later(GATHER_S, self.say_catalogued)
        self._catalogued += imported

    def say_catalogued(self) -> None:
        """Log what was catalogued since the last such line, if anything was."""
        count, self._catalogued = self._catalogued, 0
        if count:
            log.info("%s", load_texts(self._language).label("log_catalogued", count=count))
