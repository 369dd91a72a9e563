"""One ROSpec in the reader."""

import msgspec

from drivers.command import Scan


class Run(msgspec.Struct):
    """Which antennas in which order, for which scan, how far it has come."""

    spec_id: int
    antennas: tuple[int, ...]
    scan: Scan | None
    from_ns: int = 0  # when the antenna now searching began
    is_over: bool = False
    place: int = 0  # of the antenna that finished last, 1-based
    searched: tuple[int, ...] = ()
    disturbed: tuple[int, ...] = ()  # places in `antennas`, 1-based, where the reader reported an exception
    is_armed: bool = False  # an AccessSpec stands beside it
