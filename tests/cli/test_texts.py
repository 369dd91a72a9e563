"""Every text a person sees exists in every language, and every code that is used has one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from config.messages import LANGUAGES, Texts, language_of, load_texts
from config.policy import Limit
from drivers.command import Result
from edge.rules.devices import STORE_ALARMS
from edge.state.custody_facts import HolderKind
from edge.state.facts import LANE_OF, Severity, Status

ROOT = Path(__file__).resolve().parents[2]
SCANNED = ("edge", "drivers", "sensors")
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

# Callee -> the arguments (by position or name) that are text ids. A change of these signatures changes this table.
CODES_IN: dict[str, tuple[int | str, ...]] = {
    "raised": (2,),
    "cleared": (2,),
    "noted": (2,),
    "Refuse": (0,),
    "Refused": (0,),
    "Trouble": (0,),
    "Unknown": (0,),
    "Verdict": (0, "note"),
    "Vote": (3, "reason"),
    "Ended": (1, "reason"),
    "Decision": (2, "answer"),
    "DeviceLost": (2, "reason"),
    "DeviceNote": (2, "code"),
    "LinkState": (3, "note"),
    "CommandOutcome": (4, "reason"),
    "CommandEnded": (4, "reason"),
    "CommandResult": ("reason",),
    "ForeignTagSeen": ("reason",),
    "PlatformCommand": ("refusal",),
    "StoreError": (0,),
    "StoreBusy": (0,),
    "StoreFull": (0,),
    "DeviceError": (0,),
    "ProtocolError": (0,),
    "_raised": (2,),
    "_note": (1,),
    "_end": (1, 2),
    "_outcome": (2, 3),
    "_refused": (0, 2),
    "publish_result": (2,),
}
CODES_RETURNED_BY = {"_refusal", "judge", "rewind_refusal", "_problem"}
CODE_TABLES = {"HAZARDS", "REASONS", "LOSS_REASONS"}
NOT_CODES = {*get_args(Result), "accepted", *get_args(Severity), "reader", "sensor", "board", "link"}
BUILT = {
    **{f"store_{level}": "STORE_ALARMS" for level in STORE_ALARMS},
    **{
        f"{quantity}_{side}": "limits"
        for quantity in get_args(Limit.__annotations__["quantity"])
        for side in ("low", "high")
    },
}
"""Codes put together from parts: the f-strings that do so are counted below."""


@pytest.fixture(scope="module")
def english() -> Texts:
    return load_texts("en")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in SCANNED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def constants(node: ast.expr) -> Iterator[str]:
    """The strings an expression may be, as far as it says so itself."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.Starred):
        yield from constants(node.value)
    elif isinstance(node, ast.Tuple):
        for element in node.elts:
            yield from constants(element)
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get":
        for argument in node.args[1:]:
            yield from constants(argument)


def codes_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("llrp_"):
            yield node.value
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            wanted = CODES_IN.get(name, ())
            for place, argument in enumerate(node.args):
                if place in wanted or isinstance(argument, ast.Starred):
                    yield from constants(argument)
            for keyword in node.keywords:
                if keyword.arg in wanted:
                    yield from constants(keyword.value)
            if name == "append" and getattr(getattr(node.func, "value", None), "attr", "") == "_notes":
                yield from constants(node.args[0])
        elif isinstance(node, ast.FunctionDef) and node.name in CODES_RETURNED_BY:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from constants(inner.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(getattr(target, "id", "") in CODE_TABLES for target in targets) and isinstance(node.value, ast.Dict):
                for value in node.value.values:
                    yield from constants(value)
            if any(
                getattr(target, "id", getattr(target, "attr", "")) in {"code", "reason", "_trouble"}
                for target in targets
            ):
                yield from constants(node.value) if node.value is not None else ()


def used_codes() -> dict[str, str]:
    """Code -> a file that uses it."""
    found = {
        code: str(path.relative_to(ROOT))
        for path, tree in sources()
        for code in codes_of(tree)
        if CODE.fullmatch(code) and code not in NOT_CODES
    }
    return {**BUILT, **found}


def used_labels() -> set[str]:
    """Labels named as such in the tool, and the families built from what they name."""
    found: set[str] = set()
    for path, tree in sources():
        if "cli" not in path.parts:
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if (name in {"label", "say"} and node.args) or name == "table":
                found |= set(constants(node.args[0]))
            elif name == "described":
                found |= {f"help_{command}" for command in constants(node.args[1])}
    found |= {f"fact_{kind.__struct_config__.tag}" for kind in LANE_OF}  # type: ignore[attr-defined]
    found |= {f"severity_{severity}" for severity in get_args(Severity)}
    found |= {f"volume_{status}" for status in get_args(Status)}
    found |= {f"holder_{kind}" for kind in get_args(HolderKind)} | {"no_aisle"}
    found |= {f"result_{result}" for result in get_args(Result)}
    found |= {f"health_{health}" for health in ("ok", "degraded", "life_safety")}
    found |= {f"store_level_{level}" for level in ("ok", *STORE_ALARMS)}
    found |= {f"kind_{kind}" for kind in ("reader", "sensor", "board", "link")}
    found |= {f"quantity_{quantity}" for quantity in get_args(Limit.__annotations__["quantity"])}
    return found | {"state_open", "state_closed", "state_None", "state_search_again", "side_low", "side_high"}


def test_the_scan_finds_codes_of_every_kind() -> None:
    """A scan that found nothing would prove nothing."""
    found = used_codes()
    assert {
        "leak",  # a table
        "device_lost",  # an alarm
        "leak_cable_broken",  # the other branch of a conditional
        "zone_wet",
        "role_not_allowed",  # returned
        "second_person_needed",
        "wrong_vault",
        "no_outcome",  # a keyword
        "link_down",
        "llrp_held",
        "llrp_silent",
        "line_down",
        "too_few_sensors",
        "gateway_no_answer",
        "ack_wrong_epoch",  # appended to the notes
        "store_busy",
        "no_daemon",
    } <= set(found)


def test_every_code_that_is_used_has_a_text(english: Texts) -> None:
    missing = {code: where for code, where in used_codes().items() if not english.is_known(code)}
    assert not missing, "add these to config/texts/*.yaml"


def test_codes_are_put_together_in_known_places_only() -> None:
    """An f-string as a code cannot be scanned: each is listed in BUILT."""
    built = {
        f"{path.relative_to(ROOT)}: {ast.unparse(node.args[2])}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") in {"raised", "cleared"}
        and len(node.args) > 2
        and isinstance(node.args[2], ast.JoinedStr)
    }
    assert built == {
        "edge/rules/devices.py: f'store_{level}'",
        "edge/rules/limits.py: f'{quantity}_{before}'",
        "edge/rules/limits.py: f'{quantity}_{side}'",
    }


def test_every_label_that_is_used_has_a_text(english: Texts) -> None:
    labels = english._loaded.labels
    assert {label for label in used_labels() if label not in labels} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_placeholders(english: Texts, language: str) -> None:
    other = load_texts("zh-CN" if language == "zh-CN" else "en")._loaded
    ours = english._loaded
    assert set(other.codes) == set(ours.codes)
    assert set(other.labels) == set(ours.labels)
    for code, text in ours.codes.items():
        twin = other.codes[code]
        assert all((twin.title, twin.meaning, twin.next_step)), code
        for part in ("title", "meaning", "next_step"):
            assert placeholders(getattr(twin, part)) == placeholders(getattr(text, part)), f"{code}.{part}"
    for label, sentence in ours.labels.items():
        assert placeholders(other.labels[label]) == placeholders(sentence), label


def test_chinese_texts_are_chinese() -> None:
    texts = load_texts("zh-CN")._loaded
    chinese = re.compile(r"[\u4e00-\u9fff]")
    assert [code for code, text in texts.codes.items() if not chinese.search(text.title + text.meaning)] == []


def test_a_code_of_a_newer_daemon_is_shown_as_it_is(english: Texts) -> None:
    assert english.title("brand_new_code") == "brand_new_code"
    assert english.nearest("leek_unknown")[0] == "leak_unknown"


def test_a_code_explained_without_a_case_at_hand_has_no_placeholder_left(english: Texts) -> None:
    for texts in (english, load_texts("zh-CN")):
        for code in texts._loaded.codes:
            text = texts.explained(code)
            example = code == "no_people"  # its braces are YAML
            assert example or "{" not in text.title + text.meaning + text.next_step, code


def test_a_code_is_found_by_its_title_and_in_any_case(english: Texts) -> None:
    assert english.codes_named(" Leak_Unknown") == ["leak_unknown"]
    assert english.codes_named("not known to be DRY") == ["leak_unknown"]
    assert english.codes_named("no daemon") == ["no_daemon", "no_daemon_for_import"]
    assert english.codes_named("nothing like it") == []


def test_an_argument_that_was_not_given_does_not_hide_the_text(english: Texts) -> None:
    assert "{uid}" in english.code("no_person").meaning
    assert "1001" in english.code("no_person", {"uid": 1001}).meaning


@pytest.mark.parametrize(
    ("named", "environ", "language"),
    [
        ("zh-CN", {"LANG": "en_US.UTF-8"}, "zh-CN"),
        ("", {"LANTAI_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ("", {"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ("", {"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ("", {}, "en"),
    ],
)
def test_the_language_is_the_one_asked_for_then_the_locale(named: str, environ: dict[str, str], language: str) -> None:
    assert language_of(named, environ) == language
