"""Order within a segment: learnt while a bank slides along or a reader is carried, kept, aged and told."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest

from drivers.observation import RobotState, ShelvingState, TagReads
from edge.api.volumes import find
from edge.state.apply import apply
from edge.state.custody_facts import VolumeTaken
from edge.state.events import CustodyChange
from edge.state.facts import AlarmCleared, AlarmRaised, Fact
from edge.state.order_facts import OrderLearnt, OrderUpheld
from edge.state.snapshot import encode, encode_folded, freeze, thaw
from edge.state.state import State
from simulator.world.passing import Carried, PassRadio, draw_pass, shelf_of
from tests.stories.small_vault import NS, Story, epc_of, small_plant
from tests.stories.test_portions import facts_of

SECTION = {"kind": "mobile_shelving", "zone": "z1", "faces": ["L"], "sections": 2, "shelves": 1, "slots_per_shelf": 9}
SEGMENTS = ["M-01L-01", "M-01L-02", "A-01L-01", "A-01L-02"]
BANK: dict[str, Any] = {
    "racks": [{"id": "M", **SECTION, "slides": "along"}, {"id": "A", **SECTION, "kind": "open_rack"}],
    "readers": [{"id": "reader-1", "host": "127.0.0.1", "segments": SEGMENTS}],
    "policy": {"presence": {"sure": 0.95, "missing_after_rounds": 10}},
}
SLOT_M = 0.11
SPEED_MPS, LOOK_S, MARGIN_M = 0.1, 0.1, 0.7
ALL = {antenna: list(range(9 * antenna - 9, 9 * antenna)) for antenna in range(1, 5)}
QUIET = PassRadio(phase_noise_rad=0.2, misses=0.2)


def shelved(changes: dict[str, Any] = BANK) -> Story:
    """Nine volumes in each of four segments: v0 .. v8 in M-01L-01, slot by slot."""
    story = Story(changes=changes)
    story.catalogue([f"{segment}-1-0{slot}" for segment in SEGMENTS for slot in range(1, 10)])
    for _ in range(8):
        story.round(ALL)
    return story


def passage(order: Sequence[int], radio: PassRadio = QUIET, seed: int = 1) -> Carried:
    """The reads of a pass of these tags, standing in this order from slot to slot; rows are those of `order`."""
    antenna_m = np.arange(-MARGIN_M, len(order) * SLOT_M + MARGIN_M, SPEED_MPS * LOOK_S)
    place_m = (np.arange(len(order), dtype=np.float64) + 0.5) * SLOT_M
    rng = np.random.default_rng(seed)
    shelf = shelf_of(radio, place_m, np.full(len(order), 0.5), rng)
    return draw_pass(radio, shelf, antenna_m, LOOK_S, rng)


def told(
    story: Story, heard: Carried, order: Sequence[int], antenna: int, device: str = "reader-1", has_phase: bool = True
) -> None:
    """A report a look, as a reader that answers every tenth of a second."""
    began_ns = story.at_ns
    for at_s in np.unique(heard.at_s):
        look = heard.at_s == at_s
        tags = [order[row] for row in heard.tag[look].tolist()]
        n, at_ns = len(tags), began_ns + round(float(at_s) * NS)
        story.at_ns = max(story.at_ns, at_ns)
        story.tell(
            TagReads(
                device=device,
                at_ns=at_ns,
                antenna=np.full(n, antenna, np.uint16),
                epc=np.frombuffer(b"".join(map(epc_of, tags)), np.uint8).reshape(n, 12),
                epc_bits=np.full(n, 96, np.uint16),
                rssi_dbm=heard.rssi_dbm[look],
                count=np.ones(n, np.uint16),
                first_utc_ns=np.zeros(n, np.int64),
                last_utc_ns=np.zeros(n, np.int64),
                pc=np.full(n, -1, np.int32),
                phase_rad=heard.phase_rad[look] if has_phase else None,
            )
        )


def bank(story: Story, name: str = "M", *, moving: bool) -> None:
    story.tell(ShelvingState(device="s", at_ns=story.at_ns, bank=name, open_aisles=(), is_moving=moving))


def slide(story: Story, order: Sequence[int], antenna: int = 1, **more: Any) -> None:
    """The bank slides by; the antenna hears the tags in this order; then everything is sorted."""
    bank_id, has_phase = more.pop("bank_id", "M"), more.pop("has_phase", True)
    bank(story, bank_id, moving=True)
    told(story, passage(order, **more), order, antenna, has_phase=has_phase)
    bank(story, bank_id, moving=False)
    story.advance(200)


def carry(story: Story, order: Sequence[int]) -> None:
    """A robot carries a reader along the face of the rack that stands still, over both of its sections."""
    heard = passage(order)
    began_ns = story.at_ns
    for at_s in np.arange(0.0, 36.0, 0.5):
        segment = "A-01L-01" if at_s * SPEED_MPS - MARGIN_M < 9 * SLOT_M else "A-01L-02"
        along_m = float(at_s) * SPEED_MPS - MARGIN_M
        story.tell(RobotState("robot-1", began_ns + round(at_s * NS), "reader-9", segment, along_m))
    told(story, heard, order, 1, device="reader-9")
    story.advance(400)


def hand(story: Story, act: Literal["taken", "placed"], number: int, segment: str = "M-01L-01") -> None:
    """Somebody takes a volume out of a segment, or puts it there."""
    story.tell(CustodyChange(story.at_ns, story.at_ns, act, "li", "person", (f"v{number}",), segment))


def part(heard: Carried, reads: slice) -> Carried:
    return Carried(heard.tag[reads], heard.at_s[reads], heard.phase_rad[reads], heard.rssi_dbm[reads])


def told_orders(story: Story) -> list[list[str]]:
    return [list(fact.volumes) for fact in story.of(OrderLearnt)]


def names(order: Sequence[int]) -> list[str]:
    return [f"v{number}" for number in order]


def test_the_order_of_a_segment_is_learnt_while_its_bank_slides_by() -> None:
    story = shelved()
    slide(story, range(9))
    (fact,) = story.of(OrderLearnt)
    assert (fact.segment, fact.by) == ("M-01L-01", "phase")
    assert list(fact.volumes) == names(range(9))
    assert fact.misfiled == ()
    assert story.of(AlarmRaised) == []


def test_it_says_between_which_two_a_volume_stands_how_surely_and_since_when() -> None:
    story = shelved()
    slide(story, range(9))
    found = find(story.state, "v4", story.at_ns).order
    assert found is not None
    assert {found.after, found.before} == {"v3", "v5"}
    assert found.confidence > 0.9
    assert found.untold == ()
    assert found.age_s == pytest.approx((story.at_ns - story.of(OrderLearnt)[0].passed_at_ns) / 1e9)
    end = find(story.state, "v0", story.at_ns).order
    assert end is not None
    assert (end.after, end.before) == (None, "v1")
    assert find(story.state, "v9", story.at_ns).order is None  # its antenna was not passed


def test_without_phase_the_order_is_learnt_from_the_strength_and_neighbours_are_said_to_be_untold() -> None:
    story = shelved()
    slide(story, range(9), has_phase=False)
    (fact,) = story.of(OrderLearnt)
    assert fact.by == "rssi"
    found = find(story.state, "v4", story.at_ns).order
    assert found is not None
    assert found.untold
    assert found.after is None or found.after in {"v0", "v1", "v2", "v3"}


def test_a_volume_in_a_wrong_place_of_its_segment_is_one_mild_notice_that_ends_when_it_is_taken() -> None:
    story = shelved()
    slide(story, [0, 5, 1, 2, 3, 4, 6, 7, 8])
    assert story.of(OrderLearnt)[0].misfiled == ("v5",)
    assert [(alarm.alarm, alarm.severity) for alarm in story.of(AlarmRaised)] == [("misfiled:M", "warning")]
    order = find(story.state, "v5", story.at_ns).order
    assert order is not None
    assert order.is_misfiled
    hand(story, "taken", 5)
    story.advance(2)
    assert [alarm.alarm for alarm in story.of(AlarmCleared)] == ["misfiled:M"]


def test_a_bank_that_passes_the_other_way_round_is_no_misfile_and_upholds_what_was_known() -> None:
    story = shelved()
    slide(story, range(9))
    slide(story, range(8, -1, -1))
    assert len(story.of(OrderLearnt)) == 1
    assert [fact.segment for fact in story.of(OrderUpheld)] == ["M-01L-01"]
    assert story.of(AlarmRaised) == []
    order = story.state.orders.of("M-01L-01")
    assert order is not None
    assert order.seen_ns == story.of(OrderUpheld)[0].passed_at_ns > order.learnt_ns


def test_a_pass_that_tells_another_order_replaces_the_known_one() -> None:
    story = shelved()
    slide(story, range(9))
    slide(story, [0, 1, 7, 2, 3, 4, 5, 6, 8])
    assert told_orders(story)[-1] in (names([0, 1, 7, 2, 3, 4, 5, 6, 8]), names([8, 6, 5, 4, 3, 2, 7, 1, 0]))


def test_a_volume_that_is_taken_leaves_the_order_and_one_that_comes_is_told_beside_it() -> None:
    story = shelved()
    slide(story, range(9))
    hand(story, "taken", 4)
    hand(story, "placed", 4)
    assert find(story.state, "v4", story.at_ns).order is None
    beside = find(story.state, "v5", story.at_ns).order
    assert beside is not None
    assert ({beside.after, beside.before}, beside.came) == ({"v3", "v6"}, 1)


def test_an_order_of_which_more_came_than_is_left_is_forgotten() -> None:
    story = shelved()
    slide(story, range(9))
    for number in range(9, 17):
        hand(story, "placed", number)
    assert story.state.orders.of("M-01L-01") is not None
    for number in (0, 1):
        hand(story, "taken", number)
    assert story.state.orders.of("M-01L-01") is None


@pytest.mark.parametrize("slides", ["across", "still"])
def test_a_bank_whose_rows_move_across_their_faces_or_not_at_all_tells_no_order(slides: str) -> None:
    racks = [{"id": "M", **SECTION, "slides": "across"}, {"id": "A", **SECTION, "kind": "open_rack"}]
    story = shelved(BANK | {"racks": racks} if slides == "across" else BANK)
    if slides == "across":
        slide(story, range(9))
    else:
        told(story, passage(range(9)), range(9), 1)
        story.advance(100)
    assert story.of(OrderLearnt) == []
    assert not story.state.passes
    assert not story.state.sortings


def cabinet() -> Story:
    """A volume on each of nine carriers."""
    rack = {"id": "RC", "kind": "rotary_cabinet", "zone": "z1", "faces": ["L"], "shelves": 9, "slots_per_shelf": 2}
    readers = [{"id": "reader-1", "host": "127.0.0.1", "segments": ["RC"]}]
    story = Story(changes=BANK | {"racks": [rack | {"segment": "rack"}], "readers": readers})
    story.catalogue([f"RC-01L-01-{carrier}-01" for carrier in range(1, 10)])
    for _ in range(8):
        story.round({1: range(9)})
    return story


def test_a_cabinet_that_turns_tells_the_order_of_its_carriers_and_who_is_on_a_wrong_one() -> None:
    story = cabinet()
    slide(story, [0, 1, 2, 7, 3, 4, 5, 6, 8], bank_id="RC")
    (fact,) = story.of(OrderLearnt)
    assert (fact.segment, fact.misfiled) == ("RC", ("v7",))
    found = find(story.state, "v3", story.at_ns).order
    assert found is not None
    assert {found.after, found.before} == {"v7", "v4"}


def test_a_cabinet_whose_turn_begins_at_another_carrier_has_nobody_on_a_wrong_one() -> None:
    story = cabinet()
    slide(story, [8, 0, 1, 2, 3, 4, 5, 6, 7], bank_id="RC")
    slide(story, [4, 5, 6, 7, 8, 0, 1, 2, 3], bank_id="RC")
    assert {fact.misfiled for fact in story.of(OrderLearnt)} == {()}
    assert story.of(AlarmRaised) == []


def test_who_leaves_and_comes_back_while_a_pass_is_sorted_has_no_place_in_its_order() -> None:
    story = shelved()
    bank(story, moving=True)
    told(story, passage(range(9)), range(9), 1)
    bank(story, moving=False)
    ended_ns = story.at_ns
    story.advance(5)
    assert story.state.sortings
    hand(story, "taken", 4)
    hand(story, "placed", 4)
    story.advance(200)
    (fact,) = story.of(OrderLearnt)
    assert list(fact.volumes) == names([0, 1, 2, 3, 5, 6, 7, 8])
    assert fact.came == 1
    assert fact.passed_at_ns <= ended_ns
    assert find(story.state, "v4", story.at_ns).order is None


def test_a_poorer_pass_does_not_take_the_place_of_a_better_one() -> None:
    story = shelved()
    slide(story, range(9))
    slide(story, [7, 8])
    slide(story, range(9), has_phase=False)
    assert [list(fact.volumes) for fact in story.of(OrderLearnt)] == [names(range(9))]


def test_passes_of_a_segment_that_follow_faster_than_they_are_sorted_do_not_pile_up() -> None:
    story = shelved()
    for nth in range(4):
        bank(story, moving=True)
        told(story, passage(range(9), seed=nth), range(9), 1)
        bank(story, moving=False)
        story.advance(4)
    assert len(story.state.sortings) == 1


def test_misfiles_in_two_segments_of_a_rack_are_one_alarm() -> None:
    story = shelved()
    order = [18, 23, 19, 20, 21, 22, 24, 25, 26, 27, 32, 28, 29, 30, 31, 33, 34, 35]
    carry(story, order)
    assert {fact.segment: fact.misfiled for fact in story.of(OrderLearnt)} == {
        "A-01L-01": ("v23",),
        "A-01L-02": ("v32",),
    }
    assert [alarm.alarm for alarm in story.of(AlarmRaised)] == ["misfiled:A"]


def test_a_robot_that_rests_before_a_face_fills_no_memory_and_one_that_does_not_know_where_it_is_is_not_believed() -> (
    None
):
    story = shelved()
    began_ns = story.at_ns
    for tenth in range(3000):
        story.tell(RobotState("robot-1", began_ns + tenth * NS // 10, "reader-9", "A-01L-01", 0.4 + tenth % 3 * 0.001))
    assert max(len(one.pose_ns) for one in story.state.passes.values()) == 2
    story.tell(RobotState("robot-1", began_ns + 300 * NS, "reader-9", "A-01L-01", float("nan")))
    assert not story.state.passes


def test_a_reader_that_a_robot_carries_along_a_face_tells_the_order_of_each_segment_it_passed() -> None:
    story = shelved()
    carry(story, list(range(18, 36)))  # the two sections of the rack that stands still
    assert {fact.segment: list(fact.volumes) for fact in story.of(OrderLearnt)} == {
        "A-01L-01": names(range(18, 27)),
        "A-01L-02": names(range(27, 36)),
    }


def test_a_robot_that_leaves_the_face_ends_its_pass_and_one_that_stands_tells_nothing() -> None:
    story = shelved()
    for second in range(20):
        story.tell(RobotState("robot-1", story.at_ns + second * NS, "reader-9", "A-01L-01", 0.4))
    told(story, passage(range(18, 27)), range(18, 27), 1, device="reader-9")
    story.tell(RobotState("robot-1", story.at_ns, "reader-9", "", None))
    assert not story.state.passes
    story.advance(100)
    assert story.of(OrderLearnt) == []


def test_a_snapshot_in_the_middle_of_a_pass_or_of_its_sorting_goes_on_the_same() -> None:
    story = shelved()
    bank(story, moving=True)
    heard = passage(range(9))
    half = part(heard, slice(0, len(heard.tag) // 2))
    told(story, half, range(9), 1)
    during = encode(freeze(story.state))
    since = len(story.events)
    story.at_ns = story.at_ns - round(float(half.at_s[-1]) * NS)
    told(story, part(heard, slice(len(half.tag), None)), range(9), 1)
    bank(story, moving=False)
    story.advance(6)
    assert story.state.sortings
    sorting = encode(freeze(story.state))
    after = len(story.events)
    story.advance(100)
    ran = encode(freeze(story.state))
    for body, first in ((during, since), (sorting, after)):
        copy = thaw(small_plant(BANK), body)
        facts = facts_of(copy, story.events[first:])
        assert [fact for fact in facts if isinstance(fact, OrderLearnt)] == story.of(OrderLearnt)
        assert encode(freeze(copy)) == ran


def test_the_facts_alone_bring_orders_back_as_they_stand() -> None:
    story = shelved()
    slide(story, [0, 5, 1, 2, 3, 4, 6, 7, 8])
    slide(story, range(9, 18), antenna=2)
    hand(story, "taken", 2)
    hand(story, "taken", 11, "M-01L-02")
    assert len(story.of(OrderLearnt)) == 2
    assert story.of(VolumeTaken)
    rebuilt = State(small_plant(BANK))
    facts: list[Fact] = story.facts
    for fact in facts:
        apply(rebuilt, fact)
    assert encode_folded(freeze(rebuilt)) == encode_folded(freeze(story.state))
    assert rebuilt.orders.copied() == story.state.orders.copied()
