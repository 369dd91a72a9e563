"""`lantai-sim steer`: one request to the site of a running demo, over the control socket in its run directory."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from config.messages import Unusable
from config.phrase import phrase
from simulator.control import ControlClient, ControlError

SITE = "site.sock"
EXAMPLE = '{"op": "glance"}'


def steer(run: Path, request: str) -> Any:
    """What the site answers to a JSON object {"op": NAME, ...}. Raises Unusable, saying what would do."""
    try:
        words = msgspec.json.decode(request, type=dict[str, Any])
        op = str(words.pop("op"))
    except (msgspec.MsgspecError, KeyError, UnicodeEncodeError):
        raise Unusable(phrase("sim_no_op", seen=request, example=EXAMPLE)) from None
    try:
        return asyncio.run(_asked(run / SITE, op, words))
    except ControlError as refused:
        raise Unusable(phrase("sim_steer_refused", reason=str(refused))) from None
    except (OSError, asyncio.IncompleteReadError):
        raise Unusable(phrase("sim_no_site", run=str(run))) from None


async def _asked(socket: Path, op: str, words: dict[str, Any]) -> Any:
    site = await ControlClient.connect(socket)
    try:
        return await site.ask(op, **words)
    finally:
        await site.close()
