"""What the uplink says of itself: births, and snapshots in pages."""

import hashlib

import msgspec

from edge.platform.contract import PAGE_BYTES, Birth, SnapshotPage
from edge.platform.uplink import snapshot_pages
from tests.platform.memory_outbox import MemoryOutbox
from tests.platform.uplink_steps import MS, T0, S, make, opened


def test_a_new_connection_says_birth_and_online_both_retained_at_qos_1() -> None:
    outbox = MemoryOutbox()
    outbox.fill("custody", 7)
    turn = make(outbox).connected(T0)
    assert [(message.topic, message.qos, message.retain) for message in turn.publish] == [
        ("up/birth", 1, True),
        ("up/state", 1, True),
    ]
    birth = msgspec.json.decode(turn.publish[0].payload, type=Birth)
    assert birth.epoch == outbox.epoch
    assert birth.lanes["custody"].next == 8
    assert birth.lanes["custody"].first == 1
    assert birth.hash == hashlib.sha256(b"reader-1\n").hexdigest()
    assert turn.publish[1].payload == b'{"state":"online"}'


def test_a_platform_that_does_not_answer_a_birth_is_asked_ever_more_rarely() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    due_ns = uplink.connected(T0).due_ns
    waits = []
    at_ns = T0
    for _ in range(6):
        assert due_ns is not None
        waits.append((due_ns - at_ns) // S)
        at_ns = due_ns
        turn = uplink.due(at_ns)
        assert [message.topic for message in turn.publish] == ["up/birth"]
        due_ns = turn.due_ns
    assert waits == [30, 30, 60, 120, 240, 300]


def test_a_snapshot_goes_in_pages_below_256_kilobytes_that_hash_to_the_whole() -> None:
    outbox = MemoryOutbox()
    outbox.fill("custody", 9)
    uplink = make(outbox)
    opened(outbox, uplink)
    body = bytes(range(256)) * 4_000
    turn = uplink.snapshot("s-1", {"custody": 9}, snapshot_pages("s-1", outbox.epoch, {"custody": 9}, body), T0)
    payloads = []
    at_ns = T0
    while True:
        payloads += [message.payload for message in turn.publish if message.topic == "up/snapshot"]
        if turn.snapshot_sent:
            break
        assert turn.due_ns is not None
        at_ns = turn.due_ns
        turn = uplink.due(at_ns)
    assert turn.snapshot_sent == "s-1"
    pages = [msgspec.json.decode(payload, type=SnapshotPage) for payload in payloads]
    assert all(len(payload) <= PAGE_BYTES for payload in payloads)
    assert [page.page for page in pages] == list(range(1, pages[0].pages + 1))
    assert b"".join(page.body for page in pages) == body
    assert {page.hash for page in pages} == {hashlib.sha256(body).hexdigest()}
    assert at_ns - T0 == (len(pages) - 1) * 20 * MS


def test_no_page_leaves_before_every_row_that_the_marks_name_is_committed() -> None:
    outbox = MemoryOutbox()
    outbox.fill("custody", 8)
    outbox.fill("event", 3)
    uplink = make(outbox)
    opened(outbox, uplink)
    early = [uplink.snapshot("s-1", {"custody": 9, "event": 3}, [b"{}"], T0), uplink.due(T0 + 5 * S)]
    assert not any(message.topic == "up/snapshot" for turn in early for message in turn.publish)
    assert not uplink.is_drained()
    outbox.append("custody")
    turn = uplink.due(T0 + 6 * S)
    assert [message.topic for message in turn.publish].count("up/snapshot") == 1
    assert turn.snapshot_sent == "s-1"


def test_a_snapshot_cut_off_by_a_lost_link_is_taken_anew() -> None:
    outbox = MemoryOutbox()
    uplink = make(outbox)
    opened(outbox, uplink)
    uplink.snapshot("s-1", {}, [b"{}", b"{}"], T0)
    uplink.disconnected()
    assert uplink.connected(T0 + S).is_snapshot_due


def test_a_birth_with_ten_thousand_devices_goes_in_retained_pages() -> None:
    devices = tuple(f"{index:064d}" for index in range(10_000))
    turn = make(MemoryOutbox(), devices).connected(T0)
    births = [message for message in turn.publish if message.topic.startswith("up/birth")]
    assert [message.topic for message in births] == ["up/birth", "up/birth/2", "up/birth/3"]
    assert all(message.retain and len(message.payload) <= PAGE_BYTES for message in births)
    pages = [msgspec.json.decode(message.payload, type=Birth) for message in births]
    assert sum((page.devices for page in pages), ()) == devices
    assert len({page.hash for page in pages}) == 1
