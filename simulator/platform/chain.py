"""The chain of a lane, written a second time from the words of the contract, so that an error in the edge's shows."""

import hashlib

LENGTH = 16
BEFORE_THE_FIRST = bytes.fromhex("00" * LENGTH)


def chain_after(before: bytes, fact: bytes) -> bytes:
    """The value of the row that holds `fact`. Raises ValueError when `before` is no chain value."""
    if len(before) != LENGTH:
        raise ValueError(f"a chain value of {len(before)} octets; the contract says {LENGTH}")
    hashed = hashlib.blake2b(digest_size=LENGTH)
    hashed.update(before)
    hashed.update(fact)
    return hashed.digest()
