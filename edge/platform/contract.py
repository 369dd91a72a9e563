"""What edge and central platform say to each other over MQTT: topics, messages, limits. Both ends import this file.

The text of the contract is generated from these types: `python -m edge.platform.asyncapi` prints
docs/platform.asyncapi.yaml. Chain values travel as 32 hex digits; bytes as base64; times as RFC 3339 UTC in facts and
results, as whole Unix seconds in signed claims.

The chain value of a row is the BLAKE2b hash, 16 octets long and without key, of the chain value of the row before it in
its lane (16 octets of zero before the first row) followed by the exact JSON octets of the fact.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw

from edge.state.chain import CHAIN_BYTES, CHAIN_START, chain_next
from edge.state.facts import LANES, Lane

__all__ = ["CHAIN_BYTES", "CHAIN_START", "LANES", "Lane", "chain_next"]

SCHEMA = 1  # of the batch envelope and of the facts in it
BATCH_FACTS = 200
BATCH_BYTES = 128 * 1024
FLUSH_NS = 50_000_000  # a batch waits this long for company; the alarm lane does not wait
PAGE_BYTES = 256 * 1024  # births and snapshots above this travel in pages
QOS = 1

Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
ChainHex = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$", description="32 hex digits")]
UnixSeconds = Annotated[int, Meta(ge=0, le=2**33)]
LinkWord = Literal["online", "draining", "offline"]
Outcome = Literal["accepted", "refused", "progress", "done", "failed"]


class FactEnvelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fact as it stands in the journal. `id` is deterministic: the same fact never has two. A `type` of `gap` is a
    record that stands for facts thinned at the disk cap: its data is a GapRecord."""

    id: str
    type: str
    at: str
    data: Raw
    boot: str = ""
    drill: str | None = None


class GapRecord(msgspec.Struct, frozen=True):
    """Rows `first`..`last` of a lane were thinned: `count` facts. The record takes all these sequence numbers;
    the chain goes on from `last_chain`, the value of row `last`."""

    first: Seq
    last: Seq
    count: Seq
    first_chain: ChainHex
    last_chain: ChainHex


class Batch(msgspec.Struct, frozen=True):
    """up/{lane}: consecutive facts of one lane, rows `first`..`last` without a hole.

    `prev` is the chain value of the row before `first`. `facts` carry the exact bytes that the chain was made over. A
    gap record among them takes all the sequence numbers it stands for; the first of them may lie before `first`.
    `first` lies beyond what the platform has only where the journal holds no earlier row: see the birth's LaneStand.
    """

    epoch: str
    lane: Lane
    first: Seq
    last: Seq
    schema: int
    prev: ChainHex
    facts: list[Raw]


class Conflict(msgspec.Struct, frozen=True):
    """The platform holds another row at `seq`: its chain value there."""

    seq: Seq
    chain: ChainHex


class Ack(msgspec.Struct, frozen=True, omit_defaults=True):
    """down/ack/{lane}: rows up to `upto` of this epoch are committed by the platform; cumulative.

    Sent only after the platform's own commit, and once per lane after each birth (`upto` 0 and a chain of zeros for an
    epoch it does not know). `chain` is the platform's value at `upto`.
    """

    epoch: str
    upto: Seq
    chain: ChainHex
    conflict: Conflict | None = None


class LaneStand(msgspec.Struct, frozen=True):
    """Where a lane stands: the next sequence to be given, and the first the journal still holds."""

    next: Seq
    first: Seq


class Birth(msgspec.Struct, frozen=True):
    """up/birth, retained, on every connect. Page 1 lies on up/birth, page n on up/birth/{n}; `hash` is the SHA-256 of
    all device ids in order, each followed by a line feed, so that pages of two births never mix."""

    node: str
    software: str
    layout: str
    epoch: str
    lanes: dict[Lane, LaneStand]
    page: Annotated[int, Meta(ge=1)]
    pages: Annotated[int, Meta(ge=1)]
    hash: str
    devices: tuple[str, ...]


class State(msgspec.Struct, frozen=True):
    """up/state, retained; the will says offline."""

    state: LinkWord


class SnapshotPage(msgspec.Struct, frozen=True):
    """up/snapshot: one page of the mirrored fields at exactly `marks`.

    The pages' bodies in order are one JSON text, see SnapshotBody; `hash` is its SHA-256 in hex. Sent on
    `snapshot.request`, after events were thinned, and when an ack lies below what the journal still holds.
    """

    snapshot: str
    epoch: str
    marks: dict[Lane, Seq]
    page: Annotated[int, Meta(ge=1)]
    pages: Annotated[int, Meta(ge=1)]
    hash: str
    body: bytes


class SnapshotBody(msgspec.Struct, frozen=True):
    """The mirror: each field is folded from one lane only. Keys sorted.

    volumes    volume -> [status, segment or null, holder or null]        (custody lane)
    devices    device -> ok, lost: those that ever were lost              (event lane)
    actuators  actuator -> read-back state or null                        (event lane)
    alarms     alarm -> [code, active or cleared, acknowledged]           (alarm lane)
    """

    volumes: dict[str, tuple[str, str | None, str | None]]
    devices: dict[str, str]
    alarms: dict[str, tuple[str, str, bool]]
    actuators: dict[str, str | None]


class CommandClaims(msgspec.Struct, frozen=True):
    """down/cmd and down/rewind: the payload of a compact JWS (EdDSA over Ed25519), signed as these exact bytes.

    `vault` is `{centre}/{vault}/{node}`, the node's topics without `v1/`: what was signed for one node is refused by
    every other, also by one whose vault has the same id in another centre. `issuer` is the `kid` of the key that
    signed; `counter` grows with every command of an issuer; `id` makes it idempotent.
    """

    id: Annotated[str, Meta(min_length=1, max_length=128)]
    vault: str
    action: Annotated[str, Meta(min_length=1, max_length=64)]
    args: dict[str, Any]
    issuer: str
    not_before: UnixSeconds
    expires: UnixSeconds
    counter: Annotated[int, Meta(ge=1, le=2**53)]


class RewindArgs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of the action `rewind`: send `lane` again from sequence `from`."""

    lane: Lane
    epoch: str
    first: Annotated[int, Meta(ge=1, le=2**63 - 1)] = msgspec.field(name="from")


class CommandResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """up/res: what became of a command; `reason` is a text id. With MQTT 5 the command's
    correlation data comes back."""

    command: str
    outcome: Outcome
    at: str
    reason: str = ""


def root(centre: str, vault: str, node: str) -> str:
    """The topic prefix of one node."""
    return f"v1/{node_path(centre, vault, node)}"


def node_path(centre: str, vault: str, node: str) -> str:
    """One node among those of all centres: what a command's `vault` must say."""
    return f"{centre}/{vault}/{node}"


def birth_page_topic(page: int) -> str:
    """Below the root: page 1 lies on up/birth itself."""
    return "up/birth" if page == 1 else f"up/birth/{page}"
