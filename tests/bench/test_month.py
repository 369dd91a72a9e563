"""The month's judge finds what a controller gets wrong, and nothing where it gets everything right."""

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from bench.month.happenings import DAY_S, OUTSIDE, Happening, Month
from bench.month.judge import Judge
from config.places import Places
from config.vault import Vault
from config.volumes import as_csv, lines_by_rule
from drivers.observation import Searched
from edge.state.events import Tick
from edge.state.facts import VolumeMisplaced, VolumeMissing
from simulator.offline import Offline
from simulator.world.rf import Radio
from simulator.world.vault_world import Chance
from tests.simulator.small_vault import small_vault

VOLUMES = 200
RADIO = Radio(extra_reads=0.0)
TAG = 5  # V000006, in the first section
WRONG = 3


class Run:
    """The small vault, 25 cycles old: every volume is where it belongs and told so."""

    def __init__(self, folder: Path) -> None:
        bare: Vault = msgspec.structs.replace(small_vault(), buses=(), sensors=(), boards=(), actuators=())
        dwells = zip(bare.readers, (500, 4000), strict=True)  # a cycle of either takes 4 s
        readers = tuple(msgspec.structs.replace(reader, dwell_ms=dwell_ms) for reader, dwell_ms in dwells)
        vault = msgspec.structs.replace(bare, readers=readers)
        catalogue = folder / "volumes.csv"
        catalogue.write_text(as_csv(lines_by_rule(Places(vault), VOLUMES)))
        self.judge = Judge(RADIO.misses)
        chance = Chance(displaced=0.0, act_every_s=0.0)
        self.offline = Offline(vault, {}, catalogue, 3, radio=RADIO, chance=chance, hear=self.judge.hear, rounds=1)
        self.judge.begin(self.offline.state, self.offline.world)
        self.batches(25)

    def batches(self, count: int) -> None:
        for _ in range(count):
            self.offline.run(self.offline.tick_ns / 1e9)
            self.judge.look()

    def put(self, segment: int, what: str = "put wrong") -> None:
        self.judge.change(Happening(0.0, 0, what, TAG, segment))
        world = self.offline.world
        world.move(world.volumes.ids[TAG], world.segment_name(segment))

    def search_unheard(self, rounds: int) -> None:
        """Every antenna searched so often, and the controller took no notice."""
        now = self.offline.at_ns
        for port in range(1, 9):
            searched = Searched(device="r1", at_ns=now, antenna=port, rounds=rounds, from_ns=now, to_ns=now)
            self.judge.hear(searched, ())
        self.judge.look()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_controller_that_listens_has_nothing_against_it(run: Run) -> None:
    run.put(WRONG)
    run.batches(20)
    run.put(OUTSIDE, "taken")
    run.batches(20)
    run.judge.end()
    found = run.judge.verdict
    assert (found.misplacements, found.misplacements_found, found.losses, found.losses_found) == (1, 1, 1, 1)
    assert (found.silent_errors, found.false_alarms, found.misnamed, found.told_right) == (0, 0, 0, 1.0)


def test_a_wrong_belief_is_silent_only_past_the_bound(run: Run) -> None:
    run.put(OUTSIDE, "taken")
    run.search_unheard(10)  # 10 rounds at 10 % misses, and one more for the re-scan
    assert run.judge.verdict.silent_errors == 0
    run.search_unheard(1)
    assert run.judge.verdict.silent_errors == 1
    run.search_unheard(1)
    assert run.judge.verdict.silent_errors == 1  # the same one
    assert run.judge.verdict.silent_errors_held == 0
    run.search_unheard(9)  # 11 since it was first seen to be wrong
    assert run.judge.verdict.silent_errors_held == 1


def test_rounds_of_a_dead_antenna_do_not_count_but_are_told(run: Run) -> None:
    book = int(run.offline.world.volumes.book[TAG])
    run.judge.change(Happening(0.0, 0, "antenna dead", -1, book, 0.0))
    run.put(OUTSIDE, "taken")
    run.search_unheard(50)
    assert (run.judge.verdict.silent_errors, run.judge.verdict.silent_errors_behind_dead) == (0, 1)
    run.judge.change(Happening(0.0, 0, "antenna mended", -1, book, 1.0))
    run.search_unheard(11)
    assert run.judge.verdict.silent_errors == 1


def test_what_was_not_told_is_not_found(run: Run) -> None:
    run.put(WRONG)
    run.search_unheard(11)
    run.put(OUTSIDE, "taken")
    run.search_unheard(11)
    run.judge.end()
    found = run.judge.verdict
    assert (found.misplacements, found.misplacements_found, found.losses, found.losses_found) == (1, 0, 1, 0)
    assert found.told_right == 1 - 1 / VOLUMES


def test_what_ends_before_the_bound_is_not_judged(run: Run) -> None:
    run.put(WRONG)
    run.search_unheard(10)
    run.judge.end()
    assert (run.judge.verdict.misplacements, run.judge.verdict.never_judged) == (0, 1)


def test_facts_with_nothing_behind_them_are_false_alarms(run: Run) -> None:
    now = run.offline.at_ns
    names = run.offline.world.places.segment_ids
    missing = VolumeMissing(at_ns=now, volume="V000006", last_segment=names[0], last_seen_at_ns=0, silent_rounds=10)
    wrong = VolumeMisplaced(
        at_ns=now, volume="V000007", segment=names[WRONG], before="", book=names[0], confidence=0.99
    )
    run.judge.hear(Tick(at_ns=now), (missing, wrong))
    run.judge.look()
    assert (run.judge.verdict.false_alarms, run.judge.verdict.misnamed) == (2, 0)


def test_a_misplaced_volume_told_somewhere_else_is_misnamed(run: Run) -> None:
    run.put(WRONG)
    run.search_unheard(33)
    run.search_unheard(1)
    run.search_unheard(1)
    names = run.offline.world.places.segment_ids
    told = VolumeMisplaced(
        at_ns=run.offline.at_ns, volume="V000006", segment=names[5], before="", book=names[0], confidence=0.99
    )
    run.judge.hear(Tick(at_ns=run.offline.at_ns), (told,))
    run.judge.look()
    assert (run.judge.verdict.false_alarms, run.judge.verdict.misnamed) == (0, 1)


def test_a_month_brings_what_it_says_and_the_same_again(run: Run) -> None:
    def plan(seed: int) -> list[Happening]:
        return Month(run.offline.world, 30.0, seed).due(10 * DAY_S)

    first = plan(1)
    assert first == plan(1) != plan(2)
    assert {one.what for one in first} >= {"taken", "returned"}
    assert all(0 <= a.at_s <= b.at_s <= 10 * DAY_S for a, b in pairwise(first))
