"""Stores in a fresh directory, closed at the end whatever happened."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.policy import Retention
from edge.store.journal import Store

OpenStore = Callable[..., Store]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[OpenStore]:
    """Opens stores; `state_dir` defaults to the test's own directory."""
    opened: list[Store] = []

    def open_one(state_dir: Path = tmp_path / "state", *, cap_mb: int = 64, reserve_mb: int = 8,
                 retention: Retention = Retention()) -> Store:  # fmt: skip # noqa: B008 -- frozen
        store = Store.open(state_dir, vault="centre/v1/n1", cap_mb=cap_mb, reserve_mb=reserve_mb, retention=retention)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        if store._writer.is_alive:
            store.close()
