"""A tag of the world that is copied: what it is read as, and that readers which are asked for TIDs find it."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from config.policy import Policy, Presence
from config.profile_files import load_profile
from edge.state.chip_facts import ClonedTagSeen
from edge.state.events import Event
from edge.state.facts import AlarmRaised, Fact
from simulator.catalogue import write_catalogue
from simulator.offline import Offline
from simulator.world.rf import Radio
from simulator.world.truth import Change
from simulator.world.vault_world import Chance, VaultWorld
from tests.simulator.small_vault import small_vault, small_world

STILL = Chance(displaced=0.0, act_every_s=0.0)
ROUNDS = 60  # at once: 24 s of a reader with eight antennas of 50 ms
CLEAR = Radio(misses=0.0, strays=0.0)
FIRST_CHIP, SECOND_CHIP = "e28011912000000080000001", "e28011912000000080000002"  # of the copies there ever were


def read_as(world: VaultWorld, port: int, number: int) -> list[str]:
    """The chips of the tags with this volume's EPC that an antenna of r1 reads."""
    epc, _, _, tid = world.field("r1")(port, 0.5)
    mine = (epc == world.volumes.epc[number]).all(axis=1)
    return sorted(row.tobytes().hex() for row in tid[mine])


def test_a_copy_is_read_where_it_is_on_a_chip_of_its_own_and_the_volume_where_it_stands() -> None:
    changes: list[Change] = []
    world = small_world(chance=STILL, radio=CLEAR, record=changes.append)
    (own,) = read_as(world, 1, 0)
    world.clone("V0000", "A-01L-04")
    assert (read_as(world, 1, 0), read_as(world, 4, 0)) == ([own], [FIRST_CHIP])
    assert [change.what for change in changes] == ["a tag with the EPC of V0000 in A-01L-04"]
    assert len(np.unique(world.tid, axis=0)) == len(world.tid)


def test_a_copy_keeps_its_chip_whatever_else_comes_or_goes_and_may_be_taken_away() -> None:
    world = small_world(chance=STILL, radio=CLEAR)
    world.clone("V0000", "A-01L-04")
    world.clone("V0001", "A-01L-05")
    world.hang({"A-01L-02": b"\xe2" * 12})
    assert (read_as(world, 4, 0), read_as(world, 5, 1)) == ([FIRST_CHIP], [SECOND_CHIP])
    world.clone("V0000", "")
    assert (read_as(world, 4, 0), read_as(world, 5, 1)) == ([], [SECOND_CHIP])
    assert len(read_as(world, 1, 0)) == 1


def test_a_copy_of_no_volume_or_in_no_segment_is_refused_by_name() -> None:
    world = small_world(chance=STILL)
    with pytest.raises(KeyError, match="no volume 'V9999'"):
        world.clone("V9999", "A-01L-04")
    with pytest.raises(KeyError, match="no segment 'B-01L-04'"):
        world.clone("V0000", "B-01L-04")


def test_a_copy_before_readers_that_must_be_asked_for_tids_is_told_once(tmp_path: Path) -> None:
    """One sweep of four antennas every five minutes: eight antennas are swept in ten, and each chip is heard twice in
    twenty; the copy, and again to be sure, within as long."""
    vault = small_vault()
    vault = msgspec.structs.replace(vault, policy=Policy(presence=Presence(tid_sweep_s=300.0)))
    profiles = {name: load_profile(name) for name in ("xy-md02", "leak-rope", "relay-8")}
    write_catalogue(vault, tmp_path / "volumes.csv")
    told: list[Fact] = []

    def hear(_: Event, facts: tuple[Fact, ...]) -> None:
        told.extend(fact for fact in facts if isinstance(fact, ClonedTagSeen | AlarmRaised))

    hard = Radio(misses=0.1, strays=0.3)
    offline = Offline(vault, profiles, tmp_path / "volumes.csv", 5, radio=hard, chance=STILL, hear=hear, rounds=ROUNDS)
    offline.run(1500)
    assert [fact for fact in told if isinstance(fact, ClonedTagSeen)] == []
    offline.world.clone("V000001", "A-01L-05")
    offline.run(1500)
    (fact,) = [fact for fact in told if isinstance(fact, ClonedTagSeen)]
    assert (fact.volume, fact.tid, fact.segment) == ("V000001", "e28011912000000000000001", "A-01L-01")
    assert (fact.other_tid, fact.other) == (FIRST_CHIP, "A-01L-05")
    assert [alarm.code for alarm in told if isinstance(alarm, AlarmRaised)].count("tag_cloned") == 1
