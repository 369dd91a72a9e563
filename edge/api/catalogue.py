"""Catalogue lines against the catalogue: what each would do, or why not. Pure; the step has the last word."""

from collections.abc import Sequence
from typing import NamedTuple

from config.catalogued import CataloguedVolume
from edge.state.state import State
from edge.state.volumes import NOWHERE
from sensors.rfid.epc_table import MAX_EPC_BYTES

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

    def __init__(self, state: State, lines: Sequence[CataloguedVolume]) -> None:
        """`lines`: all of the request."""
        self._state = state
        self._volumes: set[str] = set()
        self._holder: dict[str, str] = {}
        wanted = {line.slot for line in lines}
        self._stands_in = {line.slot: line.volume for line in state.volumes.lines if line.slot in wanted}

    def sort(self, lines: Sequence[CataloguedVolume]) -> Sorted:
        """Every line by what it would do. Problems: line_without_volume, volume_twice, bad_epc, bad_slot, epc_taken.

        Warning, and taken none the less: slot_taken, by a volume that the catalogue of before this request has there.
        Whether a later line moves it only the sender knows, who has the whole file; and two thin volumes may share."""
        known = self._state.volumes
        good: list[CataloguedVolume] = []
        problems: list[tuple[int, str, str]] = []
        warnings: list[tuple[int, str, str]] = []
        new = same = 0
        holders = self._state.holders([_epc(line.epc) for line in lines]).tolist()
        segments = self._state.plant.places.segments_of(line.slot for line in lines).tolist()
        told = zip(map(known.completed, lines), holders, segments, strict=True)
        for i, (line, of_tag, segment) in enumerate(told):
            row = known.row.get(line.volume)
            is_same = row is not None and known.lines[row] == line
            holder = self._holder.get(line.epc) or (known.lines[of_tag].volume if of_tag != NOWHERE else line.volume)
            code = self._problem(line, holder, segment, is_same=is_same)
            if code:
                problems.append((i, code, holder if code == "epc_taken" else ""))
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

    def _problem(self, line: CataloguedVolume, holder: str, segment: int, *, is_same: bool) -> str:
        if not line.volume:
            return "line_without_volume"
        if line.volume in self._volumes:
            return "volume_twice"
        if is_same:
            return "epc_taken" if self._holder.get(line.epc, line.volume) != line.volume else ""
        if not _epc(line.epc):
            return "bad_epc"
        if segment == NOWHERE:
            return "bad_slot"
        return "epc_taken" if holder != line.volume else ""


def _epc(text: str) -> bytes:
    """A tag's bytes, none where the text is no EPC."""
    try:
        epc = bytes.fromhex(text)
    except ValueError:
        return b""
    return epc if len(epc) <= MAX_EPC_BYTES and text == text.lower() else b""
