"""`python -m edge.platform.asyncapi`: the platform contract as AsyncAPI 3, from the types of contract.py."""

import inspect
import sys
from typing import Any

import msgspec
import yaml

from edge.platform import contract as c
from edge.state.facts import LANE_OF

Document = dict[str, Any]
JSON = "application/json"

_UP: tuple[tuple[str, str, type, bool, str], ...] = (
    *((f"up/{lane}", f"{lane}Batch", c.Batch, False, f"Facts of the {lane} lane.") for lane in c.LANES),
    ("up/snapshot", "snapshot", c.SnapshotPage, False, "The mirrored fields at named marks, in pages."),
    ("up/res", "result", c.CommandResult, False, "What became of a command."),
    ("up/birth", "birth", c.Birth, True, "Who the node is and where its lanes stand; page 1."),
    ("up/birth/{page}", "birthPage", c.Birth, True, "Further pages of a birth above 256 KB."),
    ("up/state", "state", c.State, True, "online, draining or offline; offline is also the will."),
)
_DOWN: tuple[tuple[str, str, type, str], ...] = (
    ("down/ack/{lane}", "ack", c.Ack, "The platform's own acknowledgement, after its commit."),
    ("down/cmd", "command", c.CommandClaims, "A signed command; actions: snapshot.request."),
    ("down/rewind", "rewind", c.CommandClaims, "A signed command; action: rewind, args: RewindArgs."),
)
_PARAMETERS: dict[str, Document] = {
    "centre": {"description": "Id of the centre."},
    "vault": {"description": "Id of the vault."},
    "node": {"description": "Id of the edge node."},
    "lane": {"description": "A lane.", "enum": list(c.LANES)},
    "page": {"description": "Page number, from 2."},
}


def document() -> Document:
    """The whole AsyncAPI document as plain data, keys in reading order."""
    channels: Document = {}
    operations: Document = {}
    messages: Document = {}
    for address, name, kind, is_retained, summary in _UP:
        _add(channels, messages, address, name, kind, summary, is_signed=False)
        operations[f"send{name[0].upper()}{name[1:]}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "bindings": {"mqtt": {"qos": c.QOS, "retain": is_retained}},
        }
    for address, name, kind, summary in _DOWN:
        _add(channels, messages, address, name, kind, summary, is_signed=kind is c.CommandClaims)
        operations[f"receive{name[0].upper()}{name[1:]}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{name}"},
            "bindings": {"mqtt": {"qos": c.QOS}},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lantai edge to central platform",
            "version": str(c.SCHEMA),
            "description": _paragraph(c.__doc__),
            "license": {"name": "GPL-3.0-or-later"},
        },
        "defaultContentType": JSON,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": _schemas()},
    }


def text() -> str:
    """The document as YAML."""
    head = (
        "# Generated from edge/platform/contract.py: python -m edge.platform.asyncapi > docs/platform.asyncapi.yaml\n"
    )
    plain = msgspec.json.decode(msgspec.json.encode(document()))  # shared parts would come out as YAML anchors
    return head + yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)


def _add(
    channels: Document, messages: Document, address: str, name: str, kind: type, summary: str, *, is_signed: bool
) -> None:
    full = "v1/{centre}/{vault}/{node}/" + address
    channels[name] = {
        "address": full,
        "parameters": {key: value for key, value in _PARAMETERS.items() if "{" + key + "}" in full},
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }
    messages[name] = {
        "summary": summary,
        "contentType": "application/jose" if is_signed else JSON,
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
    }
    if is_signed:
        messages[name]["description"] = (
            "The payload on the wire is a compact JWS (alg Ed25519 or EdDSA, kid: the issuer) of these claims. With "
            "MQTT 5 it carries a response topic, correlation data and a message expiry; with 3.1.1 the claims are all."
        )


def _schemas() -> Document:
    kinds = [
        *(kind for _, _, kind, _, _ in _UP),
        *(kind for _, _, kind, _ in _DOWN),
        c.FactEnvelope,
        c.GapRecord,
        c.SnapshotBody,
        c.RewindArgs,
        *LANE_OF,
    ]
    _, schemas = msgspec.json.schema_components(dict.fromkeys(kinds), ref_template="#/components/schemas/{name}")
    schemas["Batch"]["properties"]["facts"]["items"] = {"$ref": "#/components/schemas/FactEnvelope"}
    for kind, lane in LANE_OF.items():
        _as_data(schemas[kind.__name__], kind, lane)
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = _paragraph(schema["description"])
    return dict(sorted(schemas.items()))


def _as_data(schema: Document, kind: Any, lane: str) -> None:
    """A fact's `data` on the wire is its record without type and time, which stand in the envelope."""
    tag = kind.__struct_config__.tag
    for field in ("type", "at_ns"):
        schema["properties"].pop(field, None)
        if field in schema.get("required", ()):
            schema["required"].remove(field)
    schema["title"] = f"data of {tag} ({lane} lane)"


def _paragraph(doc: str | None) -> str:
    """Lines of one paragraph joined; paragraphs and column tables (lines of two or more blanks) left apart."""
    paragraphs = inspect.cleandoc(doc or "").split("\n\n")
    return "\n\n".join(part if "   " in part else " ".join(part.split()) for part in paragraphs)


if __name__ == "__main__":
    sys.stdout.write(text())
