"""Catalogue lines against the catalogue: what each would do, or why not. Pure; the step has the last word."""

from collections.abc import Sequence
from typing import NamedTuple

from edge.state.facts import CataloguedVolume
from edge.state.state import State

CHUNK = 500  # volumes in one fact


class Sorted(NamedTuple):
    """`good` may go in as new or changed lines; `problems` are (index, text id)."""

    good: list[CataloguedVolume]
    new: int
    changed: int
    same: int
    problems: list[tuple[int, str]]


class LineSorter:
    """Sorts the lines of one request, portion after portion: a volume or a tag stands in it once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._volumes: set[str] = set()
        self._holder: dict[str, str] = {}

    def sort(self, lines: Sequence[CataloguedVolume]) -> Sorted:
        """Every line by what it would do. Problems: line_without_volume, volume_twice, bad_epc, bad_slot, epc_taken."""
        known = self._state.volumes
        good: list[CataloguedVolume] = []
        problems: list[tuple[int, str]] = []
        new = same = 0
        for i, line in enumerate(lines):
            row = known.row.get(line.volume)
            is_same = row is not None and known.lines[row] == line
            code = self._problem(line, is_same=is_same)
            if code:
                problems.append((i, code))
                continue
            self._volumes.add(line.volume)
            self._holder[line.epc] = line.volume
            if is_same:
                same += 1
            else:
                good.append(line)
                new += row is None
        return Sorted(good, new, len(good) - new, same, problems)

    def _problem(self, line: CataloguedVolume, *, is_same: bool) -> str:
        if not line.volume:
            return "line_without_volume"
        if line.volume in self._volumes:
            return "volume_twice"
        if self._holder.get(line.epc, line.volume) != line.volume:
            return "epc_taken"
        if is_same:
            return ""
        if not _is_epc(line.epc):
            return "bad_epc"
        try:
            self._state.plant.places.segment_of(line.slot)
        except KeyError:
            return "bad_slot"
        known = self._state.volumes
        row = known.row_of_epc.get(line.epc)
        return "epc_taken" if row is not None and known.lines[row].volume != line.volume else ""


def _is_epc(text: str) -> bool:
    try:
        return 0 < len(bytes.fromhex(text)) <= 62 and text == text.lower()
    except ValueError:
        return False
