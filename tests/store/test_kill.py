"""kill -9 at any moment: what was reported as committed is there, and the lanes have no hole."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from config.policy import Retention
from edge.state.facts import LANES
from edge.store.journal import Store

KILLS = 10
ENOUGH = 100  # facts to have survived; a slow machine is killed until there are
SEED = 20260921

WRITER = """
import itertools, os, random, sys, time
from pathlib import Path
from config.policy import Retention
from edge.store.journal import Store
from tests.store.samples import alarms, contacts, moves, readings

store = Store.open(Path(sys.argv[1]), vault="v", cap_mb=64, reserve_mb=8, retention=Retention())
draw = random.Random(int(sys.argv[2]))
os.write(1, b"0\\n")
for k in itertools.count(store.n):
    n = 1000 * k
    facts = [*readings(draw.randrange(30), start=n), *moves(draw.randrange(9), start=n), *contacts(1, start=n)]
    if draw.random() < 0.1:
        facts += alarms(1, start=n)
    store.append(facts, urgent=draw.random() < 0.1, done=lambda n=store.n + len(facts): os.write(1, b"%d\\n" % n))
    if draw.random() < 0.05:
        store.save_snapshot(bytes(2_000_000), store.n, "layout", {})
    for lane, upto in store.committed().items():
        store.ack(lane, upto)
    time.sleep(0.001)
"""


def test_nothing_that_was_reported_is_lost_in_ten_kills(tmp_path: Path) -> None:
    draw = random.Random(SEED)
    state = tmp_path / "state"
    epochs = set()
    held = kill = 0
    while kill < KILLS or held <= ENOUGH:
        kill += 1
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(state), str(kill)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n"
        time.sleep(draw.uniform(0.0, 0.25))
        process.kill()
        reported = [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
        process.stdout.close()
        process.wait()

        store = Store.open(state, vault="v", cap_mb=64, reserve_mb=8, retention=Retention())
        assert not store.was_clean
        epochs.add(store.epoch)
        promised = max(reported, default=held)
        assert store.n >= promised >= held
        held = store.n
        assert [n for n, _ in store.facts(0)] == list(range(1, held + 1))
        assert sum(store.committed().values()) == held
        ids = set()
        for lane in LANES:
            assert store.first_broken_link(lane) is None
            rows = store.read_lane(lane, 1, 1_000_000, 1 << 30)
            assert [row.seq for row in rows] == list(range(1, store.heads()[lane].seq + 1))
            assert store.acked(lane) <= store.committed()[lane]
            ids |= {json.loads(row.body)["id"] for row in rows}
        assert len(ids) == held
        snapshot = store.latest_snapshot()
        assert snapshot is None or (snapshot.n <= held and snapshot.body == bytes(2_000_000))
        store.close()
    assert len(epochs) == 1
