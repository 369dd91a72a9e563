"""The tool run beside a live house: its commands, what they print, what they exit with."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.cli.app import tool
from tests.api.manual_house import TECHNICIAN, ManualHouse, Roles, served


class Tool:
    """Runs commands beside the house, in a thread, as another process would."""

    def __init__(self, house: ManualHouse, state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.house = house
        self._state_dir = state_dir
        self._capsys = capsys
        self.out = ""
        self.err = ""

    async def run(self, *words: str) -> int:
        code = await asyncio.to_thread(tool, [*words, "--state", str(self._state_dir)])
        self.out, self.err = self._capsys.readouterr()
        return code

    async def json(self, *words: str) -> Any:
        await self.run(*words, "--json")
        return json.loads(self.out)


@asynccontextmanager
async def tool_of(tmp_path: Path, capsys: pytest.CaptureFixture[str], roles: Roles = TECHNICIAN) -> AsyncIterator[Tool]:
    house = ManualHouse(roles)
    async with served(house, tmp_path):
        yield Tool(house, tmp_path, capsys)


def everything_known(house: ManualHouse) -> None:
    for device in ("reader-1", "th-1", "th-2", "th-3", "leak-1", "board-1"):
        house.story.regain(device)
    house.story.climate(50.0)
    house.story.leak(wet=False)
    house.story.relay(on=False)
