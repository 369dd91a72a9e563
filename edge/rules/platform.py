"""Signed commands of the central platform: judged, put on record, and only then acted on."""

from edge.rules.decision import Decision
from edge.rules.platform_command import judge
from edge.state.events import PlatformCommand
from edge.state.facts import PlatformCommandTaken
from edge.state.state import State


def decide(state: State, event: PlatformCommand) -> Decision:
    """The audit fact of the command. An accepted one is carried out by the platform link once this fact is committed;
    a command that was taken before is answered again and not put on record twice."""
    vault = state.plant.vault
    result = judge(
        event,
        at_ns=event.at_ns,
        vault=vault.vault,
        counters=state.counters,
        seen_ids=state.platform_commands,
        clock_sure=state.clock_is_sure,
    )
    if result == "duplicate":
        return Decision(answer=result)
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
