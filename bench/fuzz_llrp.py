"""Spoilt reader messages through the real LLRP session, driven as its transport drives it; every report is accounted.

One round: a spoilt report, or once in ten a spoilt keepalive or event, between whole reports and an AISpec event, cut
into pieces at any octet, given to the session at one go or one after the other. Then the far end goes on living:
keepalives come, deadlines are kept, until the last whole report has come out or the session has raised. After an error
the link reconnects: a new session hears the greeting. What was sent and did not come out as meant must have been told:

dead_sessions    the session raised anything but DeviceError or ProtocolError, or did neither give the last report nor
                 raise within six keepalives, or a new session does not search after its greeting, or more than 1 s
                 after the error (the wait the link makes, plus its computing)
silent_losses    the session lived on and: a whole report is missing, changed or doubled; or of the spoilt one neither
                 all tags came out, with every tag untouched by the spoiling exactly as meant, nor was anything noted
                 as lost or not understood. LLRP has no checksum: a flipped bit inside a value cannot be seen
half_open_keepalives  how long a link that hears nothing more is thought alive, at most, in keepalive periods

Also printed: how many rounds ended how, so that it can be seen that both ways are taken.
"""

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import NamedTuple

from bench.llrp_far_end import greeting, keepalive, searching
from bench.llrp_mutations import KINDS, Read, Report, Spoilt, pool, without_tags
from config.devices import Reader
from drivers.command import CommandOutcome
from drivers.driver import DeviceError, ProtocolError, Turn
from drivers.llrp.device import LlrpSession
from drivers.observation import DeviceNote, Observation, TagReads
from edge.field.reader_link import RETRY
from simulator.devices.llrp_wire import event

READER = Reader(id="fuzz", host="127.0.0.1", segments=("a", "b", "c", "d"), keepalive_s=1.0, dwell_ms=500)
KEEPALIVE_NS = 1_000_000_000
MS_NS = 1_000_000
PATIENCE = 6  # keepalives: silence is three, a stalled search three and two dwells
RECONNECT_LIMIT_S = 1.0
POOL = 3_000
TRANCHE = 20_000  # rounds of one task of a worker process
HALF_OPEN_LINKS = 200
OTHERS_SHARE = 0.1  # of what is spoilt is no report
NOTED = {"llrp_report_lost", "llrp_not_understood"}


class Heard(NamedTuple):
    """What came of one round."""

    reads: list[Read]
    noted: int
    error: DeviceError | None
    is_settled: bool  # the last report came out, or an error
    surprise: str  # an exception that no session may raise


class Link:
    """A session and its vault time; reconnects as edge/field/reader_link does."""

    def __init__(self) -> None:
        self._greeting = greeting(READER, is_terse=True)
        self._at_ns = 0
        self.slowest_reconnect_s = 0.0
        self.reconnect()

    def reconnect(self, error: DeviceError | None = None) -> None:
        """A new session. Raises AssertionError or DeviceError when it does not come to search."""
        began = time.perf_counter()
        self._session: LlrpSession = searching(READER, self._greeting, self._at_ns)
        computing_s = time.perf_counter() - began
        waited_s = 0.0 if error is None or isinstance(error, ProtocolError) else RETRY.first_s
        self.slowest_reconnect_s = max(self.slowest_reconnect_s, waited_s + computing_s)

    def say(self, pieces: list[bytes], last: Read) -> Heard:
        """All pieces, then keepalives, until the read `last` came out."""
        records: list[Observation | CommandOutcome] = []
        error: DeviceError | None = None
        surprise = ""
        try:
            for turn in self._turns(pieces):
                records += turn.records
                if _has(turn, last):
                    if turn.due_ns is not None and turn.due_ns <= self._at_ns:
                        self._session.due(self._at_ns)  # a session tells what was whole first, and its fault when asked
                    break
        except DeviceError as seen:
            error = seen
        except Exception as seen:  # noqa: BLE001  # what this looks for
            surprise = repr(seen)
        reads = [read for record in records if isinstance(record, TagReads) for read in rows(record)]
        notes = [record for record in records if isinstance(record, DeviceNote) and record.code in NOTED]
        is_settled = error is not None or last in reads
        return Heard(reads, sum(sum(map(int, note.args.values())) for note in notes), error, is_settled, surprise)

    def _turns(self, pieces: list[bytes]) -> Iterator[Turn[bytes]]:
        for piece in pieces:
            self._at_ns += MS_NS
            yield self._session.received(piece, self._at_ns)
        for number in range(PATIENCE):
            turn = self._session.due(self._at_ns)
            until_ns = self._at_ns + KEEPALIVE_NS
            while turn.due_ns is not None and turn.due_ns <= until_ns:
                self._at_ns = turn.due_ns
                turn = self._session.due(self._at_ns)
                yield turn
            self._at_ns = until_ns
            yield self._session.received(keepalive(number), self._at_ns)


def _has(turn: Turn[bytes], last: Read) -> bool:
    return any(isinstance(record, TagReads) and rows(record)[-1] == last for record in turn.records)


def rows(reads: TagReads) -> list[Read]:
    """The reads of a batch one by one."""
    octets = [(bits + 7) // 8 for bits in reads.epc_bits.tolist()]
    epcs = [row[:count].tobytes() for row, count in zip(reads.epc, octets, strict=True)]
    rssi = [None if value != value else value for value in reads.rssi_dbm.tolist()]  # noqa: PLR0124  # NaN
    columns = (reads.antenna, reads.count, reads.first_utc_ns, reads.last_utc_ns, reads.pc)
    antenna, count, first, last, pc = (column.tolist() for column in columns)
    return list(zip(epcs, antenna, rssi, count, first, last, pc, strict=True))


def is_silent_loss(whole: list[Report], report: Report, spoilt: Spoilt, heard: Heard) -> bool:
    """Whether a session that lived on let something go without a word."""
    left = list(heard.reads)
    for one in whole:
        first = left.index(one.reads[0]) if one.reads[0] in left else len(left)
        if tuple(left[first : first + len(one.reads)]) != one.reads:
            return True
        del left[first : first + len(one.reads)]
    if any(read in left for one in whole for read in one.reads):
        return True  # doubled
    if heard.noted:
        return False
    return len(left) != len(report.reads) or any(
        ours != meant
        for index, (ours, meant) in enumerate(zip(left, report.reads, strict=True))
        if index not in spoilt.touched
    )


def cut(data: bytes, rng: random.Random) -> list[bytes]:
    """In one to four pieces."""
    places = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 0, 1, 3))))
    return [data[start:stop] for start, stop in zip([0, *places], [*places, len(data)], strict=True) if stop > start]


def fuzz(seed: int, messages: int) -> Counter[str]:
    """So many spoilt messages; how the rounds ended, and the faults found."""
    rng = random.Random(seed)
    reports = pool(POOL, rng)
    link, tally = Link(), Counter[str]()
    searched = event(7, 1, AISpecEvent={"Event": 0, "ROSpecID": 1, "SpecIndex": 1})
    others = [without_tags(keepalive(1)), without_tags(searched)]
    for _ in range(messages):
        report, *whole = rng.sample(reports, 4)
        if rng.random() < OTHERS_SHARE:
            report = rng.choice(others)
        kind = rng.choice(KINDS)
        spoilt = kind(report, rng)
        before, after, last = (one.message for one in whole)
        pieces = cut(before + spoilt.data + after + searched + last, rng)
        heard = link.say(pieces, whole[-1].reads[-1])
        if heard.surprise or not heard.is_settled:
            tally["dead_sessions"] += 1
            complain("dead session", seed, kind.__name__, spoilt, heard)
            link.reconnect()
        elif heard.error is not None:
            tally[f"ended: {heard.error.args[0]}"] += 1
            link.reconnect(heard.error)
        elif is_silent_loss(whole, report, spoilt, heard):
            tally["silent_losses"] += 1
            complain("silent loss", seed, kind.__name__, spoilt, heard)
        else:
            tally["lived on: noted" if heard.noted else "lived on: read"] += 1
    tally["dead_sessions"] += link.slowest_reconnect_s > RECONNECT_LIMIT_S
    tally["slowest reconnect, ms"] = round(1000 * link.slowest_reconnect_s)
    return tally


def complain(what: str, seed: int, kind: str, spoilt: Spoilt, heard: Heard) -> None:
    """Enough to look into it."""
    print(f"{what} (seed {seed}, {kind}): {spoilt.data.hex()} gave {heard}", file=sys.stderr)


def half_open_keepalives() -> float:
    """The longest a session lived after its last message, in keepalive periods."""
    rng, said = random.Random(1), greeting(READER)
    longest_ns = 0
    for _ in range(HALF_OPEN_LINKS):
        session = searching(READER, said, 0)
        heard_ns = rng.randrange(2 * KEEPALIVE_NS)
        turn = session.received(keepalive(1), heard_ns)
        at_ns = heard_ns
        try:
            while turn.due_ns is not None:
                at_ns = turn.due_ns
                turn = session.due(at_ns)
        except DeviceError:
            longest_ns = max(longest_ns, at_ns - heard_ns)
        else:
            return float("inf")
    return longest_ns / KEEPALIVE_NS


def run(messages: int, workers: int) -> Counter[str]:
    """All of them, in tranches over worker processes; progress goes to stderr."""
    total, done, began = Counter[str](), 0, time.perf_counter()
    with ProcessPoolExecutor(workers) as executor:
        tranches = {
            executor.submit(fuzz, seed, min(TRANCHE, messages - start)): min(TRANCHE, messages - start)
            for seed, start in enumerate(range(0, messages, TRANCHE))
        }
        for tranche in as_completed(tranches):
            tally = tranche.result()
            slowest = max(total["slowest reconnect, ms"], tally["slowest reconnect, ms"])
            total += tally
            total["slowest reconnect, ms"] = slowest
            done += tranches[tranche]
            spent_s = time.perf_counter() - began
            print(f"{done:,} of {messages:,}, {spent_s:.0f} s", file=sys.stderr)
    return total


def main() -> None:
    """Print a table, and one JSON object last with --json. Exits 1 when a fault was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many are spoilt")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    tally = run(arguments.messages, arguments.workers)
    figures = {
        "messages": arguments.messages,
        "dead_sessions": tally["dead_sessions"],
        "silent_losses": tally["silent_losses"],
        "half_open_keepalives": half_open_keepalives(),
    }
    for name, value in (figures | {name: tally[name] for name in sorted(tally)}).items():
        print(f"{name:36} {value:>12,}")
    if arguments.json:
        print(json.dumps(figures))
    if figures["dead_sessions"] or figures["silent_losses"] or figures["half_open_keepalives"] > 3:
        sys.exit(1)


if __name__ == "__main__":
    main()
