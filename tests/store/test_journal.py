"""Append, read, acknowledge, rewind, ask."""

import threading

import pytest

from config.catalogued import CataloguedVolume
from edge.state.facts import (
    DeviceWasLost,
    Fact,
    Lane,
    Measured,
    VolumeMissing,
    VolumesCatalogued,
    VolumeSeen,
)
from edge.store import writer
from tests.store.conftest import OpenStore
from tests.store.samples import AT_NS, ONE_OF_EACH, alarms, moves, readings


def test_marks_are_known_at_once_and_done_comes_after_the_commit(open_store: OpenStore) -> None:
    store = open_store()
    committed: list[dict[Lane, int]] = []
    reached = threading.Event()

    def done() -> None:
        committed.append(store.committed())
        reached.set()

    assert store.append([*alarms(2), *readings(3)], urgent=False, done=done) == {"alarm": 2, "telemetry": 3}
    assert reached.wait(20)
    assert committed == [{"alarm": 2, "custody": 0, "event": 0, "telemetry": 3}]


def test_done_of_nothing_waits_for_what_came_before(open_store: OpenStore) -> None:
    store = open_store()
    order: list[str] = []
    reached = threading.Event()

    def barrier() -> None:
        order.append("barrier")
        reached.set()

    store.append(moves(500), urgent=False, done=lambda: order.append("facts"))
    assert store.append([], urgent=False, done=barrier) == {}
    assert reached.wait(20)
    assert order == ["facts", "barrier"]


def test_an_urgent_fact_does_not_wait_for_company(open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GROUP_S", 3600.0)
    store = open_store()
    waits, reached = threading.Event(), threading.Event()
    store.append(moves(1), urgent=False, done=waits.set)
    assert not waits.wait(0.1)
    store.append(alarms(1), urgent=True, done=reached.set)
    assert reached.wait(20)
    assert waits.is_set()  # what came before it is on disk as well


def test_facts_come_back_in_the_order_they_happened_across_lanes(open_store: OpenStore) -> None:
    store = open_store()
    store.append(ONE_OF_EACH, urgent=False, done=None)
    store.flush()
    assert list(store.facts(0)) == list(enumerate(ONE_OF_EACH, start=1))
    for after_n in (1, 8, 9, 24, 25, 99):
        assert [fact for _, fact in store.facts(after_n)] == list(ONE_OF_EACH[after_n:])


def test_sequence_and_chain_go_on_after_a_restart(open_store: OpenStore) -> None:
    store = open_store()
    store.append([*moves(700), *alarms(1)], urgent=False, done=None)
    heads = store.heads()
    store.close()
    again = open_store()
    assert again.heads() == heads
    assert again.n == 701
    assert again.append(moves(1, start=700), urgent=False, done=None) == {"custody": 701}
    again.flush()
    assert again.first_broken_link("custody") is None
    assert [n for n, _ in again.facts(700)] == [701, 702]


def test_an_equal_fact_after_a_restart_has_another_id(open_store: OpenStore) -> None:
    store = open_store()
    store.append(alarms(1), urgent=False, done=None)
    store.close()
    again = open_store()
    again.append(alarms(1), urgent=False, done=None)
    again.flush()
    first, second = again.read_lane("alarm", 1)
    assert first.body[:40] != second.body[:40]


def test_a_batch_ends_at_its_rows_or_bytes_but_holds_at_least_one(open_store: OpenStore) -> None:
    store = open_store()
    store.append(moves(450), urgent=False, done=None)
    store.flush()
    assert [row.seq for row in store.read_lane("custody", 1)] == list(range(1, 201))
    assert [row.seq for row in store.read_lane("custody", 401)] == list(range(401, 451))
    assert store.read_lane("custody", 451) == []
    width = len(store.read_lane("custody", 1, 1)[0].body)
    for limit, rows in ((1, 1), (width, 1), (2 * width - 1, 1), (2 * width, 2), (3 * width + 1, 3)):
        assert len(store.read_lane("custody", 1, 200, limit)) == rows


def test_rows_are_read_with_the_exact_bytes_and_the_chain_before_is_known(open_store: OpenStore) -> None:
    store = open_store()
    rows, _ = store._sequencer.rows(ONE_OF_EACH)
    store._writer.put(rows, 0, False, None)
    store.flush()
    for lane, expected in rows.items():
        got = store.read_lane(lane, 1)
        assert [(row.seq, row.body, row.chain) for row in got] == [(row[0], row[6], row[5]) for row in expected]
        assert store.chain_before(lane, 1) == bytes(16)
        assert store.chain_before(lane, len(got) + 1) == got[-1].chain


def test_where_a_row_s_chain_begins_is_told_while_somebody_reads_a_long_history(open_store: OpenStore) -> None:
    """The uplink asks in the loop's thread, which runs the step; a history is read in another, under a lock."""
    store = open_store()
    store.append(moves(10), urgent=False, done=None)
    store.flush()
    found: list[bytes] = []
    asking = threading.Thread(target=lambda: found.append(store.chain_before("custody", 6)), daemon=True)
    with store._journal._lock:
        asking.start()
        asking.join(5)
        assert found == [store.read_lane("custody", 5)[0].chain]


def test_an_ack_moves_the_cursor_and_never_back_nor_beyond_what_is_committed(open_store: OpenStore) -> None:
    store = open_store()
    store.append(moves(10), urgent=False, done=None)
    store.flush()
    store.ack("custody", 7)
    store.ack("custody", 3)
    assert store.acked("custody") == 7
    for upto in (11, -1):
        with pytest.raises(ValueError, match="only 10 rows exist"):
            store.ack("custody", upto)
    assert store.acked("custody") == 7
    store.close()
    assert open_store().acked("custody") == 7


def test_a_rewind_sends_acknowledged_rows_again_after_a_restart_too(open_store: OpenStore) -> None:
    store = open_store()
    store.append(moves(10), urgent=False, done=None)
    store.flush()
    store.ack("custody", 7)
    store.rewind("custody", 3)
    assert store.acked("custody") == 2
    for first in (0, 4):
        with pytest.raises(ValueError, match="cannot send again"):
            store.rewind("custody", first)
    store.close()
    assert open_store().acked("custody") == 2


def test_a_trace_tells_a_volume_from_its_catalogue_line_to_its_loss(open_store: OpenStore) -> None:
    store = open_store()
    lines = tuple(CataloguedVolume(f"J-{k}", f"{k:024x}", "A-01L-01-1-01", 0) for k in range(500))
    story: list[Fact] = [
        VolumesCatalogued(AT_NS, lines),
        VolumeSeen(AT_NS + 1, "J-12", "A-01L-01", 0.99),
        VolumeMissing(AT_NS + 2, "J-12", "A-01L-01", AT_NS + 1, 10),
    ]
    others: list[Fact] = [VolumeSeen(AT_NS + 1, "J-1", "A-01L-01", 0.99), VolumesCatalogued(AT_NS, lines[13:])]
    store.append([*story, *others], urgent=False, done=None)
    store.flush()
    assert [entry.fact for entry in store.trace("J-12")] == story
    assert store.trace("J-1200") == []


def test_a_history_holds_the_newest_facts_of_a_device_since_a_time(open_store: OpenStore) -> None:
    store = open_store()
    lost = DeviceWasLost(AT_NS + 35, "th-3", "silent")
    store.append([*readings(36), lost, *readings(35, start=36)], urgent=False, done=None)
    store.flush()
    # th-3 has readings 3, 10, 17, ... 66 and was lost between 31 and 38
    newest = store.history("th-3", 0, 6)
    assert [entry.fact.at_ns - AT_NS for entry in newest] == [35, 38, 45, 52, 59, 66]
    assert newest[0].fact == lost
    assert [entry.fact.at_ns - AT_NS for entry in store.history("th-3", AT_NS + 59, 9)] == [59, 66]
    by_point = store.history("th-3", 0, 100, "temperature_degc")
    assert {type(entry.fact) for entry in by_point} == {Measured}
    assert len(by_point) == 10
    assert store.history("th-3", 0, 0) == []


def test_an_import_of_a_large_catalogue_does_not_slow_a_trace(open_store: OpenStore) -> None:
    store = open_store()
    for batch in range(100):
        lines = tuple(CataloguedVolume(f"J-{batch * 500 + k}", f"{k:024x}", "A-01L-01-1-01", 0) for k in range(500))
        store.append([VolumesCatalogued(AT_NS + batch, lines), *moves(20, start=batch * 20)], urgent=False, done=None)
    store.flush()
    steps: list[None] = []
    store._journal._queries.set_progress_handler(lambda: steps.append(None), 100)
    assert len(store.trace("J-1999")) == 2
    store._journal._queries.set_progress_handler(None, 0)
    # some for each of the hundred portions, none for each of their 50,000 lines
    assert len(steps) * 100 < 100 * 60
