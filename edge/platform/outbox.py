"""The port behind which the journal and outbox lie: what the uplink asks of a store."""

from typing import Protocol

from edge.state.facts import Lane


class Row(Protocol):
    """A committed row: `body` is the exact JSON of one fact envelope, `chain` its chain value. A gap record has the
    sequence and chain value of the last row it stands for."""

    @property
    def seq(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def chain(self) -> bytes: ...


class Rows(Protocol):
    """What read_lane answers: any sequence of rows."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Row: ...


class Outbox(Protocol):
    """Facts wait here until the platform says it has committed them. Nothing here waits for the disk."""

    @property
    def epoch(self) -> str:
        """UUID; new whenever the store is new, restored or copied."""

    def committed(self) -> dict[Lane, int]:
        """Highest committed sequence per lane; 0 for an empty lane."""

    def acked(self, lane: Lane) -> int:
        """Highest sequence the platform acknowledged; 0 for none."""

    def ack(self, lane: Lane, upto: int) -> None:
        """The platform has committed rows up to `upto`."""

    def rewind(self, lane: Lane, first: int) -> None:
        """Rows from `first` on count as not acknowledged again. Raises ValueError below the first held."""

    def first_held(self, lane: Lane) -> int:
        """Lowest sequence the journal still holds; one past the head for an empty lane."""

    def chain_before(self, lane: Lane, first: int) -> bytes:
        """The chain value that row `first` is made from. Raises ValueError where it is no longer held, or where
        `first - 1` lies inside a gap record."""

    def read_lane(self, lane: Lane, first: int, max_rows: int, max_bytes: int) -> Rows:
        """Committed rows from `first` on, in order, at most so many rows and bytes of body, but at least one row where
        there is one. Where `first` lies inside a gap record, that record comes first. Raises ValueError below the
        first held."""
