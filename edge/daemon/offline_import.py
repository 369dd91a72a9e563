"""`lantai import` while no daemon runs: the same step on the same store, under the store's lock."""

import threading
from collections import deque
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from config.catalogued import CataloguedVolume
from config.load import Loaded
from config.phrase import phrase
from edge.api.catalogue import LineSorter, portions
from edge.api.records import ImportAnswer
from edge.clock import VaultClock
from edge.daemon.recover import recover
from edge.state.events import OperatorAction
from edge.state.facts import Fact, VolumesCatalogued
from edge.state.plant import Plant
from edge.state.snapshot import encode, freeze
from edge.state.state import State
from edge.step import step
from edge.store.errors import StoreFull
from edge.store.journal import Store

MOST_WAITING = 12  # portions between step and disk: about a megabyte, far below where the store refuses
LOOK_EVERY_S = 0.2


class Told(NamedTuple):
    """What became of the lines up to `upto`, from where the one before ended. `refusal`: '' or a text id, and it is the
    last. `answer` as the daemon would give it; its indices count from the first of these lines."""

    upto: int
    refusal: str
    answer: ImportAnswer


class _Taken(NamedTuple):
    told: Told
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
) -> Generator[Told, None, None]:
    """Yields what became of each portion once it is on disk; stops after the first refusal of all of it.

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
        for portion in portions(volumes):  # told once it is committed: one cut short has lost nothing it reported
            action = OperatorAction(
                id=f"import-{portion.start}",
                at_ns=max(clock.now(), state.now_ns + 1),
                action="catalogue.import",
                person=person,
                role=role,
                terminal=terminal,
                volumes=tuple(volumes[portion]),
            )
            facts, refusal, answer = _stepped(state, action)
            taken = _Taken(Told(portion.stop, refusal, answer), threading.Event())
            store.append(facts, urgent=False, done=taken.committed.set)
            waiting.append(taken)
            while waiting and (waiting[0].committed.is_set() or len(waiting) > MOST_WAITING):
                yield _on_disk(store, waiting.popleft())
            if refusal:
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


def _stepped(state: State, action: OperatorAction) -> tuple[tuple[Fact, ...], str, ImportAnswer]:
    """The facts of a portion, its refusal or '', and what became of its lines: where some have the tag or the chip of
    another volume, the others go in without them."""
    known, lines = len(state.volumes), len(action.volumes)
    problems: tuple[tuple[int, str, str], ...] = ()
    if any(line.tid for line in action.volumes):
        action, problems = _sorted(state, action)
    decision = step(state, action)
    facts = decision.facts
    if decision.answer == "epc_taken":
        action, problems = _sorted(state, action)
        decision = step(state, msgspec.structs.replace(action, at_ns=action.at_ns + 1))
        facts += decision.facts
    new = len(state.volumes) - known
    changed = sum(len(fact.volumes) for fact in facts if isinstance(fact, VolumesCatalogued)) - new
    same = lines - len(problems) - new - changed
    return facts, "" if decision.answer == "accepted" else decision.answer, ImportAnswer(new, changed, same, problems)


def _sorted(state: State, action: OperatorAction) -> tuple[OperatorAction, tuple[tuple[int, str, str], ...]]:
    found = LineSorter(state, action.volumes).sort(action.volumes)
    return msgspec.structs.replace(action, volumes=tuple(found.good)), tuple(found.problems)


def _on_disk(store: Store, taken: _Taken) -> Told:
    while not taken.committed.wait(LOOK_EVERY_S):
        if store.level() == "failed":
            raise StoreFull("store_full", phrase("store_unwritten", path=str(store.database), fault=store.fault()))
    return taken.told
