"""Lines of a catalogue file that are right in themselves, against what the catalogue holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from config.messages import Texts
from config.phrase import Said, phrase
from config.problem import LineProblem

if TYPE_CHECKING:
    from config.catalogued import CataloguedVolume

_COLUMN = {
    "epc_taken": "epc",
    "bad_epc": "epc",
    "bad_tid": "tid",
    "tid_taken": "tid",
    "slot_taken": "slot",
    "bad_slot": "slot",
    "volume_twice": "volume",
}


class Beside(NamedTuple):
    """A line, what the daemon says of it (a text id), and the volume that holds its tag or slot."""

    line: "CataloguedVolume"
    code: str
    holder: str


def unmoved(found: Sequence[Beside], lines: Sequence["CataloguedVolume"]) -> list[Beside]:
    """Slots taken by a volume of which no line of the same file tells: one that moves it makes room, and of two lines
    that share a slot the file itself tells."""
    if not found:
        return []
    told = {line.volume for line in lines}
    return [one for one in found if one.holder not in told]


def beside_catalogue(file: Path, found: Sequence[Beside], texts: Texts) -> list[LineProblem]:
    """Each with its line in the file, 0 where the file cannot be read a second time."""
    if not found:
        return []
    from config.catalogue import line_numbers  # noqa: PLC0415  numpy, for an import alone

    numbers = line_numbers(file, {one.line.volume: one.line.slot for one in found})
    problems = []
    for one in found:
        column = _COLUMN.get(one.code, "")
        expected, step = _advice(one, texts)
        problems.append(
            LineProblem(
                file=str(file),
                line=numbers.get(one.line.volume, 0),
                column=column,
                seen=repr(getattr(one.line, column or "volume")),
                expected=expected,
                next_step=step,
            )
        )
    return problems


def _advice(one: Beside, texts: Texts) -> tuple[Said, Said]:
    """What was expected, and the next step."""
    match one.code:
        case "epc_taken":
            return phrase("want_free_tag", holder=one.holder), phrase("do_read_both_tags")
        case "tid_taken":
            return phrase("want_free_chip", holder=one.holder), phrase("do_read_both_tags")
        case "slot_taken":
            return phrase("want_free_slot", holder=one.holder), phrase("do_move_holder", holder=one.holder)
    text = texts.code(one.code)
    return text.title, text.next_step
