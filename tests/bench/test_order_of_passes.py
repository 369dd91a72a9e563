"""What the benchmark of simulated passes holds the order against: few wrong words, and many words where it is easy."""

import pytest

from bench.order import row


@pytest.mark.parametrize("reflection", [0.0, 0.3])
def test_what_is_told_with_a_known_place_is_much_and_right(reflection: float) -> None:
    found = row("phase", "middle", reflection, 0.1, is_posed=True)
    assert found.next.told > 0.5
    assert found.far.told > 0.95
    assert min(found.next.right or 0, found.far.right or 0) > 0.97


def test_what_is_told_of_an_uneven_bank_is_less_and_still_right() -> None:
    found = row("phase", "middle", 0.3, 0.1, is_posed=False)
    assert 0.05 < found.next.told < found.far.told
    assert min(found.next.right or 0, found.far.right or 0) > 0.95


def test_strength_alone_tells_no_neighbours_apart() -> None:
    found = row("rssi", "middle", 0.3, 0.1, is_posed=False)
    assert found.next.told < 0.05
    assert found.far.right is None or found.far.right > 0.9
