"""YAML text to a tree that knows the line of every value. Types are decided later, by what the place expects.

Composed from libyaml's events by a loop, so nesting cannot exhaust the stack; aliases are refused, so a tree is never
larger than its text and every value has one origin.
"""

import re
from collections.abc import Iterator

import msgspec
import yaml

from config.phrase import Said, phrase
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
        seen = phrase("seen_broken_yaml", detail=shortened(str(error.problem or error.context or "?")))
        found.append(Finding(origin, (), seen, phrase("want_yaml"), phrase("do_see_indentation")))
    except yaml.YAMLError as error:
        seen = phrase("seen_broken_yaml", detail=shortened(str(error)))
        found.append(Finding(Origin(file, 1), (), seen, phrase("want_yaml"), phrase("do_remove_control_characters")))
    return Hole(Origin(file, 1))


def _decoded(raw: bytes, file: str, found: list[Finding]) -> str | None:
    if len(raw) > MAX_BYTES:
        seen, expected = phrase("seen_bytes", count=len(raw)), phrase("range_at_most", limit=MAX_BYTES)
        found.append(Finding(Origin(file, 0), (), seen, expected, phrase("do_import_volumes")))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        seen = phrase("seen_byte", byte=f"0x{raw[error.start]:02x}")
        found.append(Finding(Origin(file, line), (), seen, phrase("want_utf8"), phrase("do_save_as_utf8")))
        return None


def _composed(events: Iterator[yaml.Event], file: str, found: list[Finding]) -> Node:
    stack: list[_Open] = []
    root: Node | None = None
    values = skipped = 0  # skipped: open collections inside what was refused
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 1
        origin = Origin(file, line)
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            step = phrase("do_remove_from_here")
            found.append(Finding(origin, (), phrase("seen_second_document"), phrase("want_one_document"), step))
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
            if len(found) > MAX_FINDINGS:
                seen, limit = phrase("seen_too_many_mistakes", limit=MAX_FINDINGS), MAX_FINDINGS
            elif len(stack) + skipped > MAX_DEPTH:
                seen, limit = phrase("seen_too_many_levels", limit=MAX_DEPTH), MAX_DEPTH
            else:
                seen, limit = phrase("seen_too_many_values", limit=MAX_VALUES), MAX_VALUES
            expected = phrase("range_at_most", limit=limit)
            found.append(Finding(origin, _steps_of_value(parent), seen, expected, phrase("do_correct_this_part")))
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
        is_alias = isinstance(event, yaml.AliasEvent)
        step = phrase("do_write_key_out") if is_alias else phrase("do_write_key_as_text")
        found.append(Finding(origin, parent.steps, phrase("seen_no_text_key"), phrase("want_plain_key"), step))
        return int(not is_alias)
    parent.key = event.value
    if event.value in parent.node.entries:
        parent.skip = True
        first = parent.node.keys[event.value].line
        found.append(
            Finding(
                origin,
                (*parent.steps, event.value),
                phrase("seen_key_twice", key=shortened(event.value)),
                phrase("want_key_once", line=first),
                phrase("do_remove_one"),
            )
        )
    return 0


def _node(event: yaml.NodeEvent, origin: Origin, steps: Steps, found: list[Finding]) -> Node:
    if isinstance(event, yaml.AliasEvent):
        found.append(
            Finding(
                origin,
                steps,
                phrase("seen_alias", name=shortened(str(event.anchor))),
                phrase("want_value_itself"),
                phrase("do_write_out_or_extend"),
            )
        )
        return Hole(origin)
    tag: str | None = getattr(event, "tag", None)
    if tag is not None and tag != "!":
        seen = phrase("seen_tag", tag=shortened(tag))
        found.append(Finding(origin, steps, seen, phrase("want_plain_value"), phrase("do_remove_tag")))
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


def described(node: Node) -> Said:
    """How a problem shows it."""
    if isinstance(node, Mapping):
        return phrase("seen_mapping")
    if isinstance(node, Listing):
        return phrase("seen_list")
    if is_nothing(node):
        return phrase("seen_nothing")
    if isinstance(node, Scalar):
        return shortened(node.text if node.plain else repr(node.text))
    return phrase("seen_unreadable")
