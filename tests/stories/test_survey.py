"""A technician surveys the simulated vault: two cables are exchanged, one is torn, one leads to another row."""

from pathlib import Path

import numpy as np
import pytest

from config.load import load
from config.reference_tag import ReferenceTag
from edge.api import survey
from edge.api.survey_records import SurveyAnswer
from edge.rules.actions import MOST_REFERENCES
from edge.state.events import OperatorAction
from edge.step import step
from simulator.offline import Offline
from simulator.world.rf import Radio
from simulator.world.vault_world import Chance

VAULTS = Path(__file__).resolve().parents[2] / "config" / "vaults"


class Surveyed:
    """The demo vault, a reference tag in every segment that an antenna sees."""

    def __init__(self, seed: int) -> None:
        loaded = load(VAULTS / "demo.yaml")
        self.vault = Offline(
            loaded.vault,
            loaded.profiles,
            VAULTS / "demo-volumes.csv",
            seed,
            radio=Radio(misses=0.1, strays=0.3),
            chance=Chance(),
            hear=lambda _event, _facts: None,
        )
        world, places = self.vault.world, self.vault.state.plant.places
        names = [places.segment_ids[s] for s in world.seen.tolist()]
        self.tags = {name: bytes([0xAA, *([0] * 9), *divmod(i, 256)]) for i, name in enumerate(names)}
        world.hang(self.tags)

    def act(self, action: str, tags: tuple[ReferenceTag, ...] = (), anew: str = "yes") -> str:
        event = OperatorAction(
            id=f"{action}-{self.vault.at_ns}",
            at_ns=self.vault.at_ns,
            action=action,
            person="wang",
            role="technician",
            terminal="t",
            args={"anew": anew},
            references=tags,
        )
        return step(self.vault.state, event).answer

    def survey(self, seconds: float) -> SurveyAnswer:
        tags = [ReferenceTag(name, epc.hex()) for name, epc in self.tags.items()]
        for first in range(0, len(tags), MOST_REFERENCES):
            portion = tuple(tags[first : first + MOST_REFERENCES])
            assert self.act("survey.place", portion, "no" if first else "yes") == "accepted"
        assert self.act("survey.begin") == "accepted"
        self.vault.run(seconds)
        return survey.answer(self.vault.state, self.vault.at_ns)


def ports_of_a_row(vault: Offline) -> tuple[list[tuple[str, int, str]], tuple[str, int, str]]:
    """Four ports of segments on one row, and one on another row."""
    places, found = vault.state.plant.places, []
    for reader in vault.state.plant.readers.values():
        for port, name in enumerate(reader.segments, 1):
            if name is not None:
                found.append((reader.id, port, name))
    line = {name: int(places.segment_line[places.segment_index[name]]) for _, _, name in found}
    counts = np.bincount(list(line.values()))
    row = int(np.argmax(counts >= 6))
    return [one for one in found if line[one[2]] == row], next(one for one in found if line[one[2]] != row)


@pytest.mark.parametrize("seed", [1, 2])
def test_exchanged_torn_and_misled_cables_are_named_and_no_other_port_is(seed: int) -> None:
    story = Surveyed(seed)
    row, far = ports_of_a_row(story.vault)
    one, two, torn = row[1], row[2], row[4]
    world = story.vault.world
    world.plug(one[0], one[1], two[2])
    world.plug(two[0], two[1], one[2])
    world.plug(torn[0], torn[1], "")
    answer = story.survey(600.0)
    told = {port.segment: port for port in answer.ports}
    wrong = {port.segment: port.verdict for port in answer.wrong}
    assert wrong == {one[2]: "swapped", two[2]: "swapped", torn[2]: "dead"}
    assert told[one[2]].other == f"{two[0]}/{two[1]}"
    assert answer.undecided == []
    assert {segment for reader in answer.corrected for segment in reader.segments} >= {one[2], two[2]}
    # the cable of another row is found in this one
    world.plug(one[0], one[1], far[2])
    world.plug(far[0], far[1], "")
    world.plug(two[0], two[1], two[2])
    again = {port.segment: port.verdict for port in story.survey(600.0).wrong}
    assert again == {one[2]: "wrong_region", far[2]: "dead", torn[2]: "dead"}


def test_where_all_hangs_right_a_survey_says_so_within_minutes() -> None:
    answer = Surveyed(3).survey(240.0)
    assert {port.verdict for port in answer.ports} == {"right"}
    assert answer.corrected == ()
