"""Which antennas are told to be ill, and that no other is."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.rfid.evidence import Evidence
from sensors.rfid.health import Counted, Finding, counted, findings, moved
from sensors.rfid.neighbourhood import OFFSETS, REACH, Neighbourhood
from tests.sensors.world import CYCLE_NS, World

SEGMENTS = 8
ALONE = Neighbourhood(np.arange(SEGMENTS, dtype=np.int32), np.zeros(SEGMENTS, np.int32))
"""Every segment on a line of its own: no antenna reads another's volumes."""
ALL = np.ones(SEGMENTS, np.bool_)


def of_healthy(volumes: int = 40, rounds: int = 100) -> Counted:
    """Antennas that read 85 % at -55 dBm, nobody silent now."""
    shape = (SEGMENTS, OFFSETS + 1)
    trials, hits, level_sum, level_count = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    trials[:, REACH] = volumes * rounds
    hits[:, REACH] = level_count[:, REACH] = 0.85 * volumes * rounds
    level_sum[:, REACH] = -55.0 * level_count[:, REACH]
    silent = np.zeros((SEGMENTS, 7), np.int64)
    silent[:, 0] = volumes
    there = np.full(SEGMENTS, volumes)
    return Counted(
        hits=hits,
        trials=trials,
        level_sum=level_sum,
        level_count=level_count,
        rounds=np.full(SEGMENTS, rounds),
        standing=there,
        booked=there.copy(),
        believed=there.copy(),
        read=there.copy(),
        firm=there.copy(),
        silent=silent,
        moved=np.full(SEGMENTS, -1),
        rate=(hits / np.maximum(trials, 1.0)).astype(np.float32),
        recent_hits=np.zeros((SEGMENTS, OFFSETS)),
        recent_trials=np.zeros((SEGMENTS, OFFSETS)),
        recent_rounds=np.zeros(SEGMENTS),
        quiet=np.zeros(SEGMENTS, np.int64),
    )


def verdicts(seen: Counted, has_antenna: NDArray[np.bool_] = ALL) -> list[str]:
    return [finding.verdict for finding in findings(seen, ALONE, has_antenna)]


def but(segment: int, verdict: str) -> list[str]:
    """Everybody is well but one."""
    return ["ok"] * segment + [verdict] + ["ok"] * (SEGMENTS - segment - 1)


def test_antennas_that_read_alike_are_well() -> None:
    assert verdicts(of_healthy()) == ["ok"] * SEGMENTS


@pytest.mark.parametrize(
    ("share", "verdict"), [(1.1, "ok"), (0.9, "ok"), (0.55, "weak"), (0.25, "half_dead"), (0.0, "dead")]
)
def test_an_antenna_is_held_against_those_that_are_well(share: float, verdict: str) -> None:
    seen = of_healthy()
    seen.hits[2, REACH] *= share
    assert verdicts(seen) == but(2, verdict)


def test_what_is_usual_is_of_the_others_where_one_is_half_dead() -> None:
    seen = of_healthy()
    seen.hits[2, REACH] *= 0.25
    finding = findings(seen, ALONE, ALL)[2]
    assert (finding.usual_rate, finding.share) == pytest.approx((0.85, 0.25))


def test_a_rate_that_chance_explains_is_no_verdict() -> None:
    """6 of 10 expected reads missing is four standard errors of 150 tag-rounds, one in five is not."""
    seen = of_healthy(volumes=5, rounds=30)
    seen.hits[2, REACH] *= 0.8
    assert verdicts(seen) == ["ok"] * SEGMENTS
    seen.hits[2, REACH] *= 0.5
    assert verdicts(seen) == but(2, "half_dead")


def test_an_antenna_whose_reads_come_in_much_weaker_is_weak() -> None:
    seen = of_healthy()
    seen.level_sum[5] = -64.0 * seen.level_count[5]
    assert verdicts(seen) == but(5, "weak")
    assert findings(seen, ALONE, ALL)[5].level_db == pytest.approx(-64.0 - (7 * -55.0 - 64.0) / 8)


def test_no_rounds_or_no_reader_is_not_searching() -> None:
    seen = of_healthy()
    seen.rounds[1] = 0
    assert verdicts(seen) == but(1, "not_searching")
    assert verdicts(of_healthy(), ALL & (np.arange(SEGMENTS) != 4)) == but(4, "not_searching")


def test_before_too_few_volumes_nothing_can_be_told_and_before_many_silence_is_death() -> None:
    seen = of_healthy()
    for column in (seen.hits, seen.trials, seen.level_sum, seen.level_count):
        column[3] = 0.0
    for count in (seen.standing, seen.read, seen.firm, seen.silent):
        count[3] = 0
    assert verdicts(seen) == but(3, "dead")  # 40 have their book place there
    seen.booked[3] = 4
    assert verdicts(seen) == but(3, "unknown")


def test_an_antenna_that_reads_nothing_of_its_neighbours_either_is_dead() -> None:
    """Nobody has a book place before it; of 4,000 tag-rounds beside it others read a quarter."""
    row = Neighbourhood(np.zeros(SEGMENTS, np.int32), np.arange(SEGMENTS, dtype=np.int32))
    seen = of_healthy()
    for column in (REACH - 1, REACH + 1):
        seen.trials[:, column], seen.hits[:, column] = 4000.0, 1000.0
    seen.trials[6, REACH] = seen.hits[6, REACH] = seen.booked[6] = seen.read[6] = 0
    assert findings(seen, row, ALL)[6].verdict == "unknown"
    seen.hits[6] = 0.0
    assert findings(seen, row, ALL)[6].verdict == "dead"


def test_an_antenna_that_fell_silent_just_now_is_dead_before_its_average_falls() -> None:
    seen = of_healthy(rounds=1000)
    seen.silent[7] = [0, 0, 0, 0, 0, 0, 40]
    assert verdicts(seen) == but(7, "dead")
    assert findings(seen, ALONE, ALL)[7].is_sudden


def test_a_few_volumes_that_were_taken_away_are_no_fault_of_the_antenna() -> None:
    seen = of_healthy()
    seen.silent[7] = [32, 4, 0, 0, 0, 0, 4]
    assert verdicts(seen) == ["ok"] * SEGMENTS


def test_a_shadow_on_a_part_of_the_shelf_is_no_dead_antenna() -> None:
    """12 of 40 have been silent for long, the others are read as ever: 70 % of what is there."""
    seen = of_healthy(rounds=1000)
    seen.silent[7] = [28, 0, 0, 0, 0, 0, 12]
    assert verdicts(seen) == ["ok"] * SEGMENTS


def test_two_segments_whose_volumes_are_each_in_the_other_are_swapped() -> None:
    book = np.repeat(np.arange(SEGMENTS, dtype=np.int32), 10)
    believed = book.copy()
    believed[book == 2], believed[book == 5] = 5, 2
    believed[book == 3] = 4  # carried over, and nothing the other way round
    places = moved(book, believed, SEGMENTS)
    assert places.tolist() == [-1, -1, 5, 4, -1, 2, -1, -1]
    seen = of_healthy()._replace(moved=places)
    assert verdicts(seen) == ["ok", "ok", "swapped", "ok", "ok", "swapped", "ok", "ok"]
    assert findings(seen, ALONE, ALL)[5].other == 2


ILL, DEAD = 5, 14


class Faulty(World):
    """One antenna reads a third of what it should, one nothing."""

    is_broken = False

    def reads_of(self, segment: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        read, rssi = super().reads_of(segment)
        if self.is_broken and segment in (ILL, DEAD):
            kept = self.random.random(len(read)) < (1 / 3 if segment == ILL else 0.0)
            return read[kept], rssi[kept]
        return read, rssi


def told_of(world: World) -> list[Finding]:
    return findings(counted(world.evidence, world.rows), world.beside, np.ones(world.segments, np.bool_))


def named(world: World) -> dict[int, str]:
    """Whoever is neither well nor unknown."""
    told = enumerate(told_of(world))
    return {segment: finding.verdict for segment, finding in told if finding.verdict not in ("ok", "unknown")}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("miss", [0.05, 0.2])
def test_in_the_world_the_half_dead_and_the_dead_are_named_and_nobody_else(seed: int, miss: float) -> None:
    world = Faulty(seed, rows=2, per_row=10, tags=800, miss=miss)
    world.is_broken = True
    for _ in range(40):
        world.cycle()
    assert named(world) == {ILL: "half_dead", DEAD: "dead"}


@pytest.mark.parametrize("seed", [1, 2])
def test_in_the_world_antennas_that_fail_later_are_named_within_rounds_and_recover_as_soon(seed: int) -> None:
    """A third is left of one: what a memory of 20 rounds still shows of better days, 2/3 e^(-n/20), is under three
    standard errors of three quarters after 18 rounds, and the rest under half after 28."""
    world = Faulty(seed, rows=2, per_row=10, tags=800, miss=0.1)
    for _ in range(100):
        world.cycle()
    assert named(world) == {}
    world.is_broken = True
    for _ in range(8):
        world.cycle()
    assert named(world) == {DEAD: "dead"}
    for _ in range(16):
        world.cycle()
    assert named(world) == {ILL: "weak", DEAD: "dead"}
    for _ in range(16):
        world.cycle()
    assert named(world) == {ILL: "half_dead", DEAD: "dead"}
    world.is_broken = False
    for _ in range(30):
        world.cycle()
    assert named(world) == {}


def test_in_the_world_it_is_known_since_when_an_antenna_reads_nothing() -> None:
    world = Faulty(3, rows=2, per_row=10, tags=800, miss=0.1)
    for _ in range(30):
        world.cycle()
    failed_ns = world.now_ns
    world.is_broken = True
    for _ in range(10):
        world.cycle()
    recent = world.evidence.recent
    assert failed_ns - CYCLE_NS <= recent.read_ns[DEAD] <= failed_ns
    assert recent.quiet_rounds[DEAD] == 10
    assert world.now_ns - CYCLE_NS <= recent.search_ns[DEAD] <= world.now_ns
    (told,) = [finding for finding in told_of(world) if finding.verdict == "dead"]
    assert told.is_quiet


def test_what_is_recent_goes_through_a_snapshot_and_snapshots_of_before_have_none() -> None:
    world = Faulty(3, rows=2, per_row=4, tags=80, miss=0.1)
    for _ in range(5):
        world.cycle()
    columns = world.evidence.to_columns()
    remap = np.array([-1, 0, 1, 2, 3, 4, 5, 6], np.int32)
    moved_on = Evidence.from_columns(columns, remap, world.beside)
    for name in ("recent_hits", "recent_trials", "quiet_rounds", "recent_search_ns", "recent_read_ns"):
        assert np.array_equal(moved_on.to_columns()[name][:7], columns[name][1:])
    older = {name: column for name, column in columns.items() if not name.startswith(("recent_", "quiet_"))}
    assert not Evidence.from_columns(older, np.arange(8, dtype=np.int32), world.beside).recent.search_ns.any()


@pytest.mark.parametrize("seed", [1, 2])
def test_in_the_world_a_dead_antenna_whose_neighbours_read_little_is_named_within_ten_cycles(seed: int) -> None:
    world = Faulty(seed, rows=2, per_row=10, tags=800, miss=0.1, stray=0.02)
    for _ in range(60):
        world.cycle()
    assert named(world) == {}
    world.is_broken = True
    for _ in range(10):
        world.cycle()
    assert named(world)[DEAD] == "dead"
    assert set(named(world)) <= {ILL, DEAD}


def test_in_the_world_antennas_that_are_well_are_never_named() -> None:
    """A fifth of the volumes is misplaced and a third of the reads missing."""
    world = World(7, rows=2, per_row=10, tags=800, miss=0.3, displaced=0.2)
    for _ in range(10):
        for _ in range(5):
            world.cycle()
        assert named(world) == {}


def test_in_the_world_swapped_cables_are_named_by_the_volumes_of_both_segments() -> None:
    world = World(7, rows=2, per_row=10, tags=800, miss=0.1, displaced=0.0)
    first, second = world.true == 3, world.true == 16
    world.true[first], world.true[second] = 16, 3  # what the antennas hear when each hangs on the other's cable
    for _ in range(20):
        world.cycle()
    assert named(world) == {3: "swapped", 16: "swapped"}
