"""A vault small enough to think about, its state, and a hand on the manual clock."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from config.catalogued import CataloguedVolume
from config.profile import Profile
from config.profile_files import load_profile
from config.vault import Vault
from drivers.command import CommandOutcome, Result, Scan, Switch
from drivers.observation import Contact, Measurement, Searched, TagReads
from edge.rules.decision import Decision
from edge.state.events import DeviceBack, DeviceLost, Event, OperatorAction, Started, Tick
from edge.state.facts import Fact
from edge.state.plant import Plant
from edge.state.state import State
from edge.step import step

Kind = TypeVar("Kind")
NS = 1_000_000_000
START_NS = 1_700_000_000 * NS

VAULT: dict[str, object] = {
    "schema": 1,
    "centre": "c1",
    "vault": "v1",
    "node": "n1",
    "timezone": "Asia/Shanghai",
    "zones": [{"id": "z1"}],
    "racks": [
        {
            "id": "A",
            "kind": "open_rack",
            "zone": "z1",
            "faces": ["L"],
            "sections": 4,
            "shelves": 1,
            "slots_per_shelf": 9,
        }
    ],
    "readers": [{"id": "reader-1", "host": "127.0.0.1", "segments": ["A-01L-01", "A-01L-02", "A-01L-03", "A-01L-04"]}],
    "buses": [{"id": "bus-1", "transport": "tcp", "host": "127.0.0.1"}],
    "sensors": [
        {"id": "th-1", "bus": "bus-1", "unit": 1, "profile": "xy-md02", "zone": "z1"},
        {"id": "th-2", "bus": "bus-1", "unit": 2, "profile": "xy-md02", "zone": "z1"},
        {"id": "th-3", "bus": "bus-1", "unit": 3, "profile": "xy-md02", "zone": "z1"},
        {"id": "leak-1", "bus": "bus-1", "unit": 4, "profile": "leak-rope", "zone": "z1"},
    ],
    "boards": [{"id": "board-1", "bus": "bus-1", "unit": 9, "profile": "relay-8"}],
    "actuators": [
        {
            "id": "valve-1",
            "board": "board-1",
            "output": "relay-1",
            "kind": "water_valve",
            "zones": ["z1"],
            "energised": "open",
        }
    ],
    "policy": {
        "limits": [
            {
                "quantity": "humidity_pct",
                "low": 45.0,
                "high": 60.0,
                "deadband": 1.0,
                "on_delay_s": 60.0,
                "off_delay_s": 60.0,
            }
        ],
        "presence": {"sure": 0.95, "missing_after_rounds": 10},
    },
}


def small_plant(changes: Mapping[str, object] | None = None) -> Plant:
    """The plant of VAULT with some top-level keys replaced."""
    vault = msgspec.convert({**VAULT, **(changes or {})}, Vault)
    used = {sensor.profile for sensor in vault.sensors} | {board.profile for board in vault.boards}
    profiles: dict[str, Profile] = {profile: load_profile(profile) for profile in sorted(used)}
    return Plant(vault, profiles)


def epc_of(number: int) -> bytes:
    """A raw 12-byte EPC."""
    return b"\x30" + number.to_bytes(11, "big")


class Story:
    """Drives the step by hand; every fact and command is kept."""

    def __init__(self, state: State | None = None, changes: Mapping[str, object] | None = None) -> None:
        self.state = state if state is not None else State(small_plant(changes))
        self.at_ns = max(START_NS, self.state.now_ns + NS)
        self.facts: list[Fact] = []
        self.commands: list[Switch] = []
        self.scans: list[Scan] = []
        self.events: list[Event] = []
        self.tell(Started(at_ns=self.at_ns, boot="b1", software="test", layout="l", clean=True))

    def tell(self, event: Event) -> Decision:
        """One event through the step."""
        self.events.append(event)
        decision = step(self.state, event)
        self.facts += decision.facts
        self.commands += [command for command in decision.commands if isinstance(command, Switch)]
        self.scans += [command for command in decision.commands if isinstance(command, Scan)]
        return decision

    def advance(self, seconds: float) -> None:
        """Time passes, with its ticks."""
        until = self.at_ns + int(seconds * NS)
        while self.at_ns + NS <= until:
            self.at_ns += NS
            self.tell(Tick(at_ns=self.at_ns))
        self.at_ns = until

    def leak(self, wet: bool | None) -> Decision:
        """The leak rope and its cable say so."""
        self.tell(Contact(device="leak-1", at_ns=self.at_ns, point="cable_break", active=False))
        return self.tell(Contact(device="leak-1", at_ns=self.at_ns, point="leak", active=wet))

    def relay(self, on: bool | None) -> Decision:
        """The board reads back its first relay; on is open here."""
        return self.tell(Contact(device="board-1", at_ns=self.at_ns, point="relay-1", active=on))

    def climate(self, humidity_pct: float | None, temperature_degc: float = 20.0) -> None:
        """All three sensors agree."""
        for device in ("th-1", "th-2", "th-3"):
            points = ("temperature", "humidity")
            self.tell(
                Measurement(device=device, at_ns=self.at_ns, points=points, values=(temperature_degc, humidity_pct))
            )

    def lose(self, device: str) -> Decision:
        return self.tell(DeviceLost(device=device, at_ns=self.at_ns, reason="timeout"))

    def regain(self, device: str) -> Decision:
        return self.tell(DeviceBack(device=device, at_ns=self.at_ns))

    def outcome(self, command: str, result: Result, reason: str = "") -> Decision:
        return self.tell(
            CommandOutcome(command=command, device="board-1", at_ns=self.at_ns, result=result, reason=reason)
        )

    def act(self, action: str, role: str, second_person: str = "", **args: str) -> Decision:
        """Somebody with this role asks."""
        return self.tell(
            OperatorAction(
                id=f"a{len(self.events)}",
                at_ns=self.at_ns,
                action=action,
                person="wang",
                role=role,
                terminal="pts/1",
                args=args,
                second_person=second_person,
            )
        )

    def catalogue(self, slots: Sequence[str]) -> None:
        """Volumes v0, v1, ... with EPC epc_of(i) get these book places."""
        lines = tuple(CataloguedVolume(f"v{i}", epc_of(i).hex(), slot, 0) for i, slot in enumerate(slots))
        self.tell(
            OperatorAction(
                id="import",
                at_ns=self.at_ns,
                action="catalogue.import",
                person="li",
                role="archivist",
                terminal="pts/1",
                volumes=lines,
            )
        )

    def round(self, seen: Mapping[int, Sequence[int]], pc: int = -1) -> None:
        """One round of all four antennas: antenna -> numbers of the tags it reads."""
        for antenna in range(1, 5):
            self.at_ns += NS
            tags = list(seen.get(antenna, ()))
            if tags:
                self.tell(reads_of("reader-1", self.at_ns, antenna, tags, pc))
            self.tell(search_of(antenna, self.at_ns))
        self.tell(Tick(at_ns=self.at_ns))

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The facts of one type so far."""
        return [fact for fact in self.facts if isinstance(fact, kind)]


def search_of(antenna: int, at_ns: int, rounds: int = 1) -> Searched:
    """An antenna of the only reader completed rounds of a second each."""
    return Searched(
        device="reader-1", at_ns=at_ns, antenna=antenna, rounds=rounds, from_ns=at_ns - rounds * NS, to_ns=at_ns
    )


def reads_of(device: str, at_ns: int, antenna: int, tags: Sequence[int], pc: int = -1) -> TagReads:
    """One read of each tag at -55 dBm."""
    n = len(tags)
    return TagReads(
        device=device,
        at_ns=at_ns,
        antenna=np.full(n, antenna, np.uint16),
        epc=np.frombuffer(b"".join(epc_of(tag) for tag in tags), np.uint8).reshape(n, 12),
        epc_bits=np.full(n, 96, np.uint16),
        rssi_dbm=np.full(n, -55.0, np.float32),
        count=np.ones(n, np.uint16),
        first_utc_ns=np.zeros(n, np.int64),
        last_utc_ns=np.zeros(n, np.int64),
        pc=np.full(n, pc, np.int32),
    )
