"""The store against a model that is four lists: any order of appends, acks, rewinds, prunings and restarts."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from config.policy import Retention
from edge.state.chain import CHAIN_START, chain_next
from edge.state.facts import LANE_OF, LANES, Fact, Lane
from edge.store.journal import Store
from tests.store.samples import AT_NS, ONE_OF_EACH, alarms, contacts, moves, readings

lanes = st.sampled_from(LANES)
DAY_NS = 86_400_000_000_000
POLICY = Retention(alarm_days=90, custody_days=90, event_days=1, telemetry_days=1)
DAYS: dict[Lane, int] = {"alarm": 90, "custody": 90, "event": 1, "telemetry": 1}


class JournalMachine(RuleBasedStateMachine):
    """What is true of the store is also true of these lists."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.facts: list[Fact] = []
        self.by_lane: dict[Lane, list[Fact]] = {lane: [] for lane in LANES}
        self.acked: dict[Lane, int] = dict.fromkeys(LANES, 0)
        self.first_held: dict[Lane, int] = dict.fromkeys(LANES, 1)
        self.snapshots: list[int] = []
        self.store = self.opened()
        self.epoch = self.store.epoch

    def opened(self) -> Store:
        return Store.open(Path(self.directory.name), vault="v", cap_mb=64, reserve_mb=8, retention=POLICY)

    def teardown(self) -> None:
        for lane in LANES:
            assert self.store.first_broken_link(lane) is None
        self.store.close()
        self.directory.cleanup()

    @rule(picks=st.lists(st.sampled_from(ONE_OF_EACH), max_size=8), many=st.integers(0, 40), urgent=st.booleans())
    def append(self, picks: list[Fact], many: int, urgent: bool) -> None:
        start = len(self.facts)
        more = [*readings(many, start=start), *moves(many // 2, start=start), *contacts(many // 3, start=start)]
        facts = [*picks, *more, *alarms(many // 4, start=start)]
        marks = self.store.append(facts, urgent=urgent, done=None)
        self.facts += facts
        touched = {LANE_OF[type(fact)] for fact in facts}
        for fact in facts:
            self.by_lane[LANE_OF[type(fact)]].append(fact)
        assert marks == {lane: len(self.by_lane[lane]) for lane in touched}

    @rule(lane=lanes, share=st.floats(0, 1.3))
    def ack(self, lane: Lane, share: float) -> None:
        self.store.flush()
        upto = int(share * len(self.by_lane[lane]))
        if upto > len(self.by_lane[lane]):
            try:
                self.store.ack(lane, upto)
            except ValueError:
                return
            raise AssertionError("an ack beyond the head was taken")
        self.store.ack(lane, upto)
        self.acked[lane] = max(self.acked[lane], upto)

    @rule(lane=lanes, share=st.floats(0, 1.2))
    def rewind(self, lane: Lane, share: float) -> None:
        first = int(share * len(self.by_lane[lane]))
        may = self.first_held[lane] <= first <= self.acked[lane] + 1
        try:
            self.store.rewind(lane, first)
        except ValueError:
            assert not may
            return
        assert may
        self.acked[lane] = first - 1

    @rule()
    def snapshot(self) -> None:
        n = len(self.facts)
        self.store.save_snapshot(b"state %d" % n, n, "layout", {"alarm": len(self.by_lane["alarm"])})
        self.store.flush()
        self.snapshots = [*self.snapshots, n][-3:]

    @rule(days=st.sampled_from([0.5, 2, 200]))
    def prune(self, days: float) -> None:
        self.store.prune(AT_NS + int(days * DAY_NS))
        self.store.flush()
        keep_n = min(self.snapshots, default=0)
        for lane in LANES:
            if days < DAYS[lane]:
                continue
            old = sum(1 for fact in self.facts[:keep_n] if LANE_OF[type(fact)] == lane)
            self.first_held[lane] = max(self.first_held[lane], min(old, self.acked[lane]) + 1)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.opened()
        assert self.store.was_clean
        assert self.store.epoch == self.epoch

    @rule(lane=lanes, share=st.floats(0, 1.1), rows=st.integers(1, 50))
    def read(self, lane: Lane, share: float, rows: int) -> None:
        self.store.flush()
        held = self.first_held[lane]
        head = len(self.by_lane[lane])
        first = held + int(share * (head - held + 1))
        got = self.store.read_lane(lane, first, rows)
        assert [row.seq for row in got] == list(range(first, min(first + rows, head + 1)))
        chain = self.store.chain_before(lane, first) if first <= head else CHAIN_START
        for row in got:
            chain = chain_next(chain, row.body)
            assert row.chain == chain

    @rule(back=st.integers(0, 100))
    def recover(self, back: int) -> None:
        self.store.flush()
        newest = self.store.latest_snapshot()
        assert (newest.n if newest else None) == (self.snapshots[-1] if self.snapshots else None)
        oldest = min(self.snapshots, default=0)
        after_n = max(oldest, len(self.facts) - back)
        expected = list(enumerate(self.facts[after_n:], start=after_n + 1))
        assert list(self.store.facts(after_n)) == expected

    @invariant()
    def heads_and_cursors_agree(self) -> None:
        heads = self.store.heads()
        assert self.store.n == len(self.facts)
        for lane in LANES:
            assert heads[lane].seq == len(self.by_lane[lane])
            assert self.store.acked(lane) == self.acked[lane]
            assert self.store.first_held(lane) == self.first_held[lane]


JournalMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestJournal = JournalMachine.TestCase
