"""Signed commands of the central platform: judged, put on record, and only then acted on. The signature was checked
before; this is the rest."""

from collections.abc import Collection, Mapping

import msgspec

from edge.rules import alarms
from edge.rules.decision import Decision
from edge.state.events import PlatformCommand
from edge.state.facts import Lane, PlatformCommandTaken
from edge.state.state import State

ACTIONS = frozenset({"snapshot.request", "rewind"})


class Rewind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a `rewind` asks for: send `lane` of `epoch` again from sequence `first` (on the wire `from`)."""

    lane: Lane
    epoch: str
    first: int = msgspec.field(name="from")


def judge(
    command: PlatformCommand,
    *,
    at_ns: int,
    vault: str,
    counters: Mapping[str, int],
    seen_ids: Collection[str],
    clock_sure: bool,
) -> str:
    """'' to carry it out, else the text id of the refusal. `duplicate`: it was accepted before.

    vault: `centre/vault/node` of this node, so that what was signed for another vault or node is of no use here;
    counters: highest counter accepted per issuer; seen_ids: commands accepted before. Nothing is taken from a command
    that was not verified. While the clock is unsure neither expiry nor not-before can be told, so none is accepted.
    """
    if command.refusal:
        return command.refusal
    if command.vault != vault:
        return "wrong_vault"
    if command.id in seen_ids:
        return "duplicate"
    if command.counter <= counters.get(command.issuer, 0):
        return "replayed"
    if not clock_sure:
        return "clock_unsure"
    if at_ns < command.not_before_ns:
        return "not_yet_valid"
    if at_ns >= command.expires_ns:
        return "expired"
    if command.action not in ACTIONS:
        return "unknown_action"
    if command.action == "rewind" and rewind_of(command) is None:
        return "bad_arguments"
    return ""


def rewind_of(command: PlatformCommand) -> Rewind | None:
    """The arguments of a `rewind`; None where they are not such."""
    try:
        rewind = msgspec.convert(command.args, Rewind)
    except msgspec.ValidationError:
        return None
    return rewind if rewind.first >= 1 else None


def decide(state: State, event: PlatformCommand) -> Decision:
    """The audit fact of the command. An accepted one is carried out by the platform link once this fact is committed;
    a command that was taken before is answered again and not put on record twice."""
    vault = state.plant.vault
    result = judge(
        event,
        at_ns=event.at_ns,
        vault=f"{vault.centre}/{vault.vault}/{vault.node}",
        counters=state.counters,
        seen_ids=state.platform_commands,
        clock_sure=state.clock_is_sure,
    )
    if result == "duplicate":
        return Decision(answer=result)
    if event.refusal:  # anybody may have sent these bytes: listed once, not a row each
        return Decision(alarms.noted(state, event.at_ns, event.refusal, "critical", "", "platform"), (), result)
    answer = result or "accepted"
    fact = PlatformCommandTaken(
        at_ns=event.at_ns,
        command=event.id,
        issuer=event.issuer,
        counter=event.counter,
        action=event.action,
        result=answer,
    )
    return Decision((fact,), (), answer)
