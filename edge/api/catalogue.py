"""Catalogue lines against the catalogue: what each would do, or why not. Pure; the step has the last word."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from edge.api.records import ImportAnswer
from edge.state.facts import CataloguedVolume
from edge.state.state import State

CHUNK = 500  # volumes in one fact


class Sorted(NamedTuple):
    """`good` are the indices of lines that may go in as new or changed ones."""

    good: list[int]
    new: int
    changed: int
    same: int
    problems: list[tuple[int, str]]

    def answer(self) -> ImportAnswer:
        return ImportAnswer(self.new, self.changed, self.same, tuple(self.problems))


def sort_lines(state: State, lines: Sequence[CataloguedVolume]) -> Sorted:
    """Every line by what it would do. Problems: line_without_volume, bad_epc, bad_slot, epc_taken, volume_twice (in
    these lines)."""
    found = Sorted([], 0, 0, 0, [])
    new = changed = same = 0
    volumes = state.volumes
    epcs: dict[str, str] = {}
    seen: set[str] = set()
    for i, line in enumerate(lines):
        row = volumes.row.get(line.volume)
        if row is not None and volumes.lines[row] == line and line.volume not in seen:
            same += 1
            seen.add(line.volume)
            epcs[line.epc] = line.volume
            continue
        code = _problem(state, line, epcs, seen)
        if code:
            found.problems.append((i, code))
            continue
        seen.add(line.volume)
        epcs[line.epc] = line.volume
        found.good.append(i)
        if row is None:
            new += 1
        else:
            changed += 1
    return found._replace(new=new, changed=changed, same=same)


def chunks(lines: Sequence[CataloguedVolume]) -> Iterator[tuple[CataloguedVolume, ...]]:
    """In portions of one fact."""
    for start in range(0, len(lines), CHUNK):
        yield tuple(lines[start : start + CHUNK])


def _problem(state: State, line: CataloguedVolume, epcs: dict[str, str], seen: set[str]) -> str:
    if not line.volume:
        return "line_without_volume"
    if line.volume in seen:
        return "volume_twice"
    if not _is_epc(line.epc):
        return "bad_epc"
    try:
        state.plant.places.segment_of(line.slot)
    except KeyError:
        return "bad_slot"
    holder = state.volumes.row_of_epc.get(line.epc)
    taken_by = epcs.get(line.epc) or (state.volumes.lines[holder].volume if holder is not None else line.volume)
    return "epc_taken" if taken_by != line.volume else ""


def _is_epc(text: str) -> bool:
    try:
        return 0 < len(bytes.fromhex(text)) <= 62 and text == text.lower()
    except ValueError:
        return False
