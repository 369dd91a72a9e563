"""Facts through journal, MQTT, the platform's commit and its ack; and an alarm's way through under a full backlog.

What runs: this process with the real store (WAL, FULL, group commit), the real uplink and paho client on the asyncio
loop; mosquitto; the reference platform as a process of its own, which commits every group with synchronous=FULL before
it acknowledges. All on one machine, whose disk decides part of the figure.

facts_per_s   200,000 facts of three lanes (custody, event, telemetry) are appended as fast as the store takes them, at
              most 20,000 unacknowledged; facts / seconds from the first append to the last row acknowledged.
alarm_p99_ms  with 100,000 facts waiting and more coming as fast as they go (the least that waited is printed), 200
              alarms, one each 50 ms: from an alarm's append to the platform's ack in the outbox, 99 of 100 are
              faster. The sensor and the step are not in it.

Left out: making the facts (done before), starting the processes.
"""

import argparse
import asyncio
import json
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from config.policy import Retention
from config.vault import Broker, Platform, Vault
from edge.platform.client import PlatformLink
from edge.state.events import LinkState, PlatformCommand
from edge.state.facts import AlarmRaised, ContactChanged, Fact, Lane, Measured, VolumeMoved
from edge.store.journal import Store
from edge.store.reading import Row
from simulator.platform.broker import BrokerProcess
from simulator.platform.signing import make_key
from simulator.processes import Child

FACTS = 200_000
UNACKNOWLEDGED = 20_000
BACKLOG = 100_000
ALARMS = 200
ALARM_EVERY_S = 0.05
CHUNK = 500
LIMIT_S = 240.0


class Watched:
    """The store's outbox, and when the alarm lane's acks reached it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.epoch = store.epoch
        self.alarm_acked_at: list[tuple[int, float]] = []

    def committed(self) -> dict[Lane, int]:
        return self._store.committed()

    def acked(self, lane: Lane) -> int:
        return self._store.acked(lane)

    def ack(self, lane: Lane, upto: int) -> None:
        self._store.ack(lane, upto)
        if lane == "alarm":
            self.alarm_acked_at.append((upto, time.perf_counter()))

    def rewind(self, lane: Lane, first: int) -> None:
        self._store.rewind(lane, first)

    def first_held(self, lane: Lane) -> int:
        return self._store.first_held(lane)

    def chain_before(self, lane: Lane, first: int) -> bytes:
        return self._store.chain_before(lane, first)

    def read_lane(self, lane: Lane, first: int, max_rows: int, max_bytes: int) -> list[Row]:
        return self._store.read_lane(lane, first, max_rows, max_bytes)


class Edge:
    """One store and its link, which may be taken down and made anew."""

    def __init__(self, directory: Path, port: int) -> None:
        self.store = Store.open(directory / "state", vault="bench", cap_mb=4096, reserve_mb=64, retention=Retention())
        self.outbox = Watched(self.store)
        self._vault = Vault(
            schema=1,
            centre="c1",
            vault="bench",
            node="edge-1",
            timezone="Asia/Shanghai",
            brokers={"platform": Broker(host="127.0.0.1", port=port)},
            platform=Platform(),
            zones=(),
            racks=(),
        )
        self._loop = asyncio.get_running_loop()
        self._link: PlatformLink | None = None
        self._running: asyncio.Task[None] | None = None

    def connect(self) -> None:
        """Bring the link up."""
        self._link = PlatformLink(
            self._vault,
            self.outbox,
            now=time.time_ns,
            emit=_heard,
            snapshot=lambda: ({}, lambda: b"{}"),
            software="bench",
            layout="",
            devices=(),
        )
        self._running = asyncio.ensure_future(self._link.run())

    async def disconnect(self) -> None:
        """Drain and take the link down."""
        if self._link is not None and self._running is not None:
            self._link.stop()
            await self._running
            self._link = None

    def append(self, facts: Sequence[Fact], *, urgent: bool = False) -> None:
        """As the step loop does: queue them, poke the link after the commit."""
        self.store.append(facts, urgent=urgent, done=self._committed)

    def unacknowledged(self) -> int:
        heads = self.store.heads()
        return sum(heads[lane].seq - self.store.acked(lane) for lane in heads)

    async def drained(self, below: int = 0) -> None:
        """Until at most so many facts wait. Raises TimeoutError."""
        deadline = time.perf_counter() + LIMIT_S
        while self.unacknowledged() > below:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{self.unacknowledged()} facts were not acknowledged within {LIMIT_S:.0f} s")
            await asyncio.sleep(0.002)

    def _committed(self) -> None:
        self._loop.call_soon_threadsafe(self._poke)

    def _poke(self) -> None:
        if self._link is not None:
            self._link.committed()


def _heard(event: LinkState | PlatformCommand) -> None:
    if isinstance(event, LinkState) and event.note:
        print(f"the link notes {event.note}", file=sys.stderr)


def facts(count: int) -> list[list[Fact]]:
    """Chunks of three lanes, 6:3:1 custody, event, telemetry."""
    at_ns = time.time_ns()
    made: list[Fact] = []
    for n in range(count):
        kind = n % 10
        if kind < 6:
            made.append(VolumeMoved(at_ns + n, f"v-{n % 10_667:06d}", f"A-{n % 40:02d}L-03", "B-01L-07", 0.987))
        elif kind < 9:
            made.append(ContactChanged(at_ns + n, f"leak-{n % 50}", "leak", active=n % 2 == 0))
        else:
            made.append(Measured(at_ns + n, f"th-{n % 500}", ("temperature_degc", "humidity_pct"), (20.1, 50.5)))
    return [made[first : first + CHUNK] for first in range(0, count, CHUNK)]


async def throughput(edge: Edge) -> float:
    """Facts a second from append to ack."""
    chunks = facts(FACTS)
    began = time.perf_counter()
    for chunk in chunks:
        edge.append(chunk)
        await asyncio.sleep(0)
        await edge.drained(UNACKNOWLEDGED)
    await edge.drained()
    return FACTS / (time.perf_counter() - began)


async def alarm_waits(edge: Edge) -> list[float]:
    """Seconds from append to ack of each alarm. The link is down when this begins."""
    for chunk in facts(BACKLOG):
        edge.append(chunk)
    await asyncio.to_thread(edge.store.flush)
    more = iter(facts(4 * BACKLOG))
    began: dict[int, float] = {}
    edge.outbox.alarm_acked_at.clear()
    edge.connect()
    await edge.drained(BACKLOG - 1_000)
    next_at = time.perf_counter()
    least = BACKLOG
    while len(began) < ALARMS:
        if time.perf_counter() >= next_at:
            n = len(began)
            began[edge.store.heads()["alarm"].seq + 1] = time.perf_counter()
            alarm = AlarmRaised(time.time_ns(), f"leak:{n}", "leak", "critical", "z1", f"leak-{n}")
            edge.append([alarm], urgent=True)
            next_at += ALARM_EVERY_S
        waiting = edge.unacknowledged()
        least = min(least, waiting)
        for _ in range(min(4, (BACKLOG - waiting) // CHUNK)):
            edge.append(next(more, ()))
        await asyncio.sleep(0.001)
    await edge.drained()
    print(f"facts waiting while alarms were raised: never fewer than {least:,}", file=sys.stderr)
    acks = edge.outbox.alarm_acked_at
    return [next(at for upto, at in acks if upto >= seq) - start for seq, start in began.items()]


@contextmanager
def far_ends(directory: Path) -> Iterator[int]:
    """mosquitto and the platform; gives the broker's port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    broker = BrokerProcess(directory, port)
    broker.start()
    if broker.kind != "mosquitto":
        print("mosquitto is absent: the broker is amqtt, which alone is the figure", file=sys.stderr)
    make_key(directory / "key.pem")
    command = [
        *(sys.executable, "-m", "simulator.platform", "--port", str(port), "--db", str(directory / "p.db")),
        *("--centre", "c1", "--vault", "bench", "--node", "edge-1", "--mqtt", broker.mqtt),
        *("--control", str(directory / "p.sock"), "--key", str(directory / "key.pem")),
    ]
    platform = Child("platform", command, directory / "platform.log")
    try:
        yield port
    finally:
        platform.stop()
        broker.stop()


async def run() -> dict[str, float]:
    """Both figures."""
    with tempfile.TemporaryDirectory(prefix="outbox-") as name, far_ends(Path(name)) as port:
        edge = Edge(Path(name), port)
        try:
            edge.connect()
            edge.append([ContactChanged(time.time_ns(), "leak-0", "leak", active=True)])
            await edge.drained()  # everything is connected
            rate = await throughput(edge)
            await edge.disconnect()
            waits = sorted(await alarm_waits(edge))
            await edge.disconnect()
        finally:
            edge.store.close()
    return {"facts_per_s": round(rate), "alarm_p99_ms": round(1_000 * waits[ALARMS * 99 // 100], 1)}


def main() -> None:
    """Print a table, or one JSON object with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    figures = asyncio.run(run())
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:15} {value:>12,.1f}")


if __name__ == "__main__":
    main()
