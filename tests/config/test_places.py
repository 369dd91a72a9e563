"""Slot ids and the segments they lie in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.load import load
from config.places import NoSuchSlot, Places

VAULT = load(Path(__file__).parents[2] / "config" / "vaults" / "demo.yaml").vault
PLACES = Places(VAULT)
SLOTS = PLACES.slots()
LETTERS = st.sampled_from("0123456789-LRABCx é٣")


def by_name(slot: str) -> int:
    """A segment's id is what the ids of its slots begin with, cut at a dash."""
    cuts = [slot[:i] for i, letter in enumerate(slot) if letter == "-"]
    (segment,) = (PLACES.segment_index[cut] for cut in cuts if cut in PLACES.segment_index)
    return segment


def expected(slot: str) -> int:
    return by_name(slot) if slot in IS_SLOT else -1


IS_SLOT = frozenset(SLOTS)


@st.composite
def written(draw: st.DrawFn) -> str:
    """A slot id, as people write them: right, with a letter too many, too few or another."""
    slot = draw(st.sampled_from(SLOTS))
    at = draw(st.integers(0, len(slot)))
    skip = draw(st.integers(0, 1))
    return draw(st.sampled_from([slot, slot[:at] + draw(st.text(LETTERS, max_size=2)) + slot[at + skip :]]))


@given(st.lists(written(), max_size=12), st.integers(0, len(SLOTS) - 60))
def test_a_list_of_slots_lies_where_each_of_them_lies(loose: list[str], first: int) -> None:
    places = Places(VAULT)  # that has seen no shelf yet
    for ids in (loose, SLOTS[first : first + 60] + loose, SLOTS[first : first + 60] + loose):
        assert places.segments_of(ids).tolist() == [expected(slot) for slot in ids]


@given(written())
def test_one_slot_lies_where_it_lies_in_a_list(slot: str) -> None:
    if slot in IS_SLOT:
        assert PLACES.segment_of(slot) == by_name(slot)
    else:
        with pytest.raises(NoSuchSlot):
            PLACES.segment_of(slot)


@pytest.mark.parametrize(
    ("seen", "written_right"),
    [
        ("A-01L-01-01-01", "A-01L-01-1-01"),
        ("A-001L-01-1-01", "A-01L-01-1-01"),
        ("A-1l-1-1-1", "A-01L-01-1-01"),
        ("a-01L-01-1-01", "A-01L-01-1-01"),
        (" A-01L-01-1-01 ", "A-01L-01-1-01"),
    ],
)
def test_a_slot_that_exists_and_is_written_otherwise_is_written_out(seen: str, written_right: str) -> None:
    with pytest.raises(NoSuchSlot) as told:
        PLACES.address(seen)
    assert str(told.value) == f"write {written_right}"


def test_a_slot_that_does_not_exist_is_told_with_what_its_rack_has() -> None:
    with pytest.raises(NoSuchSlot) as told:
        PLACES.address("A-01L-01-01-99")
    assert "is not a slot of rack 'A'" in str(told.value)
    assert str(told.value).endswith("its slots are written like A-01L-01-1-01")
