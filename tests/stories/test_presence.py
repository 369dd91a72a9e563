"""From reads and searches to what is known of each volume."""

from config.catalogued import CataloguedVolume
from config.places import layout_hash
from edge.state.events import OperatorAction
from edge.state.facts import (
    ForeignTagSeen,
    PlaceGone,
    VolumeFound,
    VolumeMisplaced,
    VolumeMissing,
    VolumeMoved,
    VolumesCatalogued,
    VolumeSeen,
)
from edge.state.snapshot import encode as encode_snapshot
from edge.state.snapshot import encode_folded, freeze, thaw
from tests.stories.small_vault import Story, epc_of, small_plant

BOOKS = ["A-01L-01-1-01", "A-01L-02-1-01", "A-01L-03-1-01", "A-01L-04-1-01"]


def shelved() -> Story:
    """Volumes v0..v3, one a section, each seen where it belongs."""
    story = Story()
    story.catalogue(BOOKS)
    for _ in range(5):
        story.round({1: [0], 2: [1], 3: [2], 4: [3]})
    return story


def test_a_volume_is_unseen_until_it_is_read() -> None:
    story = Story()
    story.catalogue(BOOKS)
    assert story.state.volumes.status.tolist() == [0, 0, 0, 0]
    assert not story.of(VolumeSeen)


def test_volumes_read_at_their_book_place_are_seen_once() -> None:
    story = shelved()
    assert [(fact.volume, fact.segment) for fact in story.of(VolumeSeen)] == [
        ("v0", "A-01L-01"),
        ("v1", "A-01L-02"),
        ("v2", "A-01L-03"),
        ("v3", "A-01L-04"),
    ]
    assert all(fact.confidence >= 0.95 for fact in story.of(VolumeSeen))


def test_a_volume_that_changes_place_is_misplaced_and_moved_when_it_is_put_back() -> None:
    story = shelved()
    for _ in range(10):
        story.round({1: [], 2: [1], 3: [2], 4: [3, 0]})
    misplaced = story.of(VolumeMisplaced)
    assert [(f.volume, f.before, f.segment, f.book) for f in misplaced] == [("v0", "A-01L-01", "A-01L-04", "A-01L-01")]
    for _ in range(10):
        story.round({1: [0], 2: [1], 3: [2], 4: [3]})
    assert [(f.volume, f.before, f.segment) for f in story.of(VolumeMoved)] == [("v0", "A-01L-04", "A-01L-01")]
    assert not story.of(VolumeMissing)


def test_ten_silent_rounds_and_one_more_make_a_volume_missing_and_one_that_returns_is_found() -> None:
    story = shelved()
    for _ in range(10):
        story.round({2: [1], 3: [2], 4: [3]})
    assert not story.of(VolumeMissing)
    story.round({2: [1], 3: [2], 4: [3]})
    missing = story.of(VolumeMissing)
    assert [(f.volume, f.last_segment, f.silent_rounds) for f in missing] == [("v0", "A-01L-01", 11)]
    for _ in range(4):
        story.round({1: [0], 2: [1], 3: [2], 4: [3]})
    assert [(f.volume, f.segment) for f in story.of(VolumeFound)] == [("v0", "A-01L-01")]


def test_a_silent_reader_makes_nothing_missing() -> None:
    story = shelved()
    story.lose("reader-1")
    story.advance(3600)
    assert not story.of(VolumeMissing)


def test_a_stranger_is_reported_once_and_an_iso_tag_by_its_kind() -> None:
    story = Story()
    story.catalogue(BOOKS)
    story.round({1: [0, 77]})
    story.round({1: [0, 77]})
    story.round({2: [78]}, pc=0x3100)  # toggle bit set: ISO, not EPCglobal
    assert [(f.segment, f.reason) for f in story.of(ForeignTagSeen)] == [
        ("A-01L-01", "unknown_epc"),
        ("A-01L-02", "iso_afi"),
    ]


def test_an_import_run_again_changes_nothing() -> None:
    story = Story()
    story.catalogue(BOOKS)
    story.catalogue(BOOKS)
    assert len(story.of(VolumesCatalogued)) == 1


def imported(story: Story, *lines: CataloguedVolume) -> str:
    action = OperatorAction(
        id="x",
        at_ns=story.at_ns,
        action="catalogue.import",
        person="li",
        role="archivist",
        terminal="t",
        volumes=lines,
    )
    return story.tell(action).answer


def test_an_epc_that_another_volume_carries_is_refused() -> None:
    story = Story()
    story.catalogue(BOOKS)
    taken = story.state.volumes.lines[0].epc
    assert imported(story, CataloguedVolume("other", taken, "A-01L-01-1-02", 0)) == "epc_taken"
    assert "other" not in story.state.volumes.row


def test_a_chip_that_another_volume_has_is_refused() -> None:
    story = Story()
    tid = "e2801191200000000000000a"
    assert imported(story, CataloguedVolume("v0", "30aa", "A-01L-01-1-01", 0, tid)) == "accepted"
    assert imported(story, CataloguedVolume("other", "30ab", "A-01L-01-1-02", 0, tid)) == "tid_taken"
    assert "other" not in story.state.volumes.row
    assert imported(story, CataloguedVolume("v0", "30aa", "A-01L-01-1-03", 0, tid)) == "accepted"


def test_a_tag_or_a_volume_twice_in_one_import_is_refused() -> None:
    story = Story()
    one, two = epc_of(1).hex(), epc_of(2).hex()
    slots = ("A-01L-01-1-02", "A-01L-01-1-03")
    assert imported(story, CataloguedVolume("a", one, slots[0], 0), CataloguedVolume("b", one, slots[1], 0)) == (
        "line_twice"
    )
    assert imported(story, CataloguedVolume("a", one, slots[0], 0), CataloguedVolume("a", two, slots[1], 0)) == (
        "line_twice"
    )
    assert len(story.state.volumes) == 0


def test_a_line_with_an_unknown_slot_or_a_tag_that_is_no_hex_is_refused() -> None:
    story = Story()
    assert imported(story, CataloguedVolume("a", epc_of(1).hex(), "A-01L-99-1-01", 0)) == "bad_line"
    assert imported(story, CataloguedVolume("a", "zz", "A-01L-01-1-01", 0)) == "bad_line"
    assert imported(story, CataloguedVolume("a", epc_of(0xABC).hex().upper(), "A-01L-01-1-01", 0)) == "bad_line"


def test_a_volume_that_gets_another_tag_is_followed_by_the_new_one() -> None:
    story = shelved()
    assert imported(story, CataloguedVolume("v0", epc_of(50).hex(), BOOKS[0], 0)) == "accepted"
    for _ in range(4):
        story.round({1: [50], 2: [1], 3: [2], 4: [3, 0]})
    assert story.state.volumes.status.tolist()[0] == 1
    assert not story.of(VolumeMisplaced)
    assert [f.epc for f in story.of(ForeignTagSeen)] == []  # a tag that was ours is no stranger


def test_snapshot_plus_later_facts_equals_the_state_that_ran_through() -> None:
    from edge.state.apply import apply

    story = shelved()
    snapshot = encode_snapshot(freeze(story.state))
    after = len(story.facts)
    for _ in range(12):
        story.round({1: [], 2: [1, 0], 3: [], 4: [3, 99]})
    story.leak(wet=True)
    story.advance(10)
    rebuilt = thaw(story.state.plant, snapshot)
    for fact in story.facts[after:]:
        apply(rebuilt, fact)
    assert len(story.facts) > after + 3
    assert encode_folded(freeze(rebuilt)) == encode_folded(freeze(story.state))


def test_a_snapshot_of_another_layout_keeps_status_and_maps_places_by_name() -> None:
    story = shelved()
    body = encode_snapshot(freeze(story.state))
    racks = [
        {
            "id": "NEW",
            "kind": "open_rack",
            "zone": "z1",
            "faces": ["L"],
            "sections": 2,
            "shelves": 1,
            "slots_per_shelf": 9,
        },
        {
            "id": "A",
            "kind": "open_rack",
            "zone": "z1",
            "faces": ["L"],
            "sections": 4,
            "shelves": 1,
            "slots_per_shelf": 9,
        },
    ]
    other = small_plant({"racks": racks})
    assert layout_hash(other.vault) != story.state.plant.layout
    state = thaw(other, body)
    names = [other.places.segment_ids[place] for place in state.volumes.place]
    assert names == ["A-01L-01", "A-01L-02", "A-01L-03", "A-01L-04"]
    assert state.volumes.status.tolist() == [1, 1, 1, 1]


def test_a_segment_that_is_gone_takes_the_place_of_its_volumes_with_a_fact() -> None:
    story = shelved()
    racks = [
        {
            "id": "A",
            "kind": "open_rack",
            "zone": "z1",
            "faces": ["L"],
            "sections": 3,
            "shelves": 1,
            "slots_per_shelf": 9,
        }
    ]
    again = Story(thaw(small_plant({"racks": racks, "readers": []}), encode_snapshot(freeze(story.state))))
    assert [fact.volume for fact in again.of(PlaceGone)] == ["v3"]
    assert again.state.volumes.status.tolist() == [1, 1, 1, 0]


def test_the_same_events_give_the_same_bytes_twice() -> None:
    import msgspec

    def run() -> list[bytes]:
        story = shelved()
        for _ in range(12):
            story.round({1: [5, 9], 2: [1, 0], 3: [2], 4: []})
        return [msgspec.json.encode(fact) for fact in story.facts]

    assert run() == run()
