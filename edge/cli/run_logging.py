"""The daemon's log: one plain line per event, for the technician who reads it on the vault server."""

import logging
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

LEVELS = ("debug", "info", "warning", "error")


class LocalLines(logging.Formatter):
    """`2026-03-01 14:05:09 WARNING reader-1: silent for 15 s`, in the vault's local time; a bug keeps its traceback."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(message)s")
        self._zone = zone

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  logging's name
        del datefmt
        return datetime.fromtimestamp(record.created, self._zone).strftime("%Y-%m-%d %H:%M:%S")


def set_up(timezone: str, level: str) -> None:
    """Everything of `level` and above to stderr; libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LocalLines(ZoneInfo(timezone)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("edge", "drivers", "config", "sensors", "navigation"):
        logging.getLogger(ours).setLevel(level.upper())
