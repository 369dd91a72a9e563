"""Facts of the custody lane about who has a volume, as people and machines say, and whether antennas agree."""

from typing import Literal

import msgspec

HolderKind = Literal["robot", "person", "station"]


class VolumeTaken(msgspec.Struct, frozen=True, tag_field="type", tag="volume_taken"):
    """A holder is said to have it since `event_at_ns`: its status is in_transit, its segment none. `segment` it was
    taken out of and the holder `before`: '' for none, or not known."""

    at_ns: int
    volume: str
    holder: str
    holder_kind: HolderKind
    segment: str
    before: str
    event_at_ns: int


class VolumePlaced(msgspec.Struct, frozen=True, tag_field="type", tag="volume_placed"):
    """A holder is said to have put it into a segment at `event_at_ns`: nobody holds it any more. Its status is
    misplaced where `book` ('' for none) is another segment, else present."""

    at_ns: int
    volume: str
    holder: str
    holder_kind: HolderKind
    segment: str
    book: str
    event_at_ns: int


class PlacementConfirmed(msgspec.Struct, frozen=True, tag_field="type", tag="placement_confirmed"):
    """The antenna of the segment it was placed in reads it there: what was said is proved. Nothing else changes."""

    at_ns: int
    volume: str
    segment: str
    confidence: float


class CustodyDoubted(msgspec.Struct, frozen=True, tag_field="type", tag="custody_doubted"):
    """It is read, round after round, as one that stands in `segment`, although `holder` is said to hold it: its status
    is as if it had been found there, its holder stays."""

    at_ns: int
    volume: str
    holder: str
    segment: str
    book: str
    confidence: float


class CustodyUpheld(msgspec.Struct, frozen=True, tag_field="type", tag="custody_upheld"):
    """It is read no more where it seemed to stand: `holder` has it, as was said. Its status is in_transit again."""

    at_ns: int
    volume: str
    holder: str
