"""What the API answers about antennas and tags. A segment stands for the antenna that sees it."""

from datetime import datetime
from typing import Literal

import msgspec

from edge.api.records import Candidate, CloneAnswer
from edge.state.facts import Status

# of sensors.rfid.health, named here so that a command need not load numpy to know the words
Verdict = Literal["ok", "weak", "half_dead", "dead", "not_searching", "swapped", "unknown"]
Silence = Literal["none", "usual", "unlikely", "absent", "blind"]
Blindness = Literal["no_antenna", "dead", "not_searching"]


class AntennaAnswer(msgspec.Struct, frozen=True):
    """One antenna against those that are well. rate, usual_rate: share of rounds in which a volume before it is read;
    share: of the usual rate, `error` its standard error; level_db: above (+) or below the usual level. None: cannot be
    told. is_sudden: it is worse now than it was over the last hours. `other`: the segment it is swapped with.
    searched_age_s: since its last search; silent_since: its last read, of an antenna that reads nothing any more."""

    segment: str
    reader: str
    port: int
    verdict: Verdict
    rounds: int
    standing: int
    rate: float | None
    usual_rate: float | None
    share: float | None
    error: float | None
    level_dbm: float | None
    level_db: float | None
    is_sudden: bool
    other: str | None
    searched_age_s: float | None
    silent_since: datetime | None


class ReaderAnswer(msgspec.Struct, frozen=True):
    """How a reader itself fares. is_ok None: never heard of. reason: a code while it is lost. clock_offset_s: its clock
    ahead of the vault's; searching_share: of the time; None where it does not tell, or not of late. troubles: codes of
    what is wrong."""

    reader: str
    host: str
    is_ok: bool | None
    since: datetime | None
    reason: str
    clock_offset_s: float | None
    searching_share: float | None
    temperature_degc: float | None
    troubles: tuple[str, ...]


class AntennasAnswer(msgspec.Struct, frozen=True):
    """Every configured antenna, by reader and port, and the readers."""

    antennas: tuple[AntennaAnswer, ...]
    readers: tuple[ReaderAnswer, ...] = ()

    @property
    def ill(self) -> list[AntennaAnswer]:
        return [antenna for antenna in self.antennas if antenna.verdict not in ("ok", "unknown")]

    @property
    def waiting(self) -> list[AntennaAnswer]:
        """Those that do not search because their reader is lost: it is the one to mend."""
        lost = {reader.reader for reader in self.readers if reader.is_ok is False}
        return [antenna for antenna in self.antennas if antenna.verdict == "not_searching" and antenna.reader in lost]


class OffsetAnswer(msgspec.Struct, frozen=True):
    """What an antenna itself made of the volumes that stand in one segment; offset 0 is its own, None is everything out
    of reach. `tag_rounds` the rate was counted over, older ones fading; rate None without any, level without a read."""

    offset: int | None
    segment: str | None
    rate: float | None
    level_dbm: float | None
    tag_rounds: int


class AntennaFigures(msgspec.Struct, frozen=True):
    """All figures of one antenna."""

    antenna: AntennaAnswer
    by_offset: tuple[OffsetAnswer, ...]


class BlindSpot(msgspec.Struct, frozen=True):
    """A segment that nobody watches, and the volumes whose place is there as far as is known."""

    segment: str
    zone: str
    reason: Blindness
    volumes: int


class CoverageAnswer(msgspec.Struct, frozen=True):
    """watched: share of the volumes that stand before an antenna that works; never_read: share that no antenna has ever
    read; None without volumes."""

    segments: int
    volumes: int
    watched: float | None
    never_read: float | None
    blind_spots: tuple[BlindSpot, ...]

    @property
    def blind_volumes(self) -> int:
        return sum(spot.volumes for spot in self.blind_spots)


class HeardByAnswer(msgspec.Struct, frozen=True):
    """Reads of a tag by one antenna around it, since it stands where it is believed; level None: not read."""

    segment: str
    reads: int
    level_dbm: float | None


class TagAnswer(msgspec.Struct, frozen=True):
    """What is known of the tag of a volume. read_rate: of the rounds of its own antenna, None before any counts;
    loudness_db: against other tags in its place; silent_rounds of the antenna where it is believed; silence: how
    likely they are of a tag that is still there, `blind` where that antenna is dead or does not search; log_likelihood:
    the same as a number, as if that antenna were well; age None: never read; holder: who has it, with that confidence;
    tid: what its chip says it is, '' where not known; clone: another tag with its EPC; awaited_s: since it was noticed
    that it was not read for too long, and a second look is awaited (None: not); asked_s: since its reader was asked for
    one (None: not asked, its ordinary round decides).
    """

    volume: str
    epc: str
    status: Status
    candidates: tuple[Candidate, ...]
    read_rate: float | None
    rounds: int
    loudness_db: float
    silent_rounds: int
    silence: Silence
    log_likelihood: float
    age_s: float | None
    last_seen: datetime | None
    heard_by: tuple[HeardByAnswer, ...]
    holder: str | None = None
    with_holder: float = 0.0
    tid: str = ""
    clone: CloneAnswer | None = None
    awaited_s: float | None = None
    asked_s: float | None = None
