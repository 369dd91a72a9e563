"""The hash chain of a lane: each row's value depends on every row before it, so a silent change shows."""

import hashlib

CHAIN_BYTES = 16
CHAIN_START = bytes(CHAIN_BYTES)  # what stands before the first row of a lane


def chain_next(previous: bytes, body: bytes) -> bytes:
    """The 16-byte chain value of a row: blake2b-128 of the value before it and the row's exact JSON bytes."""
    return hashlib.blake2b(previous + body, digest_size=CHAIN_BYTES).digest()
