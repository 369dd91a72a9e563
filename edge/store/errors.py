"""What can go wrong with the store, by what the caller should do."""

from config.messages import PhrasedError
from config.phrase import Said


class StoreError(PhrasedError):
    """The store cannot be opened as it is: a person must act. `code` is a text id, `said` what was seen where."""

    def __init__(self, code: str, said: Said) -> None:
        super().__init__(said)
        self.code = code


class StoreBusy(StoreError):  # noqa: N818 -- the class says what to do
    """Another daemon holds this state directory: stop it first, or use another directory."""


class StoreFull(StoreError):  # noqa: N818
    """Nothing was taken: the disk refuses even alarms and the queue is full. Freeze missions, act locally only."""
