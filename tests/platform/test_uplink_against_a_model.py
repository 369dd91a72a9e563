"""The uplink against a model platform on a network that loses, repeats and reorders: nothing is lost, nothing twice."""

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.platform.contract import CHAIN_START, LANES, Ack, Batch, Lane, chain_next
from edge.platform.uplink import LinkTurn, Uplink
from tests.platform.memory_outbox import EPOCH, MemoryOutbox

MS = 1_000_000
S = 1_000 * MS
SOME_LANES: tuple[Lane, ...] = ("alarm", "custody")


class ModelPlatform:
    """Commits what continues its lane and fits its chain; says where it stands after each birth and each commit."""

    def __init__(self) -> None:
        self.bodies: dict[Lane, list[bytes]] = {lane: [] for lane in LANES}
        self.chains: dict[Lane, list[bytes]] = {lane: [CHAIN_START] for lane in LANES}

    def receive(self, topic: str, payload: bytes) -> list[tuple[Lane, bytes]]:
        if topic == "up/birth":
            return [(lane, self.ack(lane)) for lane in LANES]
        if topic.removeprefix("up/") not in LANES:
            return []
        batch = msgspec.json.decode(payload, type=Batch)
        bodies, chains = self.bodies[batch.lane], self.chains[batch.lane]
        assert batch.last - batch.first + 1 == len(batch.facts)
        if batch.first > len(bodies) + 1:
            return []  # a hole: asks by not acknowledging
        chain = bytes.fromhex(batch.prev)
        assert chain == chains[batch.first - 1]
        for seq, raw in enumerate(batch.facts, batch.first):
            chain = chain_next(chain, bytes(raw))
            if seq <= len(bodies):
                assert chains[seq] == chain, "another fact under the same number"
            else:
                bodies.append(bytes(raw))
                chains.append(chain)
        return [(batch.lane, self.ack(batch.lane))]

    def ack(self, lane: Lane) -> bytes:
        upto = len(self.bodies[lane])
        return msgspec.json.encode(Ack(epoch=EPOCH, upto=upto, chain=self.chains[lane][upto].hex()))

    def restore(self, lane: Lane, upto: int) -> None:
        """From a backup in which it had only `upto` rows."""
        del self.bodies[lane][upto:]
        del self.chains[lane][upto + 1 :]


class UplinkOnABadNetwork(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.outbox = MemoryOutbox()
        self.platform = ModelPlatform()
        self.at_ns = 1_800_000_000 * S
        self.up: list[tuple[str, bytes]] = []
        self.down: list[tuple[Lane, bytes]] = []
        self.best = dict.fromkeys(LANES, 0)
        self.was_restored = False
        self.start()

    def start(self) -> None:
        self.uplink = Uplink(self.outbox, node="n", software="s", layout="l", devices=())
        self.is_connected = False
        self.due_ns: int | None = None

    def carry(self, turn: LinkTurn) -> None:
        self.up += [(message.topic, message.payload) for message in turn.publish]
        self.due_ns = turn.due_ns
        assert turn.due_ns is None or turn.due_ns >= self.at_ns
        for note in turn.notes:
            assert note in {"platform_behind", "ack_beyond_sent", "ack_wrong_epoch"}
            assert note != "platform_behind" or self.was_restored

    @rule(lane=st.sampled_from(SOME_LANES), count=st.integers(1, 450))
    def facts_are_committed(self, lane: Lane, count: int) -> None:
        self.outbox.fill(lane, count)
        self.carry(self.uplink.due(self.at_ns))

    @rule()
    def the_link_comes_up(self) -> None:
        if self.is_connected:
            self.uplink.disconnected()
        self.is_connected = True
        self.carry(self.uplink.connected(self.at_ns))

    @precondition(lambda self: self.is_connected)
    @rule()
    def the_link_goes_down(self) -> None:
        self.is_connected = False
        self.uplink.disconnected()

    @rule()
    def the_daemon_is_killed_and_started(self) -> None:
        self.start()

    @precondition(lambda self: self.up)
    @rule(data=st.data())
    def a_message_reaches_the_platform(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.up) - 1))
        is_repeated = data.draw(st.booleans())
        topic, payload = self.up[index] if is_repeated else self.up.pop(index)
        self.down += self.platform.receive(topic, payload)
        for lane in LANES:
            self.best[lane] = max(self.best[lane], len(self.platform.bodies[lane]))

    @precondition(lambda self: self.down)
    @rule(data=st.data())
    def an_ack_reaches_the_edge(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.down) - 1))
        is_repeated = data.draw(st.booleans())
        lane, payload = self.down[index] if is_repeated else self.down.pop(index)
        self.carry(self.uplink.ack_received(lane, payload, self.at_ns))

    @precondition(lambda self: self.up or self.down)
    @rule()
    def everything_under_way_is_lost(self) -> None:
        self.up.clear()
        self.down.clear()

    @rule(lane=st.sampled_from(SOME_LANES), beyond=st.integers(1, 1_000))
    def somebody_acknowledges_what_was_never_sent(self, lane: Lane, beyond: int) -> None:
        upto = self.outbox.committed()[lane] + beyond
        forged = msgspec.json.encode(Ack(epoch=EPOCH, upto=upto, chain="00" * 16))
        turn = self.uplink.ack_received(lane, forged, self.at_ns)
        assert "ack_beyond_sent" in turn.notes
        self.carry(turn)

    @rule(wait_s=st.sampled_from((0.05, 1.0, 10.0, 30.0)))
    def time_passes(self, wait_s: float) -> None:
        self.at_ns += int(wait_s * S)
        self.carry(self.uplink.due(self.at_ns))

    @precondition(lambda self: any(self.platform.bodies.values()))
    @rule(lane=st.sampled_from(SOME_LANES), share=st.floats(0, 1))
    def the_platform_is_restored_from_a_backup(self, lane: Lane, share: float) -> None:
        self.platform.restore(lane, int(share * len(self.platform.bodies[lane])))
        self.was_restored = True

    @invariant()
    def nothing_counts_as_acknowledged_that_the_platform_never_had(self) -> None:
        for lane in LANES:
            assert self.outbox.acked(lane) <= self.best[lane]

    def teardown(self) -> None:
        """On a network that works again everything arrives, once, in order: what was sent before arrives as well."""
        if not hasattr(self, "uplink"):
            return
        self.the_link_comes_up()
        for _ in range(4_000):
            if self.up:
                self.down += self.platform.receive(*self.up.pop(0))
            elif self.down:
                self.carry(self.uplink.ack_received(*self.down.pop(0), self.at_ns))
            elif all(len(self.platform.bodies[lane]) == self.outbox.committed()[lane] for lane in LANES):
                break
            else:
                assert self.due_ns is not None, "facts wait and nothing will ever happen"
                self.at_ns = max(self.at_ns, self.due_ns)
                self.carry(self.uplink.due(self.at_ns))
                if self.was_restored and self.uplink.is_drained():
                    # idle, it cannot know that the platform lost rows: the platform's signed rewind is for this
                    self.the_link_comes_up()
        for lane in LANES:
            assert self.platform.bodies[lane] == [row.body for row in self.outbox.rows(lane)]


UplinkOnABadNetwork.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestUplinkOnABadNetwork = UplinkOnABadNetwork.TestCase
