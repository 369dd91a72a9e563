"""What is left out of thinking over: only tags of which nothing would be said, and nothing would change."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.rules.decision import NOTHING, Decision
from edge.rules.presence import decide, judge, stands_as_told
from edge.state.events import CustodyChange
from edge.state.facts import VolumeMisplaced, VolumeMissing, VolumeMoved, VolumeSeen
from edge.state.snapshot import encode, freeze, thaw
from tests.stories.shelves import PER_SEGMENT, full_shelves
from tests.stories.small_vault import NS, Story, reads_of, search_of
from tests.stories.test_presence import imported

VOLUMES = 4 * PER_SEGMENT
POLICIES: dict[str, Any] = {
    "by their own read rate": {"policy": {"presence": {"sure": 0.95}}},
    "hardly sure": {"policy": {"presence": {"sure": 0.51}}},
    "after three rounds": {"policy": {"presence": {"sure": 0.99, "missing_after_rounds": 3}}},
}


class Room:
    """Where the volumes really are, and what happens to them; 0 is in nobody's reach."""

    def __init__(self, seed: int, policy: str, misses: float) -> None:
        self.random = np.random.default_rng(seed)
        self.story = Story(changes=POLICIES[policy])
        full_shelves(self.story)
        self.misses = misses
        self.place = np.repeat(np.arange(1, 5), PER_SEGMENT)

    def cycle(self, voids: bool) -> None:
        for antenna in range(1, 5):
            apart = np.abs(self.place - antenna)
            rate = np.where(self.place == 0, 0.0, (1.0 - self.misses) * 0.4**apart)
            read = np.flatnonzero(self.random.random(VOLUMES) < rate)
            self.story.at_ns += 2 * NS
            if len(read):
                self.story.tell(reads_of("reader-1", self.story.at_ns, antenna, read.tolist()))
            rounds = int(self.random.integers(0 if voids else 1, 3))
            self.story.tell(search_of(antenna, self.story.at_ns, rounds))
        self.story.advance(3)

    def happen(self) -> None:
        """Somebody does something to a volume, and tells of it or not."""
        volume, to = int(self.random.integers(VOLUMES)), int(self.random.integers(5))
        what = self.random.choice(["moved", "taken", "placed", "booked"])
        if what == "booked":
            self._book(volume, to)
            return
        self.place[volume] = 0 if what == "taken" else to
        if what == "moved" or (what == "placed" and not to):
            return
        segment = f"A-01L-0{to}" if what == "placed" else ""
        self.story.tell(
            CustodyChange(self.story.at_ns, self.story.at_ns, what, "robot-1", "robot", (f"v{volume}",), segment)
        )

    def _book(self, volume: int, to: int) -> None:
        """The catalogue swaps the places of two."""
        lines = {line.volume: line for line in self.story.state.volumes.lines}
        one, two = lines[f"v{volume}"], lines[f"v{to * PER_SEGMENT % VOLUMES}"]
        if one.volume != two.volume:
            imported(self.story, replace(one, slot=two.slot), replace(two, slot=one.slot))

    def left_out(self) -> NDArray[np.int64]:
        """Tags that would not be thought over now."""
        state = self.story.state
        tags = state.volumes.tag.astype(np.int64)
        return np.sort(tags[stands_as_told(state, tags)])


def said_of(room: Room, tags: NDArray[np.int64]) -> tuple[Decision, bool]:
    """What thinking over these tags would say, and whether it would change what is suspected."""
    state = room.story.state
    copy = thaw(state.plant, encode(freeze(state)))
    before = encode(freeze(copy))
    decision = decide(copy, room.story.at_ns, judge(copy, tags))
    return decision, encode(freeze(copy)) != before


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    policy=st.sampled_from(sorted(POLICIES)),
    misses=st.sampled_from([0.0, 0.1, 0.4]),
    haste=st.sampled_from([0.0, 0.3, 1.0]),
    voids=st.booleans(),
)
def test_nothing_would_be_said_of_what_is_left_out(
    seed: int, policy: str, misses: float, haste: float, voids: bool
) -> None:
    room = Room(seed, policy, misses)
    for _ in range(16):
        if room.random.random() < haste:
            room.happen()
        room.cycle(voids)
        decision, is_changed = said_of(room, room.left_out())
        assert decision == NOTHING
        assert not is_changed


def test_volumes_that_stand_as_told_are_left_out_and_those_that_move_or_fall_silent_are_not() -> None:
    room = Room(3, "by their own read rate", misses=0.1)
    for _ in range(12):
        room.cycle(voids=False)
    assert len(room.story.of(VolumeSeen)) == VOLUMES
    assert len(room.left_out()) >= 0.75 * VOLUMES  # some stand between two antennas, for all one knows
    room.place[0], room.place[20] = 4, 0
    while not room.story.of(VolumeMoved) + room.story.of(VolumeMisplaced):
        room.cycle(voids=False)
    assert [fact.volume for fact in room.story.of(VolumeMisplaced)] == ["v0"]
    for _ in range(40):
        room.cycle(voids=False)
    assert [fact.volume for fact in room.story.of(VolumeMissing)] == ["v20"]
