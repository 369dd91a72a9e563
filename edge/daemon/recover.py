"""From the store to the state: the newest snapshot that can be read, then every fact after it."""

import logging
from collections.abc import Mapping

import numpy as np

from config.phrase import phrase
from edge.state.apply import apply
from edge.state.custody_facts import CustodyDoubted, CustodyUpheld, PlacementConfirmed, VolumePlaced, VolumeTaken
from edge.state.facts import VolumeFound, VolumeMisplaced, VolumeMissing, VolumeMoved, VolumeSeen
from edge.state.plant import Plant
from edge.state.snapshot import thaw
from edge.state.state import State
from edge.state.unjudged import Unjudged
from edge.state.volumes import NOWHERE
from edge.store.errors import StoreError
from edge.store.journal import Store
from sensors.rfid.heard import Waiting

log = logging.getLogger(__name__)
PlaceFact = (
    VolumeSeen | VolumeMoved | VolumeMisplaced | VolumeFound | VolumeMissing | PlacementConfirmed | CustodyDoubted
)
HolderFact = VolumeTaken | VolumePlaced | CustodyUpheld
"""What brings the evidence up to date where it is applied: nothing from before it counts."""


def recover(store: Store, plant: Plant) -> State:
    """The state as it stood at the last committed fact, from the newest snapshot that this version can read; without
    one, from a journal that holds everything from its first fact on.

    Raises StoreError (`store_history_incomplete`) where there is neither. Beliefs are the snapshot's, but none that a
    later fact denies: else a volume would be found once more where it stood before, and moved, or missed, a second
    time.
    """
    state, after_n = _begin(store, plant)
    count = 0
    newest_ns = 0
    told: dict[str, PlaceFact] = {}
    for _, fact in store.facts(after_n):
        apply(state, fact)
        newest_ns = max(newest_ns, fact.at_ns)
        count += 1
        if isinstance(fact, PlaceFact):
            told[fact.volume] = fact
        elif isinstance(fact, HolderFact):
            told.pop(fact.volume, None)
    _recall(state, told)
    quiet = [name for cause in state.causes.values() for name, other in cause.pairs if not other]
    index = plant.places.segment_index
    state.evidence.recall_quiet(np.array([index[name] for name in quiet if name in index], np.int64))
    # reads of a round that was under way when the daemon ended: they would speak against the facts from after them
    state.heard, state.unjudged, state.strangers = Waiting(), Unjudged(), {}
    state.evidence.forget_open_rounds()
    state.passes, state.sortings = {}, []  # half of a pass is none
    state.suspects.forget_open_rounds()
    state.now_ns = max(state.now_ns, newest_ns)
    log.info("store: %d volumes, %d facts after the last snapshot", len(state.volumes), count)
    return state


def _begin(store: Store, plant: Plant) -> tuple[State, int]:
    """The state to fold from, and the journal sequence it stands at."""
    refusal = "-"
    for snapshot in store.snapshots():
        try:
            return thaw(plant, snapshot.body), snapshot.n
        except ValueError as error:
            log.warning("store: the snapshot after fact %d: %s; the one before it is tried", snapshot.n, error)
            refusal = str(error)
    if not store.is_whole():
        raise StoreError("store_history_incomplete", phrase("store_history", path=str(store.database), detail=refusal))
    return State(plant), 0


def _recall(state: State, told: Mapping[str, PlaceFact]) -> None:
    """Let the newest fact of each volume overrule the evidence from before it."""
    volumes, index = state.volumes, state.plant.places.segment_index
    facts = [fact for volume, fact in told.items() if volume in volumes.row]
    if not facts:
        return
    rows = np.array([volumes.row[fact.volume] for fact in facts])
    missed = [fact.silent_rounds if isinstance(fact, VolumeMissing) else 0 for fact in facts]
    seen_ns = [fact.last_seen_at_ns if isinstance(fact, VolumeMissing) else fact.at_ns for fact in facts]
    place = [fact.last_segment if isinstance(fact, VolumeMissing) else fact.segment for fact in facts]
    state.suspects.forget(volumes.tag[rows])
    state.evidence.recall(
        volumes.tag[rows],
        np.array([index.get(segment, NOWHERE) for segment in place], np.int32),
        np.array(missed, np.int32),
        np.array(seen_ns, np.int64),
    )
