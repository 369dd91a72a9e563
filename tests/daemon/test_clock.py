"""Vault time never runs backwards, whatever the wall clock does; and commands wait until two persons vouch for it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edge.clock import VaultClock
from edge.state.events import ClockStep, PlatformCommand
from edge.state.facts import ActionTaken, AlarmCleared, AlarmRaised, ClockJumped, ClockVouched, PlatformCommandTaken
from edge.state.snapshot import encode, freeze, thaw
from tests.daemon.live import running
from tests.daemon.small_site import site_in
from tests.stories.small_vault import NS, START_NS, Story

HOUR_NS = 3600 * NS
MOVES = st.lists(
    st.tuples(st.integers(0, HOUR_NS), st.one_of(st.just(0), st.integers(-40 * HOUR_NS, 40 * HOUR_NS))), max_size=30
)
"""(monotonic time that passes, how far somebody moves the wall clock meanwhile), in ns."""


class Clocks:
    """A wall clock that anybody may set, and a monotonic one."""

    def __init__(self, wall_ns: int, monotonic_ns: int = 0) -> None:
        self.wall_ns = wall_ns
        self.monotonic_ns = monotonic_ns

    def pass_by(self, passed_ns: int, moved_ns: int = 0) -> None:
        self.monotonic_ns += passed_ns
        self.wall_ns += passed_ns + moved_ns

    def vault_clock(self, not_before_ns: int = 0) -> VaultClock:
        return VaultClock(lambda: self.wall_ns, lambda: self.monotonic_ns, not_before_ns=not_before_ns)


@given(moves=MOVES, wall_ns=st.integers(0, 2 * START_NS), monotonic_ns=st.integers(0, HOUR_NS))
def test_vault_time_is_the_wall_clock_at_boot_plus_what_passed_since(
    moves: list[tuple[int, int]], wall_ns: int, monotonic_ns: int
) -> None:
    clocks = Clocks(wall_ns, monotonic_ns)
    clock = clocks.vault_clock()
    passed_ns = 0
    for passes_ns, moved_ns in moves:
        clocks.pass_by(passes_ns, moved_ns)
        passed_ns += passes_ns
        clock.step_s()
        assert clock.now() == max(wall_ns, 1) + passed_ns


@given(moves=MOVES)
def test_every_move_of_a_second_or_more_is_told_once_and_by_how_much(moves: list[tuple[int, int]]) -> None:
    clocks = Clocks(START_NS)
    clock = clocks.vault_clock()
    for passes_ns, moved_ns in moves:
        clocks.pass_by(passes_ns, moved_ns)
        expected_s = moved_ns / NS if abs(moved_ns) >= NS else 0.0
        assert clock.step_s() == expected_s
        assert clock.step_s() == 0.0


@given(behind_ns=st.integers(-HOUR_NS, 1000 * HOUR_NS))
def test_time_goes_on_from_the_newest_time_in_the_store_and_a_clock_set_back_meanwhile_is_told(behind_ns: int) -> None:
    clocks = Clocks(START_NS - behind_ns)
    clock = clocks.vault_clock(not_before_ns=START_NS)
    assert clock.now() > START_NS
    assert clock.now() >= clocks.wall_ns
    assert (clock.step_s() < 0) == (behind_ns >= NS - 1)  # vault time starts 1 ns after the newest


def command(number: int, at_ns: int) -> PlatformCommand:
    return PlatformCommand(
        id=f"c-{number}",
        at_ns=at_ns,
        action="snapshot.request",
        issuer="platform",
        counter=number,
        not_before_ns=at_ns - 60 * NS,
        expires_ns=at_ns + 300 * NS,
        vault="c1/v1/n1",
        args={},
    )


def test_after_a_jump_signed_commands_are_refused_until_two_persons_vouched_for_the_clock() -> None:
    story = Story()
    assert story.tell(command(1, story.at_ns)).answer == "accepted"
    story.tell(ClockStep(at_ns=story.at_ns, step_s=-7200.0004))
    assert [fact.step_s for fact in story.of(ClockJumped)] == [-7200.0]
    assert [fact.alarm for fact in story.of(AlarmRaised)] == ["clock_unsure:clock"]
    assert story.tell(command(2, story.at_ns)).answer == "clock_unsure"
    assert story.act("clock.vouch", "technician").answer == "second_person_needed"
    assert story.act("clock.vouch", "technician", second_person="wang").answer == "second_person_needed"
    assert story.tell(command(2, story.at_ns)).answer == "clock_unsure"
    assert story.act("clock.vouch", "technician", second_person="li").answer == "accepted"
    assert [(fact.person, fact.second_person) for fact in story.of(ClockVouched)] == [("wang", "li")]
    assert [fact.alarm for fact in story.of(AlarmCleared)] == ["clock_unsure:clock"]
    assert story.tell(command(2, story.at_ns)).answer == "accepted"
    assert [fact.result for fact in story.of(PlatformCommandTaken)] == [
        "accepted",
        "clock_unsure",
        "clock_unsure",
        "accepted",
    ]
    assert len(story.of(ActionTaken)) == 3


def test_an_unsure_clock_is_still_unsure_after_a_restart() -> None:
    story = Story()
    story.tell(ClockStep(at_ns=story.at_ns, step_s=3600.0))
    again = Story(thaw(story.state.plant, encode(freeze(story.state))))
    assert again.tell(command(1, again.at_ns)).answer == "clock_unsure"


async def test_a_daemon_whose_wall_clock_jumps_raises_the_alarm_and_its_time_goes_on(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site, running(site.loaded(), site.state_dir) as live:
        await live.all_ok("th-1")
        clock = live.daemon._clock
        wall_ns = clock._wall_ns
        before_ns = live.now()
        clock._wall_ns = lambda: wall_ns() - 2 * HOUR_NS
        await live.until(lambda: live.of(ClockJumped), "the jump on record")
        assert round(live.of(ClockJumped)[0].step_s) == -7200
        assert live.raised("clock_unsure:clock") == 1
        assert before_ns < live.of(ClockJumped)[0].at_ns < live.now() < before_ns + 60 * NS
