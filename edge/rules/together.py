"""Many volumes that move together have one cause: a cable on the wrong port is likelier than three hundred errands.

Each volume's own fact is told when it is known; this looks at them a little later, when no more follow, and names what
explains them all. What is wrong with cables lasts until the volumes are back.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from edge.rules import alarms, silence
from edge.rules.decision import NOTHING, Decision
from edge.state.facts import Fact, VolumesTogether
from edge.state.moves import WINDOW_NS
from edge.state.plant import Plant
from edge.state.state import State
from edge.state.volumes import Tally

MANY = 8  # volumes: so many told in a wrong place within minutes are hardly so many mistakes
SHARE = 0.2  # of those that stood there: a shelf of five
MOST = 0.7  # or nearly all of a small segment
CALM_NS = 30_000_000_000  # three cycles of a reader in which no more followed: cables can be told
LATEST_NS = 120_000_000_000  # while more follow, they are told by then
CARRIED_NS = 180_000_000_000  # without more to follow: the volumes of the other cable would have shown by then
SEVERAL = 3  # antennas: what is wrong with so many is wrong with their reader
BACK = 0.5  # of what makes an alarm: when fewer are left in the wrong place, it is over
CABLES = frozenset({"antennas_swapped", "reader_ports_shifted", "readers_swapped"})

Pair = tuple[str, str]


class Group(NamedTuple):
    """Moves between pairs of segments that one thing explains."""

    code: str
    source: str
    pairs: tuple[Pair, ...]


def decide(state: State, at_ns: int) -> Decision:
    """What is over, and the causes of moves that came to rest."""
    is_active = any(cause.code in CABLES for cause in state.causes.values())
    if not is_active and not _may_be_much(state, at_ns):
        return NOTHING
    stand = state.volumes.tally(len(state.plant.places.segment_ids))
    facts = _over(state, at_ns, stand)
    told = {pair for cause in state.causes.values() for pair in cause.pairs}
    moved = [pair for pair in sorted(state.moves.count) if pair not in told and _is_known(state.plant, pair)]
    if not moved:
        return Decision(facts) if facts else NOTHING
    suspected: set[Pair] = set()
    for group in _cables(state, [pair for pair in moved if _is_much(state.plant, stand, pair)]):
        suspected |= set(group.pairs)
        first_ns, newest_ns = state.moves.between_ns(group.pairs)
        if at_ns >= min(newest_ns + CALM_NS, first_ns + LATEST_NS):
            facts += _lasting(state, at_ns, stand, group)
    facts += _carried(state, at_ns, stand, [pair for pair in moved if pair not in suspected])
    return Decision(facts) if facts else NOTHING


def _may_be_much(state: State, at_ns: int) -> bool:
    """Whether a look at all volumes can be worth it: that costs too much for every tick."""
    if at_ns - state.moves.newest_ns > WINDOW_NS:
        return False
    several = {pair: count for pair, count in state.moves.count.items() if count > 1 and _is_known(state.plant, pair)}
    if not several:
        return False
    if max(several.values()) >= MANY:
        return True
    index = state.plant.places.segment_index
    booked = state.volumes.tally(len(index)).booked
    return any(count >= max(2, MOST * int(booked[index[pair[0]]])) for pair, count in several.items())


def _cables(state: State, moved: Sequence[Pair]) -> list[Group]:
    """What only wrong cables explain: segments whose volumes are exchanged, or several read one as another."""
    plant, found = state.plant, []
    by_readers: defaultdict[tuple[str, ...], list[Pair]] = defaultdict(list)
    for pair in moved:
        readers = sorted({plant.reader_of(plant.places.segment_index[name]) for name in pair})
        if "" not in readers:
            by_readers[tuple(readers)].append(pair)
    for between, pairs in by_readers.items():
        code = "reader_ports_shifted" if len(between) == 1 else "readers_swapped"
        source = "/".join(between)
        known = state.causes.get(f"{code}:{source}")
        is_one_to_one = len({here for here, _ in pairs}) == len({there for _, there in pairs}) == len(pairs)
        if known is not None or (is_one_to_one and len(pairs) >= SEVERAL):
            found.append(Group(code, source, (*(known.pairs if known else ()), *pairs)))
            continue
        for here, there in pairs:
            if here < there and (there, here) in pairs:
                code = "antennas_swapped"
                source = "+".join(plant.antenna_name(plant.places.segment_index[name]) for name in (here, there))
                found.append(Group(code, source, ((here, there), (there, here))))
    return found


def _carried(state: State, at_ns: int, stand: Tally, moved: Sequence[Pair]) -> tuple[Fact, ...]:
    """Likely on a trolley: that has happened and is over."""
    facts: tuple[Fact, ...] = ()
    index = state.plant.places.segment_index
    left: defaultdict[str, int] = defaultdict(int)  # more than came, since the first of them was told
    for (before, now), count in state.moves.count.items():
        left[before] += count
        left[now] -= count
    # an antenna that reads nothing was told already: what its neighbours hear of its volumes has not moved
    silent = {name for cause in state.causes.values() if cause.code in silence.CODES for name, _ in cause.pairs}
    many: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in moved:
        here = pair[0]
        stood = int(stand.standing[index[here]]) + left[here]
        is_much = here not in silent and state.moves.count[pair] >= max(MANY, SHARE * stood)
        if is_much and at_ns >= state.moves.between_ns([pair])[1] + CARRIED_NS:
            many[here].append(pair)
    for here, pairs in many.items():
        source = state.plant.antenna_name(index[here]) or here
        zone = state.plant.places.segment_zone[index[here]]
        noted = alarms.noted(state, at_ns, "volumes_carried", "warning", zone, source)
        of = VolumesTogether(
            at_ns=at_ns,
            alarm=f"volumes_carried:{source}",
            code="volumes_carried",
            segments=(here,) * len(pairs),
            others=tuple(now for _, now in pairs),
            volumes=sum(state.moves.count[pair] for pair in pairs),
            standing=int(stand.standing[index[here]]) + left[here],
        )
        facts += (*noted[:1], of, *noted[1:])
    return facts


def _lasting(state: State, at_ns: int, stand: Tally, group: Group) -> tuple[Fact, ...]:
    """The alarm, when it is not active yet, and what it is of."""
    places = state.plant.places
    index = places.segment_index
    here = [index[before] for before, _ in group.pairs]
    of = VolumesTogether(
        at_ns=at_ns,
        alarm=f"{group.code}:{group.source}",
        code=group.code,
        segments=tuple(before for before, _ in group.pairs),
        others=tuple(now for _, now in group.pairs),
        volumes=sum(
            stand.away.get((places.segment_index[one], places.segment_index[other]), 0) for one, other in group.pairs
        ),
        standing=int(stand.booked[sorted(set(here))].sum()),
    )
    zone = places.segment_zone[min(here)]
    return (*alarms.raised(state, at_ns, group.code, "warning", zone, group.source), of)


def _over(state: State, at_ns: int, stand: Tally) -> tuple[Fact, ...]:
    """Alarms of cables whose volumes are where they belong again."""
    facts: tuple[Fact, ...] = ()
    for alarm, cause in state.causes.items():
        pairs = [pair for pair in cause.pairs if _is_known(state.plant, pair)]
        if cause.code in CABLES and not any(_is_much(state.plant, stand, pair, BACK) for pair in pairs):
            facts += alarms.cleared(state, at_ns, cause.code, alarm.partition(":")[2])
    return facts


def _is_much(plant: Plant, stand: Tally, pair: Pair, part: float = 1.0) -> bool:
    """Whether so many of those that belong in one segment stand in the other that something must be wrong there."""
    here, there = (plant.places.segment_index[name] for name in pair)
    booked, away = int(stand.booked[here]), stand.away.get((here, there), 0)
    return away >= part * min(max(MANY, SHARE * booked), max(2, MOST * booked))


def _is_known(plant: Plant, pair: Pair) -> bool:
    return pair[0] in plant.places.segment_index and pair[1] in plant.places.segment_index
