"""The simulated vault: every volume's true place, what the antennas read of it, its air, its water, its
people.

Built from any valid configuration and catalogue. All chance comes from one seed, in one stream for each
purpose and antenna, so that the same seed gives the same draws in whatever order the readers of a live run
ask.
"""

import csv
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.phrase import phrase
from config.places import Places
from config.vault import Vault
from simulator.trouble import BadFile
from simulator.world.climate import Climate
from simulator.world.people import OUTSIDE, People
from simulator.world.rf import EPC_BYTES, Radio, Reach, Round, draw_round, reach
from simulator.world.truth import Cause, Change, Record
from simulator.world.water import Water

Columns = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint16], NDArray[np.uint8]]
Field = Callable[[int, float], Columns]
"""(antenna port, dwell_s) -> epc (n, 12), rssi_dbm (n,), count (n,), tid (n, 12): one dwell of an antenna."""

TID_BYTES = 12
FIRST_COPY = 1 << 31  # serial numbers of chips that carry copied EPCs: far from those of the volumes' own
MORNING_S = 9 * 3600.0


class Volumes(msgspec.Struct, frozen=True):
    """The catalogue as columns: ids, epc (n, 12) uint8, book (n,) int32 segment index of the book place."""

    ids: tuple[str, ...]
    epc: NDArray[np.uint8]
    book: NDArray[np.int32]


class Copy(NamedTuple):
    """Another tag with the EPC of a volume: the volume's row, the segment where the tag is, its chip's number."""

    row: int
    segment: int
    serial: int


class Chance(msgspec.Struct, frozen=True, kw_only=True):
    """How much happens in the world besides the radio."""

    displaced: float = 0.05
    """Share of the volumes that stand in another segment than the catalogue says when the world begins."""
    act_every_s: float = 4.0
    """Mean time between two acts of people; 0 for nobody."""


def read_volumes(path: Path, places: Places) -> Volumes:
    """Read a catalogue CSV with the columns volume, epc, slot. Raises BadFile or NoSuchSlot naming what is
    wrong.
    """
    with path.open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    missing = {"volume", "epc", "slot"} - set(rows[0] if rows else ())
    if missing:
        raise BadFile(phrase("sim_no_column", file=path.name, columns=", ".join(sorted(missing))))
    try:
        epc = np.frombuffer(b"".join(bytes.fromhex(row["epc"]) for row in rows), np.uint8)
        epc = epc.reshape(len(rows), EPC_BYTES)
    except ValueError as error:
        raise BadFile(phrase("sim_bad_epc", file=path.name)) from error
    book = np.array([places.segment_of(row["slot"]) for row in rows], dtype=np.int32)
    return Volumes(tuple(row["volume"] for row in rows), epc, book)


class VaultWorld:
    """The truth. `advance` lets people, air and water act; a reader's `field` draws what its antennas read.

    stands (n,) int32: segment index where each volume truly is, -1 outside the vault.
    displaced (n,) bool: those that stood away from their book place when the world began.
    """

    def __init__(
        self,
        vault: Vault,
        volumes: Volumes,
        seed: int,
        *,
        radio: Radio,
        chance: Chance,
        record: Record,
    ) -> None:
        self.places = Places(vault)
        self.volumes = volumes
        self.radio = radio
        self.reads = 0
        self.moves = 0
        self.now_s = 0.0
        self._seed = seed
        self._record = record
        self._row = {volume: i for i, volume in enumerate(volumes.ids)}
        seen = {name for reader in vault.readers for name in reader.segments if name is not None}
        self.seen = np.array(sorted(self.places.segment_index[name] for name in seen), dtype=np.int32)
        tags = stream(seed, "tags")
        self._bias_db = (tags.standard_normal(len(volumes.ids)) * radio.tag_bias_sd_db).astype(np.float32)
        self.stands = volumes.book.copy()
        self._displace(chance.displaced, tags)
        self.displaced = self.stands != volumes.book
        zones = tuple(zone.id for zone in vault.zones)
        self.climate = Climate(zones, MORNING_S, stream(seed, "climate"))
        self.water = Water(zones)
        self._people = People(chance.act_every_s, stream(seed, "people"))
        self._readers = {reader.id: reader for reader in vault.readers}
        self._reach: dict[int, dict[int, Reach]] = {}
        """By line and segment, until a tag of that line moves."""
        self._cables: dict[tuple[str, int], int] = {}
        """(reader, port) -> segment whose antenna hangs there; of those that hang elsewhere than configured."""
        self.epc = volumes.epc
        """(n + r + c, 12) of the volumes, then of the reference tags, then of copies."""
        self.tid = chips(np.arange(1, len(volumes.ids) + 1))
        """(n + r + c, 12) likewise: every chip is one of its own."""
        self._references = np.empty((0, EPC_BYTES), np.uint8)
        self._copies: list[Copy] = []
        self._copied = 0
        """Copies there ever were: each one's chip is a new one."""
        self._hung = np.empty(0, np.int32)
        self._hearing = np.ones(len(self.places.segment_ids))
        self.people_are_in = True

    def field(self, reader_id: str) -> Field:
        """What the antennas of a reader read: for the simulated reader. Each antenna has its own stream of
        chance.
        """
        reader = self._readers[reader_id]
        streams = {
            port: (self.places.segment_index[name], stream(self._seed, f"{reader_id}/{port}"))
            for port, name in enumerate(reader.segments, 1)
            if name is not None
        }

        def read(port: int, dwell_s: float) -> Columns:  # noqa: ARG001  a dwell is one round, however long
            if port not in streams:
                return self._columns(Round(np.empty(0, np.intp), np.empty(0, np.float32), np.empty(0, np.uint16)))
            segment, rng = streams[port]
            segment = self._cables.get((reader_id, port), segment)
            if segment == OUTSIDE:
                return self._columns(Round(np.empty(0, np.intp), np.empty(0, np.float32), np.empty(0, np.uint16)))
            return self._columns(self.round(segment, rng))

        return read

    def round(self, segment: int, rng: np.random.Generator) -> Round:
        """One round of the antenna of a segment over every tag on the same row face."""
        return draw_round(self.radio, self.reach(segment), rng)

    def reach(self, segment: int) -> Reach:
        """What the antenna of a segment can read now; the same object until something there changes."""
        of_line = self._reach.setdefault(int(self.places.segment_line[segment]), {})
        if segment not in of_line:
            of_line[segment] = self._in_reach(segment)
        return of_line[segment]

    def hang(self, references: Mapping[str, bytes]) -> None:
        """Reference tags from now on: one in the middle of each of these segments, with this EPC. Nobody moves them."""
        self._hung = np.array([self.places.segment_index[name] for name in references], np.int32)
        self._references = np.frombuffer(b"".join(references.values()), np.uint8).reshape(len(references), EPC_BYTES)
        self._gather()

    def clone(self, volume: str, segment: str) -> None:
        """From now on another tag with the EPC of a volume is in a segment, on a chip of its own; '': all such tags of
        the volume are taken away. Raises KeyError for an unknown name."""
        row, at = self._row_of(volume), self._index_of(segment)
        if at == OUTSIDE:
            self._copies = [copy for copy in self._copies if copy.row != row]
        else:
            self._copied += 1
            self._copies.append(Copy(row, at, FIRST_COPY + self._copied))
        self._gather()
        what = f"a tag with the EPC of {volume} in {segment}" if segment else f"no other tag with the EPC of {volume}"
        self.note("fault", what)

    def _gather(self) -> None:
        """All tags there are, one after the other."""
        carried = self.volumes.epc[[copy.row for copy in self._copies]]
        self.epc = np.concatenate([self.volumes.epc, self._references, carried])
        own = np.arange(1, len(self.epc) - len(carried) + 1)
        self.tid = chips(np.concatenate([own, np.array([copy.serial for copy in self._copies], np.int64)]))
        bias = stream(self._seed, "references").standard_normal(len(self._references)) * self.radio.tag_bias_sd_db
        alike = np.zeros(len(carried), np.float32)
        self._bias_db = np.concatenate([self._bias_db[: len(self.volumes.ids)], bias.astype(np.float32), alike])
        self._reach.clear()

    def plug(self, reader: str, port: int, segment: str) -> None:
        """From now on the cable of this segment's antenna is in this port, '' for none. Raises KeyError for an unknown
        segment."""
        self._cables[reader, port] = self.places.segment_index[segment] if segment else OUTSIDE

    def weaken(self, segment: int, hearing: float) -> None:
        """From now on the antenna of a segment makes this share of its reads: 0 dead, 1 well. It searches on."""
        self._hearing[segment] = hearing
        self._reach.pop(int(self.places.segment_line[segment]), None)

    def advance(self, seconds: float) -> None:
        """Let the world go on for `seconds`."""
        self.now_s += seconds
        self.climate.advance(seconds)
        self.water.advance(seconds)
        if self.people_are_in:
            for act in self._people.advance(seconds, self.stands, self.volumes.book, self.seen):
                self._put(act.tag, act.segment, act.cause)

    def move(self, volume: str, segment: str) -> None:
        """Put a volume in a segment, '' for outside the vault. Raises KeyError for an unknown name."""
        self._put(self._row_of(volume), self._index_of(segment), "control")

    def _row_of(self, volume: str) -> int:
        if volume not in self._row:
            raise KeyError(f"no volume '{volume}' in the catalogue of this world")
        return self._row[volume]

    def _index_of(self, segment: str) -> int:
        """'' is outside the vault."""
        if segment and segment not in self.places.segment_index:
            raise KeyError(f"no segment '{segment}'; e.g. '{self.places.segment_ids[0]}'")
        return self.places.segment_index[segment] if segment else OUTSIDE

    def note(self, cause: Cause, what: str) -> None:
        """Write another physical change to the truth journal."""
        self._record(Change(round(self.now_s, 3), cause, what=what))

    def segment_name(self, index: int) -> str:
        """The stable id of a segment index, '' for outside the vault."""
        return "" if index == OUTSIDE else self.places.segment_ids[index]

    def _columns(self, found: Round) -> Columns:
        self.reads += int(found.count.sum())
        return self.epc[found.tag], found.rssi_dbm, found.count, self.tid[found.tag]

    def _in_reach(self, segment: int) -> Reach:
        copied = np.array([copy.segment for copy in self._copies], np.int32)
        stands = np.concatenate([self.stands, self._hung, copied])
        inside = np.flatnonzero(stands != OUTSIDE)
        tag = inside[self.places.segment_line[stands[inside]] == self.places.segment_line[segment]]
        distance = np.abs(self.places.segment_position[stands[tag]] - self.places.segment_position[segment])
        well = reach(self.radio, tag, distance, self._bias_db[tag])
        return msgspec.structs.replace(well, rate=well.rate * self._hearing[segment])

    def _put(self, tag: int, segment: int, cause: Cause) -> None:
        before = int(self.stands[tag])
        for place in (before, segment):
            if place != OUTSIDE:
                self._reach.pop(int(self.places.segment_line[place]), None)
        self.stands[tag] = segment
        self.moves += 1
        change = Change(
            round(self.now_s, 3),
            cause,
            self.volumes.ids[tag],
            self.segment_name(before),
            self.segment_name(segment),
        )
        self._record(change)

    def _displace(self, share: float, rng: np.random.Generator) -> None:
        if self.seen.size < 2:
            return
        n = len(self.volumes.ids)
        for tag in np.sort(rng.choice(n, size=round(share * n), replace=False)):
            choices = self.seen[self.seen != self.stands[tag]]
            before = int(self.stands[tag])
            self.stands[tag] = after = int(choices[int(rng.integers(choices.size))])
            self._record(
                Change(
                    0.0,
                    "displaced",
                    self.volumes.ids[tag],
                    self.segment_name(before),
                    self.segment_name(after),
                )
            )


def chips(serial: NDArray[np.int64]) -> NDArray[np.uint8]:
    """(n, 12) TIDs of chips of one model: class, maker and model, XTID header, serial numbers (n,)."""
    tid = np.zeros((len(serial), TID_BYTES), np.uint8)
    tid[:, :6] = np.frombuffer(bytes.fromhex("e28011912000"), np.uint8)  # Impinj M730; a serial number of 48 bits
    tid[:, 8:] = serial.astype(">u4").view(np.uint8).reshape(len(serial), 4)
    return tid


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The chance of one purpose: streams of different purposes are independent of each other and of their order."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])
