"""From racks by rule to arrays: slots, segments, and which segments are neighbours."""

import hashlib
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from config.messages import PhrasedError
from config.phrase import Phrase, phrase
from config.problem import shortened
from config.vault import Rack, Vault

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOST_SHOWN = 12
_SLOT = 3  # characters of the slot in most ids: `-05`
_DASH, _ZERO, _NINE = b"-09"
_NO_SLOT = -100
_SLOT_NUMBER = {f"-{number:02d}": number for number in range(1, 100)}
_NO_SHELF = (-1, 0)


class NoSuchSlot(PhrasedError, KeyError):  # noqa: N818  it is what the person is told
    """The vault has no such slot; `said` is the next step."""


class SlotAddress(NamedTuple):
    """One slot, outermost first; row, section, shelf and slot count from 1."""

    rack: str
    row: int
    face: str
    section: int
    shelf: int
    slot: int


_ANY_SLOT = SlotAddress("A", 1, "L", 3, 2, 15)


class Places:
    """Every slot and segment of a vault. Indices are of this layout only; `layout_hash` names it, stable ids leave it.

    segment_ids  (s,) e.g. `A-01L-03` (section), `A-01L-03-2` (shelf), `RC1` (rack)
    segment_line (s,) int32: segments of the same row and face stand on one line
    segment_position (s,) int32: order along that line
    """

    def __init__(self, vault: Vault) -> None:
        self.racks: tuple[Rack, ...] = vault.racks
        self._first_slot: dict[str, int] = {}
        self._first_segment: dict[str, int] = {}
        self._rack_of: dict[str, Rack] = {rack.id: rack for rack in vault.racks}
        self._shelf: dict[str, tuple[int, int]] = {}
        """Shelf, e.g. `A-01L-03-2` -> its segment, and how many slots are on it: filled as shelves are asked for, so
        that a catalogue of 160,000 lines parses 8,000 ids instead of all of them."""
        ids: list[str] = []
        line: list[int] = []
        position: list[int] = []
        zones: list[str] = []
        racks: list[str] = []
        slots = lines = 0
        for rack in vault.racks:
            self._first_slot[rack.id] = slots
            self._first_segment[rack.id] = len(ids)
            slots += slot_count(rack)
            for row in range(1, rack.rows + 1):
                for face in rack.faces:
                    names = _segments_of_face(rack, row, face)
                    ids += names
                    line += [lines] * len(names)
                    position += range(len(names))
                    lines += 1
                    if rack.segment == "rack":
                        break
                if rack.segment == "rack":
                    break
            zones += [rack.zone] * (len(ids) - self._first_segment[rack.id])
            racks += [rack.id] * (len(ids) - self._first_segment[rack.id])
        self.slot_count = slots
        self.segment_ids: tuple[str, ...] = tuple(ids)
        self.segment_zone: tuple[str, ...] = tuple(zones)
        self.segment_rack: tuple[str, ...] = tuple(racks)
        self.segment_index: dict[str, int] = {name: i for i, name in enumerate(ids)}
        self.segment_line: NDArray[np.int32] = np.array(line, dtype=np.int32)
        self.segment_position: NDArray[np.int32] = np.array(position, dtype=np.int32)

    def segment_of(self, slot_id: str) -> int:
        """Index of the segment a slot lies in. Raises NoSuchSlot with the next step if it is not of this vault."""
        segment, slots = self._shelf.get(slot_id[:-_SLOT], _NO_SHELF)
        if 1 <= _SLOT_NUMBER.get(slot_id[-_SLOT:], 0) <= slots:
            return segment
        address = self.address(slot_id)
        rack = self._rack_of[address.rack]
        segment = self._segment_at(address, rack)
        self._shelf[slot_id.rpartition("-")[0]] = segment, rack.slots_per_shelf
        return segment

    def segments_of(self, slot_ids: Iterable[str]) -> "NDArray[np.int32]":
        """(n,) index of the segment each slot lies in, -1 for one that is not of this vault."""
        ids = list(slot_ids)
        text = "".join(ids)
        if len(set(map(len, ids))) != 1 or not text.isascii() or len(ids[0]) <= _SLOT:
            return np.array([self._segment_or_none(slot_id) for slot_id in ids], dtype=np.int32)
        # lists go along the shelves: the ids under one another, a shelf is looked up once where it begins
        letters = np.frombuffer(text.encode(), np.uint8).reshape(len(ids), -1)
        shelf = letters[:, :-_SLOT]
        first = np.append(0, (shelf[1:] != shelf[:-1]).any(axis=1).nonzero()[0] + 1)
        known = [self._shelf_of(ids[i]) for i in first.tolist()]
        segment, slots = np.repeat(np.array(known, np.int32), np.diff(np.append(first, len(ids))), axis=0).T
        dash, ten, one = letters[:, -_SLOT:].T
        slot = np.where((ten >= _ZERO) & (ten <= _NINE), 10 * (ten.astype(np.int32) - _ZERO), _NO_SLOT)
        slot += np.where((one >= _ZERO) & (one <= _NINE), one.astype(np.int32) - _ZERO, _NO_SLOT)
        is_slot = (dash == _DASH) & (slot >= 1) & (slot <= slots)
        found = np.where(is_slot, segment, np.int32(-1))
        for i in (~is_slot).nonzero()[0].tolist():
            found[i] = self._segment_or_none(ids[i])
        return found

    def _shelf_of(self, slot_id: str) -> tuple[int, int]:
        if slot_id[:-_SLOT] not in self._shelf:
            self._segment_or_none(slot_id)
        return self._shelf.get(slot_id[:-_SLOT], _NO_SHELF)

    def _segment_or_none(self, slot_id: str) -> int:
        try:
            return self.segment_of(slot_id)
        except NoSuchSlot:
            return -1

    def _segment_at(self, address: SlotAddress, rack: Rack) -> int:
        first = self._first_segment[rack.id]
        if rack.segment == "rack":
            return first
        face = (address.row - 1) * len(rack.faces) + rack.faces.index(address.face)
        if rack.segment == "section":
            return first + face * rack.sections + address.section - 1
        return first + (face * rack.sections + address.section - 1) * rack.shelves + address.shelf - 1

    def address(self, slot_id: str) -> SlotAddress:
        """Parse `RACK-ROWFACE-SECTION-SHELF-SLOT`, e.g. `A-01L-03-2-15`. Raises NoSuchSlot when it does not exist."""
        parts = slot_id.rsplit("-", 4)
        try:
            found = SlotAddress(parts[0], int(parts[1][:-1]), parts[1][-1], int(parts[2]), int(parts[3]), int(parts[4]))
        except (IndexError, ValueError):
            like = slot_name(_first_of(self.racks[0]) if self.racks else _ANY_SLOT)
            raise NoSuchSlot(phrase("slot_no_id", slot=shortened(slot_id), like=like)) from None
        rack = self._rack_of.get(found.rack)
        if rack is None or not _is_in(found, rack) or slot_id != slot_name(found):
            raise NoSuchSlot(self._advice(slot_id, found))
        return found

    def _advice(self, slot_id: str, found: SlotAddress) -> Phrase:
        """Why a slot does not exist, or how it is written: with its zeros and capitals."""
        name = found.rack.strip().casefold()
        rack = self._rack_of.get(found.rack) or next((rack for rack in self.racks if rack.id.casefold() == name), None)
        shown = shortened(slot_id)
        if rack is None:
            known = ", ".join(islice(self._rack_of, MOST_SHOWN)) + (", ..." if len(self._rack_of) > MOST_SHOWN else "")
            return phrase("slot_no_rack", slot=shown, rack=shortened(found.rack), known=known)
        meant = found._replace(rack=rack.id, face=found.face.upper())
        if _is_in(meant, rack):
            return phrase("slot_miswritten", slot=slot_name(meant))
        return phrase(
            "slot_outside",
            slot=shown,
            rack=rack.id,
            rows=rack.rows,
            faces="".join(rack.faces),
            sections=rack.sections,
            shelves=rack.shelves,
            slots=rack.slots_per_shelf,
            like=slot_name(_first_of(rack)),
        )

    def slots(self) -> list[str]:
        """Every slot id in layout order: the order of `demo-volumes.csv` and of inventories."""
        names: list[str] = []
        for rack in self.racks:
            numbers = [f"-{slot:02d}" for slot in range(1, rack.slots_per_shelf + 1)]
            for row in range(1, rack.rows + 1):
                for face in rack.faces:
                    for section in range(1, rack.sections + 1):
                        for shelf in range(1, rack.shelves + 1):
                            first = slot_name(SlotAddress(rack.id, row, face, section, shelf, 1))[:-3]
                            names += [first + number for number in numbers]
        return names


def _is_in(address: SlotAddress, rack: Rack) -> bool:
    return (
        1 <= address.row <= rack.rows
        and address.face in rack.faces
        and 1 <= address.section <= rack.sections
        and 1 <= address.shelf <= rack.shelves
        and 1 <= address.slot <= rack.slots_per_shelf
    )


def _first_of(rack: Rack) -> SlotAddress:
    return SlotAddress(rack.id, 1, rack.faces[0], 1, 1, 1)


def slot_name(address: SlotAddress) -> str:
    """The slot's stable id; what people are shown is the rack's label and the numbers."""
    rack, row, face, section, shelf, slot = address
    return f"{rack}-{row:02d}{face}-{section:02d}-{shelf}-{slot:02d}"


def slot_count(rack: Rack) -> int:
    """How many slots the rule gives."""
    return rack.rows * len(rack.faces) * rack.sections * rack.shelves * rack.slots_per_shelf


def layout_hash(vault: Vault) -> str:
    """32 hex digits naming racks, zones and antennas: a snapshot of another layout is mapped by ids, never by index."""
    body = msgspec.json.encode((vault.zones, vault.racks, vault.readers), order="deterministic")
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _segments_of_face(rack: Rack, row: int, face: str) -> list[str]:
    if rack.segment == "rack":
        return [rack.id]
    sections = [f"{rack.id}-{row:02d}{face}-{section:02d}" for section in range(1, rack.sections + 1)]
    if rack.segment == "section":
        return sections
    return [f"{section}-{shelf}" for section in sections for shelf in range(1, rack.shelves + 1)]
