"""Beliefs and facts of a simulated month against the truth of its world.

A tag's own detection bound is passed when the antenna of the segment it is believed in has searched so often that its
silence is as unlikely as `MISSED` asks, one demanded re-scan on top, by the true read rate of a tag there: at 10 %
misses 10 + 1 rounds. A dead antenna's rounds count nothing; `behind_dead` counts them as if it were well.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.month.happenings import OUTSIDE, Happening
from drivers.observation import Searched
from edge.state.events import Event
from edge.state.facts import Fact, VolumeFound, VolumeMisplaced, VolumeMissing
from edge.state.state import State
from edge.state.volumes import MISPLACED, MISSING, STATUSES
from sensors.rfid.presence import MISSED
from simulator.world.vault_world import VaultWorld

SURE = 0.99
SHOWN = 8  # cases in detail, of each kind
RECENT_LOOKS = 2  # and until its bound a fact about what stood otherwise is late, not baseless


class Case(NamedTuple):
    """One finding, for a person."""

    kind: str
    day: float
    volume: str
    happened: str
    believed: str


class Verdict(msgspec.Struct):
    """The counts."""

    silent_errors: int = 0
    silent_errors_held: int = 0
    silent_errors_behind_dead: int = 0
    longest_silent_rounds: int = 0
    misplacements: int = 0
    misplacements_found: int = 0
    losses: int = 0
    losses_found: int = 0
    never_judged: int = 0
    false_alarms: int = 0
    false_alarms_at_faults: int = 0
    misnamed: int = 0
    told_right: float = 0.0


class Judge:
    """Told every event and its facts (`hear`), every change of the world just before it is made (`change`), and asked
    to look after each batch (`look`)."""

    def __init__(self, misses: float) -> None:
        self.verdict = Verdict()
        self.cases: list[Case] = []
        self._facts: list[Fact] = []
        self._searched: list[Searched] = []
        self._own_rate = 1.0 - misses
        # with one more round for the re-scan that is demanded before a volume is called missing
        self._a_round = -np.log(misses)
        self._bound = (np.ceil(-MISSED / self._a_round) + 1) * self._a_round

    def hear(self, event: Event, facts: tuple[Fact, ...]) -> None:
        if isinstance(event, Searched):
            self._searched.append(event)
        self._facts += facts

    def begin(self, state: State, world: VaultWorld) -> None:
        """The catalogue is in and nothing has happened."""
        self._state, self._world = state, world
        segments = len(world.places.segment_ids)
        self._hearing = np.ones(segments)
        self._is_faulty_until = np.full(segments, -1)
        self._said = np.zeros((2, segments))  # what silence of each antenna speaks so far: as it is, were it well
        self._since: dict[int, NDArray[np.float64]] = {}
        self._last: dict[int, list[str]] = {}
        self._changed_look = np.full(len(world.stands), -10)
        self._before: dict[int, int] = {}
        self._caught: set[int] = set()
        self._told: set[tuple[int, int, str]] = set()
        self._wrong: dict[int, float] = {}
        """Tag believed wrong at every look since -> what the antenna's silence had spoken when that began."""
        self._changes = np.zeros(len(world.stands), np.int64)
        self._look = 0
        self._begun_ns = state.now_ns

    def change(self, one: Happening) -> None:
        """This is about to happen."""
        if one.tag < 0:
            self._hearing[one.segment] = one.hearing
            self._is_faulty_until[one.segment] = self._look + RECENT_LOOKS if one.hearing == 1.0 else 1 << 40
            return
        tag = one.tag
        self._end_episode(tag)
        self._before[tag] = int(self._world.stands[tag])
        self._since[tag] = self._said.copy()
        self._changed_look[tag] = self._look
        self._changes[tag] += 1
        where = self._world.segment_name(one.segment) or "outside"
        self._last.setdefault(tag, []).append(f"day {self._day():.2f} {one.what} -> {where}")

    def look(self) -> None:
        """A batch of cycles was told."""
        self._look += 1
        for event in self._searched:
            segment = int(self._state.plant.segments_of_ports(event.device)[event.antenna])
            for row, hearing in enumerate((self._hearing[segment], 1.0)):
                self._said[row, segment] -= event.rounds * np.log(1.0 - self._own_rate * hearing)
        for fact in self._facts:
            self._weigh(fact)
        self._searched, self._facts = [], []
        self._look_for_silent_errors()

    def end(self) -> None:
        """The month is over: what still lasts is judged as it is."""
        for tag in list(self._before):
            self._end_episode(tag)
        volumes, stands = self._state.volumes, self._world.stands
        is_right = np.where(
            stands == OUTSIDE, volumes.status == MISSING, (volumes.place == stands) & (volumes.status != MISSING)
        )
        self.verdict.told_right = round(float(is_right.mean()), 5)
        for tag in np.flatnonzero(~is_right).tolist():
            told = f"status {STATUSES[volumes.status[tag]]}, place {self._name(int(volumes.place[tag]))}"
            self._case("told_wrong_at_the_end", tag, f"{told}, {self._top(tag)}")

    def _look_for_silent_errors(self) -> None:
        state, stands = self._state, self._world.stands
        tags = state.volumes.tag
        believed = state.evidence.believed[tags]
        open_rows = np.flatnonzero((believed != stands) | ~state.evidence.is_settled(tags))
        belief = state.evidence.belief(tags[open_rows])
        top, confidence = belief.top[:, 0], belief.confidence[:, 0]
        is_known_gone = (stands[open_rows] == OUTSIDE) & (state.volumes.status[open_rows] == MISSING)
        wrong = (top != stands[open_rows]) & (top >= 0) & (confidence >= SURE) & ~is_known_gone
        before, self._wrong = self._wrong, {}
        for i in np.flatnonzero(wrong).tolist():
            tag, place = int(open_rows[i]), int(top[i])
            is_past, were_past = self._passed(tag, place).tolist()
            said = float(self._said[0, place])
            self._wrong[tag] = before.get(tag, said)
            if not were_past:
                continue
            held_key = (tag, int(self._changes[tag]), "held")
            if is_past and said - self._wrong[tag] >= self._bound and held_key not in self._told:
                self._told.add(held_key)
                self.verdict.silent_errors_held += 1
            name = "silent_errors" if is_past else "silent_errors_behind_dead"
            key = (tag, int(self._changes[tag]), name)
            after_rounds = round(float(self._said_since(tag, place)[0]) / self._a_round)
            if is_past and tag in self._since:
                self.verdict.longest_silent_rounds = max(self.verdict.longest_silent_rounds, after_rounds)
            if key not in self._told:
                self._told.add(key)
                setattr(self.verdict, name, getattr(self.verdict, name) + 1)
                since = f"{after_rounds} rounds after, silence {self._silence(tag):.1f}"
                self._case(name, tag, f"{self._name(place)} at {confidence[i]:.4f}, {since}")

    def _weigh(self, fact: Fact) -> None:
        if not isinstance(fact, (VolumeMissing, VolumeMisplaced, VolumeFound)):
            return
        tag = self._state.volumes.row[fact.volume]
        stands, book = int(self._world.stands[tag]), int(self._world.volumes.book[tag])
        where = stands if stands != OUTSIDE else book
        is_recent = self._look - int(self._changed_look[tag]) <= RECENT_LOOKS or not self._passed(tag, where)[1]
        if isinstance(fact, VolumeMissing):
            if stands == OUTSIDE:
                self._caught.add(tag)
            elif not is_recent:
                at_place = self._name(stands) == fact.last_segment or stands == book
                self._false(tag, stands, "missing", is_baseless=at_place)
            return
        place = self._world.places.segment_index[fact.segment]
        if place == stands:
            if place != book:
                self._caught.add(tag)
        elif not is_recent and place != book:
            self._false(tag, place, f"in {fact.segment}", is_baseless=stands in {OUTSIDE, book})

    def _false(self, tag: int, segment: int, told: str, *, is_baseless: bool) -> None:
        if not is_baseless:
            self.verdict.misnamed += 1
            self._case("misnamed", tag, told)
            return
        self.verdict.false_alarms += 1
        is_at_fault = self._look <= self._is_faulty_until[segment] or (
            self._look <= self._is_faulty_until[self._world.volumes.book[tag]]
        )
        self.verdict.false_alarms_at_faults += int(is_at_fault)
        self._case("false_alarm", tag, told + (" (an antenna there is or was dead or weak)" if is_at_fault else ""))

    def _end_episode(self, tag: int) -> None:
        """The volume stood so since its last change: was that a misplacement or a loss, and was it found?"""
        before = self._before.pop(tag, None)
        was_caught = tag in self._caught
        self._caught.discard(tag)
        stands, book = int(self._world.stands[tag]), int(self._world.volumes.book[tag])
        if before is None or stands == book:
            return
        is_loss = stands == OUTSIDE
        if not self._passed(tag, before if is_loss else stands)[0]:
            self.verdict.never_judged += 1
            return
        volumes = self._state.volumes
        status, place = int(volumes.status[tag]), int(volumes.place[tag])
        name = "losses" if is_loss else "misplacements"
        found = was_caught or (status == MISSING if is_loss else status == MISPLACED and place == stands)
        for counted, by in ((name, 1), (f"{name}_found", int(found))):
            setattr(self.verdict, counted, getattr(self.verdict, counted) + by)
        if not found:
            told = f"status {STATUSES[status]}, place {self._name(place)}, {self._top(tag)}"
            self._case(f"{name}_not_found", tag, told)

    def _passed(self, tag: int, segment: int) -> NDArray[np.bool_]:
        """(2,) whether the bound at this segment's antenna is passed since the tag's last change: as the antenna is,
        and were it well."""
        passed: NDArray[np.bool_] = self._said_since(tag, segment) >= self._bound - 1e-9
        return passed

    def _said_since(self, tag: int, segment: int) -> NDArray[np.float64]:
        since = self._since.get(tag)
        said: NDArray[np.float64] = self._said[:, segment] - (0.0 if since is None else since[:, segment])
        return said

    def _silence(self, tag: int) -> float:
        return float(self._state.evidence.silence(self._state.volumes.tag[[tag]])[0])

    def _case(self, kind: str, tag: int, believed: str) -> None:
        if sum(case.kind == kind for case in self.cases) < SHOWN:
            stands = int(self._world.stands[tag])
            book = self._name(int(self._world.volumes.book[tag]))
            happened = f"book {book}, stands {self._name(stands)}; " + ", ".join(self._last.get(tag, ["nothing"])[-3:])
            self.cases.append(Case(kind, round(self._day(), 2), self._world.volumes.ids[tag], happened, believed))

    def _top(self, tag: int) -> str:
        row = self._state.volumes.tag[[tag]]
        belief = self._state.evidence.belief(row)
        top = f"top {self._name(int(belief.top[0, 0]))} at {belief.confidence[0, 0]:.4f}"
        return f"{top}, silence {self._silence(tag):.1f}"

    def _name(self, segment: int) -> str:
        return self._world.segment_name(segment) or "outside"

    def _day(self) -> float:
        return (self._state.now_ns - self._begun_ns) / 86_400e9
