from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from config.profile import Point, Table, register_count
from drivers.modbus.plan import SERIAL_GAP, TCP_GAP, Cut, covered, plan, weakest_cut
from drivers.modbus.registers import RegisterRead


def at(table: Table, address: int, *, is_wide: bool = False) -> Point:
    kind: Literal["float32", "uint16"] = "float32" if is_wide else "uint16"
    return Point(id=f"p{address}", quantity="leakage_ua", table=table, address=address, kind=kind)


tables = st.sampled_from(["hr", "ir"])
points = st.lists(st.builds(at, tables, st.integers(0, 400), is_wide=st.booleans()), max_size=40)
cuts = st.frozensets(st.tuples(tables, st.integers(1, 400)), max_size=10)


@given(wanted=points, max_block=st.integers(2, 125), max_gap=st.sampled_from([0, SERIAL_GAP, TCP_GAP]), holes=cuts)
def test_every_point_is_covered_by_blocks_that_keep_the_rules(
    wanted: list[Point], max_block: int, max_gap: int, holes: frozenset[Cut]
) -> None:
    blocks = plan(wanted, 7, max_block=max_block, max_gap=max_gap, cuts=holes)
    for point in wanted:
        assert any(point in covered([point], block) for block in blocks)
    for block in blocks:
        assert block.unit == 7
        assert 1 <= block.count <= max_block
        held = covered(wanted, block)
        used = {point.address + i for point in held for i in range(register_count(point))}
        addresses = range(block.address, block.address + block.count)
        assert {addresses[0], addresses[-1]} <= used
        for table, cut in holes:
            is_crossed = table == block.table and block.address < cut < block.address + block.count
            is_inside_a_point = any(p.address < cut < p.address + register_count(p) for p in held)
            assert not is_crossed or is_inside_a_point, f"{block} crosses {cut}"
        run = longest = 0
        for address in addresses:
            run = 0 if address in used else run + 1
            longest = max(longest, run)
        assert longest <= max_gap


def test_a_gap_of_twelve_registers_is_bridged_on_serial_and_one_of_thirteen_is_not() -> None:
    near, far = [at("ir", 0), at("ir", 13)], [at("ir", 0), at("ir", 14)]
    assert plan(near, 1, max_block=125, max_gap=SERIAL_GAP) == (RegisterRead(1, "ir", 0, 14),)
    assert plan(far, 1, max_block=125, max_gap=SERIAL_GAP) == (
        RegisterRead(1, "ir", 0, 1),
        RegisterRead(1, "ir", 14, 1),
    )
    assert plan(far, 1, max_block=125, max_gap=TCP_GAP) == (RegisterRead(1, "ir", 0, 15),)


def test_tables_are_never_mixed() -> None:
    assert plan([at("ir", 0), at("hr", 1)], 1, max_block=125, max_gap=TCP_GAP) == (
        RegisterRead(1, "hr", 1, 1),
        RegisterRead(1, "ir", 0, 1),
    )


def test_a_value_of_two_registers_is_not_divided_at_the_end_of_a_block() -> None:
    wanted = [at("ir", 0), at("ir", 1, is_wide=True)]
    assert plan(wanted, 1, max_block=2, max_gap=0) == (RegisterRead(1, "ir", 0, 1), RegisterRead(1, "ir", 1, 2))


def test_a_refused_block_is_divided_at_its_widest_gap() -> None:
    wanted = [at("ir", 0), at("ir", 3), at("ir", 10), at("ir", 12)]
    assert weakest_cut(wanted, RegisterRead(1, "ir", 0, 13)) == ("ir", 10)


def test_a_refused_block_without_gaps_is_divided_in_the_middle_and_a_single_value_not_at_all() -> None:
    wanted = [at("ir", 0), at("ir", 1), at("ir", 2, is_wide=True)]
    assert weakest_cut(wanted, RegisterRead(1, "ir", 0, 4)) == ("ir", 2)
    assert weakest_cut(wanted, RegisterRead(1, "ir", 2, 2)) is None


@given(wanted=points, holes=cuts)
def test_dividing_refused_blocks_ends_when_no_block_crosses_a_hole(wanted: list[Point], holes: frozenset[Cut]) -> None:
    """A device that refuses every block over one of its holes is read after a bounded number of refusals."""
    learned: frozenset[Cut] = frozenset()
    for _ in range(len(wanted) + 1):
        blocks = plan(wanted, 1, max_block=125, max_gap=TCP_GAP, cuts=learned)
        refused = [b for b in blocks if any(t == b.table and b.address < c < b.address + b.count for t, c in holes)]
        new = {cut for block in refused if (cut := weakest_cut(wanted, block)) is not None}
        if not new:
            break
        assert not new & learned, "the same cut is learned twice"
        learned |= new
    else:
        raise AssertionError("it never ends")
    for block in refused:
        assert weakest_cut(wanted, block) is None
