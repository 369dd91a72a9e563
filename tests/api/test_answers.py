"""What the state says: status, devices, alarms, volumes, imports, commands."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.catalogued import CataloguedVolume
from edge.api import answers, ops, volumes
from edge.api.catalogue import LineSorter
from edge.api.people import Caller
from edge.api.records import CommandAnswer
from edge.api.wire import Refused
from edge.platform.contract import BATCH_BYTES
from edge.state.events import ClockStep, StoreState
from edge.state.facts import CommandEnded, CommandIntended, VolumesCatalogued
from tests.api.client import connected
from tests.api.manual_house import ManualHouse, served
from tests.stories.small_vault import epc_of

NS = 1_000_000_000
WANG = Caller(person="wang", uid=1001, roles=("archivist", "technician"), terminal="local/1")
AUDITOR = Caller(person="zhao", uid=1003, roles=("auditor",), terminal="local/3")


async def ask(house: ManualHouse, op: str, who: Caller = WANG, **args: object) -> Any:
    return await ops.answer(ops.Desk(house), who, op, msgspec.Raw(msgspec.json.encode(args)))


@pytest.fixture
def house() -> ManualHouse:
    return ManualHouse()


def everything_known(house: ManualHouse) -> None:
    """Every device answers, every point is fresh, the valve's state is read back."""
    for device in ("reader-1", "th-1", "th-2", "th-3", "leak-1", "board-1"):
        house.story.regain(device)
    house.story.climate(50.0)
    house.story.leak(wet=False)
    house.story.relay(on=True)


async def unknown_codes(house: ManualHouse) -> dict[str, str]:
    return {item.code: item.subject for item in (await ask(house, "status")).unknown}


async def test_a_vault_that_just_started_lists_all_that_would_have_to_be_proved(house: ManualHouse) -> None:
    status = await ask(house, "status")
    assert status.health == "degraded"
    assert status.devices_unheard == 6
    assert {(item.code, item.subject) for item in status.unknown} == {
        *(("device_unheard", device) for device in ("reader-1", "th-1", "th-2", "th-3", "leak-1", "board-1")),
        ("leak_unknown", "leak-1/leak"),
        ("too_few_sensors", "z1/temperature_degc"),
        ("too_few_sensors", "z1/humidity_pct"),
        ("actuator_unknown", "valve-1"),
    }


async def test_a_vault_of_which_everything_is_known_is_ok(house: ManualHouse) -> None:
    everything_known(house)
    status = await ask(house, "status")
    assert (status.health, status.unknown, status.devices_ok) == ("ok", (), 6)
    assert (status.vault, status.timezone) == ("v1", "Asia/Shanghai")


async def test_silence_makes_a_dry_floor_unknown(house: ManualHouse) -> None:
    everything_known(house)
    house.story.advance(seconds=31)  # freshness of the leak rope here: the default of 30 s
    assert (await unknown_codes(house))["leak_unknown"] == "leak-1/leak"


async def test_an_active_alarm_degrades_and_one_of_life_safety_outranks_it(house: ManualHouse) -> None:
    everything_known(house)
    house.story.leak(wet=True)
    status = await ask(house, "status")
    assert (status.health, status.alarms) == ("degraded", {"life_safety": 0, "critical": 1, "warning": 0})
    house.story.tell(StoreState(at_ns=house.now(), level="failed"))
    assert (await ask(house, "status")).health == "life_safety"


async def test_a_jump_of_the_clock_is_something_unknown(house: ManualHouse) -> None:
    everything_known(house)
    house.story.tell(ClockStep(at_ns=house.now(), step_s=90.0))
    assert await unknown_codes(house) == {"clock_unsure": "clock"}


async def test_volumes_not_seen_yet_are_listed_and_degrade_nothing(house: ManualHouse) -> None:
    everything_known(house)
    house.story.catalogue(["A-01L-01-1-01", "A-01L-02-1-01"])
    status = await ask(house, "status")
    assert status.volumes == {"unseen": 2, "present": 0, "misplaced": 0, "missing": 0, "in_transit": 0}
    assert [(item.code, item.subject) for item in status.unknown] == [("volumes_unseen", "2")]
    assert status.health == "ok"


async def test_alarms_come_gravest_first_and_over_ones_last(house: ManualHouse) -> None:
    house.story.lose("th-1")
    house.story.leak(wet=True)
    house.story.lose("board-1")
    house.story.regain("board-1")
    listed = await ask(house, "alarms")
    assert [(alarm.alarm, alarm.is_active) for alarm in listed] == [
        ("leak:leak-1/leak", True),
        ("device_lost:th-1", True),
        ("device_lost:board-1", False),
    ]


async def test_a_stale_value_is_shown_as_unknown_with_its_time(house: ManualHouse) -> None:
    house.story.climate(50.0, temperature_degc=21.5)
    first = house.now()
    (found,) = [device for device in (await ask(house, "devices")).devices if device.device == "th-1"]
    assert {point.point: point.value for point in found.points} == {"temperature": 21.5, "humidity": 50.0}
    house.story.advance(seconds=31)
    (found,) = [device for device in (await ask(house, "devices")).devices if device.device == "th-1"]
    assert [(point.value, point.at) for point in found.points] == [(None, answers.utc(first))] * 2


async def test_find_says_place_book_place_confidence_and_age(house: ManualHouse) -> None:
    house.story.catalogue(["A-01L-01-1-01"])
    for _ in range(6):
        house.story.round({3: [0]})
    found = await ask(house, "find", volume="v0")
    assert (found.status, found.segment, found.book_slot, found.book_segment) == (
        "misplaced",
        "A-01L-03",
        "A-01L-01-1-01",
        "A-01L-01",
    )
    assert found.confidence >= 0.95
    assert found.age_s == 1.0  # the round of antenna 4 came a second after that of antenna 3
    assert found.holder is None
    assert found.candidates == ()
    assert (await ask(house, "find", volume=epc_of(0).hex().upper())).volume == "v0"


async def test_find_names_up_to_three_candidates_while_it_is_unsure(house: ManualHouse) -> None:
    house.story.catalogue(["A-01L-01-1-01"])
    found = await ask(house, "find", volume="v0")
    assert (found.status, found.segment, found.age_s) == ("unseen", None, None)
    assert [candidate.segment for candidate in found.candidates] == ["A-01L-01"]
    assert found.candidates[0].confidence < 0.95


@pytest.mark.parametrize(("op", "args"), [("find", {"volume": "v9"}), ("beliefs", {"after": "v9"})])
async def test_a_volume_that_is_not_catalogued_is_refused(house: ManualHouse, op: str, args: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        await ask(house, op, WANG, **args)
    assert refused.value.refusal.code == "unknown_volume"


async def test_beliefs_come_in_pages_that_hold_every_volume_once(house: ManualHouse, tmp_path: Path) -> None:
    house.story.catalogue([f"A-01L-0{1 + i // 9}-1-{1 + i % 9:02d}" for i in range(20)])
    house.story.round({1: list(range(9)), 2: list(range(9, 18))})
    seen: list[list[Any]] = []
    async with served(house, tmp_path), connected(tmp_path / "lantai.sock") as client:
        after: str | None = ""
        while after is not None:
            page = await client.result("beliefs", after=after, limit=7)
            assert len(page["volumes"]) <= 7
            seen += page["volumes"]
            after = page["next"]
    assert [row[0] for row in seen] == [f"v{i}" for i in range(20)]
    assert [row[1] for row in seen[:18]] == ["A-01L-01"] * 9 + ["A-01L-02"] * 9


async def test_a_page_is_never_longer_than_the_daemon_wants(house: ManualHouse) -> None:
    lines = tuple(
        CataloguedVolume(f"n{i:04d}", f"{i:024x}", f"A-01L-0{1 + i % 4}-1-01", 0) for i in range(volumes.PAGE + 5)
    )
    for start in range(0, len(lines), 500):
        await ask(house, "import", lines=lines[start : start + 500])
    page = await ask(house, "beliefs", limit=10_000)
    assert (len(page.volumes), page.next) == (volumes.PAGE, f"n{volumes.PAGE - 1:04d}")


async def test_an_import_reports_new_changed_same_and_wrong_lines(house: ManualHouse) -> None:
    house.story.catalogue(["A-01L-01-1-01", "A-01L-01-1-02", "A-01L-01-1-03"])
    lines = [
        ("v0", epc_of(0).hex(), "A-01L-01-1-01", 0),  # as it is
        ("v1", epc_of(1).hex(), "A-01L-02-1-02", 20),  # stands elsewhere now
        ("v7", epc_of(7).hex(), "A-01L-01-1-07", 0),  # new
        ("v8", epc_of(2).hex(), "A-01L-01-1-08", 0),  # tag of v2
        ("v9", "30g0", "A-01L-01-1-09", 0),
        ("v10", epc_of(10).hex(), "A-09L-01-1-09", 0),
        ("v7", epc_of(11).hex(), "A-01L-01-1-06", 0),
        ("v12", epc_of(7).hex(), "A-01L-01-1-05", 0),  # tag of v7 of this very portion
    ]
    wanted = {
        "new": 1,
        "changed": 1,
        "same": 1,
        "problems": [
            [3, "epc_taken", "v2"],
            [4, "bad_epc", ""],
            [5, "bad_slot", ""],
            [6, "volume_twice", ""],
            [7, "epc_taken", "v7"],
        ],
        "warnings": [],
    }
    before = len(house.story.facts)
    assert msgspec.to_builtins(await ask(house, "import", lines=lines, dry_run=True)) == _tuples(wanted)
    assert len(house.story.facts) == before
    assert msgspec.to_builtins(await ask(house, "import", lines=lines)) == _tuples(wanted)
    assert [line.volume for line in house.story.of(VolumesCatalogued)[-1].volumes] == ["v1", "v7"]
    again = await ask(house, "import", lines=lines[:3])
    assert (again.new, again.changed, again.same) == (0, 0, 3)


async def test_a_chip_that_another_volume_carries_is_refused_with_its_holder(house: ManualHouse) -> None:
    slot, chips = "A-01L-01-1-01", [f"e28011{i:018x}" for i in range(3)]
    await ask(house, "import", lines=[(f"v{i}", epc_of(i).hex(), slot, 0, chip) for i, chip in enumerate(chips)])
    answer = await ask(
        house,
        "import",
        lines=[
            ("v0", epc_of(0).hex(), slot, 0, chips[0]),  # as it is
            ("v7", epc_of(7).hex(), slot, 0, chips[1]),  # the chip of v1
            ("v8", epc_of(8).hex(), slot, 0, "e280110000000000000000aa"),
            ("v9", epc_of(9).hex(), slot, 0, "e280110000000000000000aa"),  # of v8 of this very request
            ("v2", epc_of(2).hex(), slot, 0, "e280110000000000000000bb"),  # a new tag
        ],
    )
    assert answer.problems == ((1, "tid_taken", "v1"), (3, "tid_taken", "v8"))
    assert (answer.new, answer.changed, answer.same) == (1, 1, 1)
    assert [house.state.tids.told(house.state.volumes.row[name]) for name in ("v1", "v2", "v8")] == [
        chips[1],
        "e280110000000000000000bb",
        "e280110000000000000000aa",
    ]


def _tuples(wanted: dict[str, Any]) -> dict[str, Any]:
    return {**wanted, "problems": tuple(map(tuple, wanted["problems"])), "warnings": tuple(wanted["warnings"])}


async def test_an_import_goes_in_by_facts_of_a_thousand(house: ManualHouse) -> None:
    lines = [(f"n{i}", f"{i:024x}", f"A-01L-0{1 + i % 4}-1-01", 0) for i in range(2200)]
    await ask(house, "import", lines=lines)
    assert [len(fact.volumes) for fact in house.story.of(VolumesCatalogued)] == [1000, 1000, 200]


async def test_a_fact_of_an_import_with_the_longest_names_fits_in_a_batch(house: ManualHouse) -> None:
    lines = [(f"{i:064d}", f"{i:0124x}", "A-01L-01-1-01", 0, f"e2{i:0122x}") for i in range(700)]
    await ask(house, "import", lines=lines)
    facts = house.story.of(VolumesCatalogued)
    assert sum(len(fact.volumes) for fact in facts) == 700
    assert max(len(msgspec.json.encode(fact)) for fact in facts) < BATCH_BYTES


async def test_an_auditor_imports_nothing_not_even_what_is_there(house: ManualHouse) -> None:
    house.story.catalogue(["A-01L-01-1-01"])
    with pytest.raises(Refused) as refused:
        await ask(house, "import", who=AUDITOR, lines=[("v0", epc_of(0).hex(), "A-01L-01-1-01", 0)])
    assert refused.value.refusal.code == "role_not_allowed"


async def test_while_the_journal_cannot_be_written_no_import_is_taken_nor_called_the_same(house: ManualHouse) -> None:
    house.story.catalogue(["A-01L-01-1-01"])
    house.level = "failed"
    for line in (("v0", epc_of(0).hex(), "A-01L-01-1-01", 0), ("v9", epc_of(9).hex(), "A-01L-01-1-09", 0)):
        with pytest.raises(Refused) as refused:
            await ask(house, "import", lines=[line])
        assert refused.value.refusal.code == "store_failed"
    assert list(house.state.volumes.row) == ["v0"]


def test_a_line_said_twice_the_same_is_a_volume_twice(house: ManualHouse) -> None:
    line = CataloguedVolume("v1", epc_of(1).hex(), "A-01L-01-1-01", 0)
    assert LineSorter(house.state, [line, line]).sort([line, line]).problems == [(1, "volume_twice", "")]


async def test_a_command_is_open_until_its_outcome_is_committed(house: ManualHouse) -> None:
    everything_known(house)
    house.story.relay(on=False)
    answer = await ask(house, "act", action="actuator.set", args={"actuator": "valve-1", "state": "open"})
    (intent,) = [fact for fact in house.story.of(CommandIntended) if fact.wanted == "open"]
    assert (answer.answer, answer.command) == ("accepted", intent.command.id)
    assert (await ask(house, "command", command=answer.command)).stage == "open"
    house.story.outcome(answer.command, "done")
    ended = await ask(house, "command", command=answer.command)
    assert ended == CommandAnswer(answer.command, "ended", "valve-1", "open", "done", "")
    assert house.story.of(CommandEnded)[-1].result == "done"


async def test_a_refused_action_leads_to_no_command(house: ManualHouse) -> None:
    house.story.regain("board-1")
    answer = await ask(house, "act", action="actuator.set", args={"actuator": "valve-1", "state": "open"})
    assert (answer.answer, answer.command) == ("leak_unknown", "")


async def test_a_command_from_before_the_start_is_open_by_the_state(house: ManualHouse) -> None:
    everything_known(house)
    house.story.leak(wet=True)
    (intent,) = house.state.intents.values()
    remembered = CommandAnswer(intent.command.id, "unknown")  # the feed began after it
    assert answers.command(house.state, remembered).stage == "open"
    assert answers.command(house.state, CommandAnswer("never", "unknown")).stage == "unknown"


async def test_history_is_of_points_that_exist(house: ManualHouse) -> None:
    house.story.climate(50.0)
    found = await ask(house, "history", device="th-1", point="humidity")
    assert [value for _, value in found.values] == [50.0]
    with pytest.raises(Refused) as refused:
        await ask(house, "history", device="th-1", point="taste")
    assert refused.value.refusal.code == "unknown_point"


async def test_importing_by_act_is_refused_with_the_right_way(house: ManualHouse) -> None:
    with pytest.raises(Refused) as refused:
        await ask(house, "act", action="catalogue.import")
    assert refused.value.refusal.code == "bad_arguments"
