"""What the API says of a survey, who may begin one, and what is kept of it."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from config.reference_tag import ReferenceTag
from edge.api import ops, survey
from edge.api.people import Caller
from edge.api.survey_records import SurveyAnswer
from edge.api.wire import Refused
from edge.state.apply import apply
from edge.state.facts import ForeignTagSeen, ReferencesPlaced, SurveyBegan
from edge.state.snapshot import encode, encode_folded, freeze, thaw
from edge.state.state import State
from tests.api.manual_house import ManualHouse
from tests.stories.small_vault import Story, epc_of, small_plant

WANG = Caller(person="wang", uid=1001, roles=("technician",), terminal="local/1")
LI = Caller(person="li", uid=1002, roles=("archivist",), terminal="local/2")
FIRST = 900  # the number of the reference tag before the first antenna
TAGS = [[f"A-01L-0{s}", epc_of(FIRST + s).hex()] for s in range(1, 5)]
Cables = Mapping[int, int]
STRAIGHT: Cables = {port: port for port in range(1, 5)}


async def ask(house: ManualHouse, op: str, who: Caller = WANG, **args: object) -> Any:
    return await ops.answer(ops.Desk(house), who, op, msgspec.Raw(msgspec.json.encode(args)))


async def begin(house: ManualHouse, tags: list[list[str]] = TAGS) -> None:
    await ask(house, "rfid.place", references=tags, anew=True)
    answer = await ask(house, "act", action="survey.begin")
    assert answer.answer == "accepted"


def look(story: Story, cables: Cables, rounds: int) -> None:
    """Every antenna reads the reference of the segment it hangs before, and in one round of four the next one's."""
    for nth in range(rounds):
        story.round(
            {
                port: [FIRST + segment, *([FIRST + segment % 4 + 1] if nth % 4 == 0 else [])]
                for port, segment in cables.items()
            }
        )
    story.advance(4)


async def verdicts(house: ManualHouse) -> dict[int, str]:
    answer: SurveyAnswer = await ask(house, "rfid.survey")
    return {port.port: port.verdict for port in answer.ports}


async def test_before_the_first_survey_nothing_is_known() -> None:
    house = ManualHouse()
    answer: SurveyAnswer = await ask(house, "rfid.survey")
    assert (answer.began, answer.is_counting, answer.references) == (None, False, 0)
    assert (await ask(house, "act", action="survey.begin")).answer == "no_references"


async def test_swapped_cables_and_a_dead_port_are_named_with_the_list_as_it_should_be() -> None:
    house = ManualHouse()
    await begin(house)
    look(house.story, {1: 3, 2: 2, 3: 1}, 40)
    assert await verdicts(house) == {1: "swapped", 2: "right", 3: "swapped", 4: "dead"}
    answer: SurveyAnswer = await ask(house, "rfid.survey")
    first = answer.ports[0]
    assert (first.segment, first.sees, first.other, first.rounds, first.hits) == (
        "A-01L-01",
        "A-01L-03",
        "reader-1/3",
        39,  # the round under way when it began is left out
        39,
    )
    (corrected,) = answer.corrected
    assert corrected.segments == ("A-01L-03", "A-01L-02", "A-01L-01", "A-01L-04")
    assert answer.undecided == []


async def test_a_cable_in_the_port_of_a_neighbour_leaves_the_neighbours_own_place_open() -> None:
    house = ManualHouse()
    await begin(house)
    look(house.story, {1: 1, 2: 3, 4: 4}, 60)
    assert await verdicts(house) == {1: "right", 2: "elsewhere", 3: "dead", 4: "right"}
    answer: SurveyAnswer = await ask(house, "rfid.survey")
    assert answer.corrected[0].segments == ("A-01L-01", "A-01L-03", None, "A-01L-04")


async def test_a_new_survey_counts_from_nothing_and_an_old_one_ends_after_an_hour() -> None:
    house = ManualHouse()
    await begin(house)
    look(house.story, STRAIGHT, 30)
    assert set((await verdicts(house)).values()) == {"right"}
    await ask(house, "act", action="survey.begin")
    assert set((await verdicts(house)).values()) == {"unsure"}
    house.story.advance(3600)
    look(house.story, STRAIGHT, 30)
    answer: SurveyAnswer = await ask(house, "rfid.survey")
    assert not answer.is_counting
    assert set((await verdicts(house)).values()) == {"unsure"}


async def test_reference_tags_are_never_foreign_tags() -> None:
    house = ManualHouse()
    look(house.story, STRAIGHT, 2)
    assert len(house.story.of(ForeignTagSeen)) == 4
    await begin(house)
    assert house.state.foreign == {}
    look(house.story, STRAIGHT, 3)
    assert len(house.story.of(ForeignTagSeen)) == 4


async def test_only_a_technician_may_place_tags_and_begin() -> None:
    house = ManualHouse()
    with pytest.raises(Refused) as refused:
        await ask(house, "rfid.place", LI, references=TAGS, anew=True)
    assert refused.value.refusal.code == "role_not_allowed"
    assert (await ask(house, "act", LI, action="survey.begin")).answer == "role_not_allowed"
    assert house.story.of(ReferencesPlaced) == []


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (["A-01L-09", "e280"], "bad_reference"),
        (["A-01L-01", "e28"], "bad_reference"),
        (["A-01L-01", "E280"], "bad_reference"),
        (["A-01L-01", ""], "bad_reference"),
        (["A-01L-02", "e280"], "reference_twice"),
        (["A-01L-01", epc_of(FIRST + 2).hex()], "reference_twice"),
    ],
)
async def test_what_a_file_check_would_have_caught_is_refused_here_too(tag: list[str], code: str) -> None:
    house = ManualHouse()
    with pytest.raises(Refused) as refused:
        await ask(house, "rfid.place", references=[TAGS[1], tag], anew=True)
    assert refused.value.refusal.code == code


async def test_a_second_portion_adds_to_the_first_and_a_new_list_replaces_it() -> None:
    house = ManualHouse()
    await ask(house, "rfid.place", references=TAGS[:2], anew=True)
    await ask(house, "rfid.place", references=TAGS[2:], anew=False)
    assert len(house.state.references) == 4
    await ask(house, "rfid.place", references=TAGS[:1], anew=True)
    assert list(house.state.references.values()) == ["A-01L-01"]


async def test_the_journal_alone_brings_the_references_back_and_a_snapshot_the_counts() -> None:
    house = ManualHouse()
    await begin(house)
    look(house.story, STRAIGHT, 20)
    rebuilt = State(small_plant())
    for fact in house.story.facts:
        apply(rebuilt, fact)
    assert encode_folded(freeze(rebuilt)) == encode_folded(freeze(house.state))
    assert rebuilt.references == {epc: segment for segment, epc in TAGS}
    assert rebuilt.survey_began_ns == house.story.of(SurveyBegan)[0].at_ns
    copy = thaw(house.state.plant, encode(freeze(house.state)))
    assert encode(freeze(copy)) == encode(freeze(house.state))
    assert copy.survey.rounds.tolist() == [19] * 4


def test_a_reference_in_a_segment_that_is_gone_counts_for_nothing() -> None:
    story = Story()
    tags = (ReferenceTag("A-01L-01", "e280"), ReferenceTag("A-01L-04", "e281"))
    apply(story.state, ReferencesPlaced(at_ns=story.at_ns, references=tags, is_first=True))
    racks = [{"id": "A", "kind": "open_rack", "zone": "z1", "faces": ["L"], "sections": 3, "shelves": 1}]
    readers = [{"id": "reader-1", "host": "127.0.0.1", "segments": ["A-01L-01", "A-01L-02"]}]
    smaller = small_plant({"racks": racks, "readers": readers})
    answer = survey.answer(thaw(smaller, encode(freeze(story.state))), story.at_ns)
    assert answer.references == 2
    assert {port.verdict for port in answer.ports} == {"unsure"}
