"""Catalogue lines against the catalogue: what each would do, or why not. Pure; the step has the last word."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from config.catalogue import TID
from config.catalogued import CataloguedVolume
from edge.state.state import State
from edge.state.volumes import NOWHERE
from sensors.rfid.epc_table import MAX_EPC_BYTES

MOST_IN_ONE = 1000  # volumes in one fact: a step over them takes 5 ms
MOST_BYTES = 96 * 1024  # of one fact, so that a batch has room for it
_TAKEN = frozenset({"epc_taken", "tid_taken"})  # by another volume, which is named
_BESIDE = 16  # bytes of a line in a fact beside its texts: quotes, commas, thickness


class Sorted(NamedTuple):
    """`good` may go in as new or changed lines; `problems` and `warnings` are (index, text id, holder of the tag
    or slot, '' for neither)."""

    good: list[CataloguedVolume]
    new: int
    changed: int
    same: int
    problems: list[tuple[int, str, str]]
    warnings: list[tuple[int, str, str]]


def portions(lines: Sequence[CataloguedVolume]) -> Iterator[slice]:
    """Where to cut the lines so that each portion makes one fact."""
    first = taken = 0
    for i, line in enumerate(lines):
        width = len(line.volume) + len(line.epc) + len(line.slot) + len(line.tid) + _BESIDE
        if i - first == MOST_IN_ONE or taken + width > MOST_BYTES:
            yield slice(first, i)
            first, taken = i, 0
        taken += width
    if first < len(lines):
        yield slice(first, len(lines))


class LineSorter:
    """Sorts the lines of one request, portion after portion: a volume or a tag stands in it once."""

    def __init__(self, state: State, lines: Sequence[CataloguedVolume]) -> None:
        """`lines`: all of the request, in the order in which they will be sorted."""
        self._state = state
        self._volumes: set[str] = set()
        self._holder: dict[str, str] = {}
        self._segments = state.plant.places.segments_of(line.slot for line in lines)
        self._sorted = 0
        known = state.volumes
        near = (known.lines[row] for row in np.isin(known.book, np.unique(self._segments)).nonzero()[0].tolist())
        self._stands_in = {line.slot: line.volume for line in near}
        chips = state.tids.rows_of(line.tid for line in lines)
        self._chip_of = {tid: known.lines[row].volume for tid, row in chips.items()}

    def sort(self, lines: Sequence[CataloguedVolume]) -> Sorted:
        """Each of the next lines by what it would do. Problems: line_without_volume, volume_twice, bad_epc, bad_tid,
        bad_slot, epc_taken, tid_taken.

        Warning, and taken none the less: slot_taken, by a volume that the catalogue of before this request has there.
        Whether a later line moves it only the sender knows, who has the whole file; and two thin volumes may share."""
        epcs = _epcs(lines)
        holders = self._state.holders(epcs)
        segments = self._segments[self._sorted : self._sorted + len(lines)]
        self._sorted += len(lines)
        are_plain = all(epcs) and not any(line.tid for line in lines)
        if (holders == NOWHERE).all() and (segments != NOWHERE).all() and are_plain and self._are_new(lines):
            return Sorted(list(lines), len(lines), 0, 0, [], [])
        return self._one_by_one(lines, epcs, holders.tolist(), segments.tolist())

    def _are_new(self, lines: Sequence[CataloguedVolume]) -> bool:
        """Whether neither the catalogue nor this request names any of the volumes, their tags or slots yet; if so, it
        does from now on. Most portions of a first import are such, and this asks per column, not per line."""
        volumes = {line.volume for line in lines}
        holder = {line.epc: line.volume for line in lines}
        is_new = (
            len(volumes) == len(holder) == len(lines)
            and "" not in volumes
            and self._state.volumes.row.keys().isdisjoint(volumes)
            and self._volumes.isdisjoint(volumes)
            and self._holder.keys().isdisjoint(holder)
            and self._stands_in.keys().isdisjoint(line.slot for line in lines)
        )
        if is_new:
            self._volumes |= volumes
            self._holder |= holder
        return is_new

    def _one_by_one(
        self, lines: Sequence[CataloguedVolume], epcs: list[bytes], holders: list[int], segments: list[int]
    ) -> Sorted:
        known = self._state.volumes
        good: list[CataloguedVolume] = []
        problems: list[tuple[int, str, str]] = []
        warnings: list[tuple[int, str, str]] = []
        new = same = 0
        told = zip(map(known.completed, lines), epcs, holders, segments, strict=True)
        for i, (line, epc, of_tag, segment) in enumerate(told):
            row = known.row.get(line.volume)
            is_same = row is not None and known.lines[row] == line
            holder = self._holder.get(line.epc) or (known.lines[of_tag].volume if of_tag != NOWHERE else line.volume)
            code = self._problem(line, epc, holder, segment, is_same=is_same)
            if not code and self._chip_of.get(line.tid, line.volume) != line.volume:
                code, holder = "tid_taken", self._chip_of[line.tid]
            if code:
                problems.append((i, code, holder if code in _TAKEN else ""))
                continue
            self._volumes.add(line.volume)
            self._holder[line.epc] = line.volume
            if line.tid:
                self._chip_of[line.tid] = line.volume
            if is_same:
                same += 1
            else:
                good.append(line)
                new += row is None
                standing = self._stands_in.get(line.slot, line.volume)
                if standing != line.volume:
                    warnings.append((i, "slot_taken", standing))
        return Sorted(good, new, len(good) - new, same, problems, warnings)

    def _problem(self, line: CataloguedVolume, epc: bytes, holder: str, segment: int, *, is_same: bool) -> str:
        if not line.volume:
            return "line_without_volume"
        if line.volume in self._volumes:
            return "volume_twice"
        if is_same:
            return "epc_taken" if self._holder.get(line.epc, line.volume) != line.volume else ""
        if not epc:
            return "bad_epc"
        if line.tid and not TID.fullmatch(line.tid):
            return "bad_tid"
        if segment == NOWHERE:
            return "bad_slot"
        return "epc_taken" if holder != line.volume else ""


def _epcs(lines: Sequence[CataloguedVolume]) -> list[bytes]:
    """Each line's tag, none where its text is no EPC."""
    texts = [line.epc for line in lines]
    width, odd = divmod(len(texts[0]) if texts else 0, 2)
    if not odd and 0 < width <= MAX_EPC_BYTES and len(set(map(len, texts))) == 1:
        together = _bytes_of("".join(texts))
        if together:
            return [together[at : at + width] for at in range(0, len(together), width)]
    return [epc if len(epc) <= MAX_EPC_BYTES else b"" for epc in map(_bytes_of, texts)]


def _bytes_of(text: str) -> bytes:
    """What lower-case hex says, none where the text is something else."""
    try:
        said = bytes.fromhex(text)
    except ValueError:
        return b""
    return said if said.hex() == text else b""  # fromhex takes spaces and capitals too
