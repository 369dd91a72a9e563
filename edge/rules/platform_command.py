"""May a command of the central platform be carried out? The signature was checked before; this is the rest."""

from collections.abc import Collection, Mapping

import msgspec

from edge.state.events import PlatformCommand
from edge.state.facts import Lane

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
    """'' to carry it out, else the text id of the refusal. `duplicate`: it was accepted before: answer, do nothing.

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
