"""What reads made due is taken in by one event and weighed by the next, and nobody can tell."""

import numpy as np
import pytest

from edge.state.events import CustodyChange, Event, Tick
from edge.state.facts import VolumeMissing, VolumeSeen
from edge.state.snapshot import encode, freeze, thaw
from tests.stories.shelves import PER_SEGMENT, full_shelves
from tests.stories.small_vault import NS, Story, reads_of, search_of

VOLUMES = 4 * PER_SEGMENT


def happened(seed: int) -> list[Event]:
    """Searches on end with hardly a tick between them, of a room in which volumes move and are taken."""
    random = np.random.default_rng(seed)
    place = np.repeat(np.arange(1, 5), PER_SEGMENT)
    place[5] = 0
    at_ns = Story().at_ns
    events: list[Event] = []
    for cycle in range(30):
        if cycle % 5 == 4:
            volume = int(random.integers(VOLUMES))
            place[volume] = random.integers(5)
            events.append(CustodyChange(at_ns, at_ns, "taken", "robot-1", "robot", (f"v{(volume + 9) % VOLUMES}",)))
        for antenna in range(1, 5):
            at_ns += 2 * NS
            rate = np.where(place == 0, 0.0, 0.9 * 0.4 ** np.abs(place - antenna))
            read = np.flatnonzero(random.random(VOLUMES) < rate)
            events += [reads_of("reader-1", at_ns, antenna, read.tolist()), search_of(antenna, at_ns)]
            if random.random() < 0.1:
                events.append(Tick(at_ns=at_ns))
    return [*events, *(Tick(at_ns=at_ns + second * NS) for second in range(1, 5))]


@pytest.mark.parametrize("seed", range(4))
def test_a_state_that_is_copied_amid_a_digestion_goes_on_as_one_that_is_not(seed: int) -> None:
    straight, copied = Story(), Story()
    full_shelves(straight)
    full_shelves(copied)
    halves = 0
    for event in happened(seed):
        straight.tell(event)
        copied.tell(event)
        halves += not straight.state.evidence.is_weighed
        if seed % 2:
            copied.state = thaw(copied.state.plant, encode(freeze(copied.state)))
        else:
            freeze(copied.state)
        assert copied.facts == straight.facts
    assert halves > 15
    assert straight.of(VolumeSeen)
    assert "v5" in [fact.volume for fact in straight.of(VolumeMissing)]
    assert encode(freeze(copied.state)) == encode(freeze(straight.state))


def test_what_is_no_read_finds_everything_weighed() -> None:
    story = Story()
    full_shelves(story)
    for event in happened(7):
        story.tell(event)
        if isinstance(event, Tick | CustodyChange):
            assert story.state.evidence.is_weighed
