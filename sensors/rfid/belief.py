"""What is believed of some tags, likeliest first."""

import msgspec
import numpy as np
from numpy.typing import NDArray

TOP = 3
DOUBT = 0.0005  # kept back from every belief: no model is certain
LEAST = 1e-6  # and no candidate is impossible
NEW = 0.98  # most that is believed of a place that a round or two speak for: what was odd in one round is soon over


class Belief(msgspec.Struct, frozen=True, eq=False):
    """Where each tag stands. Rows sum to less than 1; the rest is elsewhere or gone.

    top (n, 3) int32 segments, -1 where there are fewer; confidence (n, 3) float32 in (0, 1), 0 beside a -1
    """

    top: NDArray[np.int32]
    confidence: NDArray[np.float32]


def best(segment: NDArray[np.int32], weight: NDArray[np.float32], is_new: NDArray[np.bool_]) -> Belief:
    """Of candidates (n, k) with log probabilities, -1 is none; is_new (n,): its likeliest place is hardly confirmed."""
    share = np.where(segment >= 0, np.maximum(np.exp(weight) * (1.0 - DOUBT), LEAST), 0.0).astype(np.float32)
    order = np.argsort(-share, axis=1, kind="stable")[:, :TOP]
    top = np.take_along_axis(segment, order, axis=1)
    confidence = np.take_along_axis(share, order, axis=1)
    return Belief(top=top, confidence=np.minimum(confidence, np.where(is_new, np.float32(NEW), np.float32(1))[:, None]))


def spread(
    segment: NDArray[np.int32],
    weight: NDArray[np.float32],
    believed: NDArray[np.int32],
    site: NDArray[np.int32],
    share: NDArray[np.float32],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Candidates (n, k) and log probabilities, -1 is none, as in `best`, when what is given to the segment `believed`
    (n,) belongs to the segments site (n, j) by share (n, j), whose rows sum to 1: (n, k + j) of both."""
    given = np.where(segment >= 0, np.exp(weight), 0.0)
    is_believed = segment == believed[:, None]
    due = (given * is_believed).sum(axis=1)[:, None] * share
    is_same = segment[:, None, :] == site[:, :, None]
    given = np.where(is_believed, 0.0, given) + (is_same * due[:, :, None]).sum(axis=1)
    is_other = (due >= LEAST) & ~is_same.any(axis=2) & (site >= 0)
    places = np.concatenate([segment, np.where(is_other, site, np.int32(-1))], axis=1)
    with np.errstate(divide="ignore"):
        return places, np.log(np.concatenate([given, due], axis=1)).astype(np.float32)
