"""The input log: every event exactly as it entered the inbox, in a bounded ring of files.

Not needed for recovery; `lantai replay` re-runs it. A file is 8 bytes of magic, then records of length and CRC-32
(little-endian) and msgpack: first the LogHeader, then events. A file either starts with the state at its beginning, or
goes on where the file before it ended. Written and encoded by a thread of its own; nothing here waits for the disk.
"""

import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from edge.state.events import Event, decoder, encoder

MAGIC = b"LANTAI1\n"
ROTATE_BYTES = 16 << 20
QUEUED_EVENTS = 50_000  # about a second at full load; beyond it events are not logged, and counted
IDLE_S = 0.1  # what was logged reaches the file this much later, unless much comes at once
WAKES_AT = 16  # writes that wait: to wake the thread for each takes as long as to log it
_RECORD = struct.Struct("<II")


class LogHeader(msgspec.Struct, frozen=True):
    """First record of a file. Replay starts from `snapshot` (the state after fact `n`), or from nothing where it is
    None; `continues`: neither, the file goes on where the one before it ended."""

    boot: str
    software: str
    layout: str
    config: str
    n: int
    snapshot: bytes | None
    continues: bool


class _Beginning(NamedTuple):
    """The state that a new file starts from, after fact `n`."""

    n: int
    snapshot: Callable[[], bytes] | None


_encode_header = msgspec.msgpack.Encoder().encode
_decode_header = msgspec.msgpack.Decoder(LogHeader).decode


class InputLog:
    """Files `NNNNNNNN.log` in `directory`, together at most `cap_mb`. Call `begin` before the first `write`.

    `write` and `begin` are for one thread, the loop's. `dropped` counts events that were not logged because the disk
    was slower than they came or refused; `fault` says what it said.
    """

    def __init__(self, directory: Path, cap_mb: int, *, boot: str, software: str, layout: str, config: str) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        self._directory = directory
        self._cap_bytes = cap_mb << 20
        self._rotate_bytes = min(ROTATE_BYTES, max(self._cap_bytes // 4, 1))
        self._identity = LogHeader(boot, software, layout, config, 0, None, continues=False)
        self._number = max((int(path.stem) for path in log_files(directory)), default=0)
        self._changed = threading.Condition()
        self._queue: deque[_Beginning | tuple[Event, ...]] = deque()
        self._queued = 0
        self._is_closing = False
        self._is_beginning = False
        self._file: BinaryIO | None = None
        self._size = 0
        self._since_begin = 0
        self.dropped = 0
        self.fault = ""
        self._thread = threading.Thread(target=self._run, name="input-log", daemon=True)
        self._thread.start()

    def begin(self, snapshot: Callable[[], bytes] | None, n: int) -> None:
        """Start a new file from the state after fact `n`, whose bytes `snapshot` gives in the log's own thread; None:
        from nothing."""
        self._is_beginning = True
        self._put(_Beginning(n, snapshot), 0)

    @property
    def wants_begin(self) -> bool:
        """Half the ring was written since the last state: without a new one the ring soon holds no start."""
        return not self._is_beginning and self._since_begin > self._cap_bytes // 2

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs: a bug in what it was given to write ends it."""
        return self._thread.is_alive()

    def write(self, events: Sequence[Event]) -> None:
        """Log these events, in this order."""
        if self._queued >= QUEUED_EVENTS:
            self.dropped += len(events)
            return
        self._put(tuple(events), len(events))

    def close(self) -> None:
        """Write what waits and end the thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _put(self, item: _Beginning | tuple[Event, ...], count: int) -> None:
        with self._changed:
            self._queue.append(item)
            self._queued += count
            if len(self._queue) == WAKES_AT or not count:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._is_closing and len(self._queue) < WAKES_AT:
                    self._changed.wait(IDLE_S)
                items = list(self._queue)
                self._queue.clear()
                self._queued = 0
                is_last = self._is_closing
            try:
                for item in items:
                    self._store(item)
                if self._file is not None:
                    self._file.flush()
            except OSError as error:  # a full disk: the ring goes on with the next file
                self.fault = str(error)
                self._is_beginning = False
                self.dropped += sum(len(item) for item in items if not isinstance(item, _Beginning))
                self._close_file()
            if is_last:
                self._close_file()
                return

    def _store(self, item: _Beginning | tuple[Event, ...]) -> None:
        if isinstance(item, _Beginning):
            snapshot = item.snapshot() if item.snapshot is not None else None
            self._open_file(msgspec.structs.replace(self._identity, n=item.n, snapshot=snapshot))
            return
        for event in item:
            if self._file is None or self._size >= self._rotate_bytes:
                self._open_file(msgspec.structs.replace(self._identity, continues=True))
            self._append(encoder.encode(event))

    def _append(self, payload: bytes) -> None:
        assert self._file is not None
        self._file.write(_RECORD.pack(len(payload), zlib.crc32(payload)))
        self._file.write(payload)
        self._size += _RECORD.size + len(payload)
        self._since_begin += _RECORD.size + len(payload)

    def _open_file(self, header: LogHeader) -> None:
        payload = _encode_header(header)
        self._close_file()
        self._make_room(len(payload) + self._rotate_bytes)
        self._number += 1
        self._file = (self._directory / f"{self._number:08d}.log").open("wb", buffering=1 << 18)
        self._file.write(MAGIC)
        self._append(payload)
        self._size = 0  # of the events: a state larger than a file must not end the file
        if not header.continues:
            self._since_begin = 0
            self._is_beginning = False

    def _make_room(self, needed: int) -> None:
        """Delete the oldest files, so that one of `needed` bytes fits under the cap."""
        files = log_files(self._directory)
        total = sum(path.stat().st_size for path in files)
        while files and total + needed > self._cap_bytes:
            oldest = files.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink()

    def _close_file(self) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            file.close()
        except OSError as error:  # its buffer no longer fits the disk: the file ends in a torn record
            self.fault = str(error)


class LogReader:
    """Reads one file: `header`, then the events by iterating. After that `torn` says where and why reading ended
    before the end of the file; '' where it did not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = ""
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ValueError(f"{path}: not an input log (expected it to begin with {MAGIC!r})")
            payload = self._record(file)
        if payload is None:
            raise ValueError(f"{path}: {self.torn}; the file holds no events")
        self.header = _decode_header(payload)

    def __iter__(self) -> Iterator[Event]:
        self.torn = ""
        with self.path.open("rb") as file:
            file.seek(len(MAGIC))
            self._record(file)
            while (payload := self._record(file)) is not None:
                yield decoder.decode(payload)

    def _record(self, file: BinaryIO) -> bytes | None:
        at = file.tell()
        head = file.read(_RECORD.size)
        if not head:
            return None
        length, crc = _RECORD.unpack(head) if len(head) == _RECORD.size else (0, -1)
        payload = file.read(length)
        if len(payload) != length or zlib.crc32(payload) != crc:
            self.torn = f"the record at byte {at} is torn or damaged; nothing after it was read"
            return None
        return payload


def read_log(path: Path) -> LogReader:
    """The header and events of one file. Raises ValueError where it is not an input log."""
    return LogReader(path)


def log_files(directory: Path) -> list[Path]:
    """The files of the ring, oldest first."""
    return sorted(path for path in directory.glob("*.log") if path.stem.isdigit())
