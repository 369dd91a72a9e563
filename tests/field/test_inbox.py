"""What gives way when the step falls behind, and what never does."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.observation import Contact, Measurement, Searched
from edge.field.inbox import Inbox
from edge.state.events import DeviceLost, Dropped, Event, Tick
from tests.stories.small_vault import reads_of


def measurement(device: str, value: float, points: tuple[str, ...] = ("t",)) -> Measurement:
    return Measurement(device=device, at_ns=1, points=points, values=(value,) * len(points))


def searched(antenna: int) -> Searched:
    return Searched(device="r", at_ns=1, antenna=antenna, rounds=1, from_ns=0, to_ns=1)


def pressed(limit: int = 2) -> Inbox:
    inbox = Inbox(limit)
    for at_ns in range(limit):
        inbox.put(Tick(at_ns=at_ns))
    return inbox


async def test_events_come_out_in_order() -> None:
    inbox = Inbox()
    events: list[Event] = [Tick(at_ns=1), measurement("a", 1.0), measurement("a", 2.0), Tick(at_ns=2)]
    for event in events:
        inbox.put(event)
    assert await inbox.take(10) == events


async def test_under_pressure_the_newest_measurement_of_the_same_points_wins_and_the_rest_is_counted() -> None:
    inbox = pressed()
    inbox.put(measurement("a", 1.0))
    inbox.put(measurement("a", 9.0, ("rh",)))
    inbox.put(measurement("a", 2.0))
    taken = await inbox.take(10)
    assert taken[0] == Dropped(at_ns=0, what="measurement", count=1)
    assert taken[3:] == [measurement("a", 2.0), measurement("a", 9.0, ("rh",))]


async def test_reads_give_way_together_with_their_search() -> None:
    inbox = pressed()
    inbox.put(reads_of("r", 1, 1, [1, 2, 3]))
    inbox.put(searched(1))
    inbox.put(searched(2))  # this antenna lost no reads
    inbox.put(searched(1))  # the next search of antenna 1 is whole again
    taken = await inbox.take(10)
    assert [(e.what, e.count) for e in taken if isinstance(e, Dropped)] == [("tag_reads", 3), ("searched", 1)]
    assert [e.antenna for e in taken if isinstance(e, Searched)] == [2, 1]


@given(st.lists(st.sampled_from(["contact", "lost", "measurement", "reads", "searched"]), max_size=60))
async def test_contacts_and_losses_are_never_dropped_and_everything_else_is_counted(kinds: list[str]) -> None:
    inbox = Inbox(5)
    made: dict[str, Event] = {
        "contact": Contact(device="c", at_ns=1, point="p", active=True),
        "lost": DeviceLost(device="d", at_ns=1, reason="silent"),
        "measurement": measurement("m", 1.0),
        "reads": reads_of("r", 1, 1, [1]),
        "searched": searched(1),
    }
    for kind in kinds:
        inbox.put(made[kind])
    inbox.put(Tick(at_ns=1))
    taken = await inbox.take(1000)
    dropped = {e.what: e.count for e in taken if isinstance(e, Dropped)}
    names = {"contact": Contact, "lost": DeviceLost, "measurement": Measurement, "searched": Searched}
    for kind, record in names.items():
        left = sum(isinstance(event, record) for event in taken)
        assert left + dropped.get(kind, 0) == kinds.count(kind)
    assert dropped.get("contact", 0) == dropped.get("lost", 0) == 0
