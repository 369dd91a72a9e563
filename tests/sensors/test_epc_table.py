"""The table of raw EPCs against a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.rfid.epc_table import EpcTable, begins

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


@pytest.mark.parametrize("word", [0, 1, 2])
@pytest.mark.parametrize("step", [1, 2**8, 2**16, 2**24, 0x01010101])
def test_a_series_in_any_word_and_of_any_step_finds_every_one(word: int, step: int) -> None:
    words = np.zeros((4096, 3), np.uint32)
    words[:, word] = np.arange(4096, dtype=np.uint64) * step & 0xFFFFFFFF
    epcs = [row.tobytes() for row in words]
    table = EpcTable()
    twin = {epc: row for row, epc in enumerate(dict.fromkeys(epcs))}
    assert table.add(epcs).tolist() == [twin[epc] for epc in epcs]
    assert table.find(epcs).tolist() == table.rows(words.view(np.uint8), np.full(4096, 96, np.uint16)).tolist()


def test_keys_that_all_want_one_slot_are_all_found_and_none_beside_them() -> None:
    """Of a hundred thousand keys those that begin their walk in slot 7 of the smallest table, half learnt."""
    random = np.random.default_rng(5)
    words = random.integers(0, 2**32, (100_000, 3), dtype=np.uint32)
    slots = np.full(1024, -1, np.int32)
    crowd = [row.tobytes() for row in words[begins(words, slots) == 7]]
    assert len(crowd) > 60
    known, strangers = crowd[: len(crowd) // 2], crowd[len(crowd) // 2 :]
    table = EpcTable()
    assert table.add(known).tolist() == list(range(len(known)))
    assert table.find(known).tolist() == list(range(len(known)))
    assert set(table.find(strangers).tolist()) == {-1}
    assert table.add(strangers).tolist() == list(range(len(known), len(crowd)))
