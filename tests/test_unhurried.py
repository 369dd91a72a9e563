"""The clock of the loop that coroutine tests run on."""

import asyncio
import time

from tests.unhurried import TURN_S, unhurried


async def test_a_stall_is_a_moment() -> None:
    loop = unhurried()
    before_s, wall_ns = loop.time(), loop.wall_ns()
    time.sleep(0.3)  # noqa: ASYNC251  a machine that has other things to do
    assert loop.time() - before_s <= TURN_S
    assert loop.wall_ns() - wall_ns <= TURN_S * 1e9


async def test_what_is_waited_for_passes() -> None:
    loop = unhurried()
    before_s, real_s = loop.time(), time.monotonic()
    await asyncio.sleep(0.1)
    assert loop.time() - before_s >= 0.1
    assert time.monotonic() - real_s >= 0.1


async def test_an_answer_that_a_stall_holds_up_is_in_time() -> None:
    """On a clock that goes on meanwhile both are due at once, and the limit was there first."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await asyncio.sleep(0.1)
        writer.write(b"here\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with asyncio.timeout(0.2):
        writer.write(b"who?\n")
        asyncio.get_running_loop().call_later(0.05, time.sleep, 0.5)
        assert await reader.readline() == b"here\n"
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
