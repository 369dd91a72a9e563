"""From the accounts of a run to its figures: what was lost, told twice, left out, or sent twice."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from bench.crashes.ledger import Life, Stay, Telling, blind_writes, doubts, repeated, untold, watched_s
from bench.crashes.load import Request
from bench.crashes.records import Fact, Held, Truth, tellings, unsaid

SEEN_S = 5.0
"""The issue's measure: a change that stood so long within one life of the daemon, counted from when it was up."""
MATCH_NS = 1e-6
UNASKED = "actuator_moved_unasked"


class Findings(NamedTuple):
    """`judged`: stays long enough to count. The rest are texts, one for each fault found, [] is good."""

    judged: int
    lost: list[str]
    duplicates: list[str]
    gaps: list[str]
    blind: list[str]
    untrue: list[str]
    false_alarms: list[str]
    cut_commands: int
    found_done: int


def judge(
    truth: Truth, held: Held, journal: Mapping[str, Mapping[int, str]], lives: Sequence[Life],
    requests: Sequence[Request], seen_s: float, late_s: float,
) -> Findings:  # fmt: skip
    """Hold what the platform has against what happened: what stood for `seen_s`, told up to `late_s` after its end."""
    told = tellings(held.facts)
    counted = [stay for stays in truth.stays.values() for stay in stays if watched_s(stay, lives) >= seen_s]
    lost = [
        _stay_text(stay) for stay in counted if untold(stay, told.get(stay.subject, []), unsaid(stay.subject), late_s)
    ]
    lost += _wrong_at_the_end(told, truth.stays)
    lost += _accepted_but_not_held(held.facts, requests)
    twice, untrue = _doubts(told, truth.stays)
    ended = [fact for fact in held.facts if fact.type == "command_ended"]
    cut = [fact for fact in ended if fact.data["reason"] in {"found_done_after_restart", "not_done_before_restart"}]
    return Findings(
        judged=len(counted),
        lost=lost,
        duplicates=twice + _one_for_one(held.facts),
        gaps=_gaps(held, journal),
        blind=_blind(truth, held.facts),
        untrue=untrue,
        false_alarms=[
            f"{fact.data['alarm']} at {fact.at_s:.3f}"
            for fact in held.facts
            if fact.type == "alarm_raised" and fact.data["code"] == UNASKED
        ],
        cut_commands=len(cut),
        found_done=sum(fact.data["result"] == "done" for fact in cut),
    )


def _wrong_at_the_end(told: Mapping[str, Sequence[Telling]], stays: Mapping[str, Sequence[Stay]]) -> list[str]:
    """Subjects of which the last fact says otherwise than the truth, though some fact told the truth before."""
    found: list[str] = []
    for subject, stood in stays.items():
        tells = told.get(subject, [])
        last = tells[-1].state if tells else unsaid(subject)
        if last != stood[-1].state and not untold(stood[-1], tells, unsaid(subject)):
            found.append(f"{_stay_text(stood[-1])}; the last fact says '{last}'")
    return found


def _doubts(told: Mapping[str, Sequence[Telling]], stays: Mapping[str, Sequence[Stay]]) -> tuple[list[str], list[str]]:
    twice: list[str] = []
    untrue: list[str] = []
    for subject, tells in told.items():
        if subject in stays:
            found = doubts(tells, stays[subject], unsaid(subject))
            twice += [_telling_text(one) for one in found.twice]
            untrue += [_telling_text(one) for one in found.untrue]
        else:
            twice += [_telling_text(one) for one in repeated(tells, unsaid(subject))]
    return twice, untrue


def _one_for_one(facts: Sequence[Fact]) -> list[str]:
    """What may be said once only: a fact's id, a start, a command's end, an accepted request's intent."""
    found = [f"id {ident} {count} times" for ident, count in Counter(f.ident for f in facts).items() if count > 1]
    once: defaultdict[tuple[str, str], int] = defaultdict(int)
    for fact in facts:
        match fact.type:
            case "daemon_started":
                once["start", fact.boot] += 1
            case "command_ended":
                once["end of command", fact.data["command"]] += 1
            case "command_intended":
                once["intent", fact.data["command"]["id"]] += 1
            case "platform_command_taken":
                once["platform command", fact.data["command"]] += 1
            case _:
                pass
    found += [f"{what} {name} {count} times" for (what, name), count in once.items() if count > 1]
    asked = Counter(fact.at_s for fact in facts if _is_accepted(fact))
    meant = Counter(f.at_s for f in facts if f.type == "command_intended" and f.data["cause"].startswith("operator"))
    found += [f"{count} intents at {at_s:.6f} for {asked[at_s]} requests" for at_s, count in (meant - asked).items()]
    return found


def _accepted_but_not_held(facts: Sequence[Fact], requests: Sequence[Request]) -> list[str]:
    """Requests the daemon answered with `accepted`, of which the platform has no audit fact, or fewer intents."""
    accepted = [fact.at_s for fact in facts if _is_accepted(fact)]
    meant = [f.at_s for f in facts if f.type == "command_intended" and f.data["cause"].startswith("operator")]
    answered = [request for request in requests if request.answer == "accepted"]
    found = [
        f"request to open {request.valve} at {request.asked_s:.3f} was accepted and is in no fact"
        for request in answered
        if not any(0 <= at_s - request.asked_s + 0.05 < 10 for at_s in accepted)
    ]
    if len(accepted) < len(answered):
        found.append(f"{len(answered)} requests were answered accepted, {len(accepted)} are facts")
    if len(meant) < len(accepted):
        found.append(f"{len(accepted)} requests are facts, {len(meant)} intents are")
    return found


def _is_accepted(fact: Fact) -> bool:
    data = fact.data
    return fact.type == "action_taken" and data["action"] == "actuator.set" and data["result"] == "accepted"


def _gaps(held: Held, journal: Mapping[str, Mapping[int, str]]) -> list[str]:
    found = [f"lane {lane}: {count} sequences without a row" for lane, count in held.gaps.items() if count]
    if held.broken:
        found.append(f"{held.broken} chain values do not follow from the row before")
    if held.epochs != 1:
        found.append(f"{held.epochs} epochs: a kill was taken for a copy")
    platform = {(fact.lane, fact.n): fact.ident for fact in held.facts}
    found += [
        f"lane {lane}: row {seq} of the daemon is {ident}, of the platform {platform.get((lane, seq))}"
        for lane, rows in journal.items()
        for seq, ident in rows.items()
        if platform.get((lane, seq)) != ident
    ]
    return found + _backwards(held.facts)


def _backwards(facts: Sequence[Fact]) -> list[str]:
    """Starts whose facts are older than those of the start before: vault time went backwards."""
    newest: dict[str, float] = {}
    first: dict[str, float] = {}
    for fact in facts:
        newest[fact.boot] = max(newest.get(fact.boot, 0.0), fact.at_s)
        first[fact.boot] = min(first.get(fact.boot, fact.at_s), fact.at_s)
    boots = sorted(first, key=lambda boot: first[boot])
    return [
        f"boot {later} begins {newest[earlier] - first[later]:.6f} s before the last fact of {earlier}"
        for earlier, later in pairwise(boots)
        if first[later] <= newest[earlier] - MATCH_NS
    ]


def _blind(truth: Truth, facts: Sequence[Fact]) -> list[str]:
    found: list[str] = []
    for valve, writes in truth.opened_s.items():
        intents = [
            fact.at_s
            for fact in facts
            if fact.type == "command_intended" and fact.data["actuator"] == valve and fact.data["wanted"] == "open"
        ]
        extra = blind_writes(writes, sorted(intents))
        if extra:
            found.append(
                f"{valve}: {extra} of {len(writes)} opening writes beyond one for each of {len(intents)} intents"
            )
    return found


def _stay_text(stay: Stay) -> str:
    return f"{stay.subject} was '{stay.state}' from {stay.begin_s:.3f} for {stay.end_s - stay.begin_s:.1f} s"


def _telling_text(one: Telling) -> str:
    return f"{one.subject} '{one.state}' at {one.at_s:.3f} (fact {one.fact})"
