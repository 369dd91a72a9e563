"""`lantai replay`: recorded input through today's step, held against the journal of the same store."""

import contextlib
import hashlib
from itertools import islice
from pathlib import Path

import msgspec

from config.load import Loaded
from config.phrase import os_reason
from edge.cli.trouble import Trouble
from edge.daemon.replay import Difference, Replayed, differences, replay
from edge.state.facts import LANES
from edge.store.input_log import log_files, read_log
from edge.store.ledger import load_ledger
from edge.store.reading import Journal, Readers
from edge.store.schema import FILE_NAME, open_reader


class Report(msgspec.Struct, frozen=True):
    """`digest`: SHA-256 over the replayed facts, one JSON a line. `compared`: facts of the journal they were held
    against, None where it does not reach back so far or is not there. `journal`: the file it is or would be in."""

    events: int
    facts: int
    digest: str
    torn: str
    layout_differs: bool
    compared: int | None
    differences: list[Difference]
    journal: str
    has_journal: bool

    @property
    def differs(self) -> bool:
        return bool(self.differences)


def replayed(loaded: Loaded, log: Path, state_dir: Path) -> Report:
    """Re-run one file of the input log. Raises Trouble for a file that cannot be replayed."""
    try:
        header = read_log(log).header
    except OSError as error:
        raise Trouble("log_unreadable", file=str(log), seen=os_reason(error)) from None
    except ValueError as error:
        raise Trouble("log_unreadable", file=str(log), seen=str(error)) from None
    if header.continues:
        start = _start_before(log)
        if start is None:
            raise Trouble("log_beginning_gone", file=str(log))
        raise Trouble("log_continues", file=str(log), start=str(start))
    try:
        result = replay(loaded, log)
    except ValueError as error:  # its starting state is of another version, or its bytes are no events
        raise Trouble("log_unreadable", file=str(log), seen=str(error)) from None
    journal = state_dir / FILE_NAME
    compared, found = _compared(journal, result)
    return Report(
        events=result.events,
        facts=len(result.facts),
        digest=hashlib.sha256(b"\n".join(result.facts)).hexdigest(),
        torn=result.torn,
        layout_differs=result.layout_differs,
        compared=compared,
        differences=found,
        journal=str(journal),
        has_journal=journal.is_file(),
    )


def _start_before(log: Path) -> Path | None:
    """The newest file of the ring before this one that can be replayed from its beginning."""
    for path in reversed(log_files(log.parent)):
        if path.name < log.name:
            with contextlib.suppress(OSError, ValueError):  # damaged: the one before it may be whole
                if not read_log(path).header.continues:
                    return path
    return None


def _compared(database: Path, result: Replayed) -> tuple[int | None, list[Difference]]:
    """The journal is read beside a running daemon; what it committed after the log's end is not looked at."""
    if not database.is_file():
        return None, []
    connection = open_reader(database)
    try:
        ledger = load_ledger(connection)
    finally:
        connection.close()
    if any(ledger.base(lane)[2] > result.after_n for lane in LANES):
        return None, []
    journal = Journal(Readers.open(database), ledger)
    try:
        recorded = list(islice(journal.facts(result.after_n), len(result.facts)))
    finally:
        journal.close()
    return len(recorded), differences(result, iter(recorded))
