"""The reference and the editors' schema are those of the types."""

import msgspec
from msgspec import inspect

from config.decode import decode
from config.problem import Finding
from config.profile import Profile
from config.reference import REFERENCE_FILE, SCHEMA_FILE, reference, schema
from config.vault import Vault
from config.yaml_nodes import read_tree

STALE = "stale; run `python -m config.reference`"


def test_the_schema_for_editors_is_that_of_the_types() -> None:
    assert SCHEMA_FILE.read_bytes() == schema(), STALE


def test_the_reference_is_that_of_the_types() -> None:
    assert REFERENCE_FILE.read_text(encoding="utf-8") == reference(), STALE


def test_every_key_of_the_reference_has_a_meaning() -> None:
    assert [line for line in reference().splitlines() if line.endswith("|  |")] == []


def test_the_schema_asks_for_the_required_keys_only_where_nothing_is_extended() -> None:
    top = msgspec.json.decode(schema())["$defs"]["Vault"]
    assert "extends" in top["properties"]
    assert top["anyOf"][0] == {"required": ["extends"]}
    assert "timezone" in top["anyOf"][1]["required"]
    assert top["additionalProperties"] is False


def test_the_loader_can_read_every_type_that_the_records_use() -> None:
    found: list[Finding] = []
    for root in (Vault, Profile):
        kind = inspect.type_info(root)
        assert isinstance(kind, inspect.StructType)
        for field in kind.fields:
            decode(field.type, read_tree(b"{}", "x", found), found)
