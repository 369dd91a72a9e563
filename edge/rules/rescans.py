"""A second look before a volume is told missing: readers are asked to search again with some of their antennas.

What is told does not hang on it: any search of the antenna that began after the suspicion counts, so a reader that
cannot do it only takes until its next ordinary round.
"""

from collections.abc import Iterable

from drivers.command import Scan
from edge.rules import silence
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import CommandIntended
from edge.state.state import State

# One at a time, one a minute at most, and where the dwells are long so seldom that a reader spends no more than an
# eighth of its time on it; in between it goes round its antennas.
PAUSE_NS = 60_000_000_000
SHARE = 8
MOST_ANTENNAS = 4
WANTED = "search_again"


def demand(state: State, at_ns: int, segments: Iterable[int]) -> Decision:
    """Ask the readers of these segments to look again, those that can be asked now; each at most once, for at most
    MOST_ANTENNAS. The others look again in their ordinary round, and so do antennas that are suspected themselves: what
    an antenna cannot read it does not read at the second look either."""
    ports: dict[str, list[int]] = {}
    for segment in _trusted(state, segments):
        reader, port = state.plant.antenna_of(segment)
        if reader:
            ports.setdefault(reader, []).append(port)
    decision = NOTHING
    for reader, antennas in ports.items():
        if may_be_asked(state, at_ns, reader):
            decision += scan(state, at_ns, reader, tuple(antennas[:MOST_ANTENNAS]), WANTED)
    return decision


def scan(state: State, at_ns: int, reader: str, antennas: tuple[int, ...], wanted: str) -> Decision:
    """The demand, whatever it is for: with TIDs where they are what is wanted."""
    names, table = state.plant.places.segment_ids, state.plant.segments_of_ports(reader)
    command = Scan(id=f"{at_ns:x}-{reader}", device=reader, antennas=antennas, with_tids=wanted != WANTED)
    cause = " ".join(names[table[antenna]] for antenna in antennas)
    intent = CommandIntended(at_ns=at_ns, command=command, actuator=reader, wanted=wanted, cause=cause)
    return Decision((intent,), (command,))


def may_be_asked(state: State, at_ns: int, reader: str) -> bool:
    """Whether it answers, has no demand open, and has had its pause."""
    standing, asked = state.devices.get(reader), state.asked.get(reader)
    if standing is None or not standing.is_ok:
        return False
    return asked is None or (not is_under_way(state, reader) and at_ns - asked.at_ns >= pause_ns(state, reader))


def is_under_way(state: State, reader: str) -> bool:
    """Whether a search that was demanded of it is not over."""
    asked = state.asked.get(reader)
    return asked is not None and asked.command in state.intents


def pause_ns(state: State, reader: str) -> int:
    """From one demand to the next, of a reader of this layout."""
    device = state.plant.readers[reader]
    antennas = min(MOST_ANTENNAS, len(device.segments))
    return max(PAUSE_NS, SHARE * antennas * device.rescan_dwell_ms * 1_000_000)


def _trusted(state: State, segments: Iterable[int]) -> list[int]:
    """Those before whose antenna no silence is explained, or about to be, by the antenna."""
    evidence, names = state.evidence, state.plant.places.segment_ids
    covered = {name for cause in state.causes.values() if cause.code in silence.CODES for name, _ in cause.pairs}
    return [
        segment
        for segment in segments
        if names[segment] not in covered
        and not (
            evidence.quiet_rounds[segment] >= silence.SUSPECT_ROUNDS and evidence.standing[segment] >= silence.MANY
        )
    ]
