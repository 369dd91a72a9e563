"""The table of raw EPCs against a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.rfid.epc_table import EpcTable

keys = st.one_of(st.binary(min_size=12, max_size=12), st.binary(min_size=1, max_size=62))


@given(st.lists(st.lists(keys, max_size=40), max_size=8), st.lists(keys, max_size=10))
def test_the_table_answers_like_a_dictionary(batches: list[list[bytes]], strangers: list[bytes]) -> None:
    table = EpcTable()
    twin: dict[bytes, int] = {}
    for batch in batches:
        rows = table.add(batch)
        assert rows.tolist() == [twin.setdefault(epc, len(twin)) for epc in batch]
    asked = [*twin, *strangers]
    if asked:
        epc = np.zeros((len(asked), 62), dtype=np.uint8)
        for i, key in enumerate(asked):
            epc[i, : len(key)] = np.frombuffer(key, dtype=np.uint8)
        bits = np.array([len(key) * 8 for key in asked], dtype=np.uint16)
        assert table.rows(epc, bits).tolist() == [twin.get(key, -1) for key in asked]
    columns, bits = table.columns()
    assert [row[: b // 8].tobytes() for row, b in zip(columns, bits.tolist(), strict=True)] == list(twin)


def test_a_table_of_counting_serials_finds_every_one() -> None:
    table = EpcTable()
    epcs = [b"\x2c\x74" + i.to_bytes(10, "big") for i in range(50_000)]
    for first in range(0, 50_000, 500):
        table.add(epcs[first : first + 500])
    epc = np.frombuffer(b"".join(epcs), dtype=np.uint8).reshape(-1, 12)
    assert table.rows(epc, np.full(50_000, 96, dtype=np.uint16)).tolist() == list(range(50_000))


@pytest.mark.parametrize("epc", [b"", bytes(63)])
def test_an_epc_that_gen2_cannot_hold_is_refused(epc: bytes) -> None:
    with pytest.raises(ValueError, match="EPC"):
        EpcTable().add([epc])
