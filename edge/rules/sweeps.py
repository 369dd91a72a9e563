"""TIDs of readers that do not tell them by themselves: read before a few antennas at a time, all day long."""

from edge.rules import rescans
from edge.rules.decision import NOTHING, Decision
from edge.state.state import State
from edge.state.volumes import NOWHERE

WANTED = "read_tids"


def demand(state: State, at_ns: int) -> Decision:
    """Ask every reader that told no TID for the time of the policy to read those before its next few antennas."""
    every_ns = round(state.plant.vault.policy.presence.tid_sweep_s * 1e9)
    decision = NOTHING
    for reader, standing in state.devices.items():
        if reader not in state.plant.readers or not every_ns:
            continue
        swept = state.tids.swept.get(reader)
        heard_ns = max(standing.since_ns, state.tids.heard_ns.get(reader, 0), swept.at_ns if swept else 0)
        is_able = swept is None or swept.is_able
        if is_able and at_ns - heard_ns >= every_ns and rescans.may_be_asked(state, at_ns, reader):
            antennas = _next(state, reader, swept.antenna if swept else 0)
            if antennas:
                decision += rescans.scan(state, at_ns, reader, antennas, WANTED)
    return decision


def _next(state: State, reader: str, last: int) -> tuple[int, ...]:
    """The antennas after the one that was asked last, round and round."""
    segments = state.plant.segments_of_ports(reader).tolist()
    ports = [port for port, segment in enumerate(segments) if segment != NOWHERE]
    following = [port for port in ports if port > last] + [port for port in ports if port <= last]
    return tuple(following[: rescans.MOST_ANTENNAS])
