"""The truth journal says when a floor turned wet or dry, what a valve did, and what was written to its board."""

from config.profile_files import load_profile
from simulator.wiring import Plant
from simulator.world.truth import Change
from tests.simulator.small_vault import small_vault, small_world


def test_floors_valves_and_relay_writes_are_written_down() -> None:
    changes: list[Change] = []
    vault = small_vault()
    world = small_world(record=changes.append)
    profiles = {profile: load_profile(profile) for profile in ("xy-md02", "leak-rope", "relay-8")}
    plant = Plant(vault, profiles, world, seed=1)
    changes.clear()

    world.water.burst("z1")
    plant.feel()
    plant.feel()
    plant.boards["io-1"].write("co", 0, [1])  # energised is closed in this vault
    plant.boards["io-1"].write("co", 0, [1])
    world.water.repair("z1")
    world.advance(6.0)
    plant.feel()

    assert [(change.cause, change.what) for change in changes if not change.volume] == [
        ("water", "floor of z1 wet"),
        ("relay", "io-1 0 on"),
        ("valve", "valve-1 closed"),
        ("relay", "io-1 0 on"),
        ("water", "floor of z1 dry"),
    ]
