"""Catalogue lines against the catalogue: what each would do, or why not. Pure; the step has the last word."""

from collections.abc import Sequence
from typing import NamedTuple

from config.catalogued import CataloguedVolume
from edge.state.state import State

CHUNK = 500  # volumes in one fact


class Sorted(NamedTuple):
    """`good` may go in as new or changed lines; `problems` and `warnings` are (index, text id, holder of the tag
    or slot, '' for neither)."""

    good: list[CataloguedVolume]
    new: int
    changed: int
    same: int
    problems: list[tuple[int, str, str]]
    warnings: list[tuple[int, str, str]]


class LineSorter:
    """Sorts the lines of one request, portion after portion: a volume or a tag stands in it once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._volumes: set[str] = set()
        self._holder: dict[str, str] = {}
        self._stands_in = {line.slot: line.volume for line in state.volumes.lines}  # of the loop: 1.4 ms (demo vault)

    def sort(self, lines: Sequence[CataloguedVolume]) -> Sorted:
        """Every line by what it would do. Problems: line_without_volume, volume_twice, bad_epc, bad_slot, epc_taken.

        Warning, and taken none the less: slot_taken, by a volume that the catalogue of before this request has there.
        Whether a later line moves it only the sender knows, who has the whole file; and two thin volumes may share."""
        known = self._state.volumes
        good: list[CataloguedVolume] = []
        problems: list[tuple[int, str, str]] = []
        warnings: list[tuple[int, str, str]] = []
        new = same = 0
        for i, line in enumerate(lines):
            row = known.row.get(line.volume)
            is_same = row is not None and known.lines[row] == line
            code = self._problem(line, is_same=is_same)
            if code:
                problems.append((i, code, self._holder_of(line.epc) if code == "epc_taken" else ""))
                continue
            self._volumes.add(line.volume)
            self._holder[line.epc] = line.volume
            if is_same:
                same += 1
            else:
                good.append(line)
                new += row is None
                standing = self._stands_in.get(line.slot, line.volume)
                if standing != line.volume:
                    warnings.append((i, "slot_taken", standing))
        return Sorted(good, new, len(good) - new, same, problems, warnings)

    def _holder_of(self, epc: str) -> str:
        """The volume that carries the tag, in this request or in the catalogue."""
        volumes = self._state.volumes
        return self._holder.get(epc) or volumes.lines[volumes.row_of_epc[epc]].volume

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
