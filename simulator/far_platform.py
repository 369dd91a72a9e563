"""The far end of the uplink: a broker, the reference platform on it, and its control line."""

import asyncio
import os
import time
from typing import Any

from config.phrase import Said, phrase
from config.vault import Vault
from simulator.control import ControlClient
from simulator.ensemble import Ensemble
from simulator.platform.broker import BrokerError, BrokerProcess
from simulator.platform.signing import make_key
from simulator.processes import ProcessDied, tail

ISSUER = "platform"
ASK_EVERY_S = 0.2


class _BrokerMember:
    """The broker among the processes of a run."""

    def __init__(self, broker: BrokerProcess) -> None:
        self._broker = broker

    def check(self) -> None:
        pid = self._broker.pid
        if pid is not None and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            log = self._broker.log
            raise ProcessDied(phrase("sim_broker_ended", log=str(log), tail=tail(log)))

    def stop(self) -> Said:
        self._broker.stop()
        return ""


class FarPlatform:
    """The running platform. `port` is its broker's; `issuers` what the vault's configuration must trust."""

    def __init__(self, port: int, issuers: dict[str, str], control: ControlClient) -> None:
        self.port = port
        self.issuers = issuers
        self._control = control

    @classmethod
    async def start(cls, ensemble: Ensemble, vault: Vault) -> "FarPlatform":
        """Broker, key and platform, up. Raises ProcessDied when one does not come up."""
        run = ensemble.run
        (port,) = ensemble.ports.take(1)
        broker = BrokerProcess(run, port)
        ensemble.members.append(_BrokerMember(broker))
        try:
            await asyncio.to_thread(broker.start)
        except BrokerError as error:
            raise ProcessDied(error.said) from error
        key, socket = run / "platform.pem", run / "platform.sock"
        public = make_key(key)
        process = ensemble.module(
            "platform", "simulator.platform", "--port", str(port), "--db", str(run / "platform.db"),
            "--centre", vault.centre, "--vault", vault.vault, "--node", vault.node,
            "--control", str(socket), "--key", str(key), "--issuer", ISSUER, "--mqtt", broker.mqtt,
        )  # fmt: skip
        return cls(port, {ISSUER: public}, await ensemble.control(socket, process))

    async def status(self) -> dict[str, Any]:
        """What it has committed, and how its mirror stands."""
        status: dict[str, Any] = await self._control.ask("status")
        return status

    async def compare(self, within_s: float) -> tuple[bool | None, list[Said]]:
        """Ask the vault for a snapshot and hold the mirror against it: equal or not, and the differences.

        None when no snapshot was compared in time.
        """
        before = (await self.status())["mirror_snapshot"]
        await self._control.ask("snapshot")
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            status = await self.status()
            if status["mirror_snapshot"] != before:
                return status["mirror_equal"], status["differences"]
            await asyncio.sleep(ASK_EVERY_S)
        return None, [phrase("sim_no_snapshot", seconds=f"{within_s:.0f}")]
