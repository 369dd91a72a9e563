"""What happened to chips: part of the custody lane of `edge.state.facts`."""

import msgspec


class IdentifiedTag(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The tag of a volume, by EPC, and what its chip says it is (TID, lower-case hex)."""

    volume: str
    epc: str
    tid: str


class TagsIdentified(msgspec.Struct, frozen=True, tag_field="type", tag="tags_identified"):
    """Up to 500 volumes whose chip is known from now on: a tag with the same EPC and another TID is another tag."""

    at_ns: int
    tags: tuple[IdentifiedTag, ...]


class ClonedTagSeen(msgspec.Struct, frozen=True, tag_field="type", tag="cloned_tag_seen"):
    """A tag with the EPC of a volume and another chip: `other_tid`, read in `other`. The volume's own chip, `tid`, was
    last known in `segment`, '' for nowhere."""

    at_ns: int
    epc: str
    volume: str
    tid: str
    segment: str
    other_tid: str
    other: str
