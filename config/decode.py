"""A tree to frozen records, driven by their types. Every mistake is collected; none stops the reading.

Where a value is wrong its field holds INVALID, so that the checks across records still see all the others.
"""

import re
from typing import Any

import msgspec
from msgspec import inspect

from config.advice import nearest, next_step
from config.problem import Finding, Origin, Steps, path_of, shortened
from config.yaml_nodes import (
    Hole,
    Listing,
    Mapping,
    Node,
    Scalar,
    as_real,
    as_text,
    as_whole,
    described,
    is_nothing,
)


class Invalid(msgspec.Struct, frozen=True):
    """Stands where a value was refused."""


INVALID = Invalid()
MOST_ADVICE = 200  # past so many mistakes the nearest name is no longer looked for


class Decoded(msgspec.Struct, frozen=True):
    """`value` of the type asked for, with INVALID where something was refused; `origin` of every key path."""

    value: Any
    origin: dict[str, Origin]


def decode(kind: inspect.Type, tree: Node, found: list[Finding], *, is_whole: bool = True) -> Decoded:
    """Read the tree as `kind` (of `msgspec.inspect.type_info`). Mistakes go to `found`.

    `is_whole` False: a part of the tree could not be read, so a missing key is no mistake.
    """
    reading = _Reading(found, is_whole=is_whole)
    value = reading.value(kind, tree, (), "")
    return Decoded(value, reading.origin)


class _Reading:
    """One walk. `place` is `Struct.field` of the value in hand, for advice."""

    def __init__(self, found: list[Finding], *, is_whole: bool) -> None:
        self.found = found
        self.is_whole = is_whole
        self.origin: dict[str, Origin] = {}

    def value(self, kind: inspect.Type, node: Node, steps: Steps, place: str) -> Any:
        note = ""
        while isinstance(kind, inspect.Metadata):
            note = (kind.extra_json_schema or {}).get("description", note)
            kind = kind.type
        self.origin[path_of(steps)] = node.origin
        if isinstance(node, Hole):
            return INVALID
        match kind:
            case inspect.StructType():
                return self._struct(kind, node, steps, place)
            case inspect.VarTupleType():
                return self._tuple(kind, node, steps, place)
            case inspect.DictType():
                return self._dict(kind, node, steps, place)
            case inspect.UnionType():
                return self._union(kind, node, steps, place)
            case inspect.LiteralType():
                return self._literal(kind, node, steps, place)
            case inspect.StrType():
                return self._text(kind, node, steps, place, note)
            case inspect.IntType() | inspect.FloatType():
                return self._number(kind, node, steps, place)
        raise NotImplementedError(f"{path_of(steps)}: no reader for {type(kind).__name__}; add one to config/decode.py")

    def _refuse(self, node: Node, steps: Steps, expected: str, step: str) -> Invalid:
        is_secret = bool(steps) and steps[-1] == "password" and isinstance(node, Scalar)
        seen = "a literal (not shown)" if is_secret else described(node)
        self.found.append(Finding(node.origin, steps, seen, expected, step))
        return INVALID

    def _struct(self, kind: inspect.StructType, node: Node, steps: Steps, place: str) -> Any:
        name = kind.cls.__name__
        if not isinstance(node, Mapping):
            keys = ", ".join(field.name for field in kind.fields)
            return self._refuse(node, steps, f"a mapping with the keys {keys}", next_step(place))
        fields = {field.name: field for field in kind.fields}
        meant = self._unknown_keys(node, fields, steps, name)
        values: dict[str, Any] = {}
        for field in kind.fields:
            given = node.entries.get(field.name)
            if given is not None:
                values[field.name] = self.value(field.type, given, (*steps, field.name), f"{name}.{field.name}")
            elif field.required:
                values[field.name] = INVALID
                if self.is_whole and field.name not in meant:
                    expected = f"the key '{field.name}'"
                    step = next_step(f"{name}.{field.name}")
                    self.found.append(Finding(node.origin, (*steps, field.name), "nothing", expected, step))
        return kind.cls(**values)

    def _unknown_keys(self, node: Mapping, fields: dict[str, Any], steps: Steps, name: str) -> set[str]:
        """Report keys that the record lacks; the keys that were probably meant by them."""
        meant = set()
        free = [field for field in fields if field not in node.entries]
        for key in node.entries:
            if key in fields:
                continue
            near = (nearest(key, free) or nearest(key, fields)) if len(self.found) < MOST_ADVICE else ""
            meant.add(near)
            step = f"did you mean '{near}'?" if near else f"remove it; keys: see docs/configuration.md, {name}"
            expected = f"a key of {name.lower()}: {', '.join(fields)}"
            seen = f"the unknown key '{shortened(key)}'"
            self.found.append(Finding(node.keys[key], (*steps, key), seen, expected, step))
        return meant

    def _tuple(self, kind: inspect.VarTupleType, node: Node, steps: Steps, place: str) -> Any:
        if not isinstance(node, Listing):
            step = "write [] for an empty list" if is_nothing(node) else "put '- ' before each item, or [ ] around them"
            return self._refuse(node, steps, "a list", step)
        if len(node.items) < (kind.min_length or 0):
            return self._refuse(node, steps, f"at least {kind.min_length} items", next_step(place))
        return tuple(self.value(kind.item_type, item, (*steps, index), place) for index, item in enumerate(node.items))

    def _dict(self, kind: inspect.DictType, node: Node, steps: Steps, place: str) -> Any:
        if not isinstance(node, Mapping):
            step = "write {} for none" if is_nothing(node) else "write one 'name: value' a line"
            return self._refuse(node, steps, "a mapping", step)
        values = {}
        for key, item in node.entries.items():
            # A key is always text: `no:` and `12:` stay what was written.
            name = self.value(kind.key_type, Scalar(key, False, node.keys[key]), (*steps, key), place)
            value = self.value(kind.value_type, item, (*steps, key), place)
            if not isinstance(name, Invalid):
                values[name] = value
        return values

    def _union(self, kind: inspect.UnionType, node: Node, steps: Steps, place: str) -> Any:
        if is_nothing(node) and any(isinstance(member, inspect.NoneType) for member in kind.types):
            return None
        (member,) = (member for member in kind.types if not isinstance(member, inspect.NoneType))
        return self.value(member, node, steps, place)

    def _literal(self, kind: inspect.LiteralType, node: Node, steps: Steps, place: str) -> Any:
        expected = "one of " + ", ".join(str(value) for value in kind.values)
        if not isinstance(node, Scalar):
            return self._refuse(node, steps, expected, next_step(place))
        for value in kind.values:
            if value == (as_whole(node) if isinstance(value, int) else as_text(node)):
                return value
        if node.text in kind.values:
            return self._refuse(node, steps, f"text, {expected}", f'put it in quotes: "{node.text}"')
        near = "" if isinstance(kind.values[0], int) else nearest(node.text, [str(value) for value in kind.values])
        return self._refuse(node, steps, expected, f"did you mean '{near}'?" if near else next_step(place))

    def _text(self, kind: inspect.StrType, node: Node, steps: Steps, place: str, note: str) -> Any:
        expected = note or (f"text matching {kind.pattern}" if kind.pattern else "text")
        if not isinstance(node, Scalar):
            return self._refuse(node, steps, expected, next_step(place))
        text = as_text(node)
        if text is None:
            step = 'write "" for none' if is_nothing(node) else f'put it in quotes: "{node.text}"'
            return self._refuse(node, steps, f"text ({note})" if note else expected, step)
        if kind.pattern is not None and not re.fullmatch(kind.pattern, text):
            return self._refuse(node, steps, expected, next_step(place))
        if len(text) < (kind.min_length or 0):
            return self._refuse(node, steps, "text that is not empty", next_step(place))
        return text

    def _number(self, kind: inspect.IntType | inspect.FloatType, node: Node, steps: Steps, place: str) -> Any:
        is_whole = isinstance(kind, inspect.IntType)
        limits = number_range(kind)
        value: float | None = None
        if isinstance(node, Scalar):
            value = as_whole(node) if is_whole else as_real(node)
        if value is None:
            noun = "a whole number" if is_whole else "a number"
            return self._refuse(node, steps, f"{noun} {limits}".strip(), _number_step(node, place))
        is_inside = (
            (kind.ge is None or value >= kind.ge)
            and (kind.gt is None or value > kind.gt)
            and (kind.le is None or value <= kind.le)
            and (kind.lt is None or value < kind.lt)
        )
        return value if is_inside else self._refuse(node, steps, limits, next_step(place))


def number_range(kind: inspect.IntType | inspect.FloatType) -> str:
    """The permitted range in words, '' for any number."""
    if kind.ge is not None and kind.le is not None:
        return f"{kind.ge}..{kind.le}"
    parts = [
        f"{word} {limit}"
        for word, limit in (("at least", kind.ge), ("above", kind.gt), ("at most", kind.le), ("below", kind.lt))
        if limit is not None
    ]
    return ", ".join(parts)


def _number_step(node: Node, place: str) -> str:
    if not isinstance(node, Scalar):
        return next_step(place)
    bare = node.text.lstrip("+-")
    if not node.plain and as_real(Scalar(node.text, True, node.origin)) is not None:
        return "remove the quotes"
    if bare.isascii() and bare.isdigit() and bare.startswith("0"):
        return f"write {int(bare[:20])} (a leading zero means octal to some YAML readers)"
    if ":" in bare:
        return "write it as one decimal number (12:30 means 750 to some YAML readers)"
    return next_step(place)
