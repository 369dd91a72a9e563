"""Names near to one that is not known."""

import pytest

from edge.api.nearest import in_a_row, nearest

CATALOGUE = [f"V{i:06d}" for i in range(10_667)]


@pytest.mark.parametrize(
    ("text", "first"),
    [("v00012", "V000120"), (" V000123 ", "V000123"), ("V0012a", "V001")],
)
def test_of_a_large_catalogue_the_nearest_share_the_beginning(text: str, first: str) -> None:
    found = nearest(text, CATALOGUE)
    assert found[0].startswith(first)
    assert len(found) <= 5


def test_nothing_is_near_to_what_looks_like_nothing_known() -> None:
    assert nearest("???", CATALOGUE) == ()
    assert nearest("", []) == ()
    assert in_a_row(()) == "-"
