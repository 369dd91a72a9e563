"""The reference platform without a socket: commits, acknowledgements, conflicts, gaps, the mirror."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.platform.contract import CHAIN_START, Ack, Birth, Lane, LaneStand, SnapshotPage, chain_next
from simulator.platform.chain import chain_after
from simulator.platform.desk import Desk
from simulator.platform.ledger import Ledger
from tests.platform.memory_outbox import EPOCH, MemoryOutbox, envelope


class Far:
    """A desk and what an edge would send it."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path, "v1")
        self.desk = Desk(self.ledger, "c1/v1/n", None)

    def birth(self, first: int = 1) -> dict[str, Ack]:
        lanes: dict[Lane, LaneStand] = {
            "alarm": LaneStand(1, first),
            "custody": LaneStand(1, first),
            "event": LaneStand(1, first),
            "telemetry": LaneStand(1, first),
        }
        birth = Birth("n", "s", "l", EPOCH, lanes, 1, 1, "", ())
        return self.send("up/birth", msgspec.json.encode(birth))

    def send(self, topic: str, payload: bytes) -> dict[str, Ack]:
        return {
            message.topic.removeprefix("down/ack/"): msgspec.json.decode(message.payload, type=Ack)
            for message in self.desk.receive([(topic, payload)])
        }

    def batch(self, lane: Lane, first: int, bodies: list[bytes], prev: bytes, rows: int = 0) -> Ack | None:
        payload = (
            (
                f'{{"epoch":"{EPOCH}","lane":"{lane}","first":{first},"last":{first + (rows or len(bodies)) - 1},'
                f'"schema":1,"prev":"{prev.hex()}","facts":['
            ).encode()
            + b",".join(bodies)
            + b"]}"
        )
        return self.send(f"up/{lane}", payload).get(lane)

    def snapshot(self, body: dict[str, object], **marks: int) -> None:
        defaults: dict[str, object] = {"volumes": {}, "devices": {}, "alarms": {}, "actuators": {}}
        text = msgspec.json.encode({**defaults, **body})
        page = SnapshotPage("s", EPOCH, dict(marks), 1, 1, hashlib.sha256(text).hexdigest(), text)  # type: ignore[arg-type]
        self.send("up/snapshot", msgspec.json.encode(page))


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    made = Far(tmp_path / "platform.db")
    yield made
    made.ledger.close()


def chain_of(bodies: list[bytes], start: bytes = CHAIN_START) -> bytes:
    for body in bodies:
        start = chain_next(start, body)
    return start


BODIES = [envelope(f"e{n}", "device_lost", {"device": f"d{n}", "reason": "silent"}) for n in range(1, 6)]


def test_the_platform_s_own_chain_is_what_b2sum_says_and_what_the_edge_makes() -> None:
    """`b2sum -l 128` of 16 octets of zero followed by the body."""
    first = chain_after(bytes(16), b'{"id":"a"}')
    assert first.hex() == "c9b99751260c65b3476f95b16fe9b953"
    assert chain_after(first, b"x") == chain_next(first, b"x")
    with pytest.raises(ValueError, match="the contract says 16"):
        chain_after(b"", b"x")


def test_an_unknown_epoch_is_answered_with_zero_on_every_lane(far: Far) -> None:
    acks = far.birth()
    assert set(acks) == {"alarm", "custody", "event", "telemetry"}
    assert all((ack.upto, ack.chain, ack.epoch) == (0, "00" * 16, EPOCH) for ack in acks.values())


def test_a_batch_is_acknowledged_with_its_last_row_and_chain(far: Far) -> None:
    ack = far.batch("event", 1, BODIES, CHAIN_START)
    assert ack is not None
    assert (ack.upto, ack.chain) == (5, chain_of(BODIES).hex())


def test_what_was_committed_survives_and_is_said_after_the_next_birth(tmp_path: Path, far: Far) -> None:
    far.batch("event", 1, BODIES, CHAIN_START)
    again = Far(tmp_path / "platform.db")
    assert again.birth()["event"].upto == 5
    again.ledger.close()


def test_facts_sent_twice_are_kept_once_and_counted(far: Far) -> None:
    far.batch("event", 1, BODIES[:3], CHAIN_START)
    ack = far.batch("event", 2, BODIES[1:], chain_of(BODIES[:1]))
    assert ack is not None
    assert ack.upto == 5
    assert far.desk.status()["facts"] == 5
    assert far.desk.status()["duplicates"] == 2


def test_a_hole_is_answered_with_silence(far: Far) -> None:
    far.birth()
    far.batch("event", 1, BODIES[:2], CHAIN_START)
    assert far.batch("event", 4, BODIES[3:], chain_of(BODIES[:3])) is None
    assert far.desk.status()["lanes"] == {"event": 2}


def test_another_fact_under_a_known_number_is_a_conflict_and_is_not_taken(far: Far) -> None:
    far.batch("event", 1, BODIES[:3], CHAIN_START)
    ack = far.batch("event", 2, [BODIES[4], BODIES[3], BODIES[2]], chain_of(BODIES[:1]))
    assert ack is not None
    assert ack.upto == 3
    assert ack.conflict is not None
    assert (ack.conflict.seq, ack.conflict.chain) == (2, chain_of(BODIES[:2]).hex())
    assert far.desk.status()["conflicts"] == 1


def test_a_chain_that_does_not_continue_ours_is_a_conflict(far: Far) -> None:
    far.batch("event", 1, BODIES[:3], CHAIN_START)
    ack = far.batch("event", 4, BODIES[3:], b"\x01" * 16)
    assert ack is not None
    assert ack.conflict is not None
    assert (ack.upto, ack.conflict.seq) == (3, 3)


def test_a_gap_record_takes_its_rows_and_the_chain_goes_on(far: Far) -> None:
    outbox = MemoryOutbox()
    outbox.fill("event", 12)
    outbox.thin("event", 4, 9)
    rows = outbox.rows("event")
    ack = far.batch("event", 1, [row.body for row in rows], CHAIN_START, rows=12)
    assert ack is not None
    assert (ack.upto, ack.chain) == (12, rows[-1].chain.hex())
    assert far.desk.status()["gaps"] == 6


def test_rows_thinned_after_half_of_them_arrived_are_missing_only_once(far: Far) -> None:
    outbox = MemoryOutbox()
    outbox.fill("event", 12)
    whole = list(outbox.rows("event"))
    far.batch("event", 1, [row.body for row in whole[:6]], CHAIN_START)
    outbox.thin("event", 4, 9)
    later = [row.body for row in outbox.rows("event") if row.seq >= 7]
    ack = far.batch("event", 7, later, whole[5].chain, rows=6)
    assert ack is not None
    assert (ack.upto, ack.chain) == (12, whole[-1].chain.hex())
    assert far.desk.status()["gaps"] == 3


def test_rows_the_edge_no_longer_holds_are_given_up_as_its_birth_says(far: Far) -> None:
    far.birth(first=3)
    ack = far.batch("event", 3, BODIES[2:], chain_of(BODIES[:2]))
    assert ack is not None
    assert (ack.upto, ack.chain) == (5, chain_of(BODIES).hex())
    assert far.desk.status()["gaps"] == 2


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[1]", b'{"epoch":"e","lane":"event","first":1,"last":2,"schema":1,"prev":"","facts":[]}'],
)
def test_garbage_is_counted_and_harms_nothing(far: Far, payload: bytes) -> None:
    assert far.send("up/event", payload) == {}
    assert far.desk.status()["malformed"] == 1
    assert far.batch("event", 1, BODIES, CHAIN_START) is not None


STORY: list[tuple[Lane, str, dict[str, object]]] = [
    ("custody", "volumes_catalogued", {"volumes": [["v1", "aa", "s", 10], ["v2", "bb", "s", 10]]}),
    ("custody", "volume_seen", {"volume": "v1", "segment": "A-01L-01", "confidence": 0.99}),
    ("custody", "volume_missing", {"volume": "v2", "last_segment": "", "last_seen_at_ns": 0}),
    ("custody", "volumes_catalogued", {"volumes": [["v1", "cc", "s", 11], ["v3", "dd", "s", 9]]}),
    ("event", "device_lost", {"device": "r1", "reason": "silent"}),
    ("event", "device_back", {"device": "r1", "silent_s": 3.5}),
    ("event", "device_lost", {"device": "r2", "reason": "silent"}),
    ("event", "actuator_changed", {"actuator": "valve", "state": "closed"}),
    ("alarm", "alarm_raised", {"alarm": "a", "code": "leak", "severity": "critical"}),
    ("alarm", "alarm_raised", {"alarm": "b", "code": "lost", "severity": "warning"}),
    ("alarm", "alarm_raised", {"alarm": "c", "code": "hot", "severity": "warning"}),
    ("alarm", "alarm_cleared", {"alarm": "a"}),
    ("alarm", "alarm_acknowledged", {"alarm": "b", "person": "li"}),
    ("alarm", "alarm_cleared", {"alarm": "c"}),
    ("alarm", "alarm_acknowledged", {"alarm": "c", "person": "li"}),
]
MIRRORED = {
    "volumes": {
        "v1": ["present", "A-01L-01", None],
        "v2": ["missing", None, None],
        "v3": ["unseen", None, None],
    },
    "devices": {"r1": "ok", "r2": "lost"},
    "actuators": {"valve": "closed"},
    "alarms": {"a": ["leak", "cleared", False], "b": ["lost", "active", True]},
}


def tell(far: Far, outbox: MemoryOutbox) -> None:
    for lane, kind, data in STORY:
        row = outbox.append(lane, kind, data)
        far.batch(lane, row.seq, [row.body], outbox.chain_before(lane, row.seq))


def test_the_mirror_folds_what_the_story_says(far: Far) -> None:
    tell(far, MemoryOutbox())
    far.snapshot(MIRRORED, custody=4, event=4, alarm=7)
    assert far.desk.differences == []
    assert far.desk.mirror_equal is True
    assert far.desk.mirror_mark == {"custody": 4, "event": 4, "alarm": 7}


def test_the_mirror_is_compared_at_the_marks_and_not_later(far: Far) -> None:
    outbox = MemoryOutbox()
    tell(far, outbox)
    row = outbox.append("custody", "volume_misplaced", {"volume": "v1", "segment": "B", "before": "", "book": "A"})
    far.batch("custody", row.seq, [row.body], outbox.chain_before("custody", row.seq))
    far.snapshot(MIRRORED, custody=4, event=4, alarm=7)
    assert far.desk.mirror_equal is True
    moved = {**MIRRORED, "volumes": {**MIRRORED["volumes"], "v1": ["misplaced", "B", None]}}  # type: ignore[dict-item]
    far.snapshot(moved, custody=5, event=4, alarm=7)
    assert far.desk.mirror_equal is True


def test_a_snapshot_ahead_of_the_facts_is_compared_when_they_have_come(far: Far) -> None:
    far.snapshot(MIRRORED, custody=4, event=4, alarm=7)
    assert far.desk.mirror_equal is None
    tell(far, MemoryOutbox())
    assert far.desk.mirror_equal is True


def test_one_differing_field_is_found_and_named(far: Far) -> None:
    tell(far, MemoryOutbox())
    far.snapshot({**MIRRORED, "devices": {"r1": "ok", "r2": "ok"}}, custody=4, event=4, alarm=7)
    assert far.desk.mirror_equal is False
    assert far.desk.differences == ["devices r2: platform 'lost', edge 'ok'"]


def test_after_thinning_the_fields_of_that_lane_are_taken_from_the_snapshot_and_only_those(far: Far) -> None:
    outbox = MemoryOutbox()
    for lane, kind, data in STORY:
        outbox.append(lane, kind, data)
    outbox.thin("event", 2, 4)
    for lane, first in (("custody", 4), ("alarm", 7), ("event", 4)):
        assert lane in ("custody", "alarm", "event")
        far.batch(lane, 1, [row.body for row in outbox.rows(lane)], CHAIN_START, rows=first)
    far.snapshot(MIRRORED, custody=4, event=4, alarm=7)
    assert far.desk.mirror_equal is True
    wrong_alarms = {**MIRRORED, "alarms": {}}
    far.snapshot(wrong_alarms, custody=4, event=4, alarm=7)
    assert far.desk.mirror_equal is False
