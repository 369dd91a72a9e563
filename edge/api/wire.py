"""Frames of the local API: 4 bytes of big-endian length, then one JSON object. Both ends use this file.

Request  {"v": 1, "id": n, "op": NAME, "args": {...}}
Reply    {"v": 1, "id": n, "ok": true, "result": ...} or {"v": 1, "id": n, "ok": false, "error": {"code", "args"}}
Stream   {"v": 1, "id": n, "facts": [...], "dropped": n} after the reply to `watch`
"""

import struct
from typing import Any

import msgspec

VERSION = 1
PREFIX = struct.Struct("!I")
SOCKET_NAME = "lantai.sock"
REQUEST_BYTES = 64 * 1024
IMPORT_BYTES = 16 * 1024 * 1024
MOST_LINES = 8000  # of a catalogue in one request: decoding them takes 5 ms of the loop that also runs the step
REPLY_BYTES = 64 * 1024 * 1024
NO_ARGS = msgspec.Raw(b"{}")


class Request(msgspec.Struct, frozen=True):
    """What a client asks; `id` comes back in the reply."""

    id: int
    op: str
    v: int = VERSION
    args: msgspec.Raw = NO_ARGS


class Refusal(msgspec.Struct, frozen=True):
    """Why not: `code` is a text id (config/texts), `args` its fields."""

    code: str
    args: dict[str, Any] = {}


class Reply(msgspec.Struct, frozen=True):
    """One answer or, after `watch`, one portion of the stream."""

    id: int
    v: int = VERSION
    ok: bool = False
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: Refusal | None = None
    facts: tuple[dict[str, Any], ...] = ()
    dropped: int = 0


class Refused(Exception):  # noqa: N818  an answer, not a failure
    """The request is not carried out; the client is told the code and may ask again."""

    def __init__(self, code: str, **args: object) -> None:
        super().__init__(code)
        self.refusal = Refusal(code, args)


_request = msgspec.json.Decoder(Request)


def request_in(body: bytes) -> Request:
    """The request in a frame. Raises Refused(malformed_request) or Refused(wrong_version)."""
    try:
        request = _request.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused("malformed_request", detail=str(error)) from None
    if request.v != VERSION:
        raise Refused("wrong_version", seen=request.v, expected=VERSION)
    return request


def framed(message: object) -> bytes:
    """The message as a frame."""
    body = msgspec.json.encode(message)
    return PREFIX.pack(len(body)) + body


def accepted(request_id: int, result: object) -> bytes:
    """The frame of an answer."""
    return framed({"v": VERSION, "id": request_id, "ok": True, "result": result})


def refused(request_id: int, refusal: Refusal) -> bytes:
    """The frame of a refusal."""
    return framed({"v": VERSION, "id": request_id, "ok": False, "error": refusal})


def streamed(request_id: int, facts: list[dict[str, Any]], dropped: int) -> bytes:
    """The frame of one portion of a stream."""
    return framed({"v": VERSION, "id": request_id, "facts": facts, "dropped": dropped})
