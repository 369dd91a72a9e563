"""What a fact costs the loop. Printed, and held against bounds that a busy machine does not move: processor time and
the number of statements. A guard against traps, not drifts."""

import threading
import time
from itertools import count

from tests.store.conftest import OpenStore
from tests.store.samples import AT_NS, moves, readings


def test_a_fact_costs_the_loop_some_microseconds(open_store: OpenStore) -> None:
    store = open_store(reserve_mb=64)  # its queue is as long as the burst
    for name, facts in (("custody", moves(20_000)), ("telemetry", readings(20_000))):
        start_s, own_start_s = time.perf_counter(), time.thread_time()
        for first in range(0, len(facts), 10):
            store.append(facts[first : first + 10], urgent=False, done=None)
        in_loop_s = time.thread_time() - own_start_s
        store.flush()
        total_s = time.perf_counter() - start_s
        print(
            f"\n{name}: {in_loop_s / len(facts) * 1e6:.1f} us of the loop a fact with the writer beside it, "
            f"{len(facts) / total_s:,.0f} facts/s to disk"
        )
        assert in_loop_s / len(facts) < 100e-6
    encoding = moves(20_000, at_ns=AT_NS + 10**12)
    start_s = time.perf_counter()
    store._sequencer.rows(encoding)
    print(f"sequence, id, bytes and chain alone: {(time.perf_counter() - start_s) / len(encoding) * 1e6:.1f} us a fact")


def test_a_busy_loop_does_not_starve_the_writer(open_store: OpenStore) -> None:
    """One SQL step per row would wait up to 5 ms for the interpreter lock per row: 333 rows/s, measured."""
    store = open_store()
    written: list[str] = []
    read: list[str] = []
    store._files.connection().set_trace_callback(written.append)
    store._journal._uplink.set_trace_callback(read.append)
    stop = threading.Event()

    def spin() -> None:
        for _ in count():
            if stop.is_set():
                return

    spinning = threading.Thread(target=spin)
    spinning.start()
    try:
        start_s = time.perf_counter()
        store.append(moves(4000), urgent=False, done=None)
        store.flush()
        took_s = time.perf_counter() - start_s
        read_s = time.perf_counter()
        assert len(store.read_lane("custody", 1)) == 200
        read_s = time.perf_counter() - read_s
    finally:
        stop.set()
        spinning.join()
    print(f"\nunder a busy thread: {4000 / took_s:,.0f} facts/s to disk, a batch of 200 read in {read_s * 1e3:.1f} ms")
    assert sum("INSERT" in statement for statement in written) == 4
    assert len(written) < 40  # begin, commit, and looks at the disk
    assert len(read) == 1
