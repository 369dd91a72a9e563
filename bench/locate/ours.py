"""Our locator behind the interface of the comparison: bench, not product, so that both may change apart.

It is given what a vault knows: the layout and the catalogue's place of every volume, which for the re-placed ones is
wrong. Rates, gains and the world's other parameters it has to find for itself.
"""

import numpy as np
from numpy.typing import NDArray

from bench.locate.peers import Floats, Indices
from sensors.rfid.belief import Belief
from sensors.rfid.epc import encode_gdti96
from sensors.rfid.evidence import Evidence
from sensors.rfid.heard import Waiting
from sensors.rfid.neighbourhood import Neighbourhood
from sensors.rfid.presence import is_missed
from sensors.rfid.suspects import Suspects

START_NS = 1_700_000_000_000_000_000
FOREIGN = 1_000_000  # serial numbers of tags that are not enrolled begin here


class Ours:
    """Evidence, belief and suspicion as the daemon keeps them, one digestion a cycle. The second look at what is silent
    for too long is the next cycle's search, as for a reader that is asked for nothing."""

    def __init__(self, book: Indices, segments: int) -> None:
        self._tags = len(book)
        line = np.zeros(segments, np.int32)
        self._beside = Neighbourhood(line, np.arange(segments, dtype=np.int32))
        epcs = [_epc(serial) for serial in range(1, len(book) + 1)]
        self._epc: NDArray[np.uint8] = np.frombuffer(b"".join(epcs), np.uint8).reshape(-1, 12)
        self._segments = segments
        self._evidence = Evidence(self._beside)
        self._evidence.enroll(epcs, book)
        self._waiting = Waiting()
        self._rows = np.arange(len(book))
        self._belief: Belief = self._evidence.belief(self._rows)
        self._suspects = Suspects(segments)
        self._is_missing = np.zeros(len(book), np.bool_)
        self._begun_ns = START_NS

    def cycle(self, tag: Indices, antenna: Indices, rssi_dbm: Floats, at_s: float) -> None:
        at_ns = START_NS + round(at_s * 1e9)
        epc = self._epcs_of(tag)
        for begin, end in _turns(antenna):
            turn = slice(begin, end)
            times, pc = np.ones(end - begin, np.uint16), np.full(end - begin, -1, np.int32)
            bits = np.full(end - begin, 96, np.uint16)
            self._waiting.hear(epc[turn], bits, antenna[turn], rssi_dbm[turn], times, pc, at_ns)
            self._waiting.close(int(antenna[begin]), 1, at_ns)
        for silent in np.setdiff1d(np.arange(self._segments), antenna).tolist():
            self._waiting.close(silent, 1, at_ns)
        for segment in range(self._segments):
            self._suspects.close(segment, self._begun_ns)
        self._evidence.digest(self._waiting.take())
        self._suspects.take_in()
        self._belief = self._evidence.belief(self._rows)
        self._look_again(at_ns)
        self._begun_ns = at_ns

    def segment(self) -> Indices:
        return self._belief.top[:, 0]

    def confidence(self) -> Floats:
        """(n,) of that segment."""
        return self._belief.confidence[:, 0]

    def missing(self) -> NDArray[np.bool_]:
        """(n,) declared missing."""
        return self._is_missing

    def _look_again(self, at_ns: int) -> None:
        evidence, rows = self._evidence, self._rows
        is_silent = is_missed(evidence.silence(rows), evidence.silent_rounds(rows), None)
        self._is_missing = self._is_missing & is_silent
        asked = is_silent & ~self._is_missing
        last_seen_ns = evidence.last_seen_ns.astype(np.int64)
        gone = self._suspects.weigh(rows, evidence.believed, asked, last_seen_ns, at_ns).is_gone
        self._is_missing = self._is_missing | gone

    def _epcs_of(self, tag: Indices) -> NDArray[np.uint8]:
        epc = self._epc[np.minimum(tag, self._tags - 1)]
        for foreign in (tag >= self._tags).nonzero()[0].tolist():
            epc[foreign] = np.frombuffer(_epc(FOREIGN + int(tag[foreign])), np.uint8)
        return epc


def _epc(serial: int) -> bytes:
    return encode_gdti96("6901234", "00001", serial)


def _turns(antenna: Indices) -> list[tuple[int, int]]:
    """Begin and end of each antenna's reads, in order of arrival."""
    turns = np.append(0, (np.diff(antenna) != 0).nonzero()[0] + 1).tolist() if len(antenna) else []
    return list(zip(turns, [*turns[1:], len(antenna)], strict=True))
