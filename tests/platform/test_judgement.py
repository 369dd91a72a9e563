"""May a verified command be carried out."""

import msgspec
import pytest

from edge.platform.contract import RewindArgs
from edge.rules.platform_command import Rewind, judge, rewind_of
from edge.state.events import PlatformCommand
from tests.stories.small_vault import Story

S = 1_000_000_000
T0 = 1_800_000_000 * S

COMMAND = PlatformCommand(
    id="c-1",
    at_ns=T0,
    action="snapshot.request",
    issuer="platform",
    counter=7,
    not_before_ns=T0 - 60 * S,
    expires_ns=T0 + 300 * S,
    vault="c1/v1/edge-1",
    args={},
)


def judged(
    command: PlatformCommand = COMMAND,
    *,
    at_ns: int = T0,
    counters: dict[str, int] | None = None,
    seen: tuple[str, ...] = (),
    clock_sure: bool = True,
) -> str:
    return judge(
        command,
        at_ns=at_ns,
        vault="c1/v1/edge-1",
        counters=counters or {},
        seen_ids=seen,
        clock_sure=clock_sure,
    )


def changed(**changes: object) -> PlatformCommand:
    return msgspec.structs.replace(COMMAND, **changes)


def test_a_good_command_is_accepted() -> None:
    assert judged() == ""


def test_what_was_refused_at_the_door_stays_refused() -> None:
    assert judged(changed(refusal="bad_signature")) == "bad_signature"


@pytest.mark.parametrize("vault", ["c1/v2/edge-1", "c2/v1/edge-1", "c1/v1/edge-2", "v1", "v1/c1/v1/edge-1", ""])
def test_a_command_signed_for_another_vault_centre_or_node_is_refused(vault: str) -> None:
    assert judged(changed(vault=vault)) == "wrong_vault"


@pytest.mark.parametrize(("vault", "answer"), [("c1/v1/n1", "accepted"), ("c2/v1/n1", "wrong_vault")])
def test_the_step_takes_only_what_names_its_own_node(vault: str, answer: str) -> None:
    story = Story()
    at_ns = story.at_ns
    asked = changed(vault=vault, at_ns=at_ns, not_before_ns=at_ns, expires_ns=at_ns + S)
    assert story.tell(asked).answer == answer


@pytest.mark.parametrize(("counter", "answer"), [(6, "replayed"), (7, "replayed"), (8, "")])
def test_a_counter_must_grow(counter: int, answer: str) -> None:
    assert judged(changed(counter=counter), counters={"platform": 7}) == answer


def test_counters_are_kept_per_issuer() -> None:
    assert judged(counters={"ministry": 100}) == ""


def test_the_same_command_again_is_a_duplicate_even_when_expired_or_the_clock_is_unsure() -> None:
    again = {"counters": {"platform": 7}, "seen": ("c-1",)}
    assert judged(**again) == "duplicate"  # type: ignore[arg-type]
    assert judged(at_ns=T0 + 900 * S, **again) == "duplicate"  # type: ignore[arg-type]
    assert judged(clock_sure=False, **again) == "duplicate"  # type: ignore[arg-type]


def test_an_expired_command_is_refused_from_the_second_it_expires() -> None:
    assert judged(at_ns=T0 + 300 * S - 1) == ""
    assert judged(at_ns=T0 + 300 * S) == "expired"


def test_a_command_before_its_time_is_refused() -> None:
    assert judged(at_ns=T0 - 60 * S - 1) == "not_yet_valid"
    assert judged(at_ns=T0 - 60 * S) == ""


def test_while_the_clock_is_unsure_no_new_command_is_accepted() -> None:
    assert judged(clock_sure=False) == "clock_unsure"


def test_an_action_nobody_knows_is_refused() -> None:
    assert judged(changed(action="vault.open")) == "unknown_action"


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"lane": "nonsense", "epoch": "e", "from": 1},
        {"lane": "event", "epoch": "e", "from": 0},
        {"lane": "event", "epoch": "e", "from": "1"},
        {"lane": "event", "epoch": "e", "from": 1, "more": 2},
    ],
)
def test_a_rewind_with_arguments_that_make_no_sense_is_refused(args: dict[str, object]) -> None:
    assert judged(changed(action="rewind", args=args)) == "bad_arguments"


def test_a_rewind_says_lane_epoch_and_first_row() -> None:
    command = changed(action="rewind", args={"lane": "event", "epoch": "e", "from": 12})
    assert judged(command) == ""
    assert rewind_of(command) == Rewind("event", "e", 12)


def test_what_the_judge_accepts_as_a_rewind_the_contract_reads_the_same() -> None:
    args = {"lane": "event", "epoch": "e", "from": 12}
    assert msgspec.convert(args, RewindArgs) == RewindArgs("event", "e", 12)
    assert set(msgspec.json.schema(RewindArgs)["$defs"]["RewindArgs"]["properties"]) == set(args)
    assert set(msgspec.json.schema(Rewind)["$defs"]["Rewind"]["properties"]) == set(args)
