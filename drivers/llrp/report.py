"""RO_ACCESS_REPORT to columns: the data path.

The tags of a report mostly have one layout: the same parameters, in the same order, of the same lengths. A layout is
learnt by walking one tag. Reports that came in together are compared with it all at once, and their columns are then
strided views of the bytes. Where that fails, tags are sorted by layout, and only those of layouts nobody has seen are
walked one by one. Both give what walking every tag gives (`decode_report`).
"""

import struct
from collections.abc import Sequence

import msgspec
import numpy as np

from drivers.driver import ProtocolError
from drivers.llrp.codec import malformed, parameter_at
from drivers.llrp.layouts import TAG_REPORT_DATA
from drivers.llrp.reader_clock import ReaderClock
from drivers.llrp.tag_layout import LAST_STANDARD, TagLayout, layout_of, parse_tag
from drivers.llrp.tag_places import TagPlaces
from drivers.observation import TagReads

RF_SURVEY_REPORT_DATA = 242
MOST_LAYOUTS = 32  # remembered for one reader; past it all are forgotten and learnt anew
MOST_LEARNT = 8  # layouts learnt in one batch; reports that bring more are walked, or noise would cost a square
_PARAMETER = struct.Struct("!HH")


class Decoded(msgspec.Struct, frozen=True):
    """What some reports gave, and what could not be read of them.

    lost     which reports were left out whole, because something in them does not fit
    skipped  parameters beside the tags that nobody asked for: RF surveys, a vendor's, a later version's
    """

    reads: TagReads
    lost: tuple[int, ...]
    skipped: int


class _Scan(msgspec.Struct):
    """Where the tags of several reports stand in their joined bodies, and to which report each belongs."""

    starts: list[int] = []
    stops: list[int] = []
    reports: list[int] = []
    lost: set[int] = set()
    skipped: int = 0


class ReportDecoder:
    """Decodes the reports of one connection. Remembers their layouts and the reader's clock."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._clock = ReaderClock()
        self._layouts: dict[bytes, list[TagLayout]] = {}  # by the header of the tag, which tells its size

    def decode(self, bodies: Sequence[bytes], at_ns: int) -> Decoded:
        """The tags of all these reports, in order, as one batch. Raises nothing: what is lost is told."""
        joined = bodies[0] if len(bodies) == 1 else b"".join(bodies)
        offset_ns = self._clock.offset_ns(at_ns)
        for layout in self._layouts.get(joined[: _PARAMETER.size], ()):
            if layout.fits(joined) and (len(bodies) == 1 or _are_whole(bodies, layout.size)):
                decoded = Decoded(layout.reads(joined, self._device, at_ns, offset_ns), (), 0)
                break
        else:
            scan = _scan(bodies)
            reads = self._sorted_by_layout(joined, scan, at_ns, offset_ns)
            decoded = Decoded(reads, tuple(sorted(scan.lost)), scan.skipped)
        if self._clock.wants(at_ns) and (newest_ns := _newest_ns(decoded.reads)):
            self._clock.heard(newest_ns, at_ns)
        return decoded

    def _sorted_by_layout(self, joined: bytes, scan: _Scan, at_ns: int, offset_ns: int | None) -> TagReads:
        """A report with a tag that cannot be read joins `scan.lost`."""
        octets = np.frombuffer(joined, np.uint8)
        starts, reports = np.array(scan.starts, np.int64), np.array(scan.reports, np.int64)
        sizes = np.array(scan.stops, np.int64) - starts
        places = TagPlaces(starts)
        may_learn = MOST_LEARNT
        for size in np.unique(sizes).tolist():
            waiting = np.flatnonzero(sizes == size)
            rows = octets[starts[waiting, None] + np.arange(size)]
            known = iter(list(self._layouts.get(_PARAMETER.pack(TAG_REPORT_DATA, size), ())))
            while len(waiting):
                layout = next(known, None)
                if layout is None:
                    row, tag = waiting[0], rows[0].tobytes()
                    waiting, rows = waiting[1:], rows[1:]
                    try:
                        parsed = parse_tag(tag, 0, size)
                    except ProtocolError:
                        scan.lost.add(int(reports[row]))
                        others = reports[waiting] != reports[row]
                        waiting, rows = waiting[others], rows[others]
                        continue
                    places.put(row, parsed)
                    if not may_learn:
                        continue
                    may_learn -= 1
                    layout = layout_of(tag, parsed)
                    self._remember(layout)
                same = layout.matching(rows)
                places.put(waiting[same], layout)
                waiting, rows = waiting[~same], rows[~same]
        kept = np.flatnonzero(~np.isin(reports, list(scan.lost))) if scan.lost else np.arange(len(starts))
        return places.reads(octets, kept, self._device, at_ns, offset_ns)

    def _remember(self, layout: TagLayout) -> None:
        if sum(map(len, self._layouts.values())) >= MOST_LAYOUTS:
            self._layouts.clear()
        self._layouts.setdefault(_PARAMETER.pack(TAG_REPORT_DATA, layout.size), []).append(layout)


def decode_report(body: bytes, device: str, at_ns: int) -> TagReads:
    """All tags of one report, in its order, each walked by itself: slow, and what the decoder is held against.

    Raises ProtocolError when anything does not fit: a report is read whole or not at all.
    """
    scan = _Scan()
    _find_tags(body, 0, 0, scan)
    places = TagPlaces(np.array(scan.starts, np.int64))
    for row, (start, stop) in enumerate(zip(scan.starts, scan.stops, strict=True)):
        places.put(row, parse_tag(body, start, stop))
    return places.reads(np.frombuffer(body, np.uint8), np.arange(len(scan.starts)), device, at_ns, None)


def _newest_ns(reads: TagReads) -> int:
    """The newest time of the reader's clock, UTC before uptime; 0 where it told none."""
    for times in (reads.last_utc_ns, reads.first_utc_ns, reads.last_uptime_ns, reads.first_uptime_ns):
        if times is not None and len(times) and (newest_ns := int(times.max())):
            return newest_ns
    return 0


def _are_whole(bodies: Sequence[bytes], tag_octets: int) -> bool:
    """Joined tags may fit although one was cut in two; then neither half is a report."""
    return not any(octets % tag_octets for octets in set(map(len, bodies)))


def _scan(bodies: Sequence[bytes]) -> _Scan:
    scan, base = _Scan(), 0
    for number, body in enumerate(bodies):
        before = len(scan.starts)
        try:
            _find_tags(body, base, number, scan)
        except ProtocolError:
            del scan.starts[before:], scan.stops[before:], scan.reports[before:]
            scan.lost.add(number)
        base += len(body)
    return scan


def _find_tags(body: bytes, base: int, number: int, scan: _Scan) -> None:
    """Add the tags of report `number`, whose body begins at octet `base`. Raises ProtocolError."""
    at, end, skipped = 0, len(body), 0
    while at < end:
        if at + _PARAMETER.size <= end:
            kind, octets = _PARAMETER.unpack_from(body, at)
            if kind == TAG_REPORT_DATA and octets >= _PARAMETER.size and at + octets <= end:
                scan.starts.append(base + at)
                at += octets
                scan.stops.append(base + at)
                scan.reports.append(number)
                continue
        kind, _, stop = parameter_at(body, at, end, "RO_ACCESS_REPORT")
        if kind <= LAST_STANDARD and kind != RF_SURVEY_REPORT_DATA:
            raise malformed(f"RO_ACCESS_REPORT: parameter {kind} at octet {at} does not stand beside the tags")
        skipped += 1
        at = stop
    scan.skipped += skipped
