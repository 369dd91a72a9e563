"""An MQTT broker for demo and tests: mosquitto where it is installed, else amqtt (MQTT 3.1.1 only). Loopback only."""

import getpass
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

from config.messages import PhrasedError
from config.phrase import phrase
from simulator.dies_with_parent import dies_with_parent

HOST = "127.0.0.1"
START_S = 15.0
STOP_S = 5.0
AMQTT = """\
import asyncio, signal, sys
from amqtt.broker import Broker

async def main():
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    broker = Broker({
        "listeners": {"default": {"type": "tcp", "bind": sys.argv[1]}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    })
    await broker.start()
    await ending.wait()
    await broker.shutdown()

asyncio.run(main())
"""


class BrokerError(PhrasedError):
    """The broker does not run: it says which, why, and what to do."""


class BrokerProcess:
    """One broker on one port. `directory` takes its configuration, log and, with `is_persistent`, its memory."""

    def __init__(
        self,
        directory: Path,
        port: int,
        *,
        kind: Literal["mosquitto", "amqtt"] | None = None,
        is_persistent: bool = False,
    ) -> None:
        """`kind` None takes what is installed."""
        self.kind: Literal["mosquitto", "amqtt"] = kind or ("mosquitto" if mosquitto_path() else "amqtt")
        self.mqtt: Literal["5", "3.1.1"] = "5" if self.kind == "mosquitto" else "3.1.1"
        self.port = port
        self._directory = directory
        self._is_persistent = is_persistent
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the broker printed."""
        return self._directory / "broker.log"

    def start(self) -> None:
        """Returns when it accepts connections. Raises BrokerError when it does not within 15 s."""
        command = self._mosquitto() if self.kind == "mosquitto" else self._amqtt()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dies_with_parent(),  # noqa: PLW1509  what runs there takes no lock
            )
        deadline = time.monotonic() + START_S
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                text = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise BrokerError(phrase("sim_broker_silent", kind=self.kind, host=HOST, port=self.port, tail=text))
            time.sleep(0.05)

    def stop(self) -> None:
        """SIGTERM; SIGKILL when that is not heard."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: what it had not written is gone."""
        self._end(signal.SIGKILL)

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._process.pid if self._process else None

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def _mosquitto(self) -> list[str]:
        path = mosquitto_path()
        if path is None:
            raise BrokerError(phrase("sim_no_mosquitto"))
        lines = [
            f"listener {self.port} {HOST}",
            "allow_anonymous true",
            "set_tcp_nodelay true",
            "max_queued_messages 10000",
            f"user {getpass.getuser()}",  # started as root it would become another user, who cannot write here
            "log_type error",
            "log_type warning",
            f"persistence {'true' if self._is_persistent else 'false'}",
        ]
        if self._is_persistent:
            lines += [f"persistence_location {self._directory}/", "autosave_interval 1"]
        config = self._directory / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [path, "-c", str(config)]

    def _amqtt(self) -> list[str]:
        return [sys.executable, "-c", AMQTT, f"{HOST}:{self.port}"]


def mosquitto_path() -> str | None:
    """Debian installs it in /usr/sbin, which is not on every person's path."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=0.5):
            return True
    except OSError:
        return False
