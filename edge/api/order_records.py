"""What the API answers about the order of volumes within a segment."""

from datetime import datetime
from typing import Literal

import msgspec


class StandsAnswer(msgspec.Struct, frozen=True):
    """Between which two volumes one stands; None: at the end of what is known. Which of them is on the left is not
    known.

    confidence: at least so sure; untold: those between the two that it cannot be told apart from; came: volumes that
    came to the segment since, of which nobody knows where they stand; learnt by `by`, `age_s` since a pass last told
    it; is_misfiled: its place contradicts its slot.
    """

    after: str | None
    before: str | None
    confidence: float
    untold: tuple[str, ...]
    came: int
    by: Literal["phase", "rssi"]
    learnt: datetime
    age_s: float
    is_misfiled: bool


class OrderedVolume(msgspec.Struct, frozen=True):
    """before_next: the chance that it stands before the next one of the list; None for the last."""

    volume: str
    book_slot: str
    before_next: float | None
    is_misfiled: bool


class OrderAnswer(msgspec.Struct, frozen=True):
    """The volumes of a segment in order, one end first; () where no pass told it. standing: how many stand there in
    all; came, by, learnt, age_s: as in StandsAnswer."""

    segment: str
    standing: int
    by: Literal["phase", "rssi"] | None
    learnt: datetime | None
    age_s: float | None
    came: int
    volumes: tuple[OrderedVolume, ...]

    @property
    def misfiled(self) -> list[str]:
        return [one.volume for one in self.volumes if one.is_misfiled]
