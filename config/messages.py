"""Every text a person sees, by id, in each language: config/texts/LANGUAGE.yaml."""

import difflib
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal, get_args

import msgspec
import yaml

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Text(msgspec.Struct, frozen=True):
    """What a code means to a person: the short form, what it says, what to do next. `{name}` stands for an argument."""

    title: str
    meaning: str = ""
    next_step: str = ""


class TextFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language: codes (alarms, refusals, losses, unknowns) and labels (words of the tool itself)."""

    codes: dict[str, Text]
    labels: dict[str, str]


class Texts:
    """The texts of one language."""

    def __init__(self, language: Language, loaded: TextFile) -> None:
        self.language = language
        self._loaded = loaded

    def code(self, code: str, args: Mapping[str, object] | None = None) -> Text:
        """The text of a code. One that is not here (a daemon newer than this tool) is shown as it is."""
        found = self._loaded.codes.get(code)
        if found is None:
            return Text(title=code)
        values = _Lenient(args or {})
        return Text(*(part.format_map(values) for part in (found.title, found.meaning, found.next_step)))

    def title(self, code: str) -> str:
        """The short form of a code; '' for ''."""
        return self.code(code).title if code else ""

    def label(self, label: str, **args: object) -> str:
        """A word or sentence of the tool itself. Raises KeyError for one that is not here."""
        return self._loaded.labels[label].format_map(_Lenient(args)) if args else self._loaded.labels[label]

    def is_known(self, code: str) -> bool:
        """Whether the code has a text."""
        return code in self._loaded.codes

    def nearest(self, code: str, most: int = 3) -> list[str]:
        """Known codes that look like this one, nearest first."""
        return difflib.get_close_matches(code, self._loaded.codes, n=most, cutoff=0.4)


def load_texts(language: Language) -> Texts:
    """Read one language."""
    raw = files("config").joinpath("texts", f"{language}.yaml").read_text(encoding="utf-8")
    return Texts(language, msgspec.convert(yaml.load(raw, Loader=yaml.CSafeLoader), TextFile))


def language_of(named: str, environ: Mapping[str, str]) -> Language:
    """The language asked for: `named`, else LANTAI_LANG, else the locale's; English where none says Chinese."""
    wanted = named or environ.get("LANTAI_LANG", "")
    if not wanted:
        wanted = next((value for key in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environ.get(key, ""))), "")
    return "zh-CN" if wanted.lower().startswith("zh") else "en"


class _Lenient(dict[str, object]):
    """An argument that was not given is shown by its name: a text never fails."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"
