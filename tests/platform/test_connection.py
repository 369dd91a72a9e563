"""One connection to a broker: why it is over, in words."""

import asyncio

from edge.platform.connection import Connection, Target

NOBODY = Target(
    host="127.0.0.1",
    port=1,
    client_id="c",
    keepalive_s=10,
    username="",
    password="",
    ca_file="",
    will_topic="t",
    will=b"",
    subscribe=("t",),
)


async def test_a_broker_that_hangs_up_is_said_to_have_done_so() -> None:
    """paho calls it an unspecified error."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(2)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        target = Target(**{name: getattr(NOBODY, name) for name in NOBODY.__struct_fields__} | {"port": port})
        connection = Connection(target, "5", lambda _message: None)
        assert not await connection.opened(20.0)
        await connection.abort()
    assert connection.lost.result().reason == "the broker hung up"
