"""The socket itself: who may open it, what a frame is, and that no client can end the daemon."""

import asyncio
import socket
import stat
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.api.server import ApiServer, Patience
from edge.api.wire import IMPORT_BYTES, REQUEST_BYTES, Refused, Request, request_in
from tests.api.client import Client, connected, frame
from tests.api.manual_house import ManualHouse, served


@pytest.fixture
def house() -> ManualHouse:
    return ManualHouse()


@pytest.fixture
async def client(house: ManualHouse, tmp_path: Path) -> AsyncIterator[Client]:
    async with served(house, tmp_path), connected(tmp_path / "lantai.sock") as found:
        yield found


async def test_the_socket_is_for_its_owner_and_group_alone(house: ManualHouse, tmp_path: Path) -> None:
    async with served(house, tmp_path):
        assert stat.S_IMODE((tmp_path / "lantai.sock").stat().st_mode) == 0o660
    assert not (tmp_path / "lantai.sock").exists()


async def test_a_socket_left_by_a_dead_daemon_is_taken_over(house: ManualHouse, tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / "lantai.sock"))
    left.close()
    async with served(house, tmp_path), connected(tmp_path / "lantai.sock") as client:
        assert (await client.result("status"))["vault"] == "v1"


def test_a_path_that_no_unix_socket_can_have_is_refused_with_its_length(house: ManualHouse, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most 107"):
        ApiServer(house, tmp_path / ("d" * 100) / "lantai.sock")


async def test_the_answer_carries_version_and_id_of_the_request(client: Client) -> None:
    await client.send(frame({"v": 1, "id": 41, "op": "alarms", "args": {}}))
    assert await client.receive() == {"v": 1, "id": 41, "ok": True, "result": []}


async def test_a_request_in_single_bytes_is_a_request(client: Client) -> None:
    for byte in frame({"v": 1, "id": 1, "op": "alarms"}):
        await client.send(bytes([byte]))
    assert (await client.receive())["ok"]


async def test_an_unknown_operation_is_refused_and_the_conversation_goes_on(client: Client) -> None:
    assert await client.refusal("open_sesame") == "unknown_operation"
    assert await client.result("alarms") == []


@pytest.mark.parametrize("args", [{"volume": 3}, {}, {"volume": "v0", "colour": "red"}])
async def test_arguments_of_the_wrong_shape_are_refused_by_name(client: Client, args: dict[str, object]) -> None:
    assert await client.refusal("find", **args) == "bad_arguments"


async def test_a_history_from_before_all_time_is_the_whole_history(client: Client, house: ManualHouse) -> None:
    house.story.climate(50.0)
    answer = await client.result("history", device="th-1", point="humidity", since_s=1e300)
    assert [value for _, value in answer["values"]] == [50.0]


async def test_a_bug_in_an_answer_is_told_logged_once_and_the_conversation_goes_on(
    client: Client, house: ManualHouse, caplog: pytest.LogCaptureFixture
) -> None:
    house.story.state.volumes.row["ghost"] = 12_345  # a row that is not there
    assert await client.refusal("find", volume="ghost") == "bug"
    (record,) = [record for record in caplog.records if "bug while answering 'find'" in record.getMessage()]
    assert record.exc_info
    assert await client.result("alarms") == []


async def test_another_version_of_the_api_is_told_so_and_let_go(client: Client) -> None:
    await client.send(frame({"v": 2, "id": 1, "op": "status"}))
    assert (await client.receive())["error"]["code"] == "wrong_version"
    assert await client.is_closed()


async def test_bytes_that_are_no_request_are_answered_and_the_line_is_closed(client: Client) -> None:
    await client.send(struct.pack(">I", 3) + b"\xff{]")
    assert (await client.receive())["error"]["code"] == "malformed_request"
    assert await client.is_closed()


async def test_a_frame_longer_than_an_import_is_refused_before_it_is_read(client: Client) -> None:
    await client.send(struct.pack(">I", IMPORT_BYTES + 1))
    assert (await client.receive())["error"]["code"] == "request_too_long"
    assert await client.is_closed()


async def test_only_an_import_may_be_long(client: Client) -> None:
    lines = [[f"n{i}", f"{i:024x}", "A-01L-01-1-01", 0] for i in range(1500)]
    long = {"v": 1, "id": 1, "op": "import", "args": {"lines": lines, "dry_run": True}}
    assert len(frame(long)) > REQUEST_BYTES
    await client.send(frame(long))
    assert (await client.receive())["result"]["new"] == 1500
    await client.send(frame({**long, "op": "find"}))
    assert (await client.receive())["error"]["code"] == "request_too_long"


async def test_one_client_too_many_of_a_login_is_told_and_the_others_stay(house: ManualHouse, tmp_path: Path) -> None:
    path = tmp_path / "lantai.sock"
    async with served(house, tmp_path, Patience(clients=2)) as server, connected(path) as one:
        async with connected(path) as two:
            assert await one.result("alarms") == []
            assert await two.result("alarms") == []
            async with connected(path) as three:
                assert (await three.receive())["error"]["code"] == "too_many_clients"
                assert await three.is_closed()
            assert await one.result("alarms") == []
        while len(server._clients) > 1:  # noqa: ASYNC110  the server sees that `two` hung up
            await asyncio.sleep(0.01)
        async with connected(path) as four:
            assert await four.result("alarms") == []


async def test_half_a_frame_is_waited_for_only_so_long(house: ManualHouse, tmp_path: Path) -> None:
    async with (
        served(house, tmp_path, Patience(frame_s=0.05)) as server,
        connected(tmp_path / "lantai.sock") as client,
    ):
        await client.send(b"\x00\x00")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.receive()
        assert server.counters.dropped_clients == 1


async def test_a_watcher_that_does_not_read_is_dropped(house: ManualHouse, tmp_path: Path) -> None:
    """Its socket buffer and the transport's fill up; then its answer is not taken in time."""
    async with (
        served(house, tmp_path, Patience(write_s=0.05)) as server,
        connected(tmp_path / "lantai.sock") as client,
        connected(tmp_path / "lantai.sock") as other,
    ):
        client.writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await client.result("watch")
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        fact = house.story.facts[0]
        async with asyncio.timeout(20):
            while not server.counters.dropped_clients:
                house.feed.publish([fact] * 1000)
                await asyncio.sleep(0.01)
        assert await other.result("alarms") == []


async def test_committed_facts_stream_to_a_watcher_in_order(client: Client, house: ManualHouse) -> None:
    await client.result("watch")
    house.story.leak(wet=True)
    types: list[str] = []
    while "alarm_raised" not in types or "command_intended" not in types:
        portion = await client.receive()
        assert portion["id"] == 7
        types += [fact["type"] for fact in portion["facts"]]
    assert types[:4] == ["contact_changed", "contact_changed", "alarm_raised", "command_intended"]


async def test_facts_that_a_watcher_was_too_slow_for_are_counted(house: ManualHouse) -> None:
    subscription = house.feed.subscribe(limit=2)
    house.story.leak(wet=True)
    facts, dropped = await subscription.take(10)
    assert len(facts) == 2
    assert dropped == len(house.story.facts) - 1 - 2  # the first fact, of the start, came before the subscription
    house.feed.unsubscribe(subscription)


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_refused(body: bytes) -> None:
    try:
        request = request_in(body)
    except Refused:
        return
    assert isinstance(request, Request)


def test_a_request_nested_beyond_reason_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        request_in(b'{"id":1,"op":"x","args":' + b"[" * 50_000)
    assert refused.value.refusal.code == "malformed_request"
