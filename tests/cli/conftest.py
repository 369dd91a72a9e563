"""What the tests of the tool share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.beside import Tool, tool_of


@pytest.fixture
async def lantai(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Tool]:
    monkeypatch.setenv("LANTAI_LANG", "en")
    async with tool_of(tmp_path, capsys) as found:
        yield found
