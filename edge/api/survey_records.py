"""What the API answers about a survey. A segment stands for the antenna that is configured to see it."""

from datetime import datetime
from typing import Literal

import msgspec

# of sensors.rfid.survey, named here so that a command need not load numpy to know the words
Verdict = Literal[
    "right", "swapped", "elsewhere", "wrong_region", "dead", "no_reference", "not_searching", "unsure", "doubtful"
]


class PortAnswer(msgspec.Struct, frozen=True):
    """One port. segment: configured; sees: whose reference it reads best, `sure` the chance that this is so, None where
    nothing speaks for or against; hits: rounds with a read of it, of `rounds`; next_best: likeliest otherwise; other:
    'READER/PORT' that is configured for what this one sees; more_rounds: that would tell, 0 nothing to wait for."""

    reader: str
    port: int
    segment: str
    verdict: Verdict
    rounds: int
    sees: str | None
    sure: float | None
    hits: int
    level_dbm: float | None
    next_best: str | None
    next_hits: int
    other: str | None
    more_rounds: int


class Corrected(msgspec.Struct, frozen=True):
    """The `segments` list of one reader as it should be; None for a port of which it is not known or that sees what
    another port sees better."""

    reader: str
    segments: tuple[str | None, ...]


class SurveyAnswer(msgspec.Struct, frozen=True):
    """Every configured port, by reader and port; `corrected` the readers whose list is wrong. began None: no survey
    ever did. is_counting: reads are counted now; a survey ends by itself after an hour. lost: readers that do not
    answer, with the code of the reason."""

    began: datetime | None
    is_counting: bool
    references: int
    ports: tuple[PortAnswer, ...]
    corrected: tuple[Corrected, ...]
    lost: dict[str, str] = {}

    @property
    def waiting(self) -> list[PortAnswer]:
        """Those that do not search because their reader is lost: it is the one to mend."""
        return [port for port in self.ports if port.verdict == "not_searching" and port.reader in self.lost]

    @property
    def wrong(self) -> list[PortAnswer]:
        return [port for port in self.ports if port.verdict != "right"]

    @property
    def undecided(self) -> list[PortAnswer]:
        return [port for port in self.ports if port.more_rounds]
