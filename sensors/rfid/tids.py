"""What chips say they are, as columns of twelve octets: which may be one chip, and which cannot be.

Twelve octets hold class, maker, model and a serial number of 48 bits (EPC Tag Data Standard 2.0, 16.2). Readers tell
them in full or less; what one of two does not tell does not tell them apart.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

TID_OCTETS = 12
_CLASSES = (0xE0, 0xE2)  # ISO/IEC 15963: every TID begins with one; anything else is no TID
_WORDS = TID_OCTETS // 2
Octets = NDArray[np.uint8]


def narrowed(tid: Octets) -> Octets:
    """(n, TID_OCTETS) of (n, w): what is longer cut off, what is shorter zero-padded, what is no TID all zeros."""
    made = np.zeros((len(tid), TID_OCTETS), np.uint8)
    width = min(tid.shape[1], TID_OCTETS)
    if width:
        is_tid = np.isin(tid[:, 0], _CLASSES)
        made[is_tid, :width] = tid[is_tid, :width]
    return made


def agree(one: Octets, other: Octets) -> NDArray[np.bool_]:
    """(n,) whether two (n, TID_OCTETS) may be one chip: as far as both tell, they tell the same."""
    a, b = one.view(np.uint32), other.view(np.uint32)
    same: NDArray[np.bool_] = (a[:, 0] == b[:, 0]) & (a[:, 1] == b[:, 1]) & (a[:, 2] == b[:, 2])
    unlike = (~same).nonzero()[0]
    if len(unlike):
        x, y = one[unlike].view(np.uint16), other[unlike].view(np.uint16)
        told = np.arange(_WORDS) < np.minimum(_told(x), _told(y))[:, None]
        same[unlike] = ~((x != y) & told).any(axis=1)
    return same


def as_text(tid: Octets) -> str:
    """One TID (TID_OCTETS,) as hexadecimal digits; '' for none."""
    told = int(_told(np.ascontiguousarray(tid)[None].view(np.uint16))[0])
    return tid[: 2 * told].tobytes().hex()


def from_text(text: str) -> Octets:
    """The inverse of `as_text`, of a longer one the beginning."""
    return np.frombuffer(bytes.fromhex(text)[:TID_OCTETS].ljust(TID_OCTETS, b"\0"), np.uint8)


def serial_key(tid: Octets) -> NDArray[np.uint16]:
    """(n,) of (n, TID_OCTETS): the same for the same TID, and spread by their serial numbers for others."""
    words = tid.view(np.uint16)
    key: NDArray[np.uint16] = words[:, 2] ^ words[:, 3] ^ words[:, 4] ^ words[:, 5]
    return key


def _told(words: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) how many of the words are told: up to the last that is not zero."""
    told: NDArray[np.int64] = np.where(words != 0, np.arange(1, _WORDS + 1), 0).max(axis=1)
    return told
