"""A tag whose place a technician vouches for: what a survey of the antennas goes by."""

import msgspec


class ReferenceTag(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`epc` is lower-case hex; it hangs in the middle of `segment`."""

    segment: str
    epc: str
