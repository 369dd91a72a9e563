"""The demo's broker knows MQTT 3.1.1 only: the link notices by itself and the contract holds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.platform.far_ends import Site, site


@pytest.fixture
async def vault(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, "amqtt") as made:
        yield made


async def test_the_link_falls_back_to_mqtt_3_1_1_and_facts_and_a_snapshot_get_through(vault: Site) -> None:
    vault.start_platform()
    link = vault.start_link()
    vault.add("custody", 450)
    vault.add("alarm", 2)
    await vault.all_acknowledged()
    asked = await vault.ask("snapshot")
    status = await vault.status_when(
        lambda status: status["mirror_snapshot"] == asked["command"], "the snapshot was compared"
    )
    assert status["facts"] == 452
    status = await vault.status_when(  # a message of its own, which may come after the last page
        lambda status: len(status["results"][asked["command"]]) == 2, "the result of the command"
    )
    assert [result["outcome"] for result in status["results"][asked["command"]]] == ["accepted", "done"]
    assert link.is_drained()
