"""The uplink told step by step: what it sends when, and which acks it refuses."""

import msgspec

from edge.platform.contract import BATCH_BYTES, Birth, Conflict, Lane
from edge.platform.uplink import SNAPSHOT_EVERY_NS, Uplink
from tests.platform.memory_outbox import MemoryOutbox
from tests.platform.uplink_steps import MS, T0, S, ack, batches, make, opened, spans


def test_nothing_of_a_lane_is_sent_before_the_platform_said_where_it_stands() -> None:
    outbox = MemoryOutbox()
    outbox.fill("alarm", 3)
    outbox.fill("custody", 500)
    uplink = make(outbox)
    uplink.connected(T0)
    assert spans(uplink.due(T0 + S)) == []
    assert spans(uplink.ack_received("alarm", ack(outbox, "alarm", 0), T0 + S)) == [(1, 3)]


def test_an_unknown_epoch_is_sent_from_the_first_row() -> None:
    outbox = MemoryOutbox()
    outbox.fill("custody", 450)
    turn = opened(outbox, make(outbox))
    assert spans(turn) == []
    uplink = make(outbox)
    uplink.connected(T0)
    turn = uplink.ack_received("custody", ack(outbox, "custody", 0), T0)
    assert spans(turn) == [(1, 200), (201, 400)]
    assert turn.due_ns == T0 + 50 * MS
    assert spans(uplink.due(T0 + 50 * MS)) == [(401, 450)]


def test_a_batch_carries_the_exact_bytes_and_the_chain_value_before_them() -> None:
    outbox = MemoryOutbox()
    outbox.fill("alarm", 3)
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.append("alarm")
    turn = uplink.due(T0 + S)
    batch = batches(turn, "alarm")[0]
    assert [bytes(fact) for fact in batch.facts] == [outbox.rows("alarm")[3].body]
    assert batch.prev == outbox.rows("alarm")[2].chain.hex()


def test_an_alarm_flushes_at_once_while_others_wait_fifty_milliseconds_for_company() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.append("custody")
    outbox.append("alarm")
    turn = uplink.due(T0 + S)
    assert [batch.lane for batch in batches(turn)] == ["alarm"]
    assert turn.due_ns == T0 + S + 50 * MS
    assert [batch.lane for batch in batches(uplink.due(T0 + S + 50 * MS))] == ["custody"]


def test_an_alarm_goes_out_though_the_window_of_the_others_is_full() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("custody", 5_000)
    assert len(batches(uplink.due(T0))) == 10
    outbox.append("alarm")
    turn = uplink.due(T0 + MS)
    assert [(batch.lane, batch.last) for batch in batches(turn)] == [("alarm", 1)]


def test_lanes_with_a_backlog_take_turns() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    for lane in ("custody", "event", "telemetry"):
        outbox.fill(lane, 2_000)
    sent = [batch.lane for batch in batches(uplink.due(T0))]
    assert len(sent) == 10
    assert {lane: sent.count(lane) for lane in ("custody", "event", "telemetry")} == {
        "custody": 4,
        "event": 3,
        "telemetry": 3,
    }


def test_a_batch_stays_below_128_kilobytes() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    for _ in range(200):
        outbox.append("custody", "volumes_catalogued", {"volumes": "x" * 2_000})
    turn = uplink.due(T0)
    sizes = [len(message.payload) for message in turn.publish]
    assert sizes
    assert all(100_000 < size <= BATCH_BYTES for size in sizes)


def test_an_ack_frees_the_window_and_the_outbox() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("custody", 2_400)
    uplink.due(T0)
    turn = uplink.ack_received("custody", ack(outbox, "custody", 400), T0 + MS)
    assert outbox.acked("custody") == 400
    assert spans(turn) == [(2_001, 2_200), (2_201, 2_400)]


def test_an_ack_of_another_epoch_is_refused_and_noted() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("custody", 200)
    uplink.due(T0)
    turn = uplink.ack_received("custody", ack(outbox, "custody", 200, epoch="another"), T0)
    assert turn.notes == ("ack_wrong_epoch",)
    assert outbox.acked("custody") == 0


def test_an_ack_beyond_the_last_sent_row_is_refused_and_noted() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("custody", 5_000)
    uplink.due(T0)  # rows 1..2000 fill the window
    turn = uplink.ack_received("custody", ack(outbox, "custody", 2_001), T0)
    assert turn.notes == ("ack_beyond_sent",)
    assert outbox.acked("custody") == 0


def test_an_ack_with_another_chain_value_is_refused_noted_and_stops_the_lane_for_a_minute() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("custody", 200)
    uplink.due(T0)
    turn = uplink.ack_received("custody", ack(outbox, "custody", 200, chain="ab" * 16), T0)
    assert turn.notes == ("chain_conflict",)
    assert outbox.acked("custody") == 0
    assert spans(uplink.due(T0 + 59 * S)) == []
    assert spans(uplink.due(T0 + 60 * S)) == [(1, 200)]


def test_a_conflict_the_platform_reports_is_noted() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("event", 200)
    uplink.due(T0)
    payload = ack(outbox, "event", 0, conflict=Conflict(7, "cd" * 16))
    assert uplink.ack_received("event", payload, T0).notes == ("chain_conflict",)


def test_garbage_for_an_ack_is_noted() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    for payload in (b"", b"\xff", b"[]", b'{"epoch":1}', b'{"epoch":"x","upto":-1,"chain":"00"}'):
        assert uplink.ack_received("event", payload, T0).notes == ("ack_malformed",)


def test_without_an_ack_it_sends_again_and_then_asks_where_the_platform_stands() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("custody", 200)
    assert uplink.due(T0).due_ns == T0 + 10 * S
    turn = uplink.due(T0 + 10 * S)
    assert spans(turn) == [(1, 200)]
    turn = uplink.due(T0 + 20 * S)
    assert [message.topic for message in turn.publish] == ["up/birth"]
    assert spans(turn) == []
    assert spans(uplink.ack_received("custody", ack(outbox, "custody", 0), T0 + 21 * S)) == [(1, 200)]


def test_the_same_ack_again_while_batches_are_in_flight_sends_them_again_but_not_more_than_once_a_second() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("custody", 400)
    uplink.due(T0)
    assert spans(uplink.ack_received("custody", ack(outbox, "custody", 0), T0 + S)) == [(1, 200), (201, 400)]
    assert spans(uplink.ack_received("custody", ack(outbox, "custody", 0), T0 + S + MS)) == []


def test_a_platform_that_fell_behind_is_sent_again_what_it_lacks_and_that_is_noted() -> None:
    outbox = MemoryOutbox()
    outbox.fill("custody", 900)
    outbox.ack("custody", 900)
    uplink = make(outbox)
    uplink.connected(T0)
    turn = uplink.ack_received("custody", ack(outbox, "custody", 500), T0)
    assert turn.notes == ("platform_behind",)
    assert spans(turn) == [(501, 700)]
    # 200 facts at 5,000 a second
    assert turn.due_ns == T0 + 40 * MS
    assert spans(uplink.due(T0 + 40 * MS)) == [(701, 900)]


def test_what_is_sent_again_waits_while_live_facts_wait() -> None:
    outbox = MemoryOutbox()
    outbox.fill("custody", 400)
    outbox.ack("custody", 400)
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("event", 2_000)
    uplink.due(T0)  # the window is full of live facts
    assert spans(uplink.rewind("custody", 1, T0)) == []
    turn = uplink.ack_received("event", ack(outbox, "event", 200), T0 + MS)
    assert spans(turn) == [(1, 200)]
    assert batches(turn)[0].lane == "custody"


def test_a_rewind_below_what_is_held_starts_at_the_first_row_held_and_takes_a_snapshot() -> None:
    outbox = MemoryOutbox()
    outbox.fill("custody", 300)
    outbox.ack("custody", 300)
    uplink = make(outbox)
    opened(outbox, uplink)
    chain_before = outbox.rows("custody")[149].chain
    outbox.forget("custody", 150)
    turn = uplink.rewind("custody", 100, T0)
    assert turn.is_snapshot_due
    later = uplink.due(T0 + 50 * MS)
    assert spans(later) == [(151, 300)]
    assert batches(later)[0].prev == chain_before.hex()
    birth = next(message for message in turn.publish if message.topic == "up/birth")
    assert msgspec.json.decode(birth.payload, type=Birth).lanes["custody"].first == 151


def test_a_rewind_of_another_epoch_or_of_what_was_never_acknowledged_is_refused() -> None:
    outbox = MemoryOutbox()
    outbox.fill("custody", 10)
    outbox.ack("custody", 5)
    uplink = make(outbox)
    assert uplink.rewind_refusal("custody", "another", 1) == "wrong_epoch"
    assert uplink.rewind_refusal("custody", outbox.epoch, 6) == "rewind_beyond_acked"
    assert uplink.rewind_refusal("custody", outbox.epoch, 5) == ""


def forgetful() -> tuple[MemoryOutbox, Uplink]:
    """Connected, and the first 30 of 50 events are no longer held."""
    outbox = MemoryOutbox()
    outbox.fill("event", 50)
    outbox.ack("event", 40)
    outbox.forget("event", 30)
    uplink = make(outbox)
    uplink.connected(T0)
    return outbox, uplink


def test_an_ack_below_what_the_journal_holds_asks_for_a_snapshot() -> None:
    outbox, uplink = forgetful()
    turn = uplink.ack_received("event", ack(outbox, "event", 0), T0)
    assert turn.is_snapshot_due
    assert turn.notes == ("platform_behind",)
    assert spans(uplink.due(T0 + 50 * MS)) == [(31, 50)]


def test_a_snapshot_asked_for_while_another_is_being_laid_out_is_taken_after_it() -> None:
    outbox, uplink = forgetful()
    assert uplink.ack_received("event", ack(outbox, "event", 0), T0).is_snapshot_due
    uplink.snapshot_taken()
    uplink.rewind("event", 1, T0)
    uplink.snapshot("s-1", {}, [b"{}"], T0)
    assert uplink.due(T0 + SNAPSHOT_EVERY_NS).is_snapshot_due


def test_a_snapshot_whose_link_is_lost_while_it_is_laid_out_is_taken_anew() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    uplink.connected(T0)
    uplink.snapshot_taken()
    uplink.disconnected()
    assert uplink.connected(T0).is_snapshot_due


def test_a_gap_record_spans_its_rows_and_asks_for_a_snapshot() -> None:
    outbox = MemoryOutbox()
    outbox.fill("telemetry", 30)
    outbox.thin("telemetry", 5, 14)
    uplink = make(outbox)
    opened(outbox, uplink)
    turn = uplink.due(T0 + 50 * MS)
    assert spans(turn) == [(1, 30)]
    assert len(batches(turn)[0].facts) == 21
    assert turn.is_snapshot_due


def test_it_is_drained_when_everything_committed_was_acknowledged() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    assert uplink.is_drained()
    outbox.append("alarm")
    uplink.due(T0)
    assert not uplink.is_drained()
    uplink.ack_received("alarm", ack(outbox, "alarm", 1), T0)
    assert uplink.is_drained()


class Ahead(MemoryOutbox):
    """A store whose rows are on disk a moment before it says so."""

    said = 0

    def committed(self) -> dict[Lane, int]:
        return {**super().committed(), "alarm": self.said}


def test_rows_on_disk_are_not_sent_before_the_store_says_they_are_committed() -> None:
    outbox = Ahead()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("alarm", 5)
    assert spans(uplink.due(T0)) == []
    outbox.said = 2
    assert spans(uplink.due(T0)) == [(1, 2)]
    outbox.said = 5
    assert spans(uplink.due(T0)) == [(3, 5)]


def test_an_older_ack_overtaken_by_a_newer_one_changes_nothing() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    outbox.fill("custody", 600)
    uplink.due(T0)
    uplink.ack_received("custody", ack(outbox, "custody", 400), T0)
    assert spans(uplink.ack_received("custody", ack(outbox, "custody", 200), T0)) == []
    assert spans(uplink.due(T0 + 10 * S)) == [(401, 600)]
