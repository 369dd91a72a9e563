"""Twelve volumes whose reader tells the chip of each tag it reads."""

import msgspec
import numpy as np

from tests.stories.small_vault import NS, Story, reads_of, search_of

SLOTS = [f"A-01L-0{section}-1-0{slot}" for section in range(1, 5) for slot in range(1, 4)]
EVERYBODY = {section: list(range(3 * section - 3, 3 * section)) for section in range(1, 5)}


def chip(number: int) -> bytes:
    """TIDs of one model, with a serial number."""
    return bytes.fromhex("e28011912000") + (number + 1).to_bytes(6, "big")


CLONE = {4: {0: chip(999)}}
"""A tag with the EPC of v0, which stands before the first antenna, before the fourth."""


def told_reads(story: Story, antenna: int, chips: dict[int, bytes], rssi_dbm: float = -55.0) -> None:
    """A reader that tells TIDs reads these tags: number -> chip."""
    reads = reads_of("reader-1", story.at_ns, antenna, list(chips))
    reads = msgspec.structs.replace(reads, rssi_dbm=np.full(len(chips), rssi_dbm, np.float32))
    octets = np.frombuffer(b"".join(tid.ljust(12, b"\0") for tid in chips.values()), np.uint8).reshape(-1, 12)
    story.tell(msgspec.structs.replace(reads, tid=octets))


def a_round(story: Story, forged: dict[int, dict[int, bytes]] | None = None, gone: tuple[int, ...] = ()) -> None:
    """Everybody but who is `gone` is read where it stands, with its chip; and other tags, by antenna: `forged`."""
    for antenna, tags in EVERYBODY.items():
        story.at_ns += NS
        told_reads(story, antenna, {number: chip(number) for number in tags if number not in gone})
        if forged and antenna in forged:
            told_reads(story, antenna, forged[antenna])
        story.tell(search_of(antenna, story.at_ns))
    story.advance(3)


def settled(rounds: int = 6) -> Story:
    """All chips are known, and all volumes in their places."""
    story = Story()
    story.catalogue(SLOTS)
    for _ in range(rounds):
        a_round(story)
    return story
