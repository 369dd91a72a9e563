"""From the store to the state: the newest good snapshot, then every fact after it."""

import logging

from edge.state.apply import apply
from edge.state.plant import Plant
from edge.state.snapshot import thaw
from edge.state.state import State
from edge.store.journal import Store

log = logging.getLogger(__name__)


def recover(store: Store, plant: Plant) -> State:
    """The state as it stood at the last committed fact."""
    snapshot = store.latest_snapshot()
    state, after_n = State(plant), 0
    if snapshot is not None:
        try:
            state, after_n = thaw(plant, snapshot.body), snapshot.n
        except ValueError as error:
            log.warning("store: %s", error)
            after_n = 0
    count = 0
    newest_ns = 0
    for _, fact in store.facts(after_n):
        apply(state, fact)
        newest_ns = max(newest_ns, fact.at_ns)
        count += 1
    state.now_ns = max(state.now_ns, newest_ns)
    log.info("store: %d volumes, %d facts after the last snapshot", len(state.volumes), count)
    return state
