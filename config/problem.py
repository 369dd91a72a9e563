"""What is wrong with a configuration, said so that a technician can act on it."""

import re
from typing import Any, NamedTuple

import msgspec

from config.messages import Texts, load_texts
from config.phrase import Phrase, Said, phrase

Steps = tuple[str | int, ...]
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_SEEN = 60


class Origin(NamedTuple):
    """Where a value was written; line counts from 1."""

    file: str
    line: int


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake. `line` 0: the whole file; `device` '' where the path lies in no device."""

    file: str
    line: int
    device: Said
    path: str
    seen: Said
    expected: Said
    next_step: Said

    def told(self, texts: Texts) -> str:
        """The mistake in one line."""
        return texts.told(mistake(self, self.device, self.path))

    def __str__(self) -> str:
        return self.told(load_texts("en"))


class LineProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake of a catalogue file. `line` counts from 1, the header among them; 0 is the whole file, `column` ''
    the whole line."""

    file: str
    line: int
    column: str
    seen: Said
    expected: Said
    next_step: Said

    def told(self, texts: Texts) -> str:
        """The mistake in one line."""
        return texts.told(mistake(self, self.column))

    def __str__(self) -> str:
        return self.told(load_texts("en"))


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every mistake found, in file order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def told(self, texts: Texts) -> str:
        """Every mistake, one a line."""
        return "\n".join(problem.told(texts) for problem in self.problems)

    def __str__(self) -> str:
        return self.told(load_texts("en"))


class Finding(NamedTuple):
    """A mistake before its place is spelled out."""

    origin: Origin
    steps: Steps
    seen: Said
    expected: Said
    next_step: Said


def mistake(problem: Problem | LineProblem, *where: Said) -> Phrase:
    """One line: the file with the line, `where` in it, seen, expected, next step."""
    file, line = problem.file, problem.line
    place: Said = phrase("place_in_file", file=file, line=line) if line else file
    for part in where:
        place = phrase("place_within", outer=place, inner=part) if part else place
    return phrase("mistake", where=place, seen=problem.seen, expected=problem.expected, next_step=problem.next_step)


def worded(record: Problem | LineProblem, texts: Texts) -> dict[str, Any]:
    """A mistake for JSON: its fields in words; `ids` names the text of each that is a phrase."""
    fields = msgspec.structs.asdict(record)
    ids = {name: said.id for name, said in fields.items() if isinstance(said, Phrase)}
    return {name: said if name == "line" else texts.told(said) for name, said in fields.items()} | {"ids": ids}


def path_of(steps: Steps) -> str:
    """`('sensors', 2, 'unit')` is `sensors[2].unit`; a key that is not plain stands in ['...']."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _BARE_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{shortened(repr(step))}]"
    return text


def shortened(text: str) -> str:
    """At most 60 printable characters of it."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return shown if len(shown) <= _LONGEST_SEEN else shown[: _LONGEST_SEEN - 3] + "..."
