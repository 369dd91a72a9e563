"""A serial line with units on it: the far end of a pseudo-terminal, by a stable path like /dev/serial/by-id."""

import asyncio
import os
import tty
from collections.abc import Mapping
from pathlib import Path

from simulator.devices.modbus_frames import Answer, RtuFrames
from simulator.devices.modbus_units import Unit

QUIET_S = 0.05  # a request never pauses so long inside; 3.5 characters on a real line, a scheduler's hiccup here


class PtyLine:
    """Serves `units` as Modbus RTU. `path` is what the client opens: a symbolic link that survives plugging."""

    def __init__(self, units: Mapping[int, Unit], path: Path) -> None:
        self.units = units
        self.path = path
        self._frames = RtuFrames(units)
        self._far = -1
        self._near = -1  # held open: without a holder the far end reads errors between two clients
        self._hush: asyncio.TimerHandle | None = None

    @property
    def is_plugged(self) -> bool:
        return self._far >= 0

    def plug(self) -> None:
        """Make the line. Needs a running loop. Raises OSError where there is no pseudo-terminal."""
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        os.set_blocking(self._far, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._near))
        asyncio.get_running_loop().add_reader(self._far, self._heard)

    def unplug(self) -> None:
        """Pull the adapter: the client's end hangs up and the path is gone."""
        if not self.is_plugged:
            return
        asyncio.get_running_loop().remove_reader(self._far)
        if self._hush is not None:
            self._hush.cancel()
        self.path.unlink(missing_ok=True)
        os.close(self._near)
        os.close(self._far)
        self._far = self._near = -1
        self._frames.quiet()

    def noise(self, data: bytes) -> None:
        """Bytes on the line that nobody asked for."""
        self._send(Answer(data))

    def _heard(self) -> None:
        try:
            data = os.read(self._far, 4096)
        except OSError:  # nothing there after all
            return
        loop = asyncio.get_running_loop()
        if self._hush is not None:
            self._hush.cancel()
        self._hush = loop.call_later(QUIET_S, self._frames.quiet)
        for answer in self._frames.heard(data):
            if answer.late_s:
                loop.call_later(answer.late_s, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: Answer) -> None:
        if not self.is_plugged:
            return
        try:
            os.write(self._far, answer.frame)
        except BlockingIOError:  # nobody reads the line: on a wire the bytes are gone as well
            return
