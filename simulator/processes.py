"""Child processes of the demo: each with a log file, watched, and stopped in order."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.messages import PhrasedError
from config.phrase import Said, phrase
from simulator.dies_with_parent import dies_with_parent

TAIL_LINES = 25
TERM_GRACE_S = 20.0  # a daemon may take twelve: six for its links, six for the platform


class ProcessDied(PhrasedError):  # noqa: N818  a fact about a process, told to a person
    """A process of the demo ended by itself; the message names it and ends with the tail of its log."""


class Child:
    """One process. stdout and stderr go to `log`, its number to a .pid file beside it, for whoever wants to try a kill.

    `began_s` is CLOCK_MONOTONIC just before its exec.
    """

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as out:
            self.began_s = time.monotonic()
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # Ctrl-C reaches the demo alone, which stops the others in order
                preexec_fn=dies_with_parent(),  # noqa: PLW1509  what runs there takes no lock
            )

        log.with_suffix(".pid").write_text(f"{self._process.pid}\n", encoding="ascii")

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def check(self) -> None:
        """Raises ProcessDied when it is gone."""
        code = self._process.poll()
        if code is not None:
            raise ProcessDied(self._ended(code))

    def wait(self, timeout_s: float) -> int:
        """Its exit code. Raises ProcessDied when it does not end in time (it is killed then)."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            slow = phrase("sim_did_not_end", name=self.name, seconds=timeout_s, log=str(self.log), tail=tail(self.log))
            raise ProcessDied(slow) from None

    def stop(self) -> Said:
        """SIGTERM, and SIGKILL when that is not heard within the grace. '' when it ended well, else how it did."""
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(TERM_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return phrase("sim_had_to_be_killed", name=self.name, seconds=TERM_GRACE_S)
        return self._ended(code) if code else ""

    def _ended(self, code: int) -> Said:
        log, end = str(self.log), tail(self.log)
        if code < 0:
            return phrase("sim_was_killed", name=self.name, signal=-code, log=log, tail=end)
        return phrase("sim_ended", name=self.name, code=code, log=log, tail=end)

    def peak_rss_mb(self) -> float | None:
        """Largest resident set so far in MiB (VmHWM); None when the process is gone or the system has no
        /proc.
        """
        try:
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
        return None


def tail(log: Path) -> str:
    """The last lines of a log file, '-' when there are none."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join(f"    {line}" for line in lines) or "    -"
