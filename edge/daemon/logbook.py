"""The technician's log: what happened in the vault, one plain line each, after it was committed.

What moves by the thousand (seen, moved, measured) is not in it: `lantai watch` and `trace` show that. Lines are in the
vault's own language; the texts are read at the first line, not at the start.
"""

import logging
from collections.abc import Callable, Sequence

from config.messages import Language, load_texts
from edge.api.answers import shown
from edge.api.sentences import fact_sentence
from edge.state.facts import (
    ActionTaken,
    ActuatorChanged,
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    ClockVouched,
    CommandEnded,
    CommandIntended,
    CustodyDoubted,
    DataGap,
    DuplicateEpcSeen,
    Fact,
    PlatformCommandTaken,
    VolumeMissing,
    VolumesCatalogued,
    VolumesTogether,
)

log = logging.getLogger(__name__)

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
    CustodyDoubted: logging.WARNING,
}


def write_down(language: Language) -> Callable[[Sequence[Fact]], None]:
    """A listener for committed facts that logs those a technician wants to read."""

    def hear(facts: Sequence[Fact]) -> None:
        for fact in facts:
            level = LEVELS.get(type(fact))
            if level is None or (isinstance(fact, ActionTaken) and fact.action == "catalogue.import"):
                continue
            log.log(level, "%s", fact_sentence(load_texts(language), shown(fact)))
        imported = sum(len(fact.volumes) for fact in facts if isinstance(fact, VolumesCatalogued))
        if imported:
            log.info("%s", load_texts(language).label("log_catalogued", count=imported))

    return hear
