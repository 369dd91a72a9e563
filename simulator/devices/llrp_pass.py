"""Reports of an Impinj reader that tells the phase of every read: what it sends while a shelf passes its antenna."""

import numpy as np
from numpy.typing import NDArray

IMPINJ, PHASE_ANGLE = 25882, 56
PHASE_STEPS = 4096  # a turn, Octane LLRP
_TAG = np.dtype(
    [
        ("head", ">u4"),
        ("t13", "u1"),
        ("epc", "(12,)u1"),
        ("t1", "u1"),
        ("antenna", ">u2"),
        ("t6", "u1"),
        ("rssi_dbm", "i1"),
        ("t4", "u1"),
        ("last_us", ">u8"),
        ("custom", ">u4"),
        ("vendor", ">u4"),
        ("subtype", ">u4"),
        ("phase", ">u2"),
    ]
)
TAG_REPORT, CUSTOM, CUSTOM_OCTETS = 240, 1023, 14
RO_ACCESS_REPORT = 61


def pass_report(
    antenna: int, epc: NDArray[np.uint8], rssi_dbm: NDArray[np.float32], phase_rad: NDArray[np.float32], last_us: int
) -> bytes:
    """The body of one RO_ACCESS_REPORT: epc (n, 12), rssi_dbm and phase_rad (n,), read at last_us by the reader's
    clock."""
    tags = np.zeros(len(epc), _TAG)
    tags["head"] = TAG_REPORT << 16 | _TAG.itemsize
    for number in (13, 1, 6, 4):
        tags[f"t{number}"] = 0x80 | number
    tags["epc"], tags["antenna"], tags["last_us"] = epc, antenna, last_us
    tags["rssi_dbm"] = np.clip(np.rint(rssi_dbm), -128, 127)
    tags["custom"] = CUSTOM << 16 | CUSTOM_OCTETS
    tags["vendor"], tags["subtype"] = IMPINJ, PHASE_ANGLE
    tags["phase"] = np.rint(phase_rad / (2 * np.pi) * PHASE_STEPS).astype(np.int64) % PHASE_STEPS
    return tags.tobytes()
