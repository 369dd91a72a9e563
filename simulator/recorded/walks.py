"""The Detego walks: six inventories of a shop floor with a handheld reader, and the panel each of 915 tags
hangs on.
"""

import csv
import struct
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

EPC_PREFIX = b"LANTAI\x00\x00"
"""The trace has serial numbers only: this prefix and the serial as 32 bits make the 12-byte EPC."""


class Walk(msgspec.Struct, frozen=True):
    """One walk: reads in order of time as columns; at_s counts from its first read."""

    number: int
    at_s: NDArray[np.float64]
    serial: NDArray[np.int64]
    rssi_dbm: NDArray[np.float32]

    @property
    def duration_s(self) -> float:
        return float(self.at_s[-1])

    def unread(self, panels: dict[int, int]) -> frozenset[int]:
        """The serials of the panels that this walk never read."""
        return frozenset(panels) - frozenset(self.serial.tolist())


def epc_of(serial: int) -> bytes:
    """The 12-byte EPC of a serial number of the trace."""
    return EPC_PREFIX + struct.pack("!I", serial)


def volume_of(serial: int) -> str:
    """The catalogue id of a serial number."""
    return f"TAG-{serial:04d}"


def read_panels(folder: Path) -> dict[int, int]:
    """Serial number -> panel, in the order of the file (915 of them)."""
    with (folder / "panels_epc_mapping.csv").open(newline="", encoding="ascii") as lines:
        return {int(row["epc"]): int(row["panel"]) for row in csv.DictReader(lines)}


def read_walks(folder: Path) -> tuple[Walk, ...]:
    """The walks in order of their number; within each the reads in order of time."""
    columns: dict[int, list[tuple[int, int, int]]] = {}
    with (folder / "walks.csv").open(newline="", encoding="ascii") as lines:
        for row in csv.DictReader(lines):
            read = (int(row["milliseconds"]), int(row["epc"]), int(row["rssi"]))
            columns.setdefault(int(row["experiment_nr"]), []).append(read)
    return tuple(_walk(number, np.array(reads, np.int64)) for number, reads in sorted(columns.items()))


def columns_of(walk: Walk) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint16]]:
    """One whole walk as what a dwell read: a row for each read, in order of time."""
    epc = np.frombuffer(b"".join(epc_of(serial) for serial in walk.serial.tolist()), np.uint8)
    return epc.reshape(-1, 12), walk.rssi_dbm, np.ones(walk.serial.size, np.uint16)


def _walk(number: int, reads: NDArray[np.int64]) -> Walk:
    reads = reads[np.argsort(reads[:, 0], kind="stable")]
    return Walk(number, (reads[:, 0] - reads[0, 0]) / 1000.0, reads[:, 1], reads[:, 2].astype(np.float32))
