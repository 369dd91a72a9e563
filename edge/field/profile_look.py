"""One look at every point of a profile on a real unit: what stands there, what it means, and why not."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from config.profile import Point, Profile, Table, register_count
from drivers.modbus.decode import before_range, contact, is_untellable, number
from drivers.modbus.order import REASONS
from drivers.modbus.plan import covered, plan
from drivers.modbus.registers import RegisterBlock, RegisterRead, Reply, Request, RequestFailed, exception_code
from edge.field.modbus_unit import LOSS_REASONS

READ = "point_read"
_ILLEGAL = (2, 3)  # exceptions of a block that crosses a hole, or of the register itself


class Asked(Protocol):
    """A line that is asked one request at a time: `ModbusLine`."""

    async def ask(self, request: Request) -> Reply:
        """Send it and wait for its end."""

    def rest(self, seconds: float) -> None:
        """Say nothing for so long."""


class PointLook(msgspec.Struct, frozen=True):
    """`raw`: coils or registers as they came, None where none did. `value` in engineering units, bool for kind bit,
    None where `verdict`, a text id, says why; `seen` the number before it is held against low and high."""

    point: str
    quantity: str
    table: Table
    address: int
    raw: tuple[int, ...] | None
    value: float | bool | None
    seen: float | None
    verdict: str


async def look(line: Asked, profile: Profile, unit: int, *, max_gap: int) -> tuple[PointLook, ...]:
    """Read every point once, in blocks as the daemon would; of a block that the unit refuses each point by itself."""
    image: dict[tuple[Table, int], int] = {}
    why: dict[str, str] = {}
    for block in plan(profile.points, unit, max_block=profile.max_block, max_gap=max_gap):
        inside = covered(profile.points, block)
        refused = await _read(line, profile, block, inside, image, why)
        if refused and len(inside) > 1:
            for point in inside:
                alone = RegisterRead(unit, point.table, point.address, register_count(point))
                await _read(line, profile, alone, (point,), image, why)
    return tuple(_seen(point, profile, image, why) for point in profile.points)


async def _read(
    line: Asked,
    profile: Profile,
    block: RegisterRead,
    points: Sequence[Point],
    image: dict[tuple[Table, int], int],
    why: dict[str, str],
) -> bool:
    """Ask, and keep what came or why nothing did; True where the unit refused the block as such."""
    reply = await line.ask(block)
    if isinstance(reply, RegisterBlock):
        image.update({(block.table, block.address + i): word for i, word in enumerate(reply.values)})
        for point in points:
            why.pop(point.id, None)
        line.rest(profile.min_gap_s)
        return False
    assert isinstance(reply, RequestFailed)
    code = exception_code(reply.reason)
    reason = REASONS.get(code, "device_refused") if code else LOSS_REASONS[reply.reason]
    why.update(dict.fromkeys((point.id for point in points), reason))
    line.rest(profile.min_gap_s if code else profile.longest_reply_s)
    return code in _ILLEGAL


def _seen(point: Point, profile: Profile, image: dict[tuple[Table, int], int], why: dict[str, str]) -> PointLook:
    points = {one.id: one for one in profile.points}
    words = [image.get((point.table, point.address + i)) for i in range(register_count(point))]
    raw = tuple(word for word in words if word is not None)
    value = contact(point, image, points) if point.kind == "bit" else number(point, image, points)
    seen = None if point.kind == "bit" else before_range(point, image, points)
    if point.id in why:
        verdict = why[point.id]
    elif value is not None:
        verdict = READ
    elif is_untellable(point, image, points):
        verdict = "point_untellable"
    else:
        verdict = "point_out_of_range"
    is_whole = len(raw) == len(words)
    return PointLook(
        point.id, point.quantity, point.table, point.address, raw if is_whole else None, value, seen, verdict
    )
