"""What leaves the journal, and what never does."""

import json

import pytest

from config.policy import Retention
from edge.state.facts import Fact, Lane
from edge.store.journal import Store
from tests.store.conftest import OpenStore
from tests.store.samples import AT_NS, alarms, contacts, moves, readings

DAY_NS = 86_400_000_000_000
POLICY = Retention(alarm_days=90, custody_days=90, event_days=2, telemetry_days=1, types={"device_lost": 1})


def commit(store: Store, facts: list[Fact], acked: dict[Lane, int]) -> None:
    store.append(facts, urgent=False, done=None)
    store.flush()
    for lane, upto in acked.items():
        store.ack(lane, upto)


def snapshot(store: Store) -> None:
    store.save_snapshot(b"state", store.n, "layout", {})
    store.flush()


def seqs(store: Store, lane: Lane) -> list[int]:
    return [row.seq for row in store.read_lane(lane, store.first_held(lane), 10_000, 1 << 24)]


def prune(store: Store, days: float) -> None:
    store.prune(AT_NS + int(days * DAY_NS))
    store.flush()


def test_acknowledged_rows_past_their_retention_go_and_the_rest_stays(open_store: OpenStore) -> None:
    store = open_store(retention=POLICY)
    commit(store, [*readings(2500), *contacts(10), *moves(10)], {"telemetry": 2400, "event": 10, "custody": 10})
    snapshot(store)
    prune(store, 1.5)
    assert store.first_held("telemetry") == 2401
    assert seqs(store, "telemetry") == list(range(2401, 2501))
    assert seqs(store, "event") == list(range(1, 11))
    assert seqs(store, "custody") == list(range(1, 11))
    assert store.first_broken_link("telemetry") is None
    with pytest.raises(ValueError, match="no longer held, the first is 2401"):
        store.read_lane("telemetry", 2400)
    with pytest.raises(ValueError, match="cannot send again"):
        store.rewind("telemetry", 2400)
    prune(store, 91)
    assert seqs(store, "event") == seqs(store, "custody") == []
    assert store.first_held("custody") == 11


def test_nothing_newer_than_the_oldest_kept_snapshot_is_pruned(open_store: OpenStore) -> None:
    store = open_store(retention=POLICY)
    commit(store, readings(50), {"telemetry": 50})
    prune(store, 1000)
    assert len(seqs(store, "telemetry")) == 50  # no snapshot: all are needed
    snapshot(store)
    commit(store, readings(50, start=50), {"telemetry": 100})
    snapshot(store)
    prune(store, 1000)
    assert seqs(store, "telemetry") == list(range(51, 101))
    assert [n for n, _ in store.facts(50)] == list(range(51, 101))


def test_a_lane_that_was_pruned_empty_goes_on_where_it_was(open_store: OpenStore) -> None:
    store = open_store(retention=POLICY)
    commit(store, readings(30), {"telemetry": 30})
    snapshot(store)
    prune(store, 2)
    heads = store.heads()
    store.close()
    again = open_store(retention=POLICY)
    assert again.heads() == heads
    assert again.n == 30
    assert again.acked("telemetry") == 30
    commit(again, readings(1, start=30), {})
    assert [row.seq for row in again.read_lane("telemetry", 31)] == [31]
    assert again.chain_before("telemetry", 31) == heads["telemetry"].chain
    assert again.first_broken_link("telemetry") is None


def test_a_type_kept_for_less_time_leaves_the_others_to_be_looked_up(open_store: OpenStore) -> None:
    policy = Retention(custody_days=90, types={"volume_missing": 1, "volume_moved": 1})
    store = open_store(retention=policy)
    commit(store, [*moves(3), *contacts(3)], {"custody": 3, "event": 3})
    snapshot(store)
    prune(store, 2)
    assert store.trace("J-1") == []
    assert seqs(store, "event") == [1, 2, 3]
    longer = Retention(event_days=1, types={"contact_changed": 900})
    store.close()
    kept = open_store(retention=longer)
    prune(kept, 300)
    assert seqs(kept, "event") == [1, 2, 3]


def fill(store: Store, megabytes: int, acked: bool) -> None:
    """Telemetry, with some of every other lane between, until the journal holds about so much."""
    for k in range(megabytes * 4):
        facts = [*readings(900, start=k * 900), *contacts(20, start=k * 20), *moves(10, start=k * 10)]
        store.append([*facts, *alarms(2, start=k * 2)], urgent=False, done=None)
        if k % 8 == 7:
            store.flush()
            store.save_snapshot(b"s", store.n, "layout", {})
            if acked:
                store.ack("telemetry", store.committed()["telemetry"])
    store.flush()


def test_at_the_cap_readings_give_way_to_a_gap_record_and_the_lane_has_no_hole(open_store: OpenStore) -> None:
    store = open_store(cap_mb=8)
    fill(store, 12, acked=False)
    store.flush()
    assert store.level() == "capped"
    assert store.thinned("telemetry") > 1000
    assert store.thinned("event") == 0
    assert store.take_refused() == {}
    first = 1
    while rows := store.read_lane("telemetry", first):
        for row in rows:
            envelope = json.loads(row.body)
            if envelope["type"] == "gap":
                gap = envelope["data"]
                assert gap["first"] == first
                assert gap["last"] == row.seq
                assert gap["count"] == row.seq - first + 1
                assert gap["last_chain"] == row.chain.hex()
            else:
                assert row.seq == first
            first = row.seq + 1
    assert first == store.heads()["telemetry"].seq + 1
    assert store.first_broken_link("telemetry") is None
    assert len(seqs(store, "custody")) == 480
    assert len(seqs(store, "alarm")) == 96
    inside = store.read_lane("telemetry", 500, 1)[0]
    assert json.loads(inside.body)["data"]["first"] <= 500 < inside.seq


def test_at_the_cap_acknowledged_readings_go_first_and_leave_no_gap_record(open_store: OpenStore) -> None:
    store = open_store(cap_mb=8)
    fill(store, 12, acked=True)
    assert store.first_held("telemetry") > 1000
    assert store.thinned("telemetry") == 0
    assert store.first_broken_link("telemetry") is None
    assert len(seqs(store, "alarm")) == 96


def test_at_the_cap_with_nothing_left_to_thin_readings_are_refused_and_counted(open_store: OpenStore) -> None:
    store = open_store(cap_mb=1)
    store.append(readings(6000), urgent=False, done=None)  # no snapshot: all are needed to rebuild the state
    store.flush()
    assert store.level() == "capped"
    marks = store.append([*readings(5, start=6000), *contacts(2), *alarms(1), *moves(1)], urgent=False, done=None)
    assert marks == {"alarm": 1, "custody": 1, "event": 2}
    assert store.take_refused() == {"measured": 5}
    assert store.take_refused() == {}
    store.flush()
    assert store.heads()["telemetry"].seq == 6000
