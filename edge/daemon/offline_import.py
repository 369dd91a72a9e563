"""`lantai import` while no daemon runs: the same step on the same store, under the store's lock."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from config.catalogued import CataloguedVolume
from config.load import Loaded
from config.phrase import phrase
from edge.clock import VaultClock
from edge.daemon.recover import recover
from edge.state.events import OperatorAction
from edge.state.plant import Plant
from edge.state.snapshot import encode, freeze
from edge.step import step
from edge.store.errors import StoreFull
from edge.store.journal import Store

CHUNK = 500  # one fact; told once it is committed, so that an import cut short has lost nothing it reported
MOST_WAITING = 24  # chunks between step and disk: about a megabyte, far below where the store refuses
LOOK_EVERY_S = 0.2


class _Taken(NamedTuple):
    upto: int
    answer: str
    committed: threading.Event


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
    """Yields (lines taken so far, answer) per chunk once it is on disk; stops after the first answer that is not
    'accepted'.

    Raises StoreBusy where a daemon holds the store, StoreError where it cannot be opened, StoreFull where the disk
    takes nothing.
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
        waiting: deque[_Taken] = deque()
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
            taken = _Taken(first + len(chunk), decision.answer, threading.Event())
            store.append(decision.facts, urgent=False, done=taken.committed.set)
            waiting.append(taken)
            while waiting and (waiting[0].committed.is_set() or len(waiting) > MOST_WAITING):
                yield _on_disk(store, waiting.popleft())
            if decision.answer != "accepted":
                break
        while waiting:
            yield _on_disk(store, waiting.popleft())
        store.save_snapshot(
            encode(freeze(state)),
            store.n,
            state.plant.layout,
            {lane: head.seq for lane, head in store.heads().items()},
        )
        store.flush()
    finally:
        store.close()


def _on_disk(store: Store, taken: _Taken) -> tuple[int, str]:
    while not taken.committed.wait(LOOK_EVERY_S):
        if store.level() == "failed":
            raise StoreFull("store_full", phrase("store_unwritten", path=str(store.database), fault=store.fault()))
    return taken.upto, taken.answer
