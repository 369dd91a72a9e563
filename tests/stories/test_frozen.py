"""A state as bytes: the same in pieces as in one."""

import msgspec
import numpy as np

from config.catalogued import CataloguedVolume
from drivers.observation import array_to_wire
from edge.state.mirror import mirror
from edge.state.snapshot import encode, freeze
from edge.state.state import Custody
from edge.state.volumes import MISPLACED, NOWHERE, PRESENT
from tests.stories.small_vault import Story

VOLUMES = 2_345  # more than two portions


def test_a_snapshot_is_what_one_call_would_make_of_it() -> None:
    story = Story()
    story.catalogue(["A-01L-01-1-01", "A-01L-02-1-01"])
    for _ in range(6):
        story.round({1: [0], 2: [1]})
    frozen = freeze(story.state)
    assert encode(frozen) == msgspec.msgpack.encode(frozen, enc_hook=array_to_wire)


def test_a_mirror_in_portions_is_one_json_with_sorted_keys() -> None:
    """Names out of order, with a quote and beyond ASCII, so that no portion is sorted by chance."""
    names = [f'卷"{(11 * i) % VOLUMES}' for i in range(VOLUMES)]
    folded = msgspec.structs.replace(
        freeze(Story().state).folded,
        lines=[CataloguedVolume(name, "", "", 0) for name in names],
        status=np.array([PRESENT, MISPLACED] * VOLUMES, np.uint8)[:VOLUMES],
        place=np.array([0, 1, NOWHERE] * VOLUMES, np.int32)[:VOLUMES],
        custody={
            names[3]: Custody("li", "person", is_held=True, segment="", since_ns=0),
            names[4]: Custody("wang", "person", is_held=False, segment="", since_ns=0),
        },
    )
    volumes = {
        name: (("present", "misplaced")[i % 2], ("A", "B", None)[i % 3], "li" if i == 3 else None)
        for i, name in enumerate(names)
    }
    body = {"volumes": volumes, "devices": {}, "alarms": {}, "actuators": {}}
    told = mirror(folded, ("A", "B"))
    assert msgspec.json.decode(told) == msgspec.json.decode(msgspec.json.encode(body))
    assert told == msgspec.json.encode(body, order="sorted")


def test_the_mirror_of_an_empty_vault_is_json_too() -> None:
    told = mirror(freeze(Story().state).folded, ("A", "B"))
    assert msgspec.json.decode(told)["volumes"] == {}
