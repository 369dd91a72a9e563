"""What gives way when the step falls behind, and what never does."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from drivers.observation import Contact, Measurement, Searched
from edge.field.inbox import Inbox
from edge.state.events import DeviceBack, DeviceLost, Dropped, Event, Tick
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


def contact(at_ns: int, active: bool | None, point: str = "p", device: str = "c") -> Contact:
    return Contact(device=device, at_ns=at_ns, point=point, active=active)


async def test_under_pressure_an_equal_contact_takes_the_place_of_the_last_one_of_its_point() -> None:
    inbox = pressed()
    for event in (
        contact(1, False),
        contact(2, False),
        contact(3, True),
        contact(4, True, "q"),
        contact(5, True, device="d"),
        contact(6, True),
        contact(7, None),
        contact(8, False),
        contact(9, False),
    ):
        inbox.put(event)
    assert (await inbox.take(100))[2:] == [
        contact(2, False),
        contact(6, True),
        contact(4, True, "q"),
        contact(5, True, device="d"),
        contact(7, None),
        contact(9, False),
    ]


async def test_a_stalled_step_meets_no_more_contacts_than_there_were_changes() -> None:
    inbox = Inbox(10)
    for at_ns in range(100_000):
        inbox.put(contact(at_ns, True, f"p{at_ns % 5}"))
    assert len(inbox) == 10
    inbox.put(contact(1, False))
    assert len(inbox) == 11


async def test_a_contact_that_was_taken_is_not_renewed() -> None:
    inbox = Inbox(1)
    inbox.put(contact(1, True))
    assert await inbox.take(1) == [contact(1, True)]
    inbox.put(Tick(at_ns=2))
    inbox.put(contact(3, True))
    assert await inbox.take(10) == [Tick(at_ns=2), contact(3, True)]


async def test_a_contact_after_a_loss_of_its_device_comes_after_that_loss() -> None:
    inbox = pressed()
    lost = DeviceLost(device="c", at_ns=2, reason="silent")
    inbox.put(contact(1, True))
    inbox.put(lost)
    inbox.put(DeviceBack(device="c", at_ns=3))
    inbox.put(contact(4, True))
    assert (await inbox.take(10))[2:] == [contact(1, True), lost, DeviceBack(device="c", at_ns=3), contact(4, True)]


async def test_without_pressure_every_contact_is_kept() -> None:
    inbox = Inbox()
    said = [contact(at_ns, True) for at_ns in range(5)]
    for event in said:
        inbox.put(event)
    assert await inbox.take(10) == said


@given(st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from([True, False, None])), max_size=60), st.integers(0, 9))
async def test_no_change_of_a_contact_is_ever_lost_and_the_last_word_has_its_time(
    said: list[tuple[str, bool | None]], limit: int
) -> None:
    inbox = Inbox(limit)
    for at_ns, (point, active) in enumerate(said):
        inbox.put(contact(at_ns, active, point))
    taken = [event for event in await inbox.take(1000) if isinstance(event, Contact)] if said else []
    for point in "pq":
        put = [(at_ns, active) for at_ns, (name, active) in enumerate(said) if name == point]
        got = [(event.at_ns, event.active) for event in taken if event.point == point]
        assert [active for active, _ in groupby(active for _, active in put)] == [
            active for active, _ in groupby(active for _, active in got)
        ]
        assert put[-1:] == got[-1:]


@given(st.lists(st.sampled_from(["contact", "lost", "measurement", "reads", "searched"]), max_size=60))
async def test_losses_are_never_dropped_and_everything_else_is_counted(kinds: list[str]) -> None:
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
    names = {"lost": DeviceLost, "measurement": Measurement, "searched": Searched}
    for kind, record in names.items():
        left = sum(isinstance(event, record) for event in taken)
        assert left + dropped.get(kind, 0) == kinds.count(kind)
    assert any(isinstance(event, Contact) for event in taken) == ("contact" in kinds)
    assert dropped.get("contact", 0) == dropped.get("lost", 0) == 0
