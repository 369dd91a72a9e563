"""The person at the vault's terminal: asks the daemon over its local API, as `lantai set` does, until it is done."""

from collections.abc import Collection
from typing import Any

from config.messages import Texts
from config.phrase import Phrase, phrase
from simulator.daemon_client import ApiRefused, DaemonClient

ASKS_AGAIN_AFTER_S = 3.0


class Operator:
    """Opens valves again. A refusal is said and asked again later: the floor may still be wet."""

    def __init__(self, daemon: DaemonClient, texts: Texts) -> None:
        self._daemon = daemon
        self._texts = texts
        self._asks: dict[str, tuple[dict[str, Any], float]] = {}
        self._command: dict[str, str] = {}

    @property
    def is_busy(self) -> bool:
        """A valve is not open yet."""
        return bool(self._asks)

    def take(self, request: dict[str, Any], now_s: float) -> None:
        """Ask for this action from `now_s` on until its actuator is open."""
        self._asks[request["args"]["actuator"]] = (request, now_s)

    async def look(self, now_s: float, closed: Collection[str]) -> list[Phrase]:
        """Ask what is due; what a bystander hears."""
        heard: list[Phrase] = []
        for valve, (request, at_s) in tuple(self._asks.items()):
            if valve not in closed and valve in self._command:
                del self._asks[valve]
            elif now_s >= at_s:
                self._asks[valve] = (request, now_s + ASKS_AGAIN_AFTER_S)
                heard += await self._ask(valve, request)
        return heard

    async def _ask(self, valve: str, request: dict[str, Any]) -> list[Phrase]:
        heard = await self._outcome(valve)
        heard.append(phrase("sim_operator_opens", valve=valve))
        try:
            reply = await self._daemon.ask("act", **request)
        except ApiRefused as refused:
            return [*heard, phrase("sim_operator_refused", reason=refused.told(self._texts))]
        if reply["answer"] != "accepted":
            return [*heard, phrase("sim_operator_refused", reason=self._texts.title(reply["answer"]))]
        self._command[valve] = reply.get("command", "")
        return heard

    async def _outcome(self, valve: str) -> list[Phrase]:
        """Why the command before this one did not open the valve, where the daemon knows."""
        command = self._command.get(valve)
        if not command:
            return []
        outcome = await self._daemon.ask("command", command=command)
        reason = outcome.get("reason", "")
        return [phrase("sim_operator_refused", reason=self._texts.title(reason))] if reason else []
