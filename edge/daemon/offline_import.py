"""`lantai import` while no daemon runs: the same step on the same store, under the store's lock."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from config.load import Loaded
from edge.clock import VaultClock
from edge.daemon.recover import recover
from edge.state.events import OperatorAction
from edge.state.facts import CataloguedVolume
from edge.state.plant import Plant
from edge.state.snapshot import encode, freeze
from edge.step import step
from edge.store.journal import Store

CHUNK = 500  # one fact; commits between, so that an import cut short has lost nothing it reported


def import_offline(
    loaded: Loaded,
    state_dir: Path,
    volumes: Sequence[CataloguedVolume],
    *,
    person: str,
    role: str,
    terminal: str,
    clock: VaultClock,
) -> Iterator[tuple[int, str]]:
    """Yields (lines taken so far, answer) per chunk; stops after the first answer that is not 'accepted'.

    Raises StoreBusy where a daemon holds the store, StoreError where it cannot be opened.
    """
    vault = loaded.vault
    store = Store.open(
        state_dir,
        vault=f"{vault.centre}/{vault.vault}",
        cap_mb=vault.store.cap_mb,
        reserve_mb=vault.store.reserve_mb,
        retention=vault.policy.retention,
    )
    try:
        state = recover(store, Plant(vault, loaded.profiles))
        for first in range(0, len(volumes), CHUNK):
            chunk = tuple(volumes[first : first + CHUNK])
            action = OperatorAction(
                id=f"import-{first}",
                at_ns=max(clock.now(), state.now_ns + 1),
                action="catalogue.import",
                person=person,
                role=role,
                terminal=terminal,
                volumes=chunk,
            )
            decision = step(state, action)
            store.append(decision.facts, urgent=False, done=None)
            yield first + len(chunk), decision.answer
            if decision.answer != "accepted":
                break
        store.save_snapshot(
            encode(freeze(state)),
            store.n,
            state.plant.layout,
            {lane: head.seq for lane, head in store.heads().items()},
        )
        store.flush()
    finally:
        store.close()
