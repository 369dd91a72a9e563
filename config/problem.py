"""What is wrong with a configuration, said so that a technician can act on it."""

import re
from typing import NamedTuple

import msgspec

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
    device: str
    path: str
    seen: str
    expected: str
    next_step: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = ": ".join(part for part in (place, self.device, self.path) if part)
        return f"{where}: seen {self.seen}, expected {self.expected}; {self.next_step}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds every mistake found, in file order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Finding(NamedTuple):
    """A mistake before its place is spelled out."""

    origin: Origin
    steps: Steps
    seen: str
    expected: str
    next_step: str


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
