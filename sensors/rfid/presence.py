"""When a belief becomes worth a fact: seen, moved, misplaced, missing, found. Pure; the facts themselves are edge's."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensors.rfid.belief import Belief

# status codes of a volume, in the order of edge.state.facts.Status
UNSEEN, PRESENT, MISPLACED, MISSING = 0, 1, 2, 3

# verdict codes
NONE, SEEN, MOVED, IS_MISPLACED, IS_MISSING, FOUND = 0, 1, 2, 3, 4, 5
NAMES = ("none", "seen", "moved", "misplaced", "missing", "found")  # by verdict code

# The known place, or the book place before any, is only left for one so many times likelier than `sure` asks: a tag
# between two antennas stays, and half a first cycle misplaces nobody.
STAY = 100.0


class Verdicts(msgspec.Struct, frozen=True, eq=False):
    """What to say of each row.

    kind (n,) uint8, a verdict code; segment (n,) int32: where it stands, for `missing` where it last stood (its book
    place when it was never seen, -1 when it has none); confidence (n,) float32, that of the belief; 0 for none, missing
    """

    kind: NDArray[np.uint8]
    segment: NDArray[np.int32]
    confidence: NDArray[np.float32]


# Log likelihood of a silence at which a volume counts as missing. With searches every ten seconds it keeps false alarms
# under one a day over 160,000 volumes: 8, 10, 14, 19 rounds for a tag that is read 95, 90, 80, 70 % of the time.
MISSED = -22.5


def is_missed(
    silence: NDArray[np.float32], silent_rounds: NDArray[np.int32], after_rounds: int | None
) -> NDArray[np.bool_]:
    """Whether volumes have been silent for too long: too unlikely for their own read rate, or a given number of rounds.

    silence (n,) log likelihood of not being read since the last read; silent_rounds (n,) of the antenna that should
    """
    missed: NDArray[np.bool_] = silence <= MISSED if after_rounds is None else silent_rounds >= after_rounds
    return missed


def verdicts(
    status: NDArray[np.uint8],
    place: NDArray[np.int32],
    book: NDArray[np.int32],
    belief: Belief,
    is_missed: NDArray[np.bool_],
    is_firm: NDArray[np.bool_],
    *,
    sure: float,
) -> Verdicts:
    """Judge n volumes, each on its own.

    status (n,) codes above; place (n,) segment of the last fact, -1 none; book (n,) book place, -1 none; is_missed (n,)
    as `is_missed` says; is_firm (n,) read in several rounds where it is thought to stand. Every other verdict
    needs a place at confidence >= `sure`, and a known place is only left for a firm one: a round of strays is soon
    over. A volume without a book place is never misplaced.
    """
    top, confidence = belief.top[:, 0], belief.confidence[:, 0]
    is_missing = is_missed & (status != MISSING)
    home = np.where(place >= 0, place, book)
    rival = np.where((belief.top == home[:, None]) & (home >= 0)[:, None], belief.confidence, 0).sum(axis=1)
    may_stand = (top == home) | (rival * STAY * sure <= confidence * (1.0 - sure))
    is_sure = ~is_missed & (top >= 0) & (confidence >= sure) & may_stand
    is_at_book = top == book
    was_placed = (status == PRESENT) | (status == MISPLACED)
    stands = was_placed & (place == top)
    # a volume that stands where it stood, but whose book place was changed under it
    rebooked = is_sure & stands & (is_at_book == (status == MISPLACED))
    moved = is_sure & was_placed & (place != top) & is_firm
    placed = is_sure & (status == UNSEEN)
    kind = np.full(len(status), NONE, np.uint8)
    kind[(placed | rebooked | moved) & (book >= 0)] = IS_MISPLACED
    kind[(placed | rebooked) & is_at_book] = SEEN
    kind[moved & is_at_book] = MOVED
    kind[is_sure & (status == MISSING)] = FOUND
    kind[is_missing] = IS_MISSING
    last = np.where(was_placed & (place >= 0), place, book)
    says_place = (kind != NONE) & (kind != IS_MISSING)
    return Verdicts(
        kind=kind,
        segment=np.where(kind == IS_MISSING, last, np.where(says_place, top, np.int32(-1))).astype(np.int32),
        confidence=np.where(says_place, confidence, np.float32(0)).astype(np.float32),
    )
