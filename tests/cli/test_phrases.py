"""Every phrase that the code puts together exists in every language, and takes the arguments it is given."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import msgspec
import pytest
from msgspec import inspect

from config.decode import phrase_of
from config.load import load
from config.messages import LANGUAGES, PhrasedError, load_texts
from config.phrase import os_reason, phrase
from config.problem import ConfigError, Problem, worded
from config.profile import Profile
from config.vault import Vault
from tests.config.test_load import SMALL, TEN_MISTAKES, WRONG

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("config", "drivers", "sensors", "navigation", "edge", "simulator")
MADE_IN = "config/phrase.py"
QUOTED = re.compile(r"'[^']*'|`[^`]*`|\"[^\"]*\"|“[^”]*”|\{\w+\}")
NAME = re.compile(r"[A-Za-z0-9]*[._/-][A-Za-z0-9._/-]*|[A-Z][A-Za-z0-9]*")  # secret_name.yaml, UTF-8, Modbus
WORDS = {
    "secret",
    "node",
    "centre",
    "vault",
    "schema",
    "systemd",
    "bit",
    "null",
    "uid",
    "tcp",
    "rtu",
    "lantai-edge",
    "base64url",
}
"""Keys, values and formats that are the same in every language."""


def calls() -> Iterator[tuple[str, ast.Call]]:
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "phrase":
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def phrases(language: str) -> dict[str, str]:
    return dict(load_texts("zh-CN" if language == "zh-CN" else "en")._phrases)


def problems_of(folder: Path, text: str) -> tuple[Problem, ...]:
    file = folder / "vault.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    return caught.value.problems


def test_every_phrase_names_its_text_and_gives_exactly_its_arguments() -> None:
    english = phrases("en")
    wrong = []
    for where, call in calls():
        (name,) = call.args
        text_id = name.value if isinstance(name, ast.Constant) else None
        if text_id not in english or {word.arg for word in call.keywords} != placeholders(english[str(text_id)]):
            wrong.append(f"{where}: {ast.unparse(call)}")
    assert wrong == []


def test_every_phrase_of_the_files_is_used() -> None:
    used = {call.args[0].value for _, call in calls() if isinstance(call.args[0], ast.Constant)}
    assert set(phrases("en")) - used == set()


def test_phrases_are_made_in_one_place_only() -> None:
    makers = {
        str(path.relative_to(ROOT))
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
        if re.search(r"\bPhrase\(", path.read_text(encoding="utf-8").replace("class Phrase(", ""))
    }
    assert makers == {MADE_IN}


def test_both_languages_have_the_same_phrases_with_the_same_placeholders() -> None:
    english, chinese = phrases("en"), phrases("zh-CN")
    assert set(english) == set(chinese)
    assert [text for text in english if placeholders(english[text]) != placeholders(chinese[text])] == []


def test_chinese_phrases_hold_no_english_but_names() -> None:
    english = {
        text_id: words
        for text_id, text in phrases("zh-CN").items()
        if (words := set(re.findall(r"[A-Za-z][A-Za-z0-9-]+", NAME.sub("", QUOTED.sub("", text)))) - WORDS)
    }
    assert english == {}


@pytest.mark.parametrize("case", [TEN_MISTAKES, *(SMALL.replace(old, new) for old, new, *_ in WRONG)])
def test_chinese_mistakes_hold_no_english_sentence(tmp_path: Path, case: str) -> None:
    """The arguments that the code puts in are names and values: no two English words stand together."""
    for problem in problems_of(tmp_path, case):
        told = problem.told(load_texts("zh-CN")).replace(str(tmp_path), "")
        assert not re.search(r"[a-z]{2,} [a-z]{2,}", QUOTED.sub("", told)), told


def test_ten_mistakes_are_told_in_both_languages(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, TEN_MISTAKES)
    english, chinese = load_texts("en"), load_texts("zh-CN")
    assert problems[5].told(chinese) == (
        f"{tmp_path}/vault.yaml 第 18 行，传感器 'th-03'，sensors[1].unit：实际 300，期望 1..255；"
        "下一步：查看设备的地址拨码开关"
    )
    assert str(problems[5]) == problems[5].told(english)
    assert ConfigError(problems).told(chinese).count("\n") == 9


def test_a_mistake_as_json_has_words_and_the_ids_of_its_texts(tmp_path: Path) -> None:
    told = worded(problems_of(tmp_path, TEN_MISTAKES)[5], load_texts("en"))
    assert (told["seen"], told["expected"], told["next_step"]) == ("300", "1..255", "see the device's address switches")
    assert told["ids"] == {"device": "device_sensor", "next_step": "do_see_switches"}


def test_loading_a_right_file_reads_no_texts() -> None:
    program = (
        "from pathlib import Path; import config.messages as messages\n"
        "from config.load import load\n"
        "load(Path('config/vaults/demo.yaml'))\n"
        "print(messages.load_texts.cache_info().misses)"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "0\n"


def forms(kind: inspect.Type, seen: set[type]) -> Iterator[tuple[str, str]]:
    """Description and English phrase of every text with a form, through all records."""
    match kind:
        case inspect.StructType():
            if kind.cls not in seen:
                seen.add(kind.cls)
                for field in kind.fields:
                    yield from forms(field.type, seen)
        case inspect.VarTupleType():
            yield from forms(kind.item_type, seen)
        case inspect.DictType():
            yield from forms(kind.key_type, seen)
            yield from forms(kind.value_type, seen)
        case inspect.UnionType():
            for member in kind.types:
                yield from forms(member, seen)
        case inspect.Metadata():
            description = (kind.extra_json_schema or {}).get("description")
            if description:
                told = phrase_of(kind)
                yield str(description), load_texts("en").told(told) if told else ""
            yield from forms(kind.type, seen)


def test_a_form_says_the_same_in_the_schema_and_to_people() -> None:
    found = {pair for root in (Vault, Profile) for pair in forms(inspect.type_info(root), set())}
    assert len(found) == 5
    assert [pair for pair in found if pair[0] != pair[1]] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_argument_with_braces_is_shown_as_it_is(language: str) -> None:
    texts = load_texts("zh-CN" if language == "zh-CN" else "en")
    assert "{a.b!r}" in texts.told(phrase("seen_unknown_key", key="{a.b!r}"))


def test_an_error_is_english_in_a_log_and_the_persons_language_on_a_screen(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "none").read_bytes()
    error = PhrasedError(os_reason(caught.value))
    assert str(error) == "no such file or directory"
    assert load_texts("zh-CN").told(error.said) == "文件或目录不存在"


def test_a_phrase_goes_through_json() -> None:
    made = phrase("seen_twice", value=phrase("unit_of_bus", unit=3, bus="b"))
    assert msgspec.json.decode(msgspec.json.encode(made), type=type(made)) == made
