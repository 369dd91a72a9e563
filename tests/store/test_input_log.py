"""The input log: every event as it came in, in a ring of files."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from drivers.observation import Contact, TagReads
from edge.state.events import Event, Tick, encoder
from edge.store.input_log import InputLog, log_files, read_log


def open_log(directory: Path, cap_mb: int = 16) -> InputLog:
    return InputLog(directory, cap_mb, boot="b1", software="0.1.0", layout="l1", config="c1")


def reads(at_ns: int, n: int = 3) -> TagReads:
    return TagReads(
        "reader-1",
        at_ns,
        np.arange(n, dtype=np.uint16),
        np.arange(n * 12, dtype=np.uint8).reshape(n, 12),
        np.full(n, 96, dtype=np.uint16),
        np.full(n, -55.5, dtype=np.float32),
        np.ones(n, dtype=np.uint16),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.full(n, -1, dtype=np.int32),
    )


def encoded(events: list[Event]) -> list[bytes]:
    return [encoder.encode(event) for event in events]


def test_events_come_back_as_they_were_with_the_header(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    events: list[Event] = [Tick(1), reads(2), Contact("leak-1", 3, "leak", None), reads(4, 0)]
    log.begin(lambda: b"state", 17)
    log.write(events[:1])
    log.write(events[1:])
    log.close()
    (path,) = log_files(tmp_path)
    reader = read_log(path)
    assert (reader.header.boot, reader.header.n, reader.header.snapshot) == ("b1", 17, b"state")
    assert not reader.header.continues
    assert encoded(list(reader)) == encoded(events)
    assert reader.torn == ""
    assert log.dropped == 0


def test_a_torn_last_record_is_said_and_the_rest_is_read(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.begin(None, 0)
    log.write([Tick(1), Tick(2)])
    log.close()
    (path,) = log_files(tmp_path)
    whole = path.read_bytes()
    record = 8 + len(encoder.encode(Tick(2)))
    for cut in range(1, record):
        path.write_bytes(whole[:-cut])
        reader = read_log(path)
        assert list(reader) == [Tick(1)]
        assert f"byte {len(whole) - record} is torn" in reader.torn
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    reader = read_log(path)
    assert list(reader) == [Tick(1)]
    assert "damaged" in reader.torn
    path.write_bytes(whole[:-record])
    reader = read_log(path)
    assert list(reader) == [Tick(1)]
    assert reader.torn == ""


def test_a_file_that_is_not_a_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "00000001.log"
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match="not an input log"):
        read_log(path)
    path.write_bytes(b"LANTAI1\n\x05")
    with pytest.raises(ValueError, match="the file holds no events"):
        read_log(path)


def test_the_ring_stays_under_its_cap_and_files_go_on_from_each_other(tmp_path: Path) -> None:
    log = open_log(tmp_path, cap_mb=1)
    log.begin(None, 0)
    at_ns = 0
    for _ in range(300):
        log.write([reads(at_ns + k, 10) for k in range(20)])
        at_ns += 20
        time.sleep(0.001)
    log.close()
    files = log_files(tmp_path)
    assert len(files) >= 3
    assert sum(path.stat().st_size for path in files) <= 1 << 20
    assert int(files[0].stem) > 1  # the oldest went
    assert log.wants_begin
    seen: list[int] = []
    for path in files:
        reader = read_log(path)
        assert reader.header.continues
        seen += [event.at_ns for event in reader]
        assert reader.torn == ""
    assert seen == list(range(at_ns - len(seen), at_ns))


def test_a_state_larger_than_a_file_stands_in_front_of_its_events(tmp_path: Path) -> None:
    log = open_log(tmp_path, cap_mb=1)
    log.begin(lambda: bytes(600_000), 5)
    log.write([Tick(1), Tick(2)])
    log.close()
    (path,) = log_files(tmp_path)
    assert len(read_log(path).header.snapshot or b"") == 600_000
    assert list(read_log(path)) == [Tick(1), Tick(2)]
    assert not log.wants_begin


def test_while_a_new_file_is_on_its_way_the_log_wants_no_other(tmp_path: Path) -> None:
    log = open_log(tmp_path, cap_mb=1)
    log.begin(None, 0)
    is_asked, may_go_on = threading.Event(), threading.Event()

    def state() -> bytes:
        is_asked.set()
        assert may_go_on.wait(20)
        return b"state"

    log.write([Tick(i) for i in range(49_000)])  # more than half of the ring
    wanted: list[bool] = []
    while not wanted or not wanted[-1]:
        time.sleep(0.01)
        wanted.append(log.wants_begin)
    log.begin(state, 9)
    assert is_asked.wait(20)
    wanted = [log.wants_begin]
    may_go_on.set()
    log.close()
    assert [*wanted, log.wants_begin] == [False, False]
    assert [read_log(path).header.n for path in log_files(tmp_path)][-1] == 9


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_state_that_cannot_be_written_ends_the_thread_and_that_can_be_seen(tmp_path: Path) -> None:
    log = open_log(tmp_path)

    def broken() -> bytes:
        raise ValueError("a bug")

    log.begin(broken, 0)
    until_s = time.monotonic() + 30.0
    while (is_alive := log.is_alive) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert not is_alive
    log.close()


def test_a_restart_begins_a_new_file_after_the_last(tmp_path: Path) -> None:
    for n in (3, 9):
        log = open_log(tmp_path)
        log.begin(lambda: b"s", n)
        log.close()
    assert [path.name for path in log_files(tmp_path)] == ["00000001.log", "00000002.log"]
    assert [read_log(path).header.n for path in log_files(tmp_path)] == [3, 9]


def test_what_was_written_is_in_the_file_soon_without_a_close(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.begin(None, 0)
    log.write([Tick(1)])
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        files = log_files(tmp_path)
        if files and files[0].stat().st_size > 40 and list(read_log(files[0])) == [Tick(1)]:
            break
        time.sleep(0.01)
    assert list(read_log(log_files(tmp_path)[0])) == [Tick(1)]
    log.close()
