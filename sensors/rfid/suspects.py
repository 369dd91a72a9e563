"""Tags whose silence has lasted too long, until another search of their antenna has closed in vain.

A silence that passes its bound may still be one long bad moment: of the volume the antenna is asked to look once more,
and only a search that began after that and found nothing speaks the last word.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
_NONE: Rows = np.zeros(0, np.int64)
_COLUMNS = ("tags", "since_ns", "begun_ns", "closed_segment", "closed_from_ns")


class Weighed(NamedTuple):
    """Of each tag: is_gone, it was searched for again and not found; is_new, that search is awaited from now on. Both
    (m,) bool."""

    is_gone: Mask
    is_new: Mask


class Suspects:
    """Rows of the evidence with the moment they came under suspicion, and when each antenna's newest search began.

    While there are none nothing is kept: a search that began before a suspicion never counts.
    """

    def __init__(self, segments: int) -> None:
        self._tags = _NONE  # ascending
        self._since_ns = _NONE
        self._begun_ns: Rows = np.zeros(segments, np.int64)
        self._closed: dict[int, int] = {}
        """Segment -> when the search began that closed last and whose reads may still wait."""

    def __len__(self) -> int:
        return len(self._tags)

    def close(self, segment: int, from_ns: int) -> None:
        """A search of this segment's antenna closed. It counts from `take_in` on."""
        if len(self):
            self._closed[segment] = from_ns

    def take_in(self) -> None:
        """Everything that was read before the searches closed is in the evidence by now."""
        for segment, from_ns in self._closed.items():
            self._begun_ns[segment] = from_ns
        self._closed = {}

    def since_ns(self, tags: NDArray[np.integer[Any]]) -> Rows:
        """(m,) since when each is under suspicion, 0 where it is not."""
        if not len(self._tags):
            return np.zeros(len(tags), np.int64)
        at = np.minimum(np.searchsorted(self._tags, tags), len(self._tags) - 1)
        found: Rows = np.where(self._tags[at] == tags, self._since_ns[at], 0)
        return found

    def weigh(self, tags: Rows, segment: NDArray[np.int32], is_silent: Mask, last_seen_ns: Rows, at_ns: int) -> Weighed:
        """Look at tags (m,), none twice, that were heard of now: those silent for too long where they are believed to
        stand, in `segment` (m,) >= 0 of theirs, come under suspicion or are gone; the others are free of it. What is
        gone stays under suspicion until `forget`: it may be that nothing is told of it yet."""
        if not len(self._tags) and not is_silent.any():
            return Weighed(is_silent, is_silent)
        since_ns = self.since_ns(tags)
        stands = is_silent & (since_ns > 0) & (last_seen_ns < since_ns)  # any read in between begins it anew
        is_gone = stands & (self._begun_ns.take(segment) >= since_ns)
        is_new = is_silent & ~stands
        self.forget(tags[~stands])
        self._add(np.sort(tags[is_new]), at_ns)
        return Weighed(is_gone, is_new)

    def forget(self, tags: NDArray[np.integer[Any]]) -> None:
        """These are under no suspicion, whatever was."""
        known = tags[self.since_ns(tags) > 0]
        if len(known):
            at = np.searchsorted(self._tags, known)
            self._tags, self._since_ns = np.delete(self._tags, at), np.delete(self._since_ns, at)
        if not len(self):
            self._begun_ns[:] = 0
            self._closed = {}

    def forget_open_rounds(self) -> None:
        """Drop the searches whose reads were never taken in."""
        self._closed = {}

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """A copy for a snapshot; empty without suspects."""
        if not len(self):
            return {}
        return {
            "tags": self._tags.copy(),
            "since_ns": self._since_ns.copy(),
            "begun_ns": self._begun_ns.copy(),
            "closed_segment": np.array(list(self._closed), np.int64),
            "closed_from_ns": np.array(list(self._closed.values()), np.int64),
        }

    @classmethod
    def from_columns(
        cls, columns: Mapping[str, NDArray[Any]], remap: NDArray[np.int32], segments: int, tags: int
    ) -> "Suspects":
        """Those of a snapshot in another layout of so many segments, over so many tags. remap (old segments,) int32
        old -> new, -1 gone. Raises ValueError for columns that do not fit together."""
        made = cls(segments)
        if not columns:
            return made
        _check(columns, len(remap), tags)
        made._tags, made._since_ns = columns["tags"], columns["since_ns"]
        kept = np.flatnonzero(remap >= 0)
        made._begun_ns[remap[kept]] = columns["begun_ns"][kept]
        closed = remap[columns["closed_segment"]].tolist()
        made._closed = {
            segment: from_ns
            for segment, from_ns in zip(closed, columns["closed_from_ns"].tolist(), strict=True)
            if segment >= 0
        }
        return made

    def _add(self, tags: Rows, at_ns: int) -> None:
        if len(tags):
            places = np.searchsorted(self._tags, tags)
            self._tags = np.insert(self._tags, places, tags)
            self._since_ns = np.insert(self._since_ns, places, at_ns)


def _check(columns: Mapping[str, NDArray[Any]], segments: int, tags: int) -> None:
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise ValueError(f"snapshot without the columns {', '.join(missing)} of suspects")
    lengths = {
        "tags": len(columns["tags"]),
        "since_ns": len(columns["tags"]),
        "begun_ns": segments,
        "closed_segment": len(columns["closed_segment"]),
        "closed_from_ns": len(columns["closed_segment"]),
    }
    for name, length in lengths.items():
        column = columns[name]
        if column.dtype != np.int64 or column.shape != (length,):
            raise ValueError(f"snapshot: {name} of suspects is {column.dtype} {column.shape}, expected int64 {length}")
    for name, end in (("tags", tags), ("closed_segment", segments)):
        column = columns[name]
        if len(column) and not (column.min() >= 0 and column.max() < end):
            raise ValueError(f"snapshot: {name} of suspects points outside 0..{end - 1}")
    if (np.diff(columns["tags"]) <= 0).any():
        raise ValueError("snapshot: suspects are not in ascending order")
