"""Every text a person sees, by id, in each language: config/texts/LANGUAGE.yaml and phrases.LANGUAGE.yaml."""

import difflib
import functools
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Formatter
from typing import Literal, get_args

import msgspec
import yaml

from config.phrase import Phrase, Said

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

    def __init__(self, language: Language, loaded: TextFile, phrases: Mapping[str, str]) -> None:
        self.language = language
        self._loaded = loaded
        self._phrases = phrases

    def code(self, code: str, args: Mapping[str, object] | None = None) -> Text:
        """The text of a code. One that is not here (a daemon newer than this tool) is shown as it is."""
        found = self._loaded.codes.get(code)
        if found is None:
            return Text(title=code)
        values = _Lenient(args or {})
        return Text(*(part.format_map(values) for part in (found.title, found.meaning, found.next_step)))

    def explained(self, code: str) -> Text:
        """The text of a code without a case at hand: its arguments in plain words."""
        found = self._loaded.codes[code]
        parts = (found.title, found.meaning, found.next_step)
        names = {name for part in parts for _, name, _, _ in Formatter().parse(part) if name}
        return self.code(code, {name: self._loaded.labels[f"arg_{name}"] for name in names})

    def codes_named(self, words: str) -> list[str]:
        """The code of this id, else every code of this title; case and blanks around are ignored."""
        wanted = words.strip().casefold()
        if wanted in self._loaded.codes:
            return [wanted]
        return [code for code, text in self._loaded.codes.items() if text.title.casefold() == wanted]

    def titled_like(self, words: str) -> list[str]:
        """Codes whose title contains these words."""
        wanted = words.strip().casefold()
        return [code for code, text in self._loaded.codes.items() if wanted and wanted in text.title.casefold()]

    def title(self, code: str) -> str:
        """The short form of a code; '' for ''."""
        return self.code(code).title if code else ""

    def label(self, label: str, **args: object) -> str:
        """A word or sentence of the tool itself. Raises KeyError for one that is not here."""
        return self._loaded.labels[label].format_map(_Lenient(args)) if args else self._loaded.labels[label]

    def told(self, said: Said) -> str:
        """A phrase in words, its arguments among them; a plain value as it is. Raises KeyError for an unknown id."""
        if not isinstance(said, Phrase):
            return str(said)
        return self._phrases[said.id].format_map({name: self.told(value) for name, value in said.args.items()})

    def is_known(self, code: str) -> bool:
        """Whether the code has a text."""
        return code in self._loaded.codes

    def nearest(self, code: str, most: int = 3) -> list[str]:
        """Known codes that look like this one, nearest first."""
        return difflib.get_close_matches(code, self._loaded.codes, n=most, cutoff=0.4)


@functools.cache
def load_texts(language: Language) -> Texts:
    """One language, read once."""
    return Texts(
        language,
        msgspec.convert(_read(f"{language}.yaml"), TextFile),
        msgspec.convert(_read(f"phrases.{language}.yaml"), dict[str, str]),
    )


class PhrasedError(Exception):
    """An error that a person is told: `said` in the person's language, its English in logs."""

    def __init__(self, said: Said) -> None:
        super().__init__(said)
        self.said = said

    def __str__(self) -> str:
        return load_texts("en").told(self.said)


def language_of(named: str, environ: Mapping[str, str]) -> Language:
    """The language asked for: `named`, else LANTAI_LANG, else the locale's; English where none says Chinese."""
    wanted = named or environ.get("LANTAI_LANG", "")
    if not wanted:
        wanted = next((value for key in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environ.get(key, ""))), "")
    return "zh-CN" if wanted.lower().startswith("zh") else "en"


def is_language(named: str) -> bool:
    """Whether texts are there in the language named, in whatever spelling a locale has; '' names none."""
    return not named or named.lower().replace("-", "_").partition("_")[0] in {"zh", "en"}


def _read(name: str) -> object:
    raw = files("config").joinpath("texts", name).read_text(encoding="utf-8")
    return yaml.load(raw, Loader=yaml.CSafeLoader)


class Unusable(PhrasedError, ValueError):  # noqa: N818  it is what the person is told
    """What a person gave cannot be used; it says why and what would do."""


def named_language(arguments: Sequence[str], option: str = "--lang") -> str:
    """The value of --lang among the words of a command line, '' without: help is built before anything is parsed."""
    for i, word in enumerate(arguments):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and i + 1 < len(arguments):
            return arguments[i + 1]
    return ""


class _Lenient(dict[str, object]):
    """An argument that was not given is shown by its name: a text never fails."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"
