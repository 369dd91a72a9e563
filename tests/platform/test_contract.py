"""The written contract follows the types, and the chain is the formula that both ends were told."""

import hashlib
from pathlib import Path

import yaml

from edge.platform import asyncapi
from edge.platform.contract import CHAIN_START, LANES, chain_next, root

DOCUMENT = Path(__file__).parents[2] / "docs" / "platform.asyncapi.yaml"


def test_the_written_contract_is_what_the_types_say() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == asyncapi.text(), (
        "stale: run `python -m edge.platform.asyncapi > docs/platform.asyncapi.yaml`"
    )


def test_every_reference_of_the_written_contract_leads_somewhere() -> None:
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))

    def follow(node: object) -> int:
        if isinstance(node, list):
            return sum(follow(item) for item in node)
        if not isinstance(node, dict):
            return 0
        found = sum(follow(value) for value in node.values())
        if "$ref" in node:
            target = document
            for key in node["$ref"].removeprefix("#/").split("/"):
                target = target[key]
            return found + 1
        return found

    assert follow(document) > 40


def test_every_topic_of_the_contract_has_a_channel() -> None:
    channels = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))["channels"].values()
    prefix = root("{centre}", "{vault}", "{node}")
    assert {channel["address"].removeprefix(prefix + "/") for channel in channels} == {
        *(f"up/{lane}" for lane in LANES),
        "up/snapshot",
        "up/res",
        "up/birth",
        "up/birth/{page}",
        "up/state",
        "down/ack/{lane}",
        "down/cmd",
        "down/rewind",
    }


def test_a_chain_value_is_blake2b_128_of_the_value_before_and_the_body() -> None:
    first = chain_next(CHAIN_START, b'{"id":"a"}')
    assert first == hashlib.blake2b(bytes(16) + b'{"id":"a"}', digest_size=16).digest()
    assert first.hex() == "c9b99751260c65b3476f95b16fe9b953", "b2sum -l 128 of 16 octets of zero and the body"
    assert chain_next(first, b"x") == hashlib.blake2b(first + b"x", digest_size=16).digest()
