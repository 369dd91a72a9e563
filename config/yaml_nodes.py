"""YAML text to a tree that knows the line of every value. Types are decided later, by what the place expects.

Composed from libyaml's events by a loop, so nesting cannot exhaust the stack; aliases are refused, so a tree is never
larger than its text and every value has one origin.
"""

import re
from collections.abc import Iterator

import msgspec
import yaml

from config.problem import Finding, Origin, Steps, shortened

MAX_BYTES = 4 << 20
MAX_DEPTH = 24
MAX_VALUES = 200_000
MAX_FINDINGS = 1000


class Scalar(msgspec.Struct, frozen=True):
    """`text` as written; `plain` when without quotes, so that it may be a number or nothing."""

    text: str
    plain: bool
    origin: Origin


class Listing(msgspec.Struct, frozen=True):
    """A YAML sequence."""

    items: list["Node"]
    origin: Origin


class Mapping(msgspec.Struct, frozen=True):
    """A YAML mapping; `keys` holds where each key stands."""

    entries: dict[str, "Node"]
    keys: dict[str, Origin]
    origin: Origin


class Hole(msgspec.Struct, frozen=True):
    """A value that was already reported: nothing more is said about it."""

    origin: Origin


Node = Scalar | Listing | Mapping | Hole


class _Open(msgspec.Struct):
    """A collection under construction. `key` is the mapping key that waits for its value."""

    node: Mapping | Listing
    steps: Steps
    key: str | None = None
    key_origin: Origin | None = None
    skip: bool = False


def read_tree(raw: bytes, file: str, found: list[Finding]) -> Node:
    """The tree of one document. Mistakes go to `found`; what cannot be read at all becomes a Hole."""
    text = _decoded(raw, file, found)
    if text is None:
        return Hole(Origin(file, 1))
    try:
        return _composed(yaml.parse(text, Loader=yaml.CBaseLoader), file, found)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        origin = Origin(file, mark.line + 1 if mark else 1)
        seen = shortened(str(error.problem or error.context or "broken syntax"))
        found.append(
            Finding(origin, (), seen, "valid YAML", "see indentation, colons and quotes at and above this line")
        )
    except yaml.YAMLError as error:
        seen = shortened(str(error))
        found.append(Finding(Origin(file, 1), (), seen, "valid YAML", "remove control characters from the file"))
    return Hole(Origin(file, 1))


def _decoded(raw: bytes, file: str, found: list[Finding]) -> str | None:
    if len(raw) > MAX_BYTES:
        seen, expected = f"{len(raw)} bytes", f"at most {MAX_BYTES}"
        step = "volumes are not configuration: load them with `lantai import`"
        found.append(Finding(Origin(file, 0), (), seen, expected, step))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        seen = f"byte 0x{raw[error.start]:02x}"
        found.append(
            Finding(Origin(file, line), (), seen, "UTF-8 text", "save the file as UTF-8 (it may be GBK or UTF-16)")
        )
        return None


def _composed(events: Iterator[yaml.Event], file: str, found: list[Finding]) -> Node:
    stack: list[_Open] = []
    root: Node | None = None
    values = skipped = 0  # skipped: open collections inside what was refused
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 1
        origin = Origin(file, line)
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            step = "remove everything from this '---' on"
            found.append(Finding(origin, (), "a second document", "one document", step))
            break
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            if skipped:
                skipped -= 1
            else:
                stack.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        parent = stack[-1] if stack else None
        values += 1
        if len(stack) + skipped > MAX_DEPTH or values > MAX_VALUES or len(found) > MAX_FINDINGS:
            # Not read on: libyaml takes minutes for a deep enough nest of brackets.
            what, limit = ("levels", MAX_DEPTH) if len(stack) + skipped > MAX_DEPTH else ("values", MAX_VALUES)
            if len(found) > MAX_FINDINGS:
                what, limit = "mistakes", MAX_FINDINGS
            step = "correct this part; nothing below it was read"
            found.append(
                Finding(origin, _steps_of_value(parent), f"more than {limit} {what}", f"at most {limit}", step)
            )
            return Hole(origin)
        starts = isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent))
        if skipped:
            skipped += starts
            continue
        if parent and isinstance(parent.node, Mapping) and parent.key is None:
            skipped = _take_key(parent, event, origin, found)
            continue
        steps = _steps_of_value(parent)
        if starts and parent and parent.key_origin:
            origin = parent.key_origin  # a block collection begins a line below its key
        node = _node(event, origin, steps, found)
        if parent is None:
            root = node
        else:
            _put(parent, node)
        if isinstance(node, (Mapping, Listing)):
            stack.append(_Open(node, steps))
        elif starts:
            skipped = 1
    return Scalar("", True, Origin(file, 1)) if root is None else root


def _steps_of_value(parent: _Open | None) -> Steps:
    if parent is None:
        return ()
    if isinstance(parent.node, Listing):
        return (*parent.steps, len(parent.node.items))
    return (*parent.steps, parent.key or "")


def _take_key(parent: _Open, event: yaml.NodeEvent, origin: Origin, found: list[Finding]) -> int:
    """Remember the key; 1 when the key is itself a collection, which the caller must skip."""
    assert isinstance(parent.node, Mapping)
    parent.key_origin, parent.skip, parent.key = origin, False, ""
    if not isinstance(event, yaml.ScalarEvent):
        parent.skip = True
        step = "write the key as text" if not isinstance(event, yaml.AliasEvent) else "write the key out"
        found.append(Finding(origin, parent.steps, "a key that is not text", "a plain key", step))
        return int(not isinstance(event, yaml.AliasEvent))
    parent.key = event.value
    if event.value in parent.node.entries:
        parent.skip = True
        first = parent.node.keys[event.value].line
        found.append(
            Finding(
                origin,
                (*parent.steps, event.value),
                f"the key '{shortened(event.value)}' a second time",
                f"it once (first in line {first})",
                "remove one of the two",
            )
        )
    return 0


def _node(event: yaml.NodeEvent, origin: Origin, steps: Steps, found: list[Finding]) -> Node:
    if isinstance(event, yaml.AliasEvent):
        found.append(
            Finding(
                origin,
                steps,
                f"the alias *{shortened(str(event.anchor))}",
                "the value itself",
                "write it out, or share it by `extends:`",
            )
        )
        return Hole(origin)
    tag: str | None = getattr(event, "tag", None)
    if tag is not None and tag != "!":
        found.append(Finding(origin, steps, f"the tag {shortened(tag)}", "a plain value", "remove the tag"))
        return Hole(origin)
    if isinstance(event, yaml.ScalarEvent):
        return Scalar(event.value, event.style in (None, "") and tag is None, origin)
    if isinstance(event, yaml.MappingStartEvent):
        return Mapping({}, {}, origin)
    return Listing([], origin)


def _put(parent: _Open, node: Node) -> None:
    if isinstance(parent.node, Listing):
        parent.node.items.append(node)
        return
    if not parent.skip and parent.key is not None and parent.key_origin is not None:
        parent.node.entries[parent.key] = node
        parent.node.keys[parent.key] = parent.key_origin
    parent.key = None
    parent.key_origin = None


_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?|0[xo][0-9a-fA-F]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})
_WHOLE = re.compile(r"[-+]?(0|[1-9]\d{0,17})", re.ASCII)
_REAL = re.compile(r"[-+]?(0|[1-9]\d{0,17})?(\.\d*)?([eE][-+]?\d{1,3})?", re.ASCII)


def is_nothing(node: Node) -> bool:
    """Whether it is YAML's null."""
    return isinstance(node, Scalar) and node.plain and node.text in _NOTHING


def as_text(node: Scalar) -> str | None:
    """Its text, or None when YAML readers would take it for a number, a truth value or nothing."""
    if node.plain and (node.text in _NOTHING or node.text in _TRUTH or _NUMBER.fullmatch(node.text)):
        return None
    return node.text


def as_whole(node: Scalar) -> int | None:
    """A decimal whole number; None for anything else, `012` and `12:30` of YAML 1.1 among it."""
    return int(node.text) if node.plain and _WHOLE.fullmatch(node.text) else None


def as_real(node: Scalar) -> float | None:
    """A finite decimal number; None for anything else."""
    if not node.plain or not _REAL.fullmatch(node.text) or not any(letter.isdigit() for letter in node.text):
        return None
    try:
        value = float(node.text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def described(node: Node) -> str:
    """How a problem shows it."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Listing):
        return "a list"
    if is_nothing(node):
        return "nothing"
    if isinstance(node, Scalar):
        return shortened(node.text if node.plain else repr(node.text))
    return "an unreadable value"
