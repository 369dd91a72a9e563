"""The configuration reference and the editors' schema, out of the types: `python -m config.reference` writes both."""

import ast
import inspect as source
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import inspect

from config import devices, policy, profile, vault
from config.decode import number_range
from config.messages import load_texts
from config.profile import Profile
from config.vault import Vault

DOCS = Path(__file__).parent.parent / "docs"
SCHEMA_FILE = DOCS / "vault.schema.json"
REFERENCE_FILE = DOCS / "configuration.md"
_MODULES: tuple[ModuleType, ...] = (vault, devices, policy, profile)
_EXTENDS = "A path, or a list of paths, relative to this file: what this file builds on."

_HEAD = """# Configuration reference

Generated from the types by `python -m config.reference`; a test fails when it is stale.

A vault is one YAML file, `lantai check FILE` reads it and says everything that is wrong with it at once, and
`lantai config show --origin FILE` prints every value with the file and line it is from. Editors complete and check it
with `vault.schema.json`: begin the file with `# yaml-language-server: $schema=PATH/vault.schema.json`.

## Reading rules

- **Text and numbers are told apart.** A number, `true`, `null` or an octal-looking `012` where text is expected is
  refused: put it in quotes. Where a number is expected, only plain decimals count: `012`, `12:30`, `1_000` and `0x1F`,
  which mean different numbers to different YAML readers, are refused. `no` and `on` are the texts they look like.
- A key that no record knows is a mistake, in any mapping. So is a key written twice.
- Aliases (`*name`), tags (`!name`), merge keys (`<<`) and a second document are refused: share by `extends:`.
- **Secrets** stand only as `secret:NAME`: a systemd credential (`LoadCredential=NAME:...`), else the file
  `secrets/NAME` in the state directory, mode 0600.

## `extends:`

A path, or a list of paths, relative to the file that says it. Mappings merge deeply. Lists whose items all carry an
`id` merge by that id: known ids deeply, new ones are added behind. Every other list, and every scalar, is replaced;
so an empty list `[]` clears. Of several bases the later wins; the file itself wins over all of them.

```yaml
extends: demo.yaml
readers:
  - {id: reader-1, port: 25084}   # the other keys of reader-1, and the other readers, stay
```

## Profiles

A sensor or board names a profile: the register map of its kind of device. It is looked for in `profiles/` beside the
configuration file, beside each file it extends, then among those that come with the program. A device of a new kind:
[new-device.md](new-device.md).
"""


def schema() -> bytes:
    """The JSON Schema of a configuration file, for editors."""
    body = msgspec.json.schema(Vault)
    docs = _field_docs()
    for name, definition in body["$defs"].items():
        for key, text in docs[name].items():
            described = definition["properties"][key]
            described["description"] = _meaning(text, str(described.get("description", "")))
        definition.pop("title", None)
        definition["description"] = _one_line(definition.get("description", ""))
    top = body["$defs"]["Vault"]
    paths = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "description": _EXTENDS}
    top["properties"] = {"extends": paths, **top["properties"]}
    # What a file extends may hold the required keys, so they are asked only of a file that extends nothing.
    top["anyOf"] = [{"required": ["extends"]}, {"required": top.pop("required")}]
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Lantai vault configuration", **body}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def reference() -> str:
    """docs/configuration.md: every record with each key, its type, range, default and meaning."""
    parts = [_HEAD]
    docs = _field_docs()
    for root, title in ((Vault, "Vault file"), (Profile, "Profile file")):
        parts.append(f"\n## {title}: the records\n")
        seen: list[inspect.StructType] = []
        _collect(inspect.type_info(root), seen)
        parts += [_section(record, docs[record.cls.__name__]) for record in seen]
    return "".join(parts)


def _collect(kind: inspect.Type, seen: list[inspect.StructType]) -> None:
    match kind:
        case inspect.StructType():
            if kind.cls not in [known.cls for known in seen]:
                seen.append(kind)
                for field in kind.fields:
                    _collect(field.type, seen)
        case inspect.VarTupleType():
            _collect(kind.item_type, seen)
        case inspect.DictType():
            _collect(kind.value_type, seen)
        case inspect.UnionType():
            for member in kind.types:
                _collect(member, seen)
        case inspect.Metadata():
            _collect(kind.type, seen)


def _section(record: inspect.StructType, docs: dict[str, str]) -> str:
    rows = [f"\n### {record.cls.__name__}\n\n{_one_line(record.cls.__doc__ or '')}\n\n"]
    rows.append("| key | value | default | meaning |\n|---|---|---|---|\n")
    for field in record.fields:
        words, note = _words(field.type)
        cells = (f"`{field.name}`", words, _default(field), _meaning(docs.get(field.name, ""), note))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return "".join(rows)


def _words(kind: inspect.Type) -> tuple[str, str]:
    """A type in words, and its own description."""
    match kind:
        case inspect.Metadata():
            return _words(kind.type)[0], str((kind.extra_json_schema or {}).get("description", ""))
        case inspect.StructType():
            name = kind.cls.__name__
            return f"[{name}](#{name.lower()})", ""
        case inspect.VarTupleType():
            return f"list of {_words(kind.item_type)[0]}", ""
        case inspect.DictType():
            return f"mapping of name to {_words(kind.value_type)[0]}", ""
        case inspect.UnionType():
            return " or ".join(_words(member)[0] for member in kind.types), ""
        case inspect.LiteralType():
            return ", ".join(f"`{value}`" for value in kind.values), ""
        case inspect.NoneType():
            return "`null`", ""
        case inspect.IntType():
            return f"whole number {_range(kind)}".strip(), ""
        case inspect.FloatType():
            return f"number {_range(kind)}".strip(), ""
    return "text", ""


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    return load_texts("en").told(number_range(kind))


def _default(field: inspect.Field) -> str:
    if field.required:
        return "**required**"
    if field.default_factory is not msgspec.NODEFAULT:
        return "empty"
    if isinstance(field.default, msgspec.Struct):
        return "the defaults of its keys"
    if field.default in ("", ()):
        return "empty"
    return f"`{msgspec.json.encode(field.default).decode()}`"


def _field_docs() -> dict[str, dict[str, str]]:
    """The text under each field, by record: Python keeps it only in the source."""
    docs: dict[str, dict[str, str]] = {}
    for module in _MODULES:
        for node in ast.parse(source.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                docs[node.name] = {}
                for field, below in zip(node.body, node.body[1:], strict=False):
                    text = _text_of(below)
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and text:
                        docs[node.name][field.target.id] = text
    return docs


def _meaning(*texts: str) -> str:
    joined = ". ".join(text.rstrip(".") for text in texts if text)
    return f"{joined}." if joined else ""


def _text_of(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return _one_line(node.value.value)
    return ""


def _one_line(text: Any) -> str:
    return " ".join(str(text).split())


def main() -> None:
    """Write docs/vault.schema.json and docs/configuration.md."""
    SCHEMA_FILE.write_bytes(schema())
    REFERENCE_FILE.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA_FILE.name}, {REFERENCE_FILE.name}\n")


if __name__ == "__main__":
    main()
