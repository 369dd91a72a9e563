"""A tree to frozen records, driven by their types. Every mistake is collected; none stops the reading.

Where a value is wrong its field holds INVALID, so that the checks across records still see all the others.
"""

import re
from typing import Any

import msgspec
from msgspec import inspect

from config.advice import did_you_mean, nearest, next_step
from config.phrase import Phrase, Said, phrase
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
        note: Phrase | None = None
        while isinstance(kind, inspect.Metadata):
            note = phrase_of(kind) or note
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

    def _refuse(self, node: Node, steps: Steps, expected: Said, step: Said) -> Invalid:
        is_secret = bool(steps) and steps[-1] == "password" and isinstance(node, Scalar)
        seen = phrase("seen_literal") if is_secret else described(node)
        self.found.append(Finding(node.origin, steps, seen, expected, step))
        return INVALID

    def _struct(self, kind: inspect.StructType, node: Node, steps: Steps, place: str) -> Any:
        name = kind.cls.__name__
        if not isinstance(node, Mapping):
            keys = ", ".join(field.name for field in kind.fields)
            return self._refuse(node, steps, phrase("want_mapping_with", keys=keys), next_step(place))
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
                    seen, expected = phrase("seen_nothing"), phrase("want_key", key=field.name)
                    step = next_step(f"{name}.{field.name}")
                    self.found.append(Finding(node.origin, (*steps, field.name), seen, expected, step))
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
            step = did_you_mean(near) if near else phrase("do_remove_key", record=name)
            expected = phrase("want_key_of", record=name, keys=", ".join(fields))
            seen = phrase("seen_unknown_key", key=shortened(key))
            self.found.append(Finding(node.keys[key], (*steps, key), seen, expected, step))
        return meant

    def _tuple(self, kind: inspect.VarTupleType, node: Node, steps: Steps, place: str) -> Any:
        if not isinstance(node, Listing):
            step = phrase("do_write_empty_list") if is_nothing(node) else phrase("do_write_list")
            return self._refuse(node, steps, phrase("seen_list"), step)
        if len(node.items) < (kind.min_length or 0):
            return self._refuse(node, steps, phrase("want_items", count=kind.min_length or 0), next_step(place))
        return tuple(self.value(kind.item_type, item, (*steps, index), place) for index, item in enumerate(node.items))

    def _dict(self, kind: inspect.DictType, node: Node, steps: Steps, place: str) -> Any:
        if not isinstance(node, Mapping):
            step = phrase("do_write_empty_mapping") if is_nothing(node) else phrase("do_write_mapping")
            return self._refuse(node, steps, phrase("seen_mapping"), step)
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
        values = ", ".join(str(value) for value in kind.values)
        expected = phrase("want_one_of", values=values)
        if not isinstance(node, Scalar):
            return self._refuse(node, steps, expected, next_step(place))
        for value in kind.values:
            if value == (as_whole(node) if isinstance(value, int) else as_text(node)):
                return value
        if node.text in kind.values:
            quoted = phrase("do_quote", text=shortened(node.text))
            return self._refuse(node, steps, phrase("want_text_one_of", values=values), quoted)
        near = "" if isinstance(kind.values[0], int) else nearest(node.text, [str(value) for value in kind.values])
        return self._refuse(node, steps, expected, did_you_mean(near) if near else next_step(place))

    def _text(self, kind: inspect.StrType, node: Node, steps: Steps, place: str, note: Phrase | None) -> Any:
        expected = note or (phrase("want_matching", pattern=kind.pattern) if kind.pattern else phrase("want_text"))
        if not isinstance(node, Scalar):
            return self._refuse(node, steps, expected, next_step(place))
        text = as_text(node)
        if text is None:
            step = phrase("do_write_empty_text") if is_nothing(node) else phrase("do_quote", text=shortened(node.text))
            return self._refuse(node, steps, phrase("want_text_of", form=note) if note else expected, step)
        if kind.pattern is not None and not re.fullmatch(kind.pattern, text):
            return self._refuse(node, steps, expected, next_step(place))
        if len(text) < (kind.min_length or 0):
            return self._refuse(node, steps, phrase("want_text_not_empty"), next_step(place))
        return text

    def _number(self, kind: inspect.IntType | inspect.FloatType, node: Node, steps: Steps, place: str) -> Any:
        is_whole = isinstance(kind, inspect.IntType)
        limits = number_range(kind)
        value: float | None = None
        if isinstance(node, Scalar):
            value = as_whole(node) if is_whole else as_real(node)
        if value is None:
            noun = phrase("want_whole_number") if is_whole else phrase("want_number")
            expected = phrase("want_number_in", noun=noun, range=limits) if limits else noun
            return self._refuse(node, steps, expected, _number_step(node, place))
        is_inside = (
            (kind.ge is None or value >= kind.ge)
            and (kind.gt is None or value > kind.gt)
            and (kind.le is None or value <= kind.le)
            and (kind.lt is None or value < kind.lt)
        )
        return value if is_inside else self._refuse(node, steps, limits, next_step(place))


def phrase_of(kind: inspect.Metadata) -> Phrase | None:
    """What a text must be like, where its type says so: `Meta(extra={"expected": phrase(...)})`."""
    expected = (kind.extra or {}).get("expected")
    return expected if isinstance(expected, Phrase) else None


def number_range(kind: inspect.IntType | inspect.FloatType) -> Said:
    """The permitted range in words, '' for any number."""
    if kind.ge is not None and kind.le is not None:
        return f"{kind.ge}..{kind.le}"
    low: Said = ""
    if kind.ge is not None:
        low = phrase("range_at_least", limit=kind.ge)
    elif kind.gt is not None:
        low = phrase("range_above", limit=kind.gt)
    high: Said = ""
    if kind.le is not None:
        high = phrase("range_at_most", limit=kind.le)
    elif kind.lt is not None:
        high = phrase("range_below", limit=kind.lt)
    return phrase("range_both", low=low, high=high) if low and high else low or high


def _number_step(node: Node, place: str) -> Said:
    if not isinstance(node, Scalar):
        return next_step(place)
    bare = node.text.lstrip("+-")
    if not node.plain and as_real(Scalar(node.text, True, node.origin)) is not None:
        return phrase("do_remove_quotes")
    if bare.isascii() and bare.isdigit() and bare.startswith("0"):
        return phrase("do_write_number", number=int(bare[:20]))
    if ":" in bare:
        return phrase("do_write_decimal")
    return next_step(place)
