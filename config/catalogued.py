"""One line of the catalogue: what the file says, the facts carry and the state keeps."""

import msgspec


class CataloguedVolume(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`epc` is lower-case hex; `slot` the book place; `thickness_mm` 0 where not known; `tid`, what
    the tag's chip says it is, lower-case hex, '' where not known."""

    volume: str
    epc: str
    slot: str
    thickness_mm: int
    tid: str = ""
