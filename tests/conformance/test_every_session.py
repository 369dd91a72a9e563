"""The session port, held against every driver (drivers/driver.py)."""

import ast
import inspect
import sys
from itertools import chain, repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.command import CommandOutcome
from drivers.driver import DeviceError, Turn
from tests.conformance.kit import (
    SECOND,
    AnySession,
    Asked,
    Due,
    Heard,
    Specimen,
    cut,
    joined,
    plain,
    play,
    say,
    specimens,
)

ALL = specimens()
every = pytest.mark.parametrize("specimen", ALL, ids=lambda specimen: specimen.name)
streams = pytest.mark.parametrize(
    "specimen", [each for each in ALL if each.is_stream], ids=lambda specimen: specimen.name
)
commanded = pytest.mark.parametrize(
    "specimen", [each for each in ALL if each.command is not None], ids=lambda specimen: specimen.name
)
FORBIDDEN = {"time", "datetime", "random", "secrets", "socket", "asyncio", "threading", "logging", "select"}
PATIENCE = 1000  # deadlines a silent far end is waited for


@every
def test_a_good_conversation_gives_records_and_no_error(specimen: Specimen) -> None:
    played = play(specimen.factory(), specimen.steps)
    assert played.error is None
    assert played.records
    assert played.send


@every
def test_the_same_inputs_give_the_same_answers(specimen: Specimen) -> None:
    first = play(specimen.factory(), specimen.steps)
    second = play(specimen.factory(), specimen.steps)
    assert plain(first.records) == plain(second.records)
    assert first.send == second.send
    assert [turn.due_ns for turn in first.turns] == [turn.due_ns for turn in second.turns]


@streams
def test_a_stream_said_byte_by_byte_gives_the_same_records(specimen: Specimen) -> None:
    whole = play(specimen.factory(), specimen.steps)
    dribbled = play(specimen.factory(), cut(specimen.steps, repeat(1)))
    assert plain(dribbled.records) == plain(whole.records)
    assert dribbled.send == whole.send


@streams
def test_messages_that_arrive_together_give_the_same_records(specimen: Specimen) -> None:
    whole = play(specimen.factory(), specimen.steps)
    glued = play(specimen.factory(), joined(specimen.steps))
    assert plain(glued.records) == plain(whole.records)
    assert glued.send == whole.send


@streams
@given(lengths=st.lists(st.integers(1, 400), max_size=60))
def test_any_cut_of_the_stream_gives_the_same_records(specimen: Specimen, lengths: list[int]) -> None:
    whole = play(specimen.factory(), specimen.steps)
    pieces = play(specimen.factory(), cut(specimen.steps, chain(lengths, repeat(4096))))
    assert plain(pieces.records) == plain(whole.records)
    assert pieces.send == whole.send


@every
def test_asking_before_the_deadline_changes_nothing(specimen: Specimen) -> None:
    calm = play(specimen.factory(), specimen.steps)
    session = specimen.factory()
    records: list[Any] = []
    sent: list[Any] = []
    for step, following in zip(specimen.steps, (*specimen.steps[1:], None), strict=True):
        turn = say(session, step)
        records += turn.records
        sent += turn.send
        hurried_ns = step.at_ns if following is None else (step.at_ns + following.at_ns) // 2
        if turn.due_ns is None or hurried_ns < turn.due_ns:
            early = session.due(hurried_ns)
            assert not early.records
            assert not early.send
            assert early.due_ns == turn.due_ns
    assert plain(records) == plain(calm.records)
    assert tuple(sent) == calm.send


def _silence(session: AnySession, due_ns: int | None) -> tuple[list[Turn[Any]], DeviceError | None]:
    """What a session says while nothing more is heard; every deadline lies after the call that names it."""
    turns: list[Turn[Any]] = []
    for _ in range(PATIENCE):
        if due_ns is None:
            break
        try:
            turn = session.due(due_ns)
        except DeviceError as seen:
            return turns, seen
        assert turn.due_ns is None or turn.due_ns > due_ns, "the next deadline is not in the future"
        turns.append(turn)
        due_ns = turn.due_ns
    return turns, None


@every
def test_the_next_deadline_after_due_lies_in_the_future(specimen: Specimen) -> None:
    session = specimen.factory()
    for step in specimen.steps:
        turn = say(session, step)
        if isinstance(step, Due):
            assert turn.due_ns is None or turn.due_ns > step.at_ns
    _silence(session, turn.due_ns)


@every
def test_a_call_long_after_the_deadline_still_answers_with_a_future_one(specimen: Specimen) -> None:
    session = specimen.factory()
    play(session, specimen.steps)
    late_ns = specimen.end_ns + 3600 * SECOND
    try:
        turn = session.due(late_ns)
    except DeviceError:
        return
    assert turn.due_ns is None or turn.due_ns > late_ns


@commanded
@pytest.mark.parametrize("moment", range(0, 40, 3))
def test_a_command_at_any_moment_ends_exactly_once(specimen: Specimen, moment: int) -> None:
    """Asked during the good conversation, then silence: one final outcome, or the session dies."""
    assert specimen.command is not None
    place = 1 + moment % len(specimen.steps)
    before, after = specimen.steps[:place], specimen.steps[place:]
    asked = Asked(before[-1].at_ns, specimen.command("command-under-test"))
    session = specimen.factory()
    played = play(session, (*before, asked, *after))
    ended = list(played.outcomes)
    error = played.error
    if error is None:
        turns, error = _silence(session, played.due_ns)
        ended += [r for turn in turns for r in turn.records if isinstance(r, CommandOutcome)]
    final = [o for o in ended if o.command == "command-under-test" and o.result != "sent"]
    assert len(final) <= 1
    assert final or error is not None, "no outcome, and the session lives on"


@commanded
def test_a_command_for_another_device_is_refused(specimen: Specimen) -> None:
    assert specimen.command is not None
    session = specimen.factory()
    play(session, specimen.steps)
    right = specimen.command("stray")
    stray = type(right)(**{**{f: getattr(right, f) for f in right.__struct_fields__}, "device": "nobody"})
    turn = session.request(stray, specimen.end_ns)
    (outcome,) = (record for record in turn.records if isinstance(record, CommandOutcome))
    assert outcome.result == "refused"
    assert not turn.send


@every
def test_malformed_input_raises_only_the_two_errors_and_the_session_stays_dead(specimen: Specimen) -> None:
    assert specimen.malformed
    for data in specimen.malformed:
        session = specimen.factory()
        assert play(session, specimen.steps).error is None
        at_ns = specimen.end_ns + 1
        with pytest.raises(DeviceError):
            session.received(data, at_ns)
        good = next(step for step in specimen.steps if isinstance(step, Heard))
        with pytest.raises(DeviceError):
            session.received(good.data, at_ns + 1)
        with pytest.raises(DeviceError):
            session.due(at_ns + 2)
        if specimen.command is not None:
            with pytest.raises(DeviceError):
                session.request(specimen.command("too-late"), at_ns + 3)


@streams
@given(noise=st.binary(min_size=1, max_size=200), place=st.integers(0, 1000))
def test_noise_in_the_stream_raises_nothing_but_the_two_errors(specimen: Specimen, noise: bytes, place: int) -> None:
    split = 1 + place % (len(specimen.steps) - 1)
    before, after = specimen.steps[:split], specimen.steps[split:]
    play(specimen.factory(), (*before, Heard(before[-1].at_ns, noise), *after))


@every
def test_last_words_are_of_the_wire_type(specimen: Specimen) -> None:
    session = specimen.factory()
    assert play(session, specimen.steps).error is None
    turn = session.closing(specimen.end_ns)
    assert all(isinstance(item, specimen.wire) for item in turn.send)


@every
def test_what_is_sent_is_of_the_wire_type(specimen: Specimen) -> None:
    assert all(isinstance(item, specimen.wire) for item in play(specimen.factory(), specimen.steps).send)


@every
def test_the_session_imports_no_clock_socket_loop_or_log(specimen: Specimen) -> None:
    module = sys.modules[type(specimen.factory()).__module__]
    tree = ast.parse(inspect.getsource(module))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name.split(".")[0] for name in names} & FORBIDDEN
