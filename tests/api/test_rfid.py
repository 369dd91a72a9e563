"""What the API says of antennas and tags."""

from typing import Any

import msgspec
import pytest

from drivers.observation import Measurement
from edge.api import ops, rfid
from edge.api.people import Caller
from edge.api.rfid_records import AntennaFigures, AntennasAnswer, CoverageAnswer, TagAnswer
from edge.api.wire import Refused
from edge.state.events import DeviceLost
from tests.api.manual_house import ManualHouse
from tests.stories.shelves import full_shelves, search
from tests.stories.small_vault import NS, Story, search_of

WANG = Caller(person="wang", uid=1001, roles=("technician",), terminal="local/1")
TWO_OF_FOUR = [{"id": "reader-1", "host": "127.0.0.1", "segments": ["A-01L-01", None, "A-01L-03", None]}]


async def ask(house: ManualHouse, op: str, **args: object) -> Any:
    return await ops.answer(ops.Desk(house), WANG, op, msgspec.Raw(msgspec.json.encode(args)))


@pytest.fixture
def house() -> ManualHouse:
    made = ManualHouse()
    full_shelves(made.story)
    return made


async def verdicts(house: ManualHouse) -> dict[str, str]:
    answer: AntennasAnswer = await ask(house, "rfid.health")
    return {antenna.segment: antenna.verdict for antenna in answer.antennas}


async def test_before_the_first_round_no_antenna_searches(house: ManualHouse) -> None:
    assert set((await verdicts(house)).values()) == {"not_searching"}


async def test_a_dead_antenna_is_named_with_its_reader_and_port_and_nobody_else(house: ManualHouse) -> None:
    search(house.story, rounds=30, dead=[4])
    answer: AntennasAnswer = await ask(house, "rfid.health")
    (ill,) = answer.ill
    assert (ill.segment, ill.reader, ill.port, ill.verdict, ill.rounds) == ("A-01L-04", "reader-1", 4, "dead", 30)
    well = answer.antennas[0]
    assert (well.verdict, well.standing, well.rate, well.level_dbm) == ("ok", 9, 1.0, -55.0)


async def test_an_antenna_that_falls_silent_is_dead_since_its_last_read(house: ManualHouse) -> None:
    search(house.story, rounds=40)
    last = house.state.evidence.recent.read_ns[3]
    search(house.story, rounds=7, dead=[4])
    answer: AntennasAnswer = await ask(house, "rfid.health")
    (ill,) = answer.ill
    assert (ill.segment, ill.verdict, ill.is_sudden) == ("A-01L-04", "dead", True)
    assert ill.silent_since is not None
    assert ill.silent_since.timestamp() == last / 1e9
    assert [antenna.searched_age_s for antenna in answer.antennas] == [3.0, 2.0, 1.0, 0.0]
    assert answer.antennas[0].silent_since is None


async def test_an_antenna_that_searches_no_more_while_its_reader_answers_is_not_searching(house: ManualHouse) -> None:
    search(house.story, rounds=30)
    for _ in range(70):
        house.story.at_ns += NS
        house.story.tell(search_of(1, house.story.at_ns))
    assert await verdicts(house) == {
        "A-01L-01": "dead",  # it searches and reads nothing
        "A-01L-02": "not_searching",
        "A-01L-03": "not_searching",
        "A-01L-04": "not_searching",
    }


async def test_a_reader_that_fares_badly_is_told_with_every_reason(house: ManualHouse) -> None:
    story = house.story
    story.regain("reader-1")
    points = ("clock_offset_s", "searching_share", "temperature_degc")
    story.tell(Measurement(device="reader-1", at_ns=story.at_ns, points=points, values=(0.1, 0.97, 41.0)))
    (well,) = (await ask(house, "rfid.health")).readers
    assert (well.is_ok, well.host, well.temperature_degc, well.searching_share) == (True, "127.0.0.1:5084", 41.0, 0.97)
    assert well.troubles == ()
    story.advance(60)
    story.tell(Measurement(device="reader-1", at_ns=story.at_ns, points=points, values=(-3600.0, 0.3, 70.0)))
    (ill,) = (await ask(house, "rfid.health")).readers
    assert ill.troubles == ("reader_clock_off", "reader_seldom_searches", "reader_hot")
    assert ill.clock_offset_s == -3600.0
    story.advance(181)
    (silent,) = (await ask(house, "rfid.health")).readers
    assert (silent.clock_offset_s, silent.temperature_degc, silent.troubles) == (None, None, ())


async def test_a_reader_that_another_client_holds_is_told_as_such(house: ManualHouse) -> None:
    house.story.tell(DeviceLost(device="reader-1", at_ns=house.story.at_ns, reason="llrp_held"))
    (held,) = (await ask(house, "rfid.health")).readers
    assert (held.is_ok, held.reason, held.troubles) == (False, "llrp_held", ("llrp_held",))
    assert held.searching_share is None


async def test_what_a_reader_tells_of_itself_is_shown_with_the_devices_and_kept(house: ManualHouse) -> None:
    story = house.story
    points = ("clock_offset_s", "searching_share", "temperature_degc")
    for degc in (41.0, 41.5, 43.0):
        story.advance(20)
        story.tell(Measurement(device="reader-1", at_ns=story.at_ns, points=points, values=(0.1, 0.97, degc)))
    device = next(item for item in (await ask(house, "devices")).devices if item.device == "reader-1")
    assert {point.point: point.value for point in device.points} == dict(zip(points, (0.1, 0.97, 43.0), strict=True))
    answer = await ask(house, "history", device="reader-1", point="temperature_degc")
    assert [value for _, value in answer.values] == [41.0, 43.0]  # half a degree is not worth a record


async def test_antennas_of_a_lost_reader_do_not_search(house: ManualHouse) -> None:
    search(house.story, rounds=30)
    assert set((await verdicts(house)).values()) == {"ok"}
    house.story.lose("reader-1")
    assert set((await verdicts(house)).values()) == {"not_searching"}


async def test_coverage_names_blind_spots_with_their_volumes(house: ManualHouse) -> None:
    search(house.story, rounds=30, dead=[4])
    answer: CoverageAnswer = await ask(house, "rfid.coverage")
    assert [(spot.segment, spot.zone, spot.reason, spot.volumes) for spot in answer.blind_spots] == [
        ("A-01L-04", "z1", "dead", 9)
    ]
    assert (answer.segments, answer.volumes, answer.watched, answer.never_read) == (4, 36, 0.75, 0.25)


def test_a_segment_without_an_antenna_is_a_blind_spot() -> None:
    state = Story(changes={"readers": TWO_OF_FOUR}).state
    answer = rfid.coverage(state, state.now_ns)
    reasons = {spot.segment: spot.reason for spot in answer.blind_spots}
    assert (reasons["A-01L-02"], reasons["A-01L-01"]) == ("no_antenna", "not_searching")
    assert (answer.watched, answer.never_read) == (None, None)
    with pytest.raises(Refused) as refused:
        rfid.antenna(state, "A-01L-02", state.now_ns)
    assert refused.value.refusal.code == "segment_unseen"


async def test_an_antenna_is_told_by_offset(house: ManualHouse) -> None:
    search(house.story, rounds=30)
    answer: AntennaFigures = await ask(house, "rfid.antenna", segment=" a-01l-02 ")
    assert (answer.antenna.segment, answer.antenna.port) == ("A-01L-02", 2)
    assert [(line.offset, line.segment) for line in answer.by_offset] == [
        (-1, "A-01L-01"),
        (0, "A-01L-02"),
        (1, "A-01L-03"),
        (2, "A-01L-04"),
        (None, None),
    ]
    own, beside = answer.by_offset[1], answer.by_offset[2]
    assert (own.rate, own.level_dbm) == (1.0, -55.0)
    assert (beside.rate, beside.level_dbm) == (0.0, None)
    assert own.tag_rounds > 200
    assert answer.by_offset[-1].rate is None  # nothing is out of reach here


async def test_an_unknown_segment_is_refused_with_the_names_near_to_it(house: ManualHouse) -> None:
    with pytest.raises(Refused) as refused:
        await ask(house, "rfid.antenna", segment="A-01L-05")
    assert refused.value.refusal.code == "unknown_segment"
    assert "A-01L-01" in refused.value.refusal.args["nearest"]


async def test_a_tag_is_told_with_its_rate_its_silence_and_who_reads_it(house: ManualHouse) -> None:
    search(house.story, rounds=30)
    answer: TagAnswer = await ask(house, "rfid.tag", volume="v10")
    assert answer.candidates[0].segment == "A-01L-02"
    assert answer.candidates[0].confidence > 0.99
    assert (answer.status, answer.silence, answer.silent_rounds, answer.read_rate) == ("present", "none", 0, 1.0)
    assert answer.age_s == 2.0  # antennas 3 and 4 had their second since
    heard = {line.segment: line for line in answer.heard_by}
    assert heard["A-01L-02"].reads > 20
    assert heard["A-01L-02"].level_dbm == -55.0
    assert (heard["A-01L-03"].reads, heard["A-01L-03"].level_dbm) == (0, None)


async def test_the_silence_of_a_volume_that_was_taken_away_grows_until_it_is_as_good_as_certain(
    house: ManualHouse,
) -> None:
    search(house.story, rounds=30)
    words = []
    for silent in range(1, 13):
        house.story.round({1: range(9), 2: [9, *range(11, 18)], 3: range(18, 27), 4: range(27, 36)})
        answer: TagAnswer = await ask(house, "rfid.tag", volume="v10")
        assert answer.silent_rounds == silent
        words.append(answer.silence)
    assert list(dict.fromkeys(words)) == ["usual", "unlikely", "absent"]
    assert set((await verdicts(house)).values()) == {"ok"}


async def test_the_silence_of_a_volume_before_a_dead_antenna_says_nothing(house: ManualHouse) -> None:
    search(house.story, rounds=30, dead=[4])
    answer: TagAnswer = await ask(house, "rfid.tag", volume="v30")
    assert (answer.silence, answer.silent_rounds) == ("blind", 30)


async def test_a_volume_that_nobody_read_has_no_age_and_no_rate(house: ManualHouse) -> None:
    answer: TagAnswer = await ask(house, "rfid.tag", volume="v3")
    assert (answer.age_s, answer.last_seen, answer.read_rate, answer.status) == (None, None, None, "unseen")
