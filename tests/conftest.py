"""What every test may ask for: tools of the machine, the shared data, and that no task is left running."""

import asyncio
import inspect
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.unhurried import Unhurried

# how long an example takes is a matter of what else the machine does; a test that hangs ends by its timeout
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# a suite started in the background is deaf to Ctrl-C, and so would be every command that a test starts to interrupt it
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


def _absent(message: str) -> None:
    """Skip; fail instead where LANTAI_REQUIRE_TOOLS=1 promises that everything is there."""
    if os.environ.get("LANTAI_REQUIRE_TOOLS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that coroutine tests run on."""
    return {"unhurried": Unhurried}


@pytest.fixture
def require_tool() -> Callable[[str, str], str]:
    """`require_tool(name, package)` gives the tool's path, or skips naming the Debian package."""

    def require(name: str, package: str) -> str:
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if found is None:
            _absent(f"{name} is not installed: apt-get install {package}")
        return str(found)

    return require


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The evaluation data: LANTAI_DATA, or `shared/data` beside the checkout; skips where neither exists."""
    named = os.environ.get("LANTAI_DATA")
    place = Path(named) if named else ROOT.parent / "shared" / "data"
    if not place.is_dir():
        pytest.skip(f"no evaluation data at {place}; set LANTAI_DATA to its folder")
    return place


@pytest.fixture
async def _task_watch() -> AsyncIterator[None]:
    yield
    own = asyncio.current_task()
    left = [task for task in asyncio.all_tasks() if task is not own and not task.done()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    assert not left, f"tasks left running: {[task.get_coro() for task in left]}"


@pytest.fixture(autouse=True)
def _no_leaked_tasks(request: pytest.FixtureRequest) -> None:
    """A coroutine test fails when it leaves a task running."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_task_watch")
