"""Banks that slide along: while one does, each of its antennas hears its own section pass, look by look.

A section is a metre, its slots stand evenly along it and its shelves 30 cm apart, the middle one level with the antenna
half a metre away. A pass begins and ends three quarters of a metre beside the section. A volume that stands in a
section that is not its own stands somewhere in it. No antenna hears the sections beside its own.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.places import Places
from simulator.world.passing import Carried, PassRadio, Shelf, draw_pass, shelf_of
from simulator.world.vault_world import VaultWorld, stream

MARGIN_M = 0.75
PASS_M = 1 + 2 * MARGIN_M
AWAY_M, SHELF_M = 0.5, 0.3


class Section(NamedTuple):
    """The tags of one section: their rows in the world, and where they stand."""

    tag: NDArray[np.intp]
    shelf: Shelf


class Slide:
    """One bank on its way, at an even speed."""

    def __init__(
        self, world: VaultWorld, slots: Sequence[str], rack: str, seconds: float, radio: PassRadio, seed: int
    ) -> None:
        """slots: of every volume of the world, by its catalogue; seconds: that the bank takes."""
        self._radio = radio
        self._speed_mps = PASS_M / seconds
        self._rng = stream(seed, f"slide {rack}")
        self.sections = {
            segment: self._section(world, slots, segment)
            for segment, owner in enumerate(world.places.segment_rack)
            if owner == rack
        }

    def look(self, segment: int, at_s: float) -> Carried:
        """What the antenna of a section reads so long after the bank began to move; rows of `Section`."""
        antenna_m = np.array([at_s * self._speed_mps - MARGIN_M])
        return draw_pass(self._radio, self.sections[segment].shelf, antenna_m, 0.0, self._rng)

    def _section(self, world: VaultWorld, slots: Sequence[str], segment: int) -> Section:
        tag = np.flatnonzero(world.stands == segment)
        place_m = self._rng.random(len(tag))
        closest_m = np.full(len(tag), AWAY_M)
        for nth, row in enumerate(tag.tolist()):
            if world.volumes.book[row] == segment:
                place_m[nth], height_m = _stand(world.places, slots[row])
                closest_m[nth] = np.hypot(AWAY_M, height_m)
        return Section(tag, shelf_of(self._radio, place_m, closest_m, self._rng))


def _stand(places: Places, slot: str) -> tuple[float, float]:
    """Where along its section a slot is, and how far above or below the antenna."""
    address = places.address(slot)
    rack = next(rack for rack in places.racks if rack.id == address.rack)
    return (address.slot - 0.5) / rack.slots_per_shelf, SHELF_M * (address.shelf - (rack.shelves + 1) / 2)
