"""The bytes of a fact: what is stored, chained, sent and read back."""

import hashlib
import json

from edge.state.chain import CHAIN_START, chain_next
from edge.state.facts import LANE_OF, LANES, AlarmCleared, type_name
from edge.store.envelope import LaneHead, Sequencer, fact_of, rfc3339
from tests.store.samples import AT_NS, ONE_OF_EACH


def sequencer(boot: str = "b1") -> Sequencer:
    return Sequencer("v", boot, 0, dict.fromkeys(LANES, LaneHead(0, CHAIN_START)), ())


def test_the_envelope_of_an_alarm_is_these_bytes() -> None:
    plain = b'{"type":"alarm_cleared","at_ns":1790000000000000007,"alarm":"leak:z1"}'
    ident = hashlib.blake2b(b"v\0" + plain, digest_size=16).hexdigest()
    body = (
        f'{{"id":"{ident}","type":"alarm_cleared","at":"2026-09-21T14:13:20.000000007Z","boot":"b1",'
        '"data":{"alarm":"leak:z1"}}'
    ).encode()
    chain = hashlib.blake2b(bytes(16) + body, digest_size=16).digest()
    rows, size = sequencer().rows([AlarmCleared(AT_NS, "leak:z1")])
    assert rows == {"alarm": [(1, 1, "alarm_cleared", AT_NS, None, chain, body)]}
    assert size == len(body)


def test_every_type_of_fact_has_a_sample_here() -> None:
    assert {type(fact) for fact in ONE_OF_EACH} == set(LANE_OF)


def test_every_fact_comes_back_from_its_bytes_and_is_valid_json() -> None:
    rows, _ = sequencer().rows(ONE_OF_EACH)
    by_n = {row[1]: (lane, row) for lane, lane_rows in rows.items() for row in lane_rows}
    for n, fact in enumerate(ONE_OF_EACH, start=1):
        lane, (_, _, name, at_ns, _, _, body) = by_n[n]
        assert lane == LANE_OF[type(fact)]
        assert name == type_name(fact)
        assert fact_of(body, name, at_ns) == fact
        assert b"\n" not in body  # batches are read as lines
        envelope = json.loads(body)
        assert list(envelope) == ["id", "type", "at", "boot", "data"]
        assert envelope["type"] == name
        assert not {"type", "at_ns"} & set(envelope["data"])


def test_times_before_2001_and_after_2286_are_cut_at_the_right_byte() -> None:
    for at_ns in (0, 7, 10**18 - 1, 10**18, 10**19 - 1, 10**19):
        fact = AlarmCleared(at_ns, "a")
        rows, _ = sequencer().rows([fact])
        _, _, name, stored_ns, _, _, body = rows["alarm"][0]
        assert stored_ns == at_ns
        assert json.loads(body)["data"] == {"alarm": "a"}
        assert fact_of(body, name, at_ns) == fact


def test_times_are_utc_to_the_nanosecond() -> None:
    assert rfc3339(0) == b"1970-01-01T00:00:00.000000000Z"
    assert rfc3339(951_782_400_000_000_001) == b"2000-02-29T00:00:00.000000001Z"


def test_the_id_of_a_fact_does_not_depend_on_the_boot_but_its_bytes_do() -> None:
    one = sequencer("b1").rows(ONE_OF_EACH)[0]["alarm"][0][6]
    other = sequencer("b2").rows(ONE_OF_EACH)[0]["alarm"][0][6]
    assert json.loads(one)["id"] == json.loads(other)["id"]
    assert one != other


def test_equal_facts_at_one_time_get_different_ids_and_the_same_ones_in_a_replay() -> None:
    def ids(groups: list[int]) -> list[str]:
        maker = sequencer()
        facts = [maker.rows([AlarmCleared(AT_NS, "a")] * count)[0]["alarm"] for count in groups]
        return [json.loads(row[6])["id"] for rows in facts for row in rows]

    assert len(set(ids([3]))) == 3
    assert ids([3]) == ids([1, 2])


def test_the_chain_of_a_lane_runs_over_the_bodies_of_that_lane_only() -> None:
    rows, _ = sequencer().rows(ONE_OF_EACH)
    for lane in LANES:
        chain = CHAIN_START
        for seq, row in enumerate(rows[lane], start=1):
            chain = chain_next(chain, row[6])
            assert (row[0], row[5]) == (seq, chain)
