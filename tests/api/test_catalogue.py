"""Lines of a catalogue sorted by what they would do: portion by portion, a column at a time where all is new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.catalogued import CataloguedVolume
from edge.api.catalogue import LineSorter, Sorted
from edge.state.events import OperatorAction
from tests.api.manual_house import ManualHouse
from tests.stories.chips import chip
from tests.stories.small_vault import epc_of

SLOTS = ["A-01L-01-1-01", "A-01L-01-1-02", "A-01L-02-1-01"]
SAME = CataloguedVolume("v0", epc_of(0).hex(), SLOTS[0], 0)
EPCS = [epc_of(i).hex() for i in range(5)] + ["", "zz", "ABCD", "ab cd", "abc", "ab" * 63]
LINES = st.builds(
    CataloguedVolume,
    st.sampled_from(["", "v0", "v1", *(f"n{i}" for i in range(9))]),
    st.sampled_from(EPCS) | st.integers(100, 140).map(lambda i: epc_of(i).hex()),
    st.sampled_from([*SLOTS, "B-99"]),
    st.sampled_from([0, 12]),
)


def house() -> ManualHouse:
    at = ManualHouse()
    at.story.catalogue(SLOTS[:2])
    return at


def sorted_in(portions: list[list[CataloguedVolume]]) -> list[Sorted]:
    state = house().state
    sorter = LineSorter(state, [line for portion in portions for line in portion])
    return [sorter.sort(portion) for portion in portions]


@given(st.lists(LINES, max_size=12), st.integers(1, 12))
def test_a_line_is_told_the_same_beside_any_others(lines: list[CataloguedVolume], size: int) -> None:
    """A line that is in the catalogue already makes the sorter ask line by line; alone in its portion it does not."""
    portions = [lines[at : at + size] for at in range(0, len(lines), size)]
    together = sorted_in([[SAME], lines])[1]
    apart = sorted_in([[SAME], *portions])[1:]
    assert [line for part in apart for line in part.good] == together.good
    assert (sum(part.new for part in apart), sum(part.same for part in apart)) == (together.new, together.same)
    assert [(at * size + i, *told) for at, part in enumerate(apart) for i, *told in part.problems] == together.problems
    assert [(at * size + i, *told) for at, part in enumerate(apart) for i, *told in part.warnings] == together.warnings


def test_new_volumes_in_free_slots_are_all_good() -> None:
    lines = [CataloguedVolume(f"n{i}", f"{i:024x}", SLOTS[2], 3) for i in range(5)]
    assert sorted_in([lines]) == [Sorted(lines, 5, 0, 0, [], [])]


def test_a_slot_in_the_catalogue_is_a_warning_and_the_volume_that_stands_there_is_named() -> None:
    new = CataloguedVolume("n1", epc_of(50).hex(), SLOTS[1], 0)
    assert sorted_in([[new]]) == [Sorted([new], 1, 0, 0, [], [(0, "slot_taken", "v1")])]


def test_a_tag_that_an_earlier_portion_gave_away_is_taken() -> None:
    first, second = (CataloguedVolume(name, epc_of(50).hex(), SLOTS[2], 0) for name in ("n1", "n2"))
    assert sorted_in([[first], [second]])[1].problems == [(0, "epc_taken", "n1")]


def test_a_volume_that_an_earlier_portion_had_is_there_twice() -> None:
    first, second = (CataloguedVolume("n1", epc_of(i).hex(), SLOTS[2], 0) for i in (50, 51))
    assert sorted_in([[first], [second]])[1].problems == [(0, "volume_twice", "")]


@pytest.mark.parametrize("text", ["", "zz", "abc", "ABCD", "ab cd", "ab" * 63])
def test_what_is_no_lower_case_hex_of_a_tag_is_no_epc(text: str) -> None:
    bad = CataloguedVolume("n1", text, SLOTS[2], 0)
    good = CataloguedVolume("n2", "ab", SLOTS[2], 0)
    assert sorted_in([[bad, good]])[0].problems == [(0, "bad_epc", "")]
    assert sorted_in([[bad]])[0].problems == [(0, "bad_epc", "")]


def with_chip(volume: str, number: int, tid: bytes) -> CataloguedVolume:
    return CataloguedVolume(volume, epc_of(number).hex(), SLOTS[2], 0, tid.hex())


def chips_known(*tids: bytes) -> ManualHouse:
    """v0, v1, ... have these chips."""
    at = house()
    for i, tid in enumerate(tids):
        at.story.state.tids.tell(i, tid.hex())
    return at


def problems_of(at: ManualHouse, *lines: CataloguedVolume) -> list[tuple[int, str, str]]:
    return LineSorter(at.state, lines).sort(lines).problems


def test_a_chip_that_was_told_of_another_volume_is_taken_and_that_volume_is_named() -> None:
    at = chips_known(chip(0), chip(1))
    lines = (with_chip("n1", 50, chip(1)), with_chip("n2", 51, chip(9)), with_chip("v0", 0, chip(0)))
    assert problems_of(at, *lines) == [(0, "tid_taken", "v1")]
    assert problems_of(at, with_chip("v0", 0, chip(1))) == [(0, "tid_taken", "v1")]  # an edit is no different


def test_a_chip_twice_among_the_lines_of_a_request_is_taken_by_the_first() -> None:
    assert problems_of(house(), with_chip("n1", 50, chip(7)), with_chip("n2", 51, chip(7))) == [(1, "tid_taken", "n1")]


def test_a_chip_is_free_once_its_volume_has_another_tag() -> None:
    at = chips_known(chip(0))
    at.story.catalogue(["A-01L-01-1-01"])
    at.story.tell(
        OperatorAction(
            id="x",
            at_ns=at.story.at_ns,
            action="catalogue.import",
            person="li",
            role="archivist",
            terminal="t",
            volumes=(CataloguedVolume("v0", epc_of(60).hex(), SLOTS[0], 0),),
        )
    )
    assert problems_of(at, with_chip("n1", 50, chip(0))) == []


def test_a_tid_that_tells_the_model_alone_is_nobodys() -> None:
    at = chips_known(chip(0)[:4])
    assert problems_of(at, with_chip("n1", 50, chip(0)[:4])) == []


def test_two_volumes_that_were_told_one_chip_before_may_keep_it() -> None:
    at = chips_known(chip(0), chip(0))
    assert problems_of(at, with_chip("v0", 0, chip(0))) == problems_of(at, with_chip("v1", 1, chip(0))) == []
    assert problems_of(at, with_chip("n1", 50, chip(0))) == [(0, "tid_taken", "v0")]
