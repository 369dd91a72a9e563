"""In which order volumes stand within their segments, as passes told it, and what has happened there since."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from edge.state.order_facts import OrderLearnt

By = Literal["phase", "rssi"]


class ShelfOrder(msgspec.Struct, frozen=True):
    """The volumes of a segment in the order in which they passed, learnt `learnt_ns`, nothing against it `seen_ns`.

    along: where, spread: how surely, as one standard deviation, both in thousandths of the stretch; misfiled: those of
    them that stand in another order than their slots; came: how many volumes came to the segment since, of which nobody
    knows where in the order they stand.
    """

    learnt_ns: int
    seen_ns: int
    by: By
    volumes: tuple[str, ...]
    along: tuple[int, ...]
    spread: tuple[int, ...]
    misfiled: tuple[str, ...] = ()
    came: int = 0


class Orders:
    """By segment id. A volume that leaves is no longer in its order; an order of which less is left than has come is
    forgotten."""

    def __init__(self, orders: Mapping[str, ShelfOrder] | None = None) -> None:
        self._of: dict[str, ShelfOrder] = dict(orders or {})

    def of(self, segment: str) -> ShelfOrder | None:
        """What is known of a segment."""
        return self._of.get(segment)

    def copied(self) -> dict[str, ShelfOrder]:
        """For a snapshot."""
        return dict(self._of)

    def misfiled(self) -> set[str]:
        """Segments in which a volume stands in another order than its slot."""
        return {segment for segment, order in self._of.items() if order.misfiled}

    def learn(self, fact: OrderLearnt) -> None:
        """In place of what was known."""
        at_ns = fact.passed_at_ns
        order = ShelfOrder(at_ns, at_ns, fact.by, fact.volumes, fact.along, fact.spread, fact.misfiled, fact.came)
        self._keep(fact.segment, order)

    def uphold(self, segment: str, at_ns: int) -> None:
        """Another pass told the same."""
        known = self._of.get(segment)
        if known is not None:
            self._of[segment] = msgspec.structs.replace(known, seen_ns=at_ns)

    def leave(self, segment: str, volume: str) -> None:
        """The volume no longer stands there, or nobody knows whether it does."""
        known = self._of.get(segment)
        if known is None or volume not in known.volumes:
            return
        kept = [nth for nth, one in enumerate(known.volumes) if one != volume]
        self._keep(
            segment,
            msgspec.structs.replace(
                known,
                volumes=tuple(known.volumes[nth] for nth in kept),
                along=tuple(known.along[nth] for nth in kept),
                spread=tuple(known.spread[nth] for nth in kept),
                misfiled=tuple(one for one in known.misfiled if one != volume),
            ),
        )

    def come(self, segment: str) -> None:
        """A volume stands there now that did not."""
        known = self._of.get(segment)
        if known is not None:
            self._keep(segment, msgspec.structs.replace(known, came=known.came + 1))

    def _keep(self, segment: str, order: ShelfOrder) -> None:
        if len(order.volumes) < 2 or order.came > len(order.volumes):
            self._of.pop(segment, None)
        else:
            self._of[segment] = order
